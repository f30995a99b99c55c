"""Quotations of test sets in a document, and what is left of the document without them.

As in GPT-3 (Brown et al. 2020, appendix C): a quotation is removed with 200 characters on both sides, remaining pieces of less than 200
are removed too, and a document that falls into more than ten pieces is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from webtext.ngrams.normalise import ngram_hashes, scan
from webtext.ngrams.query import merge_hits
from webtext.overlap.edited_copies import Copy, EditedCopies, text_of
from webtext.overlap.hash_lookup import find_rows
from webtext.overlap.ngram_index import NgramIndex

MARGIN = 200  # removed around a quotation, and the shortest piece kept: bytes of UTF-8, which are GPT-3's characters in English
MAX_PIECES = 10  # more, and too little of the text is left in one piece (GPT-3's bound)
SEPARATOR = "\n\n"  # between two pieces: a paragraph break


class Quotation(NamedTuple):
    """A run of n-grams of test sets in a text: its words, where it starts and ends in the UTF-8 of the text's normal form C, the text, and
    its sources: of each test set with an n-gram of it, the name and the id of the example with most of them."""

    words: int
    start: int
    end: int
    text: str
    of: list[tuple[str, str]]


def quotations(text: str, sets: NgramIndex, search: EditedCopies | None = None, edits: float = 0.0) -> list[Quotation]:
    """The quotations of a text, in order; with a `search` also examples of which a share of at most `edits` was changed."""
    edited = [copy for copy in search.find(text) if copy.sufficient and copy.place.score >= 1 - edits] if search else []
    exact = _exact(text, sets)
    return sorted([*exact, *(_edited(text, copy, search) for copy in edited if search)], key=lambda each: (each.start, each.end, each.of))


def _edited(text: str, copy: Copy, search: EditedCopies) -> Quotation:
    test_set = search.index.sets[copy.set]
    return Quotation(copy.place.last - copy.place.first, *text_of(text, copy.place), [(test_set.name, test_set.ids[copy.example])])


def _exact(text: str, sets: NgramIndex) -> list[Quotation]:
    hashes, _ = ngram_hashes(text, sets.words)
    if not (find_rows(hashes, sets.lookup) >= 0).any():
        return []  # nearly all texts: they need no positions of words
    scanned = scan(text, sets.words)
    places = find_rows(scanned.hashes, sets.lookup)
    found = []
    for first, last in merge_hits(places >= 0, sets.words):
        rows = places[first : last - sets.words + 1]
        min_match_words = sets.min_match_words[rows]
        if last - first >= min_match_words[min_match_words > 0].min():
            start, end = int(scanned.starts[first]), int(scanned.ends[last - 1])
            found.append(Quotation(last - first, start, end, scanned.text(first, last - 1), _sources(sets, rows)))
    return found


def _sources(sets: NgramIndex, rows: np.ndarray) -> list[tuple[str, str]]:
    whose = []
    for column, name in enumerate(sets.names):
        examples = sets.example[rows, column][sets.min_match_words[rows, column] > 0]
        if len(examples):
            whose.append((name, sets.ids[column][int(np.bincount(examples).argmax())]))
    return whose


def cut_quotations(
    text: str, quoted: Iterable[Quotation], sets: NgramIndex, search: EditedCopies | None = None, edits: float = 0.0
) -> str | None:
    """A text without its quotations; None where the document is to be rejected."""
    pieces = remove_spans(text, quoted)
    left = SEPARATOR.join(pieces)
    # Words on both sides of a cut may make a new quotation: too rare for anything better than to reject the document.
    return left if 0 < len(pieces) <= MAX_PIECES and not quotations(left, sets, search, edits) else None


def remove_spans(text: str, quoted: Iterable[Quotation], around: int = MARGIN) -> list[str]:
    """The pieces of a text, in normal form C, without its quotations and `around` bytes on both sides of each; pieces shorter than
    `around` bytes are dropped.

    A piece begins and ends at a space or, where none is near, between two characters.
    """
    data = scan(text, 1).data
    pieces, at = [], 0
    for quotation in quoted:
        pieces.append(_trimmed(data[at : max(at, quotation.start - around)], head=at > 0, tail=True))
        at = max(at, quotation.end + around)  # an edited copy may lie in a longer one
    pieces.append(_trimmed(data[at:], head=at > 0, tail=False))
    return [piece.decode("utf-8", "surrogatepass") for piece in pieces if len(piece) >= around]


# 64 bytes: longer than any word of prose, so a run without a space is a script without spaces, a URL or data.
_HEAD = re.compile(rb"\S{0,64}\s|[\x80-\xbf]*")
_TAIL = re.compile(rb"\s\S{0,64}\Z|(?:[\xc0-\xff][\x80-\xbf]*)?\Z")


def _trimmed(piece: bytes, *, head: bool, tail: bool) -> bytes:
    """A piece without the word (or the UTF-8 character, where no space is near) that the cut may have split."""
    if head and (match := _HEAD.match(piece)):
        piece = piece[match.end() :]
    if tail and (match := _TAIL.search(piece, max(0, len(piece) - 66))):
        piece = piece[: match.start()]
    return piece.strip()
