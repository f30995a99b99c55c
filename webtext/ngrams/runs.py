"""Sorted runs of hashes in files and their merge, by which the n-grams of all shards reach the partitions.

A partition holds a range of the hashes: of P partitions, hash h is in h * P // 2^64. So in a sorted run the partitions are consecutive
ranges, and one file serves them all. A file is a sequence of runs, each a little-endian uint64 with its length followed by that many
hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from webtext.core.errors import WebtextError
from webtext.ngrams.normalise import Hashes

RUN = 2**23  # hashes collected before they are sorted and written: 64 MiB; longer runs are fewer to merge
MERGED = 2**22  # hashes merged at a time, roughly: 32 MiB and as much for the sort


def bound(partition: int, partitions: int) -> int:
    """The smallest hash of a partition: ceil(partition * 2^64 / partitions)."""
    return -(-partition * 2**64 // partitions)


class RunWriter:
    """Collects hashes and writes them to a file as sorted, distinct runs."""

    def __init__(self, file: IO[bytes], run: int = RUN) -> None:
        self._file = file
        self._run = run
        self._parts: list[Hashes] = []
        self._held = 0

    def add(self, hashes: Hashes) -> None:
        self._parts.append(hashes)
        self._held += len(hashes)
        if self._held >= self._run:
            self.flush()

    def flush(self) -> None:
        """Write the pending hashes. Must be called at the end."""
        if self._held:
            run = sorted_distinct(self._parts).astype("<u8", copy=False)
            self._file.write(np.uint64(len(run)).astype("<u8").tobytes())
            self._file.write(run.data)
            self._parts, self._held = [], 0


@dataclass(frozen=True)
class Run:
    """Sorted hashes in a file, `count` of them from the byte `offset` on.

    NB: mapped only while it is read: Linux allows a process 65,530 mappings, and each shard has at least one run.
    """

    path: Path
    offset: int
    count: int

    def mapped(self) -> Hashes:
        if not self.count:
            return np.empty(0, np.uint64)
        return np.memmap(self.path, "<u8", "r", self.offset, (self.count,)).view(np.ndarray)


def read_runs(path: Path) -> list[Run]:
    """The runs of a file. Raises WebtextError for a file that is not whole."""
    runs, at, size = [], 0, path.stat().st_size
    with open(path, "rb") as file:
        while at + 8 <= size:
            file.seek(at)
            count = int.from_bytes(file.read(8), "little")
            if at + 8 + 8 * count > size:
                break
            runs.append(Run(path, at + 8, count))
            at += 8 + 8 * count
    if at != size:
        raise WebtextError(f"{path}: not a whole file of hashes; delete it and run its stage again")
    return runs


def merge(runs: Sequence[Run], first: int, last: int, block: int = MERGED) -> Iterator[Hashes]:
    """The distinct hashes of sorted runs from `first` to `last` - 1, sorted, in blocks.

    The range is cut into parts with about `block` hashes each (hashes are uniform), so memory holds one part, and of a run only its
    position.

        runs [1 5 9] and [2 5 7], parts 0-4 and 5-9:   1 | 2 -> 1 2;   5 9 | 5 7 -> 5 7 9
    """
    starts = [_index(run.mapped(), first) for run in runs]
    parts = 1 + sum(_index(run.mapped(), last) - start for run, start in zip(runs, starts)) // block
    for part in range(parts):
        pieces = []
        high = first + (last - first) * (part + 1) // parts
        for number, run in enumerate(runs):
            hashes = run.mapped()
            end = _index(hashes, high)
            pieces.append(np.array(hashes[starts[number] : end]))
            starts[number] = end
        distinct = sorted_distinct(pieces)
        if len(distinct):
            yield distinct


def _index(hashes: Hashes, value: int) -> int:
    return len(hashes) if value >= 2**64 else int(np.searchsorted(hashes, np.uint64(value)))


def sorted_distinct(parts: Iterable[Hashes]) -> Hashes:
    """All hashes of all parts once, sorted."""
    hashes = np.sort(np.concatenate([*parts, np.empty(0, np.uint64)]))
    # NB: numpy's own unique goes over a hash table since 2.3, which takes 20 times as long on hashes.
    return hashes[np.concatenate([[True], hashes[1:] != hashes[:-1]])] if len(hashes) else hashes
