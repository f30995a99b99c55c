"""Quotations of test sets in a document, and what is left of the document without them.

As GPT-3 did it (Brown et al. 2020, appendix C): with a quotation go 200 characters more on both sides, what remains in pieces of less
than 200 is left out, and a document that falls into more than ten pieces is left out altogether.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from webtext.ngrams.normalise import ngram_hashes, scan
from webtext.ngrams.query import covered
from webtext.overlap.locate import indices
from webtext.overlap.testsets import Sets

AROUND = 200  # bytes of UTF-8
MOST_PIECES = 10
PARTED = "\n\n"  # between two pieces


class Quotation(NamedTuple):
    """A run of n-grams of test sets in a text: its words, where it starts and ends in the UTF-8 of the text's normal form C, the text, and
    whose it is: of each test set that has an n-gram of it, name and the id of the example that has most of them."""

    words: int
    start: int
    end: int
    text: str
    of: list[tuple[str, str]]


def quotations(text: str, sets: Sets) -> list[Quotation]:
    """The quotations of a text, in order."""
    hashes, _ = ngram_hashes(text, sets.words)
    if not (indices(hashes, sets.search) >= 0).any():
        return []  # nearly all texts, and these are spared the places of their words
    scanned = scan(text, sets.words)
    places = indices(scanned.hashes, sets.search)
    found = []
    for first, last in covered(places >= 0, sets.words):
        rows = places[first : last - sets.words + 1]
        least = sets.least[rows]
        if last - first >= least[least > 0].min():
            start, end = int(scanned.starts[first]), int(scanned.ends[last - 1])
            found.append(Quotation(last - first, start, end, scanned.text(first, last - 1), _whose(sets, rows)))
    return found


def _whose(sets: Sets, rows: np.ndarray) -> list[tuple[str, str]]:
    whose = []
    for column, name in enumerate(sets.names):
        examples = sets.example[rows, column][sets.least[rows, column] > 0]
        if len(examples):
            whose.append((name, sets.ids[column][int(np.bincount(examples).argmax())]))
    return whose


def cut(text: str, quoted: Iterable[Quotation], sets: Sets) -> str | None:
    """A text without its quotations; None where nothing worth keeping is left."""
    pieces = without(text, quoted)
    left = PARTED.join(pieces)
    # Where two pieces meet, words of the one and the other may make a quotation: too rare for more care than to drop the document.
    return left if 0 < len(pieces) <= MOST_PIECES and not quotations(left, sets) else None


def without(text: str, quoted: Iterable[Quotation], around: int = AROUND) -> list[str]:
    """The pieces of a text, in normal form C, that are left without its quotations and `around` bytes on both sides of each. Shorter pieces
    than that are left out.

    A piece begins and ends at a space, or where there is none near, between two characters.
    """
    data = scan(text, 1).data
    pieces, at = [], 0
    for quotation in quoted:
        pieces.append(_trimmed(data[at : max(at, quotation.start - around)], head=at > 0, tail=True))
        at = quotation.end + around
    pieces.append(_trimmed(data[at:], head=at > 0, tail=False))
    return [piece.decode("utf-8", "surrogatepass") for piece in pieces if len(piece) >= around]


_HEAD = re.compile(rb"\S{0,64}\s|[\x80-\xbf]*")
_TAIL = re.compile(rb"\s\S{0,64}\Z|(?:[\xc0-\xff][\x80-\xbf]*)?\Z")


def _trimmed(piece: bytes, *, head: bool, tail: bool) -> bytes:
    """A piece without the word, or in a script without spaces the character, that the cut may have gone through."""
    if head and (match := _HEAD.match(piece)):
        piece = piece[match.end() :]
    if tail and (match := _TAIL.search(piece, max(0, len(piece) - 66))):
        piece = piece[: match.start()]
    return piece.strip()
