"""Which documents of the corpus hold the matches that a report shows: all are counted, and those with most of a match are named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webtext.ngrams.normalise import Hashes

DOCUMENTS = 3  # documents named for a match; more would only lengthen the page

Document = dict[str, Any]  # url, id, and ngrams: how many of the match's n-grams it holds


class MatchDocuments:
    """Takes the documents of a shard one by one. Memory: O(n-grams of the test sets), whatever the corpus."""

    def __init__(self, keys: Hashes, matches: Sequence[Sequence[int]]) -> None:
        """`keys` are the sorted n-grams of all test sets; each match is given by its n-grams, which are among them."""
        rows = np.searchsorted(keys, np.array([hash_ for match in matches for hash_ in match], np.uint64))
        order = np.argsort(rows, kind="stable")
        # The matches of key i are _match_of[_starts[i]:_starts[i + 1]]; a match that repeats an n-gram is there twice.
        self._match_of = np.repeat(np.arange(len(matches)), [len(match) for match in matches])[order]
        self._starts = np.searchsorted(rows[order], np.arange(len(keys) + 1))
        self._keys = keys
        self._seen = np.zeros(len(keys), np.bool_)
        self.counts = [0] * len(matches)
        self.best: list[list[Document]] = [[] for _ in matches]

    def add(self, url: str, id_: str, places: NDArray[np.int64]) -> None:
        """Count a document, given the row of each of its n-grams in the keys, -1 for none."""
        rows = np.unique(places[places >= 0])
        self._seen[rows] = True
        if not len(rows):
            return
        matches = np.concatenate([self._match_of[self._starts[row] : self._starts[row + 1]] for row in rows])
        held = np.bincount(matches, minlength=len(self.counts))
        for number in np.flatnonzero(held).tolist():
            self.counts[number] += 1
            self.best[number] = best_documents([*self.best[number], {"url": url, "id": id_, "ngrams": int(held[number])}])

    @property
    def seen(self) -> Hashes:
        """The n-grams that any of the documents has, sorted."""
        return self._keys[self._seen]


def best_documents(documents: Iterable[Document]) -> list[Document]:
    """Those with most of a match; of equals the first by URL, so that the number of shards does not matter."""
    return sorted(documents, key=lambda document: (-document["ngrams"], document["url"], document["id"]))[:DOCUMENTS]
