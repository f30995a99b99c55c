"""The overlap of a test set: of all its n-grams, and of each example."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from webtext.ngrams.filters import Filters
from webtext.ngrams.normalise import Hashes, Scan, ngram_hashes, scan
from webtext.overlap.readers import Example

Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Share:
    """How many n-grams there are and how many of them were found, counted as they occur and counted once each."""

    occurrences: int
    occurrences_found: int
    distinct: int
    distinct_found: int

    @property
    def percent(self) -> float:
        """The primary figure: of occurrences."""
        return percent(self.occurrences_found, self.occurrences)

    @property
    def distinct_percent(self) -> float:
        return percent(self.distinct_found, self.distinct)


def percent(part: int, whole: int) -> float:
    """Per cent with four digits after the point; 0 of nothing is 0."""
    return round(100 * part / whole, 4) if whole else 0.0


class TestSet(NamedTuple):
    """The examples of a test set in memory.

    `hashes` uint64 [n-grams] are those of all examples, one after another: example i has `offsets[i]` to `offsets[i + 1]` - 1.
    `distinct` uint64 [different n-grams] is sorted, and `inverse` int64 [n-grams] points into it.
    """

    examples: list[Example]
    scans: list[Scan]
    hashes: Hashes
    offsets: Counts
    distinct: Hashes
    inverse: Counts


def hash_examples(examples: Iterable[Example], words: int) -> TestSet:
    """Hash the n-grams of all examples. Memory: the text and 24 bytes a word and n-gram."""
    kept = list(examples)
    scans = [scan(example.text, words) for example in kept]
    hashes = np.concatenate([np.empty(0, np.uint64), *(scanned.hashes for scanned in scans)])
    offsets = np.cumsum([0, *(len(scanned.hashes) for scanned in scans)])
    distinct, inverse = np.unique(hashes, return_inverse=True)
    return TestSet(kept, scans, hashes, offsets, distinct, inverse)


def found_in_filters(test: TestSet, filters: Filters) -> Flags:
    """Which of the distinct n-grams the corpus has: bool [different n-grams]."""
    return filters.contains(test.distinct)


def found_in_texts(test: TestSet, texts: Iterable[str], words: int) -> Flags:
    """Which of the distinct n-grams other texts have, exactly: bool [different n-grams]. The texts pass one by one."""
    found = np.zeros(len(test.distinct), np.bool_)
    for text in texts if len(found) else ():
        hashes, _ = ngram_hashes(text, words)
        places = np.minimum(np.searchsorted(test.distinct, hashes), len(found) - 1)
        found[places[test.distinct[places] == hashes]] = True
    return found


def share(test: TestSet, found: Flags) -> Share:
    """The overlap of the whole test set, of the flags of its distinct n-grams."""
    return Share(len(test.hashes), int(found[test.inverse].sum()), len(test.distinct), int(found.sum()))


def found_by_example(test: TestSet, found: Flags) -> Counts:
    """How many of each example's n-grams were found: int64 [examples]."""
    before: Counts = np.concatenate([[0], np.cumsum(found[test.inverse])])
    return before[test.offsets[1:]] - before[test.offsets[:-1]]


class Runs(NamedTuple):
    """The maximal runs of found n-grams, none beyond an example: its index, and the run's first and last + 1 n-gram within it."""

    example: Counts
    first: Counts
    last: Counts


def matches(test: TestSet, found: Flags) -> Runs:
    """All matches of a test set, in order. A run of k n-grams is a match of k + n - 1 words."""
    flags = found[test.inverse]
    border = np.zeros(len(flags) + 1, np.bool_)
    border[test.offsets] = True  # a run begins and ends here whatever is beyond
    before = np.concatenate([[False], flags])[: len(flags)] & ~border[:-1]
    after = np.concatenate([flags, [False]])[1:] & ~border[1:]
    first, last = np.flatnonzero(flags & ~before), np.flatnonzero(flags & ~after) + 1
    # NB: of the examples that begin at one place the last is meant: those before it have no n-grams.
    example = np.searchsorted(test.offsets, first, "right") - 1
    return Runs(example, first - test.offsets[example], last - test.offsets[example])


def longest_by_example(test: TestSet, runs: Runs) -> Counts:
    """The longest match of each example in n-grams: int64 [examples], 0 for none."""
    longest = np.zeros(len(test.examples), np.int64)
    np.maximum.at(longest, runs.example, runs.last - runs.first)
    return longest


def examples_above(hits: Counts, ngrams: Counts) -> list[int]:
    """How many examples have more than 0, 1, … 99 per cent of their n-grams found: int [100]. In integers: 0.07 * 100 is above 7."""
    some = ngrams > 0
    exceeded = (100 * hits[some] - 1) // ngrams[some]  # the largest whole percentage that is exceeded, -1 for none
    return [int((exceeded >= limit).sum()) for limit in range(100)]
