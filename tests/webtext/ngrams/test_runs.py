"""Sorted runs, their files and their merge."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webtext.core.errors import WebtextError
from webtext.ngrams.runs import RunWriter, bound, merge, read_runs, sorted_distinct

HASHES = st.lists(st.one_of(st.integers(0, 2**64 - 1), st.integers(2**62, 2**62 + 9), st.sampled_from([0, 2**64 - 1])), max_size=60)


def write_runs(path: Path, lists: list[list[int]], run: int) -> Path:
    file = io.BytesIO()
    writer = RunWriter(file, run)
    for hashes in lists:
        writer.add(np.array(hashes, np.uint64))
    writer.flush()
    path.write_bytes(file.getvalue())
    return path


@given(st.lists(HASHES, max_size=5), st.integers(1, 7), st.integers(1, 50))
@settings(max_examples=200)
def test_partitions_of_merged_runs_are_the_set(
    tmp_path_factory: pytest.TempPathFactory, lists: list[list[int]], partitions: int, block: int
) -> None:
    directory = tmp_path_factory.mktemp("runs")
    runs = [run for number, hashes in enumerate(lists) for run in read_runs(write_runs(directory / f"{number}.runs", [hashes], 2**23))]
    merged = [
        [int(hash_) for part in merge(runs, bound(partition, partitions), bound(partition + 1, partitions), block) for hash_ in part]
        for partition in range(partitions)
    ]
    assert [hash_ for part in merged for hash_ in part] == sorted({hash_ for hashes in lists for hash_ in hashes})
    assert all(hash_ * partitions >> 64 == partition for partition, part in enumerate(merged) for hash_ in part)


@given(st.lists(HASHES, max_size=5), st.integers(1, 100))
@settings(max_examples=100)
def test_files_of_runs(tmp_path_factory: pytest.TempPathFactory, lists: list[list[int]], run: int) -> None:
    runs = [run.mapped() for run in read_runs(write_runs(tmp_path_factory.mktemp("runs") / "a.runs", lists, run))]
    assert all((part[1:] > part[:-1]).all() for part in runs)
    assert sorted_distinct(runs).tolist() == sorted({hash_ for hashes in lists for hash_ in hashes})


@pytest.mark.parametrize("data", [b"1234567", b"\x02" + bytes(15), b"\xff" * 16])
def test_a_damaged_file_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.runs").write_bytes(data)
    with pytest.raises(WebtextError, match=r"a\.runs: not a whole file"):
        read_runs(tmp_path / "a.runs")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="counts mappings by /proc")
def test_files_are_mapped_one_at_a_time(tmp_path: Path) -> None:
    """Linux allows a process 65,530 mappings, and there may be 100,000 shards."""
    lists = [[number * 2**50 + part for part in range(number, 2**14, 1000)] for number in range(1, 400)]
    paths = [write_runs(tmp_path / f"{number}.runs", [hashes], 2**23) for number, hashes in enumerate(lists)]
    runs = [run for path in paths for run in read_runs(path)]
    most, found = 0, []
    for part in merge(runs, 0, 2**64, 1000):
        most = max(most, Path("/proc/self/maps").read_text().count(".runs"))
        found += part.tolist()
    assert found == sorted({hash_ for hashes in lists for hash_ in hashes})
    assert most <= 1
