"""Keeping test sets out of a corpus: documents that quote one are dropped, or what they quote is cut out.

A single 8-gram in common is often a phrase that anyone may write ("at the end of the day it was"), so a quotation is a run of n-grams of
test sets, `LEAST` words long at least; GPT-3 (Brown et al. 2020, appendix C) used 13 words, cut 200 characters more on both sides, and
left out what remained of less than 200 characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from webtext.config import Benchmark
from webtext.ngrams.normalise import ngram_hashes, scan
from webtext.ngrams.query import covered
from webtext.ngrams.runs import sorted_distinct
from webtext.overlap.locate import Wanted, indices, wanted
from webtext.overlap.readers import read_examples

LEAST = 13
AROUND = 200


class Sets(NamedTuple):
    """The n-grams of test sets, and for each of them (in the order of `search.keys`) which test sets have it: bool [n-grams, names]."""

    names: list[str]
    words: int
    search: Wanted
    of: NDArray[np.bool_]


class Quotation(NamedTuple):
    """A run of n-grams of test sets in a text: its words, where it starts and ends in the UTF-8 of the text's normal form C, and the
    names of the test sets that have an n-gram of it."""

    words: int
    start: int
    end: int
    names: list[str]


def gather_sets(benchmarks: Sequence[Benchmark], words: int = 8) -> Sets:
    """Read test sets. Raises WebtextError as `read_examples`."""
    hashes = [sorted_distinct(ngram_hashes(example.text, words)[0] for example in read_examples(benchmark)) for benchmark in benchmarks]
    keys = sorted_distinct(hashes)
    of = np.zeros((len(keys), len(benchmarks)), np.bool_)
    for index, each in enumerate(hashes):
        of[np.searchsorted(keys, each), index] = True
    return Sets([benchmark.name for benchmark in benchmarks], words, wanted(keys), of)


def quotations(text: str, sets: Sets, least: int = LEAST) -> list[Quotation]:
    """The quotations of a text, in order."""
    hashes, _ = ngram_hashes(text, sets.words)
    if not (indices(hashes, sets.search) >= 0).any():
        return []
    scanned = scan(text, sets.words)
    places = indices(scanned.hashes, sets.search)
    found = []
    for first, last in covered(places >= 0, sets.words):
        if last - first >= least:
            whose = np.flatnonzero(sets.of[places[first : last - sets.words + 1]].any(axis=0))
            names = [sets.names[index] for index in whose.tolist()]
            found.append(Quotation(last - first, int(scanned.starts[first]), int(scanned.ends[last - 1]), names))
    return found


def without(text: str, quoted: Iterable[Quotation], around: int = AROUND) -> list[str]:
    """What is left of a text with quotations when these and `around` bytes on both sides are cut out: the pieces of at least as many bytes.

    A piece begins and ends at a space. A document that falls into many pieces had better be dropped (GPT-3: more than ten).
    """
    data = scan(text, 1).data
    pieces, at = [], 0
    for quotation in quoted:
        pieces.append(_trimmed(data[at : max(at, quotation.start - around)], head=at > 0, tail=True))
        at = quotation.end + around
    pieces.append(_trimmed(data[at:], head=at > 0, tail=False))
    return [piece.decode("utf-8", "surrogatepass") for piece in pieces if len(piece) >= around]


def _trimmed(piece: bytes, *, head: bool, tail: bool) -> bytes:
    """A piece without the word that the cut went through."""
    if head:
        piece = piece[piece.find(b" ") + 1 :] if b" " in piece else b""
    if tail:
        piece = piece[: max(piece.rfind(b" "), 0)]
    return piece.strip()
