"""Examples of test sets in a document, also where some of their words were changed, added or left out."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from webtext.ngrams.normalise import Hashes, ngram_hashes, scan
from webtext.overlap.part_index import PartIndex, Rarity, telling_seeds, weigh
from webtext.overlap.seed_kernels import align, band_of, candidates

LEAST_SCORE = 0.6  # less of a part is not looked at: the curve of the report begins here
LEAST_EVIDENCE = 14.0  # bits found that are needed: fewer may come together by chance in a corpus of this many paragraphs
LEAST_WORDS = 5  # that were found of a question, text or passage: four are a name
LEAST_ANSWER_WORDS = 13  # of an answer or of choices without their question: fewer are a phrase ("15 August 1945")
NEAR = 50  # words between a question and its answer in which the one says something about the other
_FAR = 2**40  # a diagonal that no document has


class Place(NamedTuple):
    """Where a part stands in a document: words `first` to `last` - 1, the share and the number of its bits, and how many of its words."""

    score: float
    bits: float
    first: int
    last: int
    words: int


class Copy(NamedTuple):
    """An example in a document: test set and example by number, the kind of the part that was found, its place, all bits that were
    found of the example there, and the words between that part and the answer, None where it is not near."""

    set: int
    example: int
    kind: str
    place: Place
    evidence: float
    answer_distance: int | None

    @property
    def sufficient(self) -> bool:
        """Whether so much does not come together by chance."""
        return self.evidence >= LEAST_EVIDENCE and self.place.words >= LEAST_WORDS


class EditedCopies:
    """Finds the examples of test sets. Memory: some 100 bytes a word of theirs."""

    def __init__(self, index: PartIndex, rarity: Rarity) -> None:
        self.index = index
        self._bits, own = weigh(index, rarity)
        self._total = np.add.reduceat(np.append(self._bits, 0.0), index.offsets[:-1]) if len(index.offsets) > 1 else np.empty(0)
        self._total[np.diff(index.offsets) == 0] = 0.0
        lookup, *places = telling_seeds(index, own, rarity)
        self._seeds = (*lookup, *places)
        self._done = np.full(len(index.offsets) - 1, _FAR, np.int64)
        self._found = np.empty((1024, 2), np.int64)
        self.examples_of: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
        self.parts_of: dict[tuple[int, int], list[tuple[str, int]]] = defaultdict(list)
        for number, (each, base) in enumerate(zip(index.sets, index.bases)):
            for example, kind, part in each.members:
                self.examples_of[base + part].append((number, example, kind))
                self.parts_of[number, example].append((kind, base + part))

    def judgeable(self, set_: int, example: int) -> bool:
        """Whether an example has enough to tell a copy from chance."""
        parts = [part for _, part in self.parts_of[set_, example]]
        words = max(self.index.offsets[part + 1] - self.index.offsets[part] for part in parts)
        return bool(sum(self._total[part] for part in parts) >= LEAST_EVIDENCE and words >= LEAST_WORDS)

    def find(self, text: str) -> list[Copy]:
        """The examples with at least LEAST_SCORE of a part in a text, one entry for each place of a part.

        An entry of less evidence than LEAST_EVIDENCE is no copy, but no reason to call the example clean either.
        """
        words, _ = ngram_hashes(text, 1)
        copies = []
        for part, diagonal in self._candidates(words):
            place = self._aligned(words, part, diagonal)
            for set_, example, kind in self.examples_of[part] if place.score >= LEAST_SCORE else ():
                if kind not in ("answer", "choices") or place.words >= LEAST_ANSWER_WORDS:
                    copies.append(self._copy(words, place, set_, example, kind, part))
        return copies

    def _candidates(self, words: Hashes) -> list[tuple[int, int]]:
        index = self.index
        while True:
            count = candidates(words, *self._seeds, index.part_of, index.offsets, index.words, self._done, self._found)
            if count <= len(self._found):
                found: list[tuple[int, int]] = self._found[:count].tolist()
                self._done[self._found[:count, 0]] = _FAR
                return found
            self._done[:] = _FAR
            self._found = np.empty((2 * count, 2), np.int64)

    def _aligned(self, words: Hashes, part: int, diagonal: int, band: int | None = None) -> Place:
        first, last = self.index.offsets[part : part + 2]
        band = band_of(last - first) if band is None else band
        bits, start, end, count = align(words, self.index.words[first:last], self._bits[first:last], diagonal, band)
        if not count:
            return Place(0.0, 0.0, 0, 0, 0)
        # Of the bits, so that the words that tell are there; and of the words, of the part and between the first and the last, so that a
        # name that a question is about ("who is the first prime minister of France") is not the question: its two first words count twice.
        named = np.argmax(self.index.words[first:last] == words[start]) >= 2
        score = min(bits / self._total[part], (count - named) / max(last - first, end - start))
        return Place(round(float(score), 6), float(bits), int(start), int(end), int(count))

    def _copy(self, words: Hashes, place: Place, set_: int, example: int, kind: str, part: int) -> Copy:
        """With what stands of the example's other parts around the place."""
        evidence, distance = place.bits, None
        for other_kind, other in self.parts_of[set_, example]:
            if other == part:
                continue
            near = self._nearby(words, place, other)
            if near is not None:
                evidence += near.bits
                if other_kind == "answer":
                    distance = max(0, near.first - place.last, place.first - near.last)
        return Copy(set_, example, kind, place, evidence, distance)

    def _nearby(self, words: Hashes, place: Place, part: int) -> Place | None:
        """The best place of a part around another, by its rarest word."""
        first, last = self.index.offsets[part : part + 2]
        if first == last:
            return None
        rarest = int(np.argmax(self._bits[first:last]))
        begin = max(0, place.first - NEAR)
        window = words[begin : place.last + NEAR]
        places = [self._aligned(words, part, begin + int(at) - rarest) for at in np.flatnonzero(window == self.index.words[first + rarest])]
        return max((each for each in places if each.score >= LEAST_SCORE), key=lambda each: each.score, default=None)


def text_of(text: str, place: Place) -> tuple[int, int, str]:
    """The bytes of a place in the UTF-8 of a text in normal form C, and what stands there."""
    scanned = scan(text, 1)
    return int(scanned.starts[place.first]), int(scanned.ends[place.last - 1]), scanned.text(place.first, place.last - 1)
