"""The parts of examples (question, choices, answer, passage) by their seeds, weighted by how rare they are.

A seed is three words in a row. What many documents or many examples share ("which of the following is", a licence, an enacting clause) says
nothing about contamination, so a word counts by the rarest seed it is in, and by how few documents have the word itself:

    bits of a word = log2((documents + 1,000) / (documents with it + 0.5)), from 1 to 6, x how little its seeds are shared (0.05 to 1)

The 1,000 documents stand for all others: of a handful alone nothing could be said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from webtext.dedup.arrow_files import ArrowFile, writing_arrow
from webtext.ngrams.normalise import Hashes, ngram_hashes
from webtext.overlap.hash_lookup import HashLookup, build_lookup, find_rows
from webtext.overlap.readers import Example
from webtext.overlap.seed_kernels import SEED_WORDS, count_rows, seeds_of

LEAST_BITS, MOST_BITS = 1.0, 6.0  # so the one rare name in a question cannot be all of it, and "the" is not nothing
OTHER_DOCUMENTS = 1000
SHARED_DOCUMENTS = 1000  # a seed in one of so many documents, and in 8, belongs to nobody
SHARED_PARTS = 100  # so does one in one of so many parts of a test set
SHARED_LEAST = 8
LEAST_FACTOR = 0.05  # of a word in shared phrases alone: nothing by itself, but still a word of the part where the rest of it stands
LEAST_WORDS = 4  # a shorter part is looked for only where another of its example stands
COUNTED_ALL, COUNTED_EVERY = 1000, 8  # all of a shard's first documents are counted, of the others one in 8: enough for a share
PARTS = "parts of a test set"
COUNTS = "documents with each seed"

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Member(NamedTuple):
    """That part `part` is of kind `kind` in example `example`."""

    example: int
    kind: str
    part: int


class PartSet(NamedTuple):
    """The different parts of a test set: `words` uint64 [words of all parts], part p has `offsets[p]` to `offsets[p + 1]` - 1."""

    name: str
    ids: list[str]
    members: list[Member]
    words: Hashes
    offsets: Ints


def index_parts(name: str, examples: Iterable[Example]) -> PartSet:
    """Hash the parts of a test set; a text that several examples share, as a passage, is one part."""
    ids, members, number = [], [], dict[str, int]()
    words, lengths = [np.empty(0, np.uint64)], [0]
    for index, example in enumerate(examples):
        ids.append(example.id)
        for kind, text in example.parts or (("text", example.text),):
            if text not in number:
                number[text] = len(number)
                words.append(ngram_hashes(text, 1)[0])
                lengths.append(len(words[-1]))
            members.append(Member(index, kind, number[text]))
    return PartSet(name, ids, members, np.concatenate(words), np.cumsum(lengths))


def write_parts(path: Path, parts: PartSet) -> None:
    """Write an indexed test set as an Arrow file."""
    facts = {"name": parts.name, "ids": parts.ids, "members": [[*member] for member in parts.members], "offsets": parts.offsets.tolist()}
    with writing_arrow(path, PARTS, **facts) as output:
        output.write({"word": parts.words})


def read_parts(path: Path) -> PartSet:
    """Read what `write_parts` wrote."""
    file = ArrowFile(path, PARTS)
    members = [Member(*member) for member in file.facts["members"]]
    return PartSet(file.facts["name"], file.facts["ids"], members, file.read("word"), np.array(file.facts["offsets"], np.int64))


class PartIndex:
    """Several test sets. Of all their parts, numbered on: `words`, `offsets` and `part_of` int64 [words]; `seeds` uint64 [different seeds],
    sorted, of which seed s is at words `seed_at[seed_starts[s]:seed_starts[s + 1]]`; and `vocabulary`, their different words, sorted."""

    def __init__(self, sets: Sequence[PartSet]) -> None:
        self.sets = sets
        self.words: Hashes = np.concatenate([np.empty(0, np.uint64), *(each.words for each in sets)])
        lengths = np.concatenate([np.empty(0, np.int64), *(np.diff(each.offsets) for each in sets)])
        self.offsets: Ints = np.concatenate([[0], np.cumsum(lengths)])
        self.bases = np.cumsum([0, *(len(each.offsets) - 1 for each in sets)]).tolist()
        self.part_of = np.repeat(np.arange(len(lengths)), lengths)
        starts = np.flatnonzero(np.arange(len(self.words)) + SEED_WORDS <= self.offsets[1:][self.part_of])
        hashes = seeds_of(self.words)[starts]
        order = np.argsort(hashes, kind="stable")
        self.seed_at: Ints = starts[order]
        self.seeds, first = np.unique(hashes[order], return_index=True)
        self.seed_starts: Ints = np.append(first, len(order))
        self.vocabulary, self.word_ids = np.unique(self.words, return_inverse=True)


class Rarity(NamedTuple):
    """In how many of `documents` each seed and each word of an index is: int64 [seeds], int64 [vocabulary]."""

    documents: int
    seeds: Ints
    words: Ints


class RarityCounter:
    """Counts the documents of a shard, one by one. Memory: 20 bytes a seed of the test sets, whatever the corpus."""

    def __init__(self, index: PartIndex) -> None:
        tables = (index.seeds, index.vocabulary)
        self._tables = [(build_lookup(keys), np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)) for keys in tables]
        self._rows = self._documents = 0

    def add(self, text: str) -> None:
        self._rows += 1
        if self._rows > COUNTED_ALL and self._rows % COUNTED_EVERY:
            return
        self._documents += 1
        words, _ = ngram_hashes(text, 1)
        for hashes, (lookup, counts, last) in zip((seeds_of(words), words), self._tables):
            count_rows(find_rows(hashes, lookup), self._documents, counts, last)

    @property
    def rarity(self) -> Rarity:
        return Rarity(self._documents, self._tables[0][1], self._tables[1][1])


def write_rarity(path: Path, rarity: Rarity) -> None:
    """Write counts as an Arrow file: those of the seeds, then those of the words."""
    with writing_arrow(path, COUNTS, documents=rarity.documents, seeds=len(rarity.seeds)) as output:
        output.write({"documents": np.concatenate([rarity.seeds, rarity.words])})


def sum_rarity(paths: Iterable[Path]) -> Rarity:
    """The sum of what `write_rarity` wrote for shards of a corpus."""
    documents, total, seeds = 0, np.zeros(1, np.int64), 0
    for path in paths:
        file = ArrowFile(path, COUNTS)
        documents, seeds, total = documents + file.facts["documents"], file.facts["seeds"], total + file.read("documents")
    return Rarity(documents, total[:seeds], total[seeds:])


def weigh(index: PartIndex, rarity: Rarity) -> tuple[Floats, Floats]:
    """The bits of each word of the parts, float64 [words], and how little each seed is shared, float64 [seeds]: 1 not at all, 0 by many."""
    documents = np.float64(rarity.documents + OTHER_DOCUMENTS)
    word_bits = np.clip(np.log2(documents / (rarity.words + 0.5)), LEAST_BITS, MOST_BITS)
    parts = _unshared(np.diff(index.seed_starts), max(SHARED_LEAST, (len(index.offsets) - 1) / SHARED_PARTS))
    own = parts * _unshared(rarity.seeds, max(SHARED_LEAST, rarity.documents / SHARED_DOCUMENTS))
    factor = np.zeros(len(index.words) + SEED_WORDS)
    factor[index.seed_at] = np.repeat(own, np.diff(index.seed_starts))
    # A word counts by the best of the seeds that it is the first, second or third word of; beyond a part no seed begins.
    best = np.maximum(factor[: len(index.words)], np.maximum(np.roll(factor, 1), np.roll(factor, 2))[: len(index.words)])
    short = np.diff(index.offsets)[index.part_of] < SEED_WORDS
    factor_of_word = np.where(short, 1.0, np.maximum(best, LEAST_FACTOR))
    return word_bits[index.word_ids] * factor_of_word, own


def _unshared(counts: Ints, many: float) -> Floats:
    unshared: Floats = np.clip(1 - np.log(np.maximum(counts, 1)) / np.log(many), 0, 1)
    return unshared


def telling_seeds(index: PartIndex, own: Floats, rarity: Rarity) -> tuple[HashLookup, Ints, Ints]:
    """The seeds by which parts are found: the rarest 16 of a part, or 40 % of them, without those that many share.

    A copy has most of them even where each tenth word was changed, and the others only cost time: most of what a document has in common
    with a test set is common. Row r of the lookup is at words `at[starts[r]:starts[r + 1]]`, the other two.
    """
    lengths = np.diff(index.seed_starts)
    part = index.part_of[index.seed_at]
    order = np.lexsort((np.repeat(rarity.seeds + lengths, lengths), part))
    rank = np.empty(len(order), np.int64)
    size = np.diff(index.offsets)
    first = np.searchsorted(part[order], np.arange(len(size)))
    rank[order] = np.arange(len(order)) - first[part[order]]
    kept = (rank < np.maximum(16, 0.4 * size[part])) & (np.repeat(own, lengths) > 0) & (size[part] >= LEAST_WORDS)
    number = np.repeat(np.arange(len(lengths)), lengths)[kept]
    rows, starts = np.unique(number, return_index=True)
    return build_lookup(index.seeds[rows]), np.append(starts, len(number)), index.seed_at[kept]
