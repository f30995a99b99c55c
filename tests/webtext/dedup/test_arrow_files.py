"""Arrow files: by row, in part, and refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webtext.core.errors import WebtextError
from webtext.dedup.arrow_files import ArrowFile, offsets_of, to_arrow, to_numpy, writing_arrow


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.arrow"
    with writing_arrow(path, "example", bands=17) as output:
        for first, last in ((0, 3), (3, 3), (3, 5)):
            rows = np.arange(2 * first, 2 * last, dtype=np.uint32).reshape(-1, 2)
            sets = pa.array([[row] * row for row in range(first, last)], pa.list_(pa.uint32()))
            output.write({"pair": rows, "hash": np.repeat(rows, 2, axis=1).astype(np.uint8), "set": sets})
    return path


def test_columns_come_back_whole_in_part_and_by_row(path: Path) -> None:
    file = ArrowFile(path, "example")
    assert (len(file), file.facts) == (5, {"bands": 17})
    assert file.read("pair").tolist() == np.arange(10).reshape(5, 2).tolist()
    assert file.read("pair", 2, 4).tolist() == [[4, 5], [6, 7]]
    assert file.read("hash", 1, 2).tolist() == [[2, 2, 3, 3]]
    assert file.read("pair", 5).shape == (0, 2)
    assert file.take("set", np.array([0, 2, 2, 4])).to_pylist() == [[], [2, 2], [2, 2], [4, 4, 4, 4]]
    assert file.take("set", np.array([], np.int64)).to_pylist() == []
    file.read("pair")[:] = 0  # a copy: kernels may write to it
    assert file.read("pair", 4).tolist() == [[8, 9]]


def test_any_arrow_library_reads_them(path: Path) -> None:
    table = pa.ipc.open_file(path).read_all()
    assert table.column("hash").to_pylist()[4] == bytes([8, 8, 9, 9])
    assert table.schema.metadata == {b"kind": b"example", b"facts": b'{"bands":17}'}


@pytest.mark.parametrize("bytes_left", [0, 5, 63, 200, -1])
def test_a_cut_file_is_refused_by_name(path: Path, bytes_left: int) -> None:
    path.write_bytes(path.read_bytes()[:bytes_left])
    with pytest.raises(WebtextError, match=r"a\.arrow: not a whole Arrow file"):
        ArrowFile(path, "example")


def test_a_file_with_something_missing_in_the_middle_is_refused(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:100] + data[108:])
    with pytest.raises(WebtextError, match="not a whole Arrow file"):
        ArrowFile(path, "example")


def test_another_kind_or_no_file_is_refused(path: Path) -> None:
    with pytest.raises(WebtextError, match="holds example, not signatures"):
        ArrowFile(path, "signatures")
    with pytest.raises(WebtextError, match="no such file"):
        ArrowFile(path.with_name("b.arrow"), "example")


@pytest.mark.parametrize("array", [np.arange(3), np.empty((0, 4), np.int64), np.ones((2, 3), np.uint8), np.ones((2, 3), np.int16)])
def test_arrays_survive_the_way_to_arrow_and_back(array: np.ndarray) -> None:
    back = to_numpy(to_arrow(array))
    assert (back.tolist(), back.dtype, back.shape) == (array.tolist(), array.dtype, array.shape)


@given(st.lists(st.integers(0, 9)))
def test_offsets_are_sums_of_lengths(lengths: list[int]) -> None:
    assert offsets_of(np.array(lengths, np.int64)).tolist() == [sum(lengths[:i]) for i in range(len(lengths) + 1)]
