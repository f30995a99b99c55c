"""Files of word counts, and the merging of many: counting a corpus shard by shard.

Little-endian, all integers unsigned. Header of 32 bytes: magic ``WTCOUNTS``, version (4 bytes, 1), words a block (4 bytes), number of words
(8 bytes), sum of counts (8 bytes). Then blocks of so many words, the last one smaller: the counts (8 bytes each), the lengths in bytes
(4 bytes each), the words. Words ascend by their bytes, so equal counts give equal files.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tokenizer.errors import TokenizerError
from tokenizer.kernels import Bytes, Ints
from tokenizer.output import atomic_write
from tokenizer.words import WordCounts

_MAGIC = b"WTCOUNTS"
_VERSION = 1
_HEADER = struct.Struct("<8sIIQQ")
_BLOCK_WORDS = 4096  # some 100 kB: what a merge holds of each file
_LARGEST_BLOCK = 1 << 20  # words; a header with more is damaged, and is rejected before memory is allocated for it
_OPEN_FILES = 128  # far below the usual limit of 1,024 a process

Block = tuple[bytes, Ints, Ints]  # text, where words start and the last one ends, counts


def write_counts(counts: WordCounts, path: str | Path) -> None:
    """Write ``counts`` to ``path``."""
    with _Writer.open(Path(path)) as writer:
        writer.add(*counts.sorted())


def read_counts(path: str | Path) -> WordCounts:
    """The counts in ``path``. Raises `TokenizerError` if it is no file of counts, or is damaged."""
    counts = WordCounts()
    with Path(path).open("rb") as file:
        for block in _blocks(file, str(path)):
            counts.add_packed(*block)
    return counts


def merge_counts(paths: Sequence[str | Path], out: str | Path) -> None:
    """Add up the counts of all ``paths`` in ``out``; memory is some hundred kilobytes a file, whatever their size.

    The result does not depend on the order of ``paths``. ``out`` may be one of them.
    """
    out = Path(out)
    parts = [Path(path) for path in paths]
    made: list[Path] = []
    try:
        while len(parts) > _OPEN_FILES:
            part = out.with_name(f"{out.name}.part-{len(made)}")
            made.append(part)
            _merge(parts[:_OPEN_FILES], part)
            parts = [*parts[_OPEN_FILES:], part]
        _merge(parts, out)
    finally:
        for part in made:
            part.unlink(missing_ok=True)


def _merge(paths: Sequence[Path], out: Path) -> None:
    with ExitStack() as files, _Writer.open(out) as writer:
        readers = [_Reader(files.enter_context(path.open("rb")), str(path)) for path in paths]
        while readers := [reader for reader in readers if reader.left]:
            # No file has a word up to this one that is not loaded yet.
            bound = min(reader.last for reader in readers)
            counts = WordCounts()
            for reader in readers:
                counts.add_packed(*reader.take(bound))
            writer.add(*counts.sorted())


class _Reader:
    """One file of a merge: the block it is in, and how far it has been taken."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._blocks = _blocks(file, name)
        self._next()

    def _next(self) -> None:
        block = next(self._blocks, None)
        self.left = block is not None
        if block is not None:
            self._text, self._starts, self._counts = block
            self._at = 0
            self.last = self._word(self._counts.size - 1)

    def _word(self, i: int) -> bytes:
        return self._text[self._starts[i] : self._starts[i + 1]]

    def take(self, bound: bytes) -> Block:
        """The words up to ``bound``, which is at most the last word of the block."""
        low = bisect_right(range(self._counts.size), bound, lo=self._at, key=self._word)
        starts = self._starts[self._at : low + 1]
        taken = self._text[starts[0] : starts[-1]], starts - starts[0], self._counts[self._at : low]
        self._at = low
        if low == self._counts.size:
            self._next()
        return taken


class _Writer:
    """Blocks of a set number of words from pieces of any size."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._text, self._sizes, self._counts = b"", np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        self.words = self.total = 0
        file.write(bytes(_HEADER.size))

    @staticmethod
    @contextmanager
    def open(path: Path) -> Iterator[_Writer]:
        with atomic_write(path) as file:
            writer = _Writer(file)
            yield writer
            writer._flush(1)
            file.seek(0)
            file.write(_HEADER.pack(_MAGIC, _VERSION, _BLOCK_WORDS, writer.words, writer.total))

    def add(self, text: Bytes, starts: Ints, counts: Ints) -> None:
        """Append words in ascending order."""
        self._text += text.tobytes()
        self._sizes = np.concatenate([self._sizes, np.diff(starts)])
        self._counts = np.concatenate([self._counts, counts])
        self._flush(_BLOCK_WORDS)

    def _flush(self, least: int) -> None:
        """Write blocks while ``least`` words are left."""
        ends = np.cumsum(self._sizes)
        at = begin = 0
        while self._counts.size - at >= least:
            to = min(at + _BLOCK_WORDS, self._counts.size)
            self._file.write(self._counts[at:to].astype("<u8").tobytes())
            self._file.write(self._sizes[at:to].astype("<u4").tobytes())
            self._file.write(self._text[begin : ends[to - 1]])
            self.words += to - at
            self.total += int(self._counts[at:to].sum())
            at, begin = to, int(ends[to - 1])
        self._text, self._sizes, self._counts = self._text[begin:], self._sizes[at:], self._counts[at:]


def _blocks(file: BinaryIO, name: str) -> Iterator[Block]:
    """The blocks of a file, checked: complete, blocks ascending, the sum as in the header."""
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(_MAGIC):
        raise TokenizerError(f"{name} is not a file of word counts, which begins with {_MAGIC.decode()}: count the words anew")
    _, version, block_words, words, total = _HEADER.unpack(header)
    if version != _VERSION:
        raise TokenizerError(f"{name} is version {version} of the format, this program reads {_VERSION}: count the words anew")
    damaged = TokenizerError(f"{name} is damaged or cut short: count the words anew")
    size = os.fstat(file.fileno()).st_size
    if not 0 < block_words <= _LARGEST_BLOCK:
        raise damaged
    last = b""
    while words:
        here = min(block_words, words)
        numbers = file.read(12 * here)
        if len(numbers) < 12 * here:
            raise damaged
        counts = np.frombuffer(numbers, dtype="<u8", count=here).astype(np.int64)
        starts = np.append(0, np.cumsum(np.frombuffer(numbers, dtype="<u4", offset=8 * here), dtype=np.int64))
        if starts[-1] > size or np.diff(starts).min() < 1 or counts.min() < 1:
            raise damaged
        text = file.read(int(starts[-1]))
        if len(text) < starts[-1] or not last < text[: starts[1]]:
            raise damaged
        last = text[starts[-2] :]
        yield text, starts, counts
        words -= here
        total -= int(counts.sum())
    if total or file.read(1):
        raise damaged
