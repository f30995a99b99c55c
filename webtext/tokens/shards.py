"""Token shards: the `.bin` files a GPT-2 is trained from, in llm.c's format.

    offset  bytes       what
    0       1,024       header: 256 little-endian int32
                          [0] magic   [1] version   [2] number of tokens   rest 0
    1,024   2 x tokens  magic 20240520, version 1: little-endian uint16, llm.c's form for GPT-2, which modded-nanogpt reads too
    1,024   4 x tokens  magic 20240801, version 7: little-endian uint32, llm.c's form for Llama 3, for vocabularies above 65,536

A shard holds at most 2^31 - 1 tokens, because the count is an int32. nanoGPT's own
train.bin and val.bin (`webtext.tokens.formats`) are little-endian uint16 without a header, and are read by these names alone.

    >>> write_shard(Path("train-00000.bin"), [np.array([50256, 464, 3290])])
    3
    >>> open_shard(Path("train-00000.bin")).tolist()
    [50256, 464, 3290]
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from webtext.core.errors import WebtextError
from webtext.core.files import writing

MAGIC = 20240520
HEADER_BYTES = 1024
MAX_TOKENS = 2**31 - 1
# train-00000.bin is ours, NAME_train_000001.bin or NAME_train.bin llm.c's, train.bin nanoGPT's.
_SPLIT_FILE = re.compile(r"(?P<name>(?:.+[-_])?)(?P<split>train|val|test)(?P<number>(?:[-_]\d+)?)\.bin")
_WITHOUT_HEADER = {"train.bin", "val.bin"}
Tokens = npt.NDArray[np.integer[Any]]

# By magic and version; the last is what earlier versions of ours wrote for large vocabularies.
_SMALL, _LARGE = (MAGIC, 1), (20240801, 7)
_DTYPES: dict[tuple[int, int], np.dtype[np.integer[Any]]] = {_SMALL: np.dtype("<u2"), _LARGE: np.dtype("<u4"), (MAGIC, 2): np.dtype("<u4")}


def write_shard(path: Path, tokens: Iterable[Tokens], *, vocab_size: int = 65_536) -> int:
    """Write the arrays one after another as one shard and return the number of tokens.

    Tokens of 16 bits where `vocab_size` is at most 65,536, else of 32. The file appears under its name only when it is complete and synced.
    Raises WebtextError for a token outside the vocabulary or too many tokens.
    """
    arrays = list(tokens)
    count = sum(array.size for array in arrays)
    with writing(path) as output:
        write_tokens(output.file, arrays, count, vocab_size)
    return count


def write_tokens(file: IO[bytes], tokens: Iterable[Tokens], count: int, vocab_size: int) -> None:
    """Write a header that states `count` tokens, and the arrays one after another; memory holds one at a time.

    Raises WebtextError for a token outside the vocabulary, and for more tokens than a header can count.
    """
    dtype = token_dtype(vocab_size)
    file.write(header(count, vocab_size))
    for array in tokens:
        if array.size and not 0 <= int(array.min()) <= int(array.max()) < vocab_size:
            wrong = int(array.min()) if int(array.min()) < 0 else int(array.max())
            raise WebtextError(f"token {wrong} is outside the vocabulary of {vocab_size:,}; was another tokenizer used?")
        file.write(array.astype(dtype, copy=False).tobytes())


def token_dtype(vocab_size: int) -> np.dtype[np.integer[Any]]:
    """How a token of a vocabulary is stored: uint16 up to 65,536 tokens, else uint32, little-endian."""
    return _DTYPES[_kind(vocab_size)]


def header(tokens: int, vocab_size: int) -> bytes:
    """The 1,024 bytes that begin a shard of so many tokens. Raises WebtextError for more than a header can count."""
    if tokens > MAX_TOKENS:
        raise WebtextError(f"a shard of {tokens:,} tokens: at most {MAX_TOKENS:,} fit; use smaller shards")
    words = np.zeros(HEADER_BYTES // 4, dtype="<i4")
    words[:3] = *_kind(vocab_size), tokens
    return words.tobytes()


def _kind(vocab_size: int) -> tuple[int, int]:
    return _SMALL if vocab_size <= 65_536 else _LARGE


def open_shard(path: Path) -> Tokens:
    """The tokens [n] of a shard: a read-only np.memmap of uint16 or uint32. Raises WebtextError if the file is no shard or is cut."""
    dtype, offset, count = _layout(path)
    header = offset // dtype.itemsize
    # The whole file is mapped and the header sliced off, because an empty shard has nothing to map after it.
    return np.memmap(path, dtype=dtype, mode="r", shape=(header + count,))[header:]


def shard_tokens(path: Path) -> int:
    """The number of tokens of a shard, by its header, which is checked against the size of the file as `open_shard` does."""
    return _layout(path)[2]


def split_files(directory: Path, split: str) -> list[Path]:
    """The shards of a split (train, val, test) in a directory, by number: ours, llm.c's or nanoGPT's.

    Raises WebtextError where there are none, and where shards of several data sets lie beside each other.
    """
    found = [match for path in sorted(directory.glob("*.bin")) if (match := _SPLIT_FILE.fullmatch(path.name))]
    sets = {(match["name"], match["number"][:1]): match[0] for match in found}
    if len(sets) > 1:
        raise WebtextError(f"{directory}: holds shards of several data sets ({', '.join(sets.values())}); give each a directory of its own")
    chosen = [match for match in found if match["split"] == split]
    if not chosen and found:
        wanted = found[-1].expand(rf"\g<name>{split}\g<number>.bin")
        raise WebtextError(
            f"{directory}: has no {split} split beside {found[-1][0]}; rename one of several shards to {wanted}, or write it"
        )
    if not chosen:
        raise WebtextError(
            f"{directory}: no token shards {split}-*.bin, nor NAME_{split}_*.bin as llm.c has them, nor {split}.bin as nanoGPT; "
            "give a directory of token shards, or run the tokenize stage first"
        )
    return [directory / match[0] for match in sorted(chosen, key=lambda match: (int(match["number"][1:] or 0), match[0]))]


def _layout(path: Path) -> tuple[np.dtype[np.integer[Any]], int, int]:
    """(type of a token, offset of the first in bytes, number of tokens) of a shard whose size fits its header."""
    try:
        with path.open("rb") as file:
            raw = file.read(HEADER_BYTES)
            size = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise WebtextError(f"{path}: cannot read the token shard: {error.strerror}") from error
    if path.name in _WITHOUT_HEADER and size and raw[:4] != MAGIC.to_bytes(4, "little"):  # as tokens the magic would be 55,432 and 308
        if size % 2:
            raise WebtextError(f"{path}: {size:,} bytes, an odd number, are not the uint16 tokens of nanoGPT; write it again")
        return _DTYPES[_SMALL], 0, size // 2
    if len(raw) < HEADER_BYTES:
        raise WebtextError(f"{path}: not a token shard or cut: {len(raw)} bytes, the header alone has {HEADER_BYTES}")
    magic, version, count = (int(word) for word in np.frombuffer(raw, dtype="<i4", count=3))
    if magic not in (MAGIC, _LARGE[0]):
        raise WebtextError(f"{path}: not a token shard: it begins with {magic}, not with {MAGIC} or {_LARGE[0]}")
    dtype = _DTYPES.get((magic, version))
    if dtype is None:
        raise WebtextError(f"{path}: unknown token shard: version {version} of {magic}; known are 1 (uint16) and 7 of {_LARGE[0]} (uint32)")
    if count < 0:
        raise WebtextError(f"{path}: the header counts {count} tokens")
    expected = HEADER_BYTES + count * dtype.itemsize
    if size != expected:
        state = "cut" if size < expected else "too long"
        raise WebtextError(f"{path}: token shard is {state}: {size:,} bytes instead of {expected:,} for {count:,} tokens; write it again")
    return dtype, HEADER_BYTES, count
