"""How many documents of a corpus quote test sets: 0 for a decontaminated corpus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webtext.ngrams.query import merge_hits
from webtext.overlap.ngram_index import NgramIndex


class QuotationCounter:
    """Counts documents, for each test set: those that have any of its n-grams, those that quote it, and the words of the longest
    run in one of them. NB: a quotation is of one test set's n-grams alone here, and lies within one that
    `decontaminate.quotations` finds: where that finds none, none is counted."""

    def __init__(self, sets: NgramIndex) -> None:
        self._sets = sets
        self.with_any, self.quoting, self.longest = ([0] * len(sets.names) for _ in range(3))

    def add(self, places: NDArray[np.int64]) -> None:
        """Count a document, given the row of each of its n-grams in the index, -1 for none."""
        there = places >= 0
        rows = places[there]
        if not len(rows):
            return
        for column in np.flatnonzero((self._sets.min_match_words[rows] > 0).any(axis=0)).tolist():
            min_match_words = np.zeros(len(places), np.uint8)
            min_match_words[there] = self._sets.min_match_words[rows, column]
            runs = merge_hits(min_match_words > 0, self._sets.words)
            self.with_any[column] += 1
            self.quoting[column] += any(last - first >= min_match_words[first : last - self._sets.words + 1].min() for first, last in runs)
            self.longest[column] = max(self.longest[column], *(last - first for first, last in runs))

    @property
    def counts(self) -> list[list[int]]:
        return [self.with_any, self.quoting, self.longest]


def aggregate(shards: Sequence[list[list[int]]], column: int) -> dict[str, Any]:
    """The figures of a test set over all shards' `counts`; of no shard at hand each is None."""
    names = ("documents_with_any", "documents_that_quote", "longest_in_a_document")
    if not shards:
        return dict.fromkeys(names)
    with_any, quoting, longest = ([counts[kind][column] for counts in shards] for kind in range(3))
    return dict(zip(names, (sum(with_any), sum(quoting), max(longest))))
