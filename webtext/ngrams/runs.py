"""Sorted runs of hashes in files, and their merge: how a shard hands its n-grams to the partitions.

A partition holds a range of the hashes: of P partitions, hash h is in h * P // 2^64. So a sorted run has the partitions one after
another, and a file serves them all. A file is a sequence of runs, each a little-endian uint64 with its length followed by that many hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np

from webtext.errors import WebtextError
from webtext.ngrams.normalise import Hashes

RUN = 2**23  # hashes collected before they are sorted and written: 64 MiB
MERGED = 2**22  # hashes merged at a time, roughly


def bound(partition: int, partitions: int) -> int:
    """The least hash of a partition: ceil(partition * 2^64 / partitions)."""
    return -(-partition * 2**64 // partitions)


class RunWriter:
    """Collects hashes and writes them to a file as sorted runs without repetition."""

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
        """Write what is held. To be called at the end."""
        if self._held:
            run = sorted_distinct(self._parts).astype("<u8", copy=False)
            self._file.write(np.uint64(len(run)).astype("<u8").tobytes())
            self._file.write(run.data)
            self._parts, self._held = [], 0


def read_runs(path: Path) -> list[Hashes]:
    """The runs of a file, mapped into memory. Raises WebtextError for a file that is not whole."""
    if not path.stat().st_size:
        return []
    data = np.memmap(path, "<u8", mode="r") if path.stat().st_size % 8 == 0 else np.empty(0, np.uint64)
    runs, at = [], 0
    while at < len(data) and at + 1 + int(data[at]) <= len(data):
        runs.append(data[at + 1 : at + 1 + int(data[at])])
        at += 1 + int(data[at])
    if at * 8 != path.stat().st_size:
        raise WebtextError(f"{path}: not a whole file of hashes; delete it and run its stage again")
    return runs


def merge(runs: Sequence[Hashes], first: int, last: int, block: int = MERGED) -> Iterator[Hashes]:
    """The distinct hashes of sorted runs from `first` to `last` - 1, sorted, in blocks.

    The range is cut into parts with about `block` hashes each (they are spread evenly), so memory does not depend on the runs.
    """
    runs = [run[_index(run, first) : _index(run, last)] for run in runs]
    parts = 1 + sum(len(run) for run in runs) // block
    edges = [first + (last - first) * part // parts for part in range(parts + 1)]
    for low, high in pairwise(edges):
        distinct = sorted_distinct(run[_index(run, low) : _index(run, high)] for run in runs)
        if len(distinct):
            yield distinct


def _index(run: Hashes, value: int) -> int:
    return len(run) if value >= 2**64 else int(np.searchsorted(run, np.uint64(value)))


def sorted_distinct(parts: Iterable[Hashes]) -> Hashes:
    """All hashes of all parts once, sorted."""
    hashes = np.sort(np.concatenate([*parts, np.empty(0, np.uint64)]))
    # NB: numpy's own unique goes over a hash table since 2.3, which takes 20 times as long on hashes.
    return hashes[np.concatenate([[True], hashes[1:] != hashes[:-1]])] if len(hashes) else hashes
