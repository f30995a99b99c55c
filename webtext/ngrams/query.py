"""Queries of a release: which parts of a text its corpus has, and how often it wrongly claims random strings."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from webtext.core.splitmix import splitmix64
from webtext.ngrams.exact import Exact
from webtext.ngrams.filters import Filters
from webtext.ngrams.normalise import ngram_hashes, scan

_SYMBOLS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz012345", np.uint8)
_BLOCK = 2**20


class Match(NamedTuple):
    """Words `first` to `last` - 1 of a text, of which each n-gram is in the corpus, as written; in the UTF-8 of the text's normal
    form C they go from byte `start` to `end` - 1."""

    first: int
    last: int
    start: int
    end: int
    text: str


class Answer(NamedTuple):
    """The answer for a text: its words and n-grams, how many of these are in the corpus, and where."""

    words: int
    ngrams: int
    found: int
    matches: list[Match]


def query(filters: Filters | Exact, text: str) -> Answer:
    """Query a release for a text.

    >>> query(Filters.open(Path("ngrams")), "He said: it was the best of times, it was the worst.").matches
    [Match(first=2, last=11, start=9, end=45, text='it was the best of times, it was the')]
    """
    scanned = scan(text, filters.words)
    found = filters.contains(scanned.hashes)
    matches = [
        Match(first, last, int(scanned.starts[first]), int(scanned.ends[last - 1]), scanned.text(first, last - 1))
        for first, last in merge_hits(found, filters.words)
    ]
    return Answer(len(scanned.starts), len(found), int(found.sum()), matches)


def merge_hits(found: NDArray[np.bool_], words: int) -> list[tuple[int, int]]:
    """The maximal runs of n-grams that are all found, as ranges of words (the last one excluded).

    >>> covered(np.array([False, True, True, False, True]), 8)
    [(1, 10), (4, 12)]
    """
    edges = np.flatnonzero(np.diff(found.astype(np.int8), prepend=0, append=0))
    return [(int(first), int(last) + words - 1) for first, last in edges.reshape(-1, 2)]


def probe(filters: Filters, probes: int) -> int:
    """How many of `probes` random strings the filters claim, wrongly: nobody ever wrote them.

    A string is as many words as an n-gram has, each of 8 letters and digits drawn by SplitMix64 from a counter; every n-gram of an
    endless text of such words is one.
    """
    hits = 0
    for first in range(0, probes, _BLOCK):
        count = min(_BLOCK, probes - first)
        hashes, _ = ngram_hashes(_random_words(first, count + filters.words - 1), filters.words)
        hits += int(filters.contains(hashes).sum())
    return hits


def _random_words(first: int, words: int) -> str:
    """Words `first`, `first` + 1, … of an endless text, each 8 of 32 symbols taken from 40 bits of a mixed counter."""
    state = splitmix64(np.arange(first + 1, first + words + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    letters = np.full((words, 9), ord(" "), np.uint8)
    for letter in range(8):
        letters[:, letter] = _SYMBOLS[(state >> np.uint64(5 * letter)) & np.uint64(31)]
    return letters.tobytes().decode("ascii")


def upper_limit(hits: int, trials: int, confidence: float = 0.95) -> float:
    """The largest rate at which so few hits in so many trials would still be seen with a probability of 1 - confidence (Poisson).

    No hit in a million strings, as in the paper, bounds the rate at 3 in a million:

    >>> upper_limit(0, 1_000_000)
    2.99573e-06
    """
    low, high = 0.0, 10.0 * (hits + 10)
    while high - low > 1e-9 * high:
        mean = (low + high) / 2
        log_terms = [count * math.log(mean) - mean - math.lgamma(count + 1) for count in range(hits + 1)]
        if sum(map(math.exp, log_terms)) > 1 - confidence:
            low = mean
        else:
            high = mean
    return min(1.0, float(f"{high / trials:.6g}"))
