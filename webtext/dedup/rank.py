"""Who comes first: the oldest post, then the higher score, then the URL; what is not known comes last.

Every document is given an *ordinal*, its place in this order among all documents of the build. From there on the stage speaks of
documents by ordinals alone. Documents of earlier builds (`against`) come before all others, whatever their posts.

The parts are ordered in themselves; they are merged block by block, and so many parts at a time that memory holds a set number of
documents, however many parts there are. What is merged of a group of them is a file that stands for the group in the next round.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np

from webtext.core.files import TEMPORARY, explain_os_errors, sync_directory
from webtext.core.task import StageContext
from webtext.dedup.kernels import I64
from webtext.dedup.packed import Array, Packed, offsets_of, writing_packed
from webtext.dedup.signed import RANKED, scratch_path

ORDER = "order"
_HELD = 2**18  # documents in memory at a time, all parts together: about 100 MB
_AT_ONCE = 1024  # parts that are merged at a time, so that of each 256 documents are read in one go

Key = tuple[int, int, bytes, bytes, int]  # created_utc, minus score, URL, hash of the text, number


class _Part:
    """The documents of a part, or of a group that has been merged, in the order of rank; some of them in memory.

    A merged group is written in pieces, each with arrays of its own: `rows.3` are those of its fourth.
    """

    def __init__(self, packed: Packed, base: int, block: int) -> None:
        self.keys: list[Key] = []
        self._packed, self._base, self._block = packed, base, block
        self._pieces: list[str] = packed.facts.get("pieces", [""])
        self._piece, self._next = 0, 0
        self._skip_ended()

    def _skip_ended(self) -> None:
        while not self.complete and self._next == self._packed.length(f"rows{self._pieces[self._piece]}"):
            self._piece, self._next = self._piece + 1, 0

    @property
    def complete(self) -> bool:
        """There is nothing beyond what is in memory."""
        return self._piece == len(self._pieces)

    def refill(self) -> None:
        if self.keys or self.complete:
            return
        piece, start = self._pieces[self._piece], self._next
        stop = min(start + self._block, self._packed.length(f"rows{piece}"))
        offsets = self._packed.read(f"url_offsets{piece}", start, stop + 1)
        urls = self._packed.read(f"urls{piece}", int(offsets[0]), int(offsets[-1])).tobytes()
        ends = (offsets - offsets[0]).tolist()
        self.keys = list(
            zip(
                self._packed.read(f"created_utc{piece}", start, stop).tolist(),
                self._packed.read(f"minus_score{piece}", start, stop).tolist(),
                [urls[begin:end] for begin, end in pairwise(ends)],
                [row.tobytes() for row in self._packed.read(f"text_hashes{piece}", start, stop)],
                (self._packed.read(f"rows{piece}", start, stop) + self._base).tolist(),
            )
        )
        self._next = stop
        self._skip_ended()

    def take(self, bound: Key | None) -> list[Key]:
        """Hand out all keys up to the bound."""
        cut = len(self.keys) if bound is None else bisect_right(self.keys, bound)
        taken, self.keys = self.keys[:cut], self.keys[cut:]
        return taken


Ranked = tuple[Path, int]  # a file of documents in the order of rank, and what makes their rows numbers


def merged(files: Sequence[Ranked], context: StageContext) -> Iterator[I64]:
    """The numbers of the documents of some files in the order of rank, in blocks."""
    made: list[Path] = []
    left = list(files)
    try:
        while len(left) > _AT_ONCE:
            group, left = left[:_AT_ONCE], left[_AT_ONCE:]
            made.append(context.scratch_path(f"ranks-{len(made):05d}"))
            _write_group(made[-1], group)
            left.append((made[-1], 0))
        for keys in _merge(left):
            yield np.array([key[-1] for key in keys], np.int64)
    finally:
        for path in made:
            path.unlink(missing_ok=True)


def _write_group(path: Path, group: Sequence[Ranked]) -> None:
    """Merge files to one, whose rows are the numbers."""
    with writing_packed(path, RANKED) as packed:
        pieces: list[str] = []
        packed.facts["pieces"] = pieces
        for keys in _merge(group):
            created, minus, urls, hashes, numbers = zip(*keys)
            piece = f".{len(pieces)}"
            pieces.append(piece)
            packed.add(f"created_utc{piece}", np.array(created, np.int64))
            packed.add(f"minus_score{piece}", np.array(minus, np.int64))
            packed.add(f"text_hashes{piece}", np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), -1))
            packed.add(f"rows{piece}", np.array(numbers, np.int64))
            packed.add(f"urls{piece}", np.frombuffer(b"".join(urls), np.uint8))
            packed.add(f"url_offsets{piece}", offsets_of(np.array([len(url) for url in urls], np.int64)))


def _merge(files: Sequence[Ranked]) -> Iterator[list[Key]]:
    """The keys of the documents of some files in order, in blocks."""
    block = max(_HELD // max(len(files), 1), 1)
    parts = [_Part(Packed(path, RANKED), base, block) for path, base in files]
    while True:
        for part in parts:
            part.refill()
        parts = [part for part in parts if part.keys]
        if not parts:
            return
        bound = min((part.keys[-1] for part in parts if not part.complete), default=None)
        keys = [key for part in parts for key in part.take(bound)]
        keys.sort()
        yield keys


def rank(context: StageContext, parts: int, shards: int) -> None:
    """Write the ORDER: document_at[ordinal] with the facts `bases` and `earlier` (documents of earlier builds), and its inverse."""
    paths = [scratch_path(context, part, RANKED) for part in range(parts)]
    bases = np.concatenate(([0], np.cumsum([Packed(path, RANKED).count for path in paths], dtype=np.int64))).tolist()
    path = context.scratch_path("order")
    with writing_packed(path, ORDER) as order:
        order.count = bases[-1]
        order.facts = {"bases": bases, "earlier": bases[-1] - bases[shards]}
        order.add("document_at", np.empty(0, np.int64))
        for first, last in ((shards, parts), (0, shards)):
            for numbers in merged(list(zip(paths[first:last], bases[first:last])), context):
                order.add("document_at", numbers)
    with scratch(context.scratch_path("ordinals"), np.int64, bases[-1]) as ordinals:
        whole = Packed(path, ORDER)
        for start in range(0, bases[-1], _HELD):
            numbers = whole.read("document_at", start, min(start + _HELD, bases[-1]))
            ordinals[numbers] = np.arange(start, start + len(numbers))


class Order:
    """The ranks of the documents of a stage."""

    def __init__(self, context: StageContext) -> None:
        packed = Packed(context.scratch_path("order"), ORDER)
        self.documents = packed.count
        self.bases: list[int] = packed.facts["bases"]
        self.earlier: int = packed.facts["earlier"]  # ordinals below it stay by fiat
        self._packed = packed
        self._inverse = context.scratch_path("ordinals")

    def numbers(self, ordinals: I64) -> I64:
        """The numbers of the documents with these ordinals."""
        return np.asarray(self._packed.map("document_at")[ordinals])

    def ordinals(self, numbers: I64) -> I64:
        """The ordinals of the documents with these numbers."""
        if not self.documents:
            return np.empty(0, np.int64)
        return np.array(np.memmap(self._inverse, np.int64, "r", shape=(self.documents,))[numbers])


@contextmanager
def scratch(path: Path, dtype: type[np.generic], count: int) -> Iterator[Array]:
    """An array of zeros in a file, which the system may put out of memory, for writing here and there; whole or absent as any file."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    with explain_os_errors(path):
        array = np.memmap(temporary, dtype, "w+", shape=(max(count, 1),))
        try:
            yield array.view(np.ndarray)[:count]
            array.flush()
            os.replace(temporary, path)
            sync_directory(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
