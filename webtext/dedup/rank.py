"""Who comes first: the oldest post, then the higher score, then the URL; what is not known comes last.

Every document is given an *ordinal*, its place in this order among all documents of the build. From there on the stage speaks of
documents by ordinals alone. Documents of earlier builds (`against`) come before all others, whatever their posts.

The parts are ordered in themselves; they are merged block by block, so memory holds some thousand documents of each part.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np

from webtext.dedup.kernels import I64
from webtext.dedup.packed import Array, Packed, writing_packed
from webtext.dedup.signed import RANKED, spill
from webtext.files import TEMPORARY, naming_failures, sync_directory
from webtext.task import Place

ORDER = "order"
_HELD = 2**18  # documents in memory at a time, all parts together, as long as each has at least _LEAST
_LEAST = 1024

Key = tuple[int, int, bytes, bytes, int]  # created_utc, minus score, URL, hash of the text, number


class _Part:
    """The documents of a part in the order of rank, some of them in memory."""

    def __init__(self, packed: Packed, base: int, block: int) -> None:
        self.keys: list[Key] = []
        self._packed, self._base, self._block, self._next = packed, base, block, 0

    @property
    def complete(self) -> bool:
        """There is nothing beyond what is in memory."""
        return self._next == self._packed.count

    def refill(self) -> None:
        if self.keys or self.complete:
            return
        start, stop = self._next, min(self._next + self._block, self._packed.count)
        offsets = self._packed.read("url_offsets", start, stop + 1)
        urls = self._packed.read("urls", int(offsets[0]), int(offsets[-1])).tobytes()
        ends = (offsets - offsets[0]).tolist()
        self.keys = list(
            zip(
                self._packed.read("created_utc", start, stop).tolist(),
                self._packed.read("minus_score", start, stop).tolist(),
                [urls[begin:end] for begin, end in pairwise(ends)],
                [row.tobytes() for row in self._packed.read("text_hashes", start, stop)],
                (self._packed.read("rows", start, stop) + self._base).tolist(),
            )
        )
        self._next = stop

    def take(self, bound: Key | None) -> list[Key]:
        """Hand out all keys up to the bound."""
        cut = len(self.keys) if bound is None else bisect_right(self.keys, bound)
        taken, self.keys = self.keys[:cut], self.keys[cut:]
        return taken


def merged(packed: Sequence[Packed], bases: Sequence[int]) -> Iterator[I64]:
    """The numbers of the documents of some parts in the order of rank, in blocks."""
    block = max(_HELD // max(len(packed), 1), _LEAST)
    parts = [_Part(one, base, block) for one, base in zip(packed, bases)]
    while True:
        for part in parts:
            part.refill()
        parts = [part for part in parts if part.keys]
        if not parts:
            return
        bound = min((part.keys[-1] for part in parts if not part.complete), default=None)
        keys = [key for part in parts for key in part.take(bound)]
        keys.sort()
        yield np.array([key[-1] for key in keys], np.int64)


def rank(place: Place, parts: int, shards: int) -> None:
    """Write the ORDER: document_at[ordinal] with the facts `bases` and `earlier` (documents of earlier builds), and its inverse."""
    packed = [Packed(spill(place, part, RANKED), RANKED) for part in range(parts)]
    bases = np.concatenate(([0], np.cumsum([one.count for one in packed]))).tolist()
    path = place.spill("order")
    with writing_packed(path, ORDER) as order:
        order.count = bases[-1]
        order.facts = {"bases": bases, "earlier": bases[-1] - bases[shards]}
        order.add("document_at", np.empty(0, np.int64))
        for first, last in ((shards, parts), (0, shards)):
            for numbers in merged(packed[first:last], bases[first:last]):
                order.add("document_at", numbers)
    with scratch(place.spill("ordinals"), np.int64, bases[-1]) as ordinals:
        whole = Packed(path, ORDER)
        for start in range(0, bases[-1], _HELD):
            numbers = whole.read("document_at", start, min(start + _HELD, bases[-1]))
            ordinals[numbers] = np.arange(start, start + len(numbers))


class Order:
    """The ranks of the documents of a stage."""

    def __init__(self, place: Place) -> None:
        packed = Packed(place.spill("order"), ORDER)
        self.documents = packed.count
        self.bases: list[int] = packed.facts["bases"]
        self.earlier: int = packed.facts["earlier"]  # ordinals below it stay by fiat
        self._packed = packed
        self._inverse = place.spill("ordinals")

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
    with naming_failures(path):
        array = np.memmap(temporary, dtype, "w+", shape=(max(count, 1),))
        try:
            yield array.view(np.ndarray)[:count]
            array.flush()
            os.replace(temporary, path)
            sync_directory(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
