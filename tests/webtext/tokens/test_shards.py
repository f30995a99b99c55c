"""The shard format against bytes laid out by hand, and every way a file can be wrong."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webtext.core.errors import WebtextError
from webtext.tokens.shards import open_shard, shard_tokens, split_files, write_shard


def by_hand(tokens: list[int], version: int = 1) -> bytes:
    magic, width, code = {1: (20240520, 0, "H"), 2: (20240520, 4, "I"), 7: (20240801, 0, "I")}[version]
    header = struct.pack("<256i", magic, version, len(tokens), width, *[0] * 252)
    return header + struct.pack(f"<{len(tokens)}{code}", *tokens)


@given(st.lists(st.lists(st.integers(0, 65_535), max_size=20), max_size=5))
def test_version_1_is_llm_c_byte_for_byte(tmp_path_factory: pytest.TempPathFactory, arrays: list[list[int]]) -> None:
    path = tmp_path_factory.mktemp("shards") / "train-00000.bin"
    flat = [token for array in arrays for token in array]
    assert write_shard(path, (np.array(array, dtype=np.int64) for array in arrays)) == len(flat)
    assert path.read_bytes() == by_hand(flat)
    assert open_shard(path).tolist() == flat
    assert open_shard(path).dtype == np.uint16
    assert shard_tokens(path) == len(flat)


def test_llm_cs_form_of_llama_3_for_large_vocabularies(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_shard(path, [np.array([0, 65_536, 99_999])], vocab_size=100_000)
    assert path.read_bytes() == by_hand([0, 65_536, 99_999], version=7)
    (tmp_path / "old.bin").write_bytes(by_hand([0, 65_536, 99_999], version=2))  # as ours were before
    assert open_shard(tmp_path / "old.bin").tolist() == [0, 65_536, 99_999]
    assert open_shard(path).tolist() == [0, 65_536, 99_999]
    assert open_shard(path).dtype == np.uint32


def test_opened_shards_are_mapped_read_only(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_shard(path, [np.arange(10)])
    shard = open_shard(path)
    assert isinstance(shard, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        shard[0] = 1


@pytest.mark.parametrize("token", [-1, 50_257])
def test_a_token_outside_the_vocabulary_leaves_no_file(tmp_path: Path, token: int) -> None:
    with pytest.raises(WebtextError, match=rf"token {token} is outside the vocabulary of 50,257"):
        write_shard(tmp_path / "a.bin", [np.array([1, 2]), np.array([3, token])], vocab_size=50_257)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_keeps_the_old_shard(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_shard(path, [np.array([7])])

    def broken() -> Iterator[np.ndarray[tuple[int], np.dtype[np.int64]]]:
        yield np.array([1])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shard(path, broken())
    assert open_shard(path).tolist() == [7]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cut: 0 bytes"),
        (by_hand([1, 2, 3])[:1000], "cut: 1000 bytes"),
        (by_hand([1, 2, 3])[:-1], "is cut: 1,029 bytes instead of 1,030 for 3 tokens"),
        (by_hand([1, 2, 3]) + b"\0", "is too long"),
        (b"\0" * 2048, "begins with 0, not with 20240520 or 20240801"),
        (struct.pack("<256i", 20240520, 3, 0, *[0] * 253), "version 3 of 20240520"),
        (struct.pack("<256i", 20240801, 1, 0, *[0] * 253), "version 1 of 20240801"),
        (struct.pack("<256i", 20240520, 1, -1, *[0] * 253), "counts -1 tokens"),
    ],
)
def test_a_wrong_file_is_named_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "bad.bin"
    path.write_bytes(content)
    with pytest.raises(WebtextError, match=reason) as caught:
        open_shard(path)
    assert str(path) in str(caught.value)
    with pytest.raises(WebtextError, match=reason):
        shard_tokens(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match=r"missing\.bin: cannot read the token shard: No such file"):
        open_shard(tmp_path / "missing.bin")


@pytest.mark.parametrize("name", ["train.bin", "val.bin"])
@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=700))
def test_tokens_without_a_header_are_nanogpts(tmp_path_factory: pytest.TempPathFactory, name: str, tokens: list[int]) -> None:
    path = tmp_path_factory.mktemp("nano") / name
    path.write_bytes(struct.pack(f"<{len(tokens)}H", *tokens))
    assert open_shard(path).tolist() == tokens
    assert shard_tokens(path) == len(tokens)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("train.bin", b"\1\0\2", "3 bytes, an odd number"),
        ("train.bin", b"", "cut: 0 bytes"),
        ("train.bin", by_hand([1, 2, 3])[:-2], "is cut: 1,028 bytes instead of 1,030"),
        ("test.bin", b"\1\0" * 600, "begins with 65537, not with 20240520"),
        ("train-00000.bin", b"\1\0" * 600, "begins with 65537, not with 20240520"),
    ],
)
def test_only_nanogpts_names_go_without_a_header(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WebtextError, match=reason):
        open_shard(tmp_path / name)


def test_a_header_under_nanogpts_name_is_read(tmp_path: Path) -> None:
    write_shard(tmp_path / "train.bin", [np.array([5, 6])])
    assert open_shard(tmp_path / "train.bin").tolist() == [5, 6]


@pytest.mark.parametrize(
    ("train", "val"),
    [
        (["train-00000.bin", "train-00001.bin"], ["val-00000.bin"]),
        (["train-2.bin", "train-10.bin"], ["val-0.bin"]),
        (["edu_fineweb_train_000001.bin", "edu_fineweb_train_000002.bin"], ["edu_fineweb_val_000000.bin"]),
        (["tiny_shakespeare_train.bin"], ["tiny_shakespeare_val.bin"]),
        (["train.bin"], ["val.bin"]),
    ],
    ids=["ours", "short", "fineweb", "shakespeare", "nanogpt"],
)
def test_the_files_of_a_split(tmp_path: Path, train: list[str], val: list[str]) -> None:
    for name in [*train, *val, "pytorch_model.bin", "training.bin", "mytrain.bin", "train-00000.bin.tmp", "meta.pkl"]:
        (tmp_path / name).touch()
    assert split_files(tmp_path, "train") == [tmp_path / name for name in train]
    assert split_files(tmp_path, "val") == [tmp_path / name for name in val]


@pytest.mark.parametrize(
    ("names", "split", "sentence"),
    [
        (
            [],
            "train",
            r"no token shards train-\*\.bin, nor NAME_train_\*\.bin as llm\.c has them, nor train\.bin as nanoGPT; give a directory",
        ),
        (["pytorch_model.bin"], "val", r"no token shards val-\*\.bin"),
        (["fineweb_train_000001.bin", "fineweb_train_000002.bin"], "val", r"has no val split .* to fineweb_val_000002\.bin, or write"),
        (["train.bin"], "val", r"has no val split beside train\.bin; rename .* to val\.bin"),
        (["val-00000.bin"], "train", r"has no train split beside val-00000\.bin"),
        (["train.bin", "train-00000.bin"], "train", r"several data sets \(train-00000\.bin, train\.bin\); give each"),
        (["a_train_1.bin", "b_val_0.bin"], "train", r"several data sets \(a_train_1\.bin, b_val_0\.bin\)"),
    ],
    ids=["none", "foreign", "no-val", "no-val-raw", "no-train", "two-layouts", "two-sets"],
)
def test_directories_without_one_data_set(tmp_path: Path, names: list[str], split: str, sentence: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(WebtextError, match=sentence):
        split_files(tmp_path, split)
