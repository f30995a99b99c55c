"""The preset `gopher`: quality and repetition filters of MassiveText.

Rae et al. 2021, "Scaling language models: methods, analysis & insights from training Gopher", appendix A.1.1 and table A1. Words are
what white space divides. The table's two rules for paragraphs are those for lines here, since a line is a paragraph.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from webtext.clean.rules import Draft, repeated_lines
from webtext.core.config import CleanSection
from webtext.core.errors import Rejected

_Integers = npt.NDArray[np.int64]

TOP_FROM, DUPLICATE_FROM = 2, 5  # lengths of the shortest n-gram of the two rules; their thresholds are listed from there on
_ELLIPSIS = re.compile(r"\.\.\.|…")
_ENDS_IN_ELLIPSIS = re.compile(r"(?:\.\.\.|…)$", re.MULTILINE)
_BULLET = re.compile(r"^ *(?:[•‣⁃◦▪▫●○■□*·]|[-–—](?= ))", re.MULTILINE)
_STOP_WORD = re.compile(r"\b(?:the|be|to|of|and|that|have|with)\b", re.IGNORECASE)


def word_count(draft: Draft, section: CleanSection) -> str:
    """A text of fewer than `gopher_min_words` or more than `gopher_max_words` words is rejected."""
    count = len(draft.text.split())
    if not section.gopher_min_words <= count <= section.gopher_max_words:
        raise Rejected("word-count", f"{count} words")
    return draft.text


def mean_word_length(draft: Draft, section: CleanSection) -> str:
    """A text whose words have fewer than `gopher_min_word_length` or more than `gopher_max_word_length` letters on average is rejected."""
    words = draft.text.split()
    mean = sum(map(len, words)) / max(1, len(words))
    if not section.gopher_min_word_length <= mean <= section.gopher_max_word_length:
        raise Rejected("mean-word-length", f"{mean:.2f}")
    return draft.text


def symbol_to_word_ratio(draft: Draft, section: CleanSection) -> str:
    """A text with more than `gopher_max_symbols` hash signs a word, or as many ellipses, is rejected."""
    words = max(1, len(draft.text.split()))
    for name, count in (("#", draft.text.count("#")), ("…", len(_ELLIPSIS.findall(draft.text)))):
        if count / words > section.gopher_max_symbols:
            raise Rejected("symbol-to-word-ratio", f"{name} {count / words:.2f}")
    return draft.text


def bullet_lines(draft: Draft, section: CleanSection) -> str:
    """A text of which more than `gopher_max_bullet_lines` of the lines begin with a bullet is rejected."""
    return _at_most(draft, "bullet-lines", len(_BULLET.findall(draft.text)), section.gopher_max_bullet_lines)


def ellipsis_lines(draft: Draft, section: CleanSection) -> str:
    """A text of which more than `gopher_max_ellipsis_lines` of the lines end in an ellipsis is rejected."""
    return _at_most(draft, "ellipsis-lines", len(_ENDS_IN_ELLIPSIS.findall(draft.text)), section.gopher_max_ellipsis_lines)


def _at_most(draft: Draft, name: str, count: int, threshold: float) -> str:
    share = count / (draft.text.count("\n") + 1)
    if share > threshold:
        raise Rejected(name, f"{share:.2f}")
    return draft.text


def alphabetic_words(draft: Draft, section: CleanSection) -> str:
    """A text of which fewer than `gopher_min_alphabetic_words` of the words have a letter is rejected."""
    words = draft.text.split()
    share = sum(word.isalpha() or any(map(str.isalpha, word)) for word in words) / max(1, len(words))
    if share < section.gopher_min_alphabetic_words:
        raise Rejected("alphabetic-words", f"{share:.2f}")
    return draft.text


def stop_words(draft: Draft, section: CleanSection) -> str:
    """A text with fewer than `gopher_min_stop_words` different words out of eight frequent English ones is rejected."""
    found: set[str] = set()
    for match in _STOP_WORD.finditer(draft.text):
        if len(found) >= section.gopher_min_stop_words:
            return draft.text
        found.add(match[0].lower())
    if len(found) < section.gopher_min_stop_words:
        raise Rejected("stop-words", " ".join(sorted(found)))
    return draft.text


def duplicate_line_fraction(draft: Draft, section: CleanSection) -> str:
    """A text of which more than `gopher_max_duplicate_lines` of the lines were there before is rejected."""
    share, _ = repeated_lines(draft.text)
    if share > section.gopher_max_duplicate_lines:
        raise Rejected("duplicate-line-fraction", f"{share:.2f}")
    return draft.text


def duplicate_line_character_fraction(draft: Draft, section: CleanSection) -> str:
    """A text of which more than `gopher_max_duplicate_line_characters` stands in lines seen earlier in the text is rejected."""
    _, share = repeated_lines(draft.text)
    if share > section.gopher_max_duplicate_line_characters:
        raise Rejected("duplicate-line-character-fraction", f"{share:.2f}")
    return draft.text


def top_n_gram_character_fraction(draft: Draft, section: CleanSection) -> str:
    """A text of which an n-gram that is there most often, and twice at least, makes up more than `gopher_max_top_n_grams` is rejected."""
    grams = NGrams(draft.text)
    for n, threshold in enumerate(section.gopher_max_top_n_grams, TOP_FROM):
        share = grams.top(n)
        if share > threshold:
            raise Rejected("top-n-gram-character-fraction", f"{n} words {share:.2f}")
    return draft.text


def duplicate_n_gram_character_fraction(draft: Draft, section: CleanSection) -> str:
    """A text of which n-grams seen earlier in the text make up more than `gopher_max_duplicate_n_grams` is rejected.

    A character in two of them counts once.
    """
    grams = NGrams(draft.text)
    for n, threshold in enumerate(section.gopher_max_duplicate_n_grams, DUPLICATE_FROM):
        share = grams.repeated(n)
        if share > threshold:
            raise Rejected("duplicate-n-gram-character-fraction", f"{n} words {share:.2f}")
    return draft.text


class NGrams:
    """The n-grams of a text that are there more than once, for n that grows from call to call.

    Shares are of the characters without white space. Only where an n-gram is there twice can one that is a word longer be, so little is
    left to compare after a few steps.
    """

    def __init__(self, text: str) -> None:
        known: dict[str, int] = {}
        words = text.split()
        self._words = np.fromiter((known.setdefault(word, len(known)) for word in words), np.int64, len(words))
        self._ends = np.concatenate([[0], np.cumsum(np.fromiter(map(len, words), np.int64, len(words)))])
        self._n = 1
        self._keep(np.arange(len(words)), self._words, np.bincount(self._words))

    def _keep(self, at: _Integers, ids: _Integers, counts: _Integers) -> None:
        """Hold on to the n-grams that are there more than once: the words at which they begin, ascending, and a new number for each.

        For each number: how often it is there, and the first of its places in `at`.
        """
        again = counts > 1
        here = again[ids]
        self._at, self._counts = at[here], counts[again]
        self._ids = (np.cumsum(again) - 1)[ids[here]]
        self._first = np.zeros(len(self._counts), np.int64)
        self._first[self._ids[::-1]] = np.arange(len(self._ids))[::-1]

    def _grow(self, n: int) -> None:
        while self._n < n:
            fits = self._at + self._n < len(self._words)
            at = self._at[fits]
            keys = self._ids[fits] * len(self._words) + self._words[at + self._n]
            _, ids, counts = np.unique(keys, return_inverse=True, return_counts=True)
            self._keep(at, ids, counts)
            self._n += 1

    def top(self, n: int) -> float:
        """Share that the most frequent n-gram makes up, of several the longest; 0 where none is there twice."""
        self._grow(n)
        if not len(self._counts):
            return 0.0
        most = self._counts.max()
        starts = self._at[self._first[self._counts == most]]
        return float((self._ends[starts + n] - self._ends[starts]).max() * most / self._ends[-1])

    def repeated(self, n: int) -> float:
        """Share of the text that n-grams seen earlier in it cover."""
        self._grow(n)
        starts = np.delete(self._at, self._first)
        # A stretch ends where the next begins, if that comes first.
        ends = np.minimum(starts + n, np.append(starts[1:], len(self._words)))
        return float((self._ends[ends] - self._ends[starts]).sum() / max(1, self._ends[-1]))


QUALITY = (word_count, mean_word_length, symbol_to_word_ratio, bullet_lines, ellipsis_lines, alphabetic_words, stop_words)
REPETITION = (
    duplicate_line_fraction,
    duplicate_line_character_fraction,
    top_n_gram_character_fraction,
    duplicate_n_gram_character_fraction,
)
RULES = (*QUALITY, *REPETITION)
