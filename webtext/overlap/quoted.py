"""How many documents of a corpus quote test sets: what is 0 of a corpus that was decontaminated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webtext.ngrams.query import covered
from webtext.overlap.testsets import Sets


class Quoted:
    """Takes documents one by one and counts, for each test set: those that have any of its n-grams, those that quote it, and the words
    of the longest run in one of them. NB: a quotation is of one test set's n-grams alone here, and lies within one that
    `decontaminate.quotations` finds: where that finds none, none is counted."""

    def __init__(self, sets: Sets) -> None:
        self._sets = sets
        self.with_any, self.quoting, self.longest = ([0] * len(sets.names) for _ in range(3))

    def add(self, places: NDArray[np.int64]) -> None:
        """Count a document by the rows that its n-grams have in the test sets, -1 for none."""
        there = places >= 0
        rows = places[there]
        if not len(rows):
            return
        for column in np.flatnonzero((self._sets.least[rows] > 0).any(axis=0)).tolist():
            least = np.zeros(len(places), np.uint8)
            least[there] = self._sets.least[rows, column]
            runs = covered(least > 0, self._sets.words)
            self.with_any[column] += 1
            self.quoting[column] += any(last - first >= least[first : last - self._sets.words + 1].min() for first, last in runs)
            self.longest[column] = max(self.longest[column], *(last - first for first, last in runs))

    @property
    def counts(self) -> list[list[int]]:
        return [self.with_any, self.quoting, self.longest]


def summed(shards: Sequence[list[list[int]]], column: int) -> dict[str, Any]:
    """The figures of a test set over all shards' `counts`; of no shard at hand each is None."""
    names = ("documents_with_any", "documents_that_quote", "longest_in_a_document")
    if not shards:
        return dict.fromkeys(names)
    with_any, quoting, longest = ([counts[kind][column] for counts in shards] for kind in range(3))
    return dict(zip(names, (sum(with_any), sum(quoting), max(longest))))
