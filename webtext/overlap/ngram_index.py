"""Test sets by their n-grams: the example that each n-gram is from, and how long a match with it must be to count as a quotation.

A single 8-gram in common is often a phrase that anyone may write ("at the end of the day it was"). So a quotation is a run of n-grams of
test sets with a minimum number of words (GPT-3 used 13: Brown et al. 2020, appendix C), or, where an example is shorter,
all of the example.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from webtext.dedup.arrow_files import ArrowFile, writing_arrow
from webtext.ngrams.normalise import Hashes, ngram_hashes
from webtext.ngrams.runs import sorted_distinct
from webtext.overlap.hash_lookup import HashLookup, build_lookup
from webtext.overlap.readers import Example

WORDS = 8  # of an n-gram by which quotations are found, as in the filters; shorter than any quotation, so none is missed
INDEXED = "n-grams of a test set"


class IndexedTestSet(NamedTuple):
    """A test set by its n-grams: `keys` uint64 [n-grams], sorted and distinct; for each of them `min_match_words` uint8, the words of the
    shortest quotation with it, and `example` int32, the first example that has it, an index into `ids`."""

    name: str
    ids: list[str]
    keys: Hashes
    min_match_words: NDArray[np.uint8]
    example: NDArray[np.int32]


def index_set(name: str, examples: Iterable[Example], min_match_words: int, words: int = WORDS) -> IndexedTestSet:
    """Index a test set; quotations have `min_match_words` words (at most 255) or are whole examples. Memory: some 50 bytes an n-gram."""
    return index_hashes(name, ((example.id, *ngram_hashes(example.text, words)) for example in examples), min_match_words, words)


def index_hashes(name: str, examples: Iterable[tuple[str, Hashes, int]], min_match_words: int, words: int = WORDS) -> IndexedTestSet:
    """Index a test set whose examples are given by id, hashes of n-grams and number of words."""
    ids, parts, lengths, counts = [], [np.empty(0, np.uint64)], [], []
    for id_, hashes, length in examples:
        ids.append(id_)
        parts.append(hashes)
        lengths.append(min(max(min_match_words, words), length))
        counts.append(len(hashes))
    keys, first, inverse = np.unique(np.concatenate(parts), return_index=True, return_inverse=True)
    shortest = np.full(len(keys), 255, np.uint8)
    np.minimum.at(shortest, inverse, np.repeat(np.array(lengths, np.uint8), counts))
    owner = np.repeat(np.arange(len(ids), dtype=np.int32), counts)
    return IndexedTestSet(name, ids, keys, shortest, owner[first])


def write_indexed(path: Path, indexed: IndexedTestSet) -> None:
    """Write an indexed test set as an Arrow file."""
    with writing_arrow(path, INDEXED, name=indexed.name, ids=indexed.ids) as output:
        output.write({"key": indexed.keys, "min_match_words": indexed.min_match_words, "example": indexed.example})


def read_indexed(path: Path) -> IndexedTestSet:
    """Read what `write_indexed` wrote."""
    file = ArrowFile(path, INDEXED)
    return IndexedTestSet(file.facts["name"], file.facts["ids"], *(file.read(name) for name in ("key", "min_match_words", "example")))


class NgramIndex(NamedTuple):
    """Several test sets. Of each n-gram (in the order of `lookup.keys`) and test set: `min_match_words` uint8 [n-grams, sets] as of
    `Indexed`, 0 where the test set does not have it, and `example` int32 [n-grams, sets]."""

    names: list[str]
    ids: list[list[str]]
    words: int
    lookup: HashLookup
    min_match_words: NDArray[np.uint8]
    example: NDArray[np.int32]


def join_sets(sets: Sequence[IndexedTestSet], words: int = WORDS) -> NgramIndex:
    """Join test sets, to look for all of them in one pass."""
    keys = sorted_distinct(indexed.keys for indexed in sets)
    min_match_words = np.zeros((len(keys), len(sets)), np.uint8)
    example = np.zeros((len(keys), len(sets)), np.int32)
    for column, indexed in enumerate(sets):
        rows = np.searchsorted(keys, indexed.keys)
        min_match_words[rows, column] = indexed.min_match_words
        example[rows, column] = indexed.example
    return NgramIndex(
        [indexed.name for indexed in sets], [indexed.ids for indexed in sets], words, build_lookup(keys), min_match_words, example
    )
