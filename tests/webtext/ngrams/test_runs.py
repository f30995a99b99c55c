"""Sorted runs, their files and their merge."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webtext.errors import WebtextError
from webtext.ngrams.runs import RunWriter, bound, merge, read_runs, sorted_distinct

HASHES = st.lists(st.one_of(st.integers(0, 2**64 - 1), st.integers(2**62, 2**62 + 9), st.sampled_from([0, 2**64 - 1])), max_size=60)


@given(st.lists(HASHES, max_size=5), st.integers(1, 7), st.integers(1, 50))
@settings(max_examples=200)
def test_partitions_of_merged_runs_are_the_set(lists: list[list[int]], partitions: int, block: int) -> None:
    runs = [sorted_distinct([np.array(hashes, np.uint64)]) for hashes in lists]
    merged = [
        [int(hash_) for part in merge(runs, bound(partition, partitions), bound(partition + 1, partitions), block) for hash_ in part]
        for partition in range(partitions)
    ]
    assert [hash_ for part in merged for hash_ in part] == sorted({hash_ for hashes in lists for hash_ in hashes})
    assert all(hash_ * partitions >> 64 == partition for partition, part in enumerate(merged) for hash_ in part)


@given(st.lists(HASHES, max_size=5), st.integers(1, 100))
@settings(max_examples=100)
def test_files_of_runs(tmp_path_factory: pytest.TempPathFactory, lists: list[list[int]], run: int) -> None:
    file = io.BytesIO()
    writer = RunWriter(file, run)
    for hashes in lists:
        writer.add(np.array(hashes, np.uint64))
    writer.flush()
    path = tmp_path_factory.mktemp("runs") / "a.runs"
    path.write_bytes(file.getvalue())
    runs = read_runs(path)
    assert all((part[1:] > part[:-1]).all() for part in runs)
    assert sorted_distinct(runs).tolist() == sorted({hash_ for hashes in lists for hash_ in hashes})


@pytest.mark.parametrize("data", [b"1234567", b"\x02" + bytes(15), b"\xff" * 16])
def test_a_damaged_file_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.runs").write_bytes(data)
    with pytest.raises(WebtextError, match=r"a\.runs: not a whole file"):
        read_runs(tmp_path / "a.runs")
