from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenizer import TokenizerError, WordCounts, count_words, counts_file, merge_counts, read_counts, write_counts

PARTS = st.lists(st.dictionaries(st.binary(min_size=1, max_size=12), st.integers(1, 1 << 50), max_size=30), max_size=9)


def test_round_trip_and_layout(tmp_path: Path) -> None:
    counts = count_words(["a rose is a rose"])
    write_counts(counts, tmp_path / "counts")
    assert read_counts(tmp_path / "counts") == counts
    data = (tmp_path / "counts").read_bytes()
    assert data[:8] == b"WTCOUNTS"
    assert [int.from_bytes(data[i : i + n], "little") for i, n in ((8, 4), (12, 4), (16, 8), (24, 8))] == [1, 4096, 4, 5]
    assert [int.from_bytes(data[32 + 8 * i : 40 + 8 * i], "little") for i in range(4)] == [1, 1, 2, 1]
    assert data[32 + 4 * 8 :] == b"\x02\0\0\0\x03\0\0\0\x05\0\0\0\x01\0\0\0" + b" a is rosea"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counts"]


@settings(max_examples=25)
@given(PARTS, st.integers(1, 5), st.integers(2, 4))
def test_merging_files_is_adding_up(parts: list[dict[bytes, int]], block: int, files: int) -> None:
    whole = WordCounts.from_items([item for part in parts for item in part.items()])
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts_file, "_BLOCK_WORDS", block)
        patch.setattr(counts_file, "_OPEN_FILES", files)
        paths = [Path(name, str(i)) for i in range(len(parts))]
        for path, part in zip(paths, parts):
            write_counts(WordCounts.from_items(part.items()), path)
        merge_counts(paths, Path(name, "forth"))
        merge_counts(paths[::-1], Path(name, "back"))
        write_counts(whole, Path(name, "whole"))
        expected = Path(name, "whole").read_bytes()
        assert Path(name, "forth").read_bytes() == expected
        assert Path(name, "back").read_bytes() == expected
        assert read_counts(Path(name, "forth")) == whole
        assert len(list(Path(name).iterdir())) == len(parts) + 3  # no part is left behind


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "counts"
    write_counts(count_words(["one two three"]), path)
    data = path.read_bytes()
    for broken, message in (
        (b"", "not a file of word counts"),
        (b"PAR1" + data[4:], "not a file of word counts"),
        (data[:8] + b"\2" + data[9:], "version 2"),
        (data[:12] + bytes(4) + data[16:], "damaged"),
        (data[:12] + b"\xff" * 4 + data[16:], "damaged"),
        (data[:56] + bytes(4) + data[60:], "damaged"),  # a word without bytes
        (data[:56] + b"\xff" * 4 + data[60:], "damaged"),
        (data[:40], "damaged"),
        (data[:-1], "damaged"),
        (data + b"x", "damaged"),
        (data[:32] + b"\7" + data[33:], "damaged"),
    ):
        path.write_bytes(broken)
        with pytest.raises(TokenizerError, match=message):
            read_counts(path)


def test_a_failed_merge_leaves_nothing(tmp_path: Path) -> None:
    write_counts(count_words(["one"]), tmp_path / "good")
    (tmp_path / "bad").write_bytes(b"nothing of the kind")
    with pytest.raises(TokenizerError, match="bad"):
        merge_counts([tmp_path / "good", tmp_path / "bad"], tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "good"]
