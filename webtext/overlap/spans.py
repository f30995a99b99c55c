"""The matches worth showing: the examples with the longest, with the text around them and the documents that have them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from webtext.ngrams.normalise import Scan
from webtext.overlap.measure import Flags, Runs, TestSet

AROUND = 40  # words shown before and after a match
SHOWN = 120  # words of a match shown from its beginning; of a longer one, the end too


def longest_examples(test: TestSet, runs: Runs, count: int) -> list[int]:
    """The runs to show, at most one an example and one of each text: the longest first, then in the order of the test set."""
    order = np.lexsort((runs.first, runs.example, runs.first - runs.last))
    chosen: list[int] = []
    examples: set[int] = set()
    texts: set[bytes] = set()
    for run in order.tolist():
        if len(chosen) == count:
            break
        example = int(runs.example[run])
        text = test.scans[example].hashes[runs.first[run] : runs.last[run]].tobytes()
        if example not in examples and text not in texts:
            chosen.append(run)
            examples.add(example)
            texts.add(text)
    return chosen


def shown(test: TestSet, runs: Runs, run: int, found: Flags, words: int) -> dict[str, Any]:
    """A match as the report has it: its example, its text, and `pieces`, the text around it parted into what matches and what does not."""
    example = int(runs.example[run])
    scanned = test.scans[example]
    first, last = int(runs.first[run]), int(runs.last[run]) + words - 1
    flags = found[test.inverse[test.offsets[example] : test.offsets[example + 1]]]
    return {
        "example": test.examples[example].id,
        "words": last - first,
        "ngrams_of_example": len(flags),
        "found_of_example": int(flags.sum()),
        "text": scanned.text(first, last - 1),
        "pieces": pieces(scanned, marked_words(flags, len(scanned.starts), words), first, last),
        "hashes": scanned.hashes[runs.first[run] : runs.last[run]].tolist(),
    }


def marked_words(flags: Flags, count: int, words: int) -> Flags:
    """Which words are in an n-gram that was found: bool [words of the text]."""
    steps = np.zeros(count + 1, np.int64)
    np.add.at(steps, np.flatnonzero(flags), 1)
    np.add.at(steps, np.flatnonzero(flags) + words, -1)
    return np.cumsum(steps)[:count] > 0


def pieces(scanned: Scan, marked: Flags, first: int, last: int) -> list[dict[str, Any]]:
    """The text from AROUND words before a match (words `first` to `last` - 1) to as many behind, in pieces that are marked or not.

    The middle of a match of more than SHOWN words is left out; a piece `{"left_out": words}` stands for it.
    """
    begin, end = max(0, first - AROUND), min(len(marked), last + AROUND)
    if last - first <= SHOWN + AROUND:
        return [*_ellipsis(begin > 0), *_pieces(scanned, marked, begin, end), *_ellipsis(end < len(marked))]
    cut, again = first + SHOWN, last - AROUND
    return [
        *_ellipsis(begin > 0),
        *_pieces(scanned, marked, begin, cut),
        {"left_out": again - cut},
        *_pieces(scanned, marked, again, end),
        *_ellipsis(end < len(marked)),
    ]


def _ellipsis(there: bool) -> list[dict[str, Any]]:
    return [{"text": "…", "marked": False}] if there else []


def _pieces(scanned: Scan, marked: Flags, begin: int, end: int) -> Iterable[dict[str, Any]]:
    """Words `begin` to `end` - 1 with what is between them; what is between two marked words is marked."""
    changes = np.flatnonzero(np.diff(marked[begin:end].astype(np.int8))) + begin + 1
    edges = [begin, *changes.tolist(), end]
    for first, last in pairwise(edges):
        if marked[first]:
            yield {"text": scanned.text(first, last - 1), "marked": True}
            continue
        start = scanned.ends[first - 1] if first > begin else scanned.starts[first]
        stop = scanned.starts[last] if last < end else scanned.ends[last - 1]
        yield {"text": scanned.data[start:stop].decode("utf-8", "replace"), "marked": False}
