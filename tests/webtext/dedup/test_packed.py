"""Packed files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webtext.core.errors import WebtextError
from webtext.dedup.packed import Packed, gather_runs, offsets_of, writing_packed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.bin"
    with writing_packed(path, "example") as packed:
        packed.count = 3
        packed.facts = {"bands": 17}
        packed.add("rows", np.arange(6, dtype=np.uint32).reshape(3, 2))
        packed.add("rows", np.arange(6, 10, dtype=np.uint32).reshape(2, 2))
        packed.add("none", np.empty((0, 4), np.int64))
        packed.add("bytes", np.frombuffer(b"abc", np.uint8))
    return path


def test_arrays_come_back_whole_in_part_and_mapped(path: Path) -> None:
    packed = Packed(path, "example")
    assert (packed.count, packed.facts, packed.length("rows")) == (3, {"bands": 17}, 5)
    assert packed.read("rows").tolist() == packed.map("rows").tolist() == np.arange(10).reshape(5, 2).tolist()
    assert packed.read("rows", 1, 3).tolist() == [[2, 3], [4, 5]]
    assert packed.read("none").shape == packed.map("none").shape == (0, 4)
    assert packed.read("bytes").tobytes() == b"abc"


def test_an_array_that_is_not_the_last_does_not_grow(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot grow"), writing_packed(tmp_path / "a.bin", "example") as packed:
        packed.add("a", np.arange(3))
        packed.add("b", np.arange(3))
        packed.add("a", np.arange(3))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("bytes_left", [0, 5, 63, 64, 200, -1])
def test_a_cut_file_is_refused_by_name(path: Path, bytes_left: int) -> None:
    path.write_bytes(path.read_bytes()[:bytes_left])
    with pytest.raises(WebtextError, match=r"a\.bin: not a whole packed file"):
        Packed(path, "example")


def test_a_file_with_something_missing_in_the_middle_is_refused(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:100] + data[108:])
    with pytest.raises(WebtextError, match="cut or too long"):
        Packed(path, "example")


def test_another_kind_version_or_no_file_is_refused(path: Path) -> None:
    with pytest.raises(WebtextError, match="holds example, not signatures"):
        Packed(path, "signatures")
    data = bytearray(path.read_bytes())
    data[8] = 2
    path.write_bytes(data)
    with pytest.raises(WebtextError, match="version 2, this program reads 1"):
        Packed(path, "example")
    with pytest.raises(WebtextError, match="no such file"):
        Packed(path.with_name("b.bin"), "example")


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9))))
def test_runs_are_gathered_in_order(runs: list[tuple[int, int]]) -> None:
    flat = np.arange(100, 130)
    starts, lengths = (np.array([run[i] for run in runs], np.int64) for i in (0, 1))
    assert gather_runs(flat, starts, lengths).tolist() == [flat[start + i] for start, length in runs for i in range(length)]
    assert offsets_of(lengths).tolist() == [sum(lengths[:i]) for i in range(len(runs) + 1)]
