"""Test sets by their n-grams: which n-gram is of which example, and how much of it is a quotation.

A single 8-gram in common is often a phrase that anyone may write ("at the end of the day it was"). So a quotation is a run of n-grams of
test sets that is so many words long at least (GPT-3 used 13: Brown et al. 2020, appendix C), or, where an example is shorter than that,
as long as the example.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from webtext.dedup.packed import Packed, writing_packed
from webtext.ngrams.normalise import Hashes, ngram_hashes
from webtext.ngrams.runs import sorted_distinct
from webtext.overlap.locate import Wanted, wanted
from webtext.overlap.readers import Example

WORDS = 8  # of an n-gram by which quotations are found
INDEXED = "n-grams of a test set"


class Indexed(NamedTuple):
    """A test set by its n-grams: `keys` uint64 [n-grams], sorted and distinct; for each of them `least` uint8, the words of the shortest
    quotation with it, and `example` int32, the first example that has it, an index into `ids`."""

    name: str
    ids: list[str]
    keys: Hashes
    least: NDArray[np.uint8]
    example: NDArray[np.int32]


def index_set(name: str, examples: Iterable[Example], least: int, words: int = WORDS) -> Indexed:
    """Index a test set; quotations have `least` words (at most 255) or are whole examples. Memory: some 50 bytes an n-gram."""
    return index_hashes(name, ((example.id, *ngram_hashes(example.text, words)) for example in examples), least, words)


def index_hashes(name: str, examples: Iterable[tuple[str, Hashes, int]], least: int, words: int = WORDS) -> Indexed:
    """Index a test set whose examples are given by id, hashes of n-grams and number of words."""
    ids, parts, lengths, counts = [], [np.empty(0, np.uint64)], [], []
    for id_, hashes, length in examples:
        ids.append(id_)
        parts.append(hashes)
        lengths.append(min(max(least, words), length))
        counts.append(len(hashes))
    keys, first, inverse = np.unique(np.concatenate(parts), return_index=True, return_inverse=True)
    shortest = np.full(len(keys), 255, np.uint8)
    np.minimum.at(shortest, inverse, np.repeat(np.array(lengths, np.uint8), counts))
    owner = np.repeat(np.arange(len(ids), dtype=np.int32), counts)
    return Indexed(name, ids, keys, shortest, owner[first])


def write_indexed(path: Path, indexed: Indexed) -> None:
    """Write an indexed test set as a packed file."""
    with writing_packed(path, INDEXED) as packed:
        packed.count = len(indexed.keys)
        packed.facts = {"name": indexed.name, "ids": indexed.ids}
        packed.add("keys", indexed.keys)
        packed.add("least", indexed.least)
        packed.add("example", indexed.example)


def read_indexed(path: Path) -> Indexed:
    """Read what `write_indexed` wrote."""
    packed = Packed(path, INDEXED)
    return Indexed(packed.facts["name"], packed.facts["ids"], packed.read("keys"), packed.read("least"), packed.read("example"))


class Sets(NamedTuple):
    """Several test sets. Of each n-gram (in the order of `search.keys`) and test set: `least` uint8 [n-grams, sets] as of `Indexed`,
    0 where the test set does not have it, and `example` int32 [n-grams, sets]."""

    names: list[str]
    ids: list[list[str]]
    words: int
    search: Wanted
    least: NDArray[np.uint8]
    example: NDArray[np.int32]


def join_sets(sets: Sequence[Indexed], words: int = WORDS) -> Sets:
    """Put test sets together to be looked for at once."""
    keys = sorted_distinct(indexed.keys for indexed in sets)
    least = np.zeros((len(keys), len(sets)), np.uint8)
    example = np.zeros((len(keys), len(sets)), np.int32)
    for column, indexed in enumerate(sets):
        rows = np.searchsorted(keys, indexed.keys)
        least[rows, column] = indexed.least
        example[rows, column] = indexed.example
    return Sets([indexed.name for indexed in sets], [indexed.ids for indexed in sets], words, wanted(keys), least, example)
