"""Text to words to hashes of n-grams, in one pass over the bytes. `webtext.dedup.shingles` cuts texts into the same words.

The paper normalised its texts "to contain lower-cased alphanumeric words with a single space as a delimiter" (appendix 8.2). For
all of Unicode that is defined here, as VERSION 2:

* The text is taken in normal form KC: é however it was typed, the ligature ﬁ as fi, full-width Ａ and superscript ² as A and 2.
* A word is a run of letters and numbers (categories L and N of Unicode 14), with the marks (M) that follow one of them.
* Characters of no width are ignored: soft hyphen, joiners, byte order mark, variation selectors (Cf but U+200B, and a few M).
* In scripts that are written without spaces (alphabet.WITHOUT_SPACES: Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan …) each
  letter with its marks is a word.
* Everything else separates words: spaces, punctuation, symbols, and so the apostrophe.
* Letters are lower-cased one by one (Unicode's simple mapping; the final ς is σ). The German ß is ss, as its capitals are; the Turkish
  İ is i, also where a program made it i with a dot above. The Turkish ı stays ı, and I is i.

    "Don't   PANIC!"          don t panic
    "naïve co-operation 3.5×" naïve co operation 3 5
    "ΟΔΟΣ οδός"               οδοσ οδόσ
    "Straße, STRASSE"         strasse strasse
    "東京へ行く 2024年"         東 京 へ 行 く 2024 年
    "ภาษาไทย"                 ภ า ษ า ไ ท ย

VERSION 1 took normal form C, kept ß, and left Thai and the like in runs. Text without such characters has the same words and hashes.

A word's hash is h = (h xor code point) * 0x9e3779b97f4a7c15 from 0xcbf29ce484222325 on, mixed; that of an n-gram is the polynomial
of its words' hashes with base 0xd6e8feb86659fd93, first word highest, mixed; all modulo 2^64. Mixing is SplitMix64's finaliser.
So two different n-grams share a hash with a probability of about 2^-60.
"""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from webtext.core.splitmix import splitmix64
from webtext.ngrams.alphabet import CHANGES, COMPOSES, KIND, MARK, SEPARATOR, UNICODE, UNSEGMENTED, WORD, alphabet, normal_form

VERSION = 2
NAME = f"webtext-words-{VERSION} (Unicode {UNICODE})"

Hashes = NDArray[np.uint64]

_SEED = np.uint64(0xCBF29CE484222325)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_BASE = np.uint64(0xD6E8FEB86659FD93)


class Scan(NamedTuple):
    """The n-grams of a text, `hashes` uint64 [words - n + 1]; a word is `data[start:end]` (normal form C, UTF-8) of `starts` and `ends`."""

    data: bytes
    hashes: Hashes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def text(self, first: int, last: int) -> str:
        """The text from the first word to the last, both included, as it was written."""
        return self.data[self.starts[first] : self.ends[last]].decode("utf-8", "replace")


def ngram_hashes(text: str, n: int = 8) -> tuple[Hashes, int]:
    """The hashes of a text's n-grams in order, uint64 [max(0, words - n + 1)], and the number of its words.

    >>> ngram_hashes("It was the best of times, it was the worst")[0].tolist()
    [15390641525864488597, 18386215680056237527, 16987663678300204479]
    """
    _, hashes, _, words = _scanned(text, n, spans=False)
    return hashes, words


def scan(text: str, n: int = 8) -> Scan:
    """As `ngram_hashes`, with the position of each word."""
    text = unicodedata.normalize("NFC", text)
    data, hashes, (starts, ends), _ = _scanned(text, n, spans=True)
    original = text.encode("utf-8", "surrogatepass")
    if data != original:
        normal, written = _boundaries(text)
        starts = written[np.searchsorted(normal, starts, side="right") - 1]
        ends = written[np.searchsorted(normal, ends)]
    return Scan(original, hashes, starts, ends)


def _boundaries(text: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the smallest pieces that `normal_form` takes one by one begin and end: bytes in the normal form, and in the text.

    "ﬁne" has the pieces ﬁ, n and e, which begin at the bytes 0, 2 and 3 of "fine", and 0, 3 and 4 of the text.
    """
    kinds = alphabet().kinds[np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)]
    cuts = [0, *(np.flatnonzero(kinds[1:] < COMPOSES) + 1).tolist(), len(text)]
    pieces = [text[first:last] for first, last in pairwise(cuts)]
    lengths = [[len(piece.encode("utf-8", "surrogatepass")) for piece in form] for form in (map(normal_form, pieces), pieces)]
    normal, written = np.cumsum([[0, *one] for one in lengths], axis=1)
    return normal, written


def _scanned(text: str, n: int, *, spans: bool) -> tuple[bytes, Hashes, NDArray[np.int64], int]:
    """Of the text in normal form, which is returned too."""
    data = text.encode("utf-8", "surrogatepass")
    # At most so many words: in ASCII a word and a separator take two bytes at least; ideographs need no separator.
    hashes = np.empty(len(data) // 2 + 2 if text.isascii() else len(data) + 1, np.uint64)
    places = np.empty((2, len(hashes) if spans else 0), np.int64)
    words, ngrams, suspect = _kernel(np.frombuffer(data, np.uint8), *alphabet(), n, _power(n), hashes, places)
    if suspect and (normal := normal_form(text)) != text:
        return _scanned(normal, n, spans=spans)
    return data, hashes[:ngrams].copy(), places[:, :words].copy(), words  # copied: callers keep many, and the arrays are over-allocated


def _power(n: int) -> np.uint64:
    return np.uint64(pow(int(_BASE), n, 2**64))


mix = njit(inline="always")(splitmix64)


@njit(cache=True, nogil=True)
def _kernel(data, kinds, lower, ascii_, n, power, hashes, places):  # type: ignore[no-untyped-def]  # numba
    """One pass: UTF-8 -> characters -> words -> n-grams. Returns (words, n-grams, whether the text may not be in normal form).

    The n-gram's polynomial is rolled on: words a b c d with n = 3 and base B, power = B^3:
        gram(a b c)  =  a B^2 + b B + c
        gram(b c d)  =  gram(a b c) B + d - a B^3
    """
    ring = np.zeros(n, np.uint64)  # the hashes of the last n words
    slot, words, ngrams, suspect = 0, 0, 0, False
    open_, alone = False, False  # in a word; in one of a script without spaces
    state, gram = _SEED, np.uint64(0)
    start, end, at, size = 0, 0, 0, len(data)
    spans = places.shape[1] > 0
    while at <= size:
        here, character, kind = at, np.int64(0), np.int64(SEPARATOR)
        if at == size:
            at += 1  # the end separates words too
        elif data[at] < 128:
            if ascii_[data[at]] and not alone:  # the common case: the rest of a word in ASCII
                if not open_:
                    open_, start, state = True, at, _SEED
                while at < size and ascii_[data[at]]:
                    state = (state ^ np.uint64(ascii_[data[at]])) * _FACTOR
                    at += 1
                end = at
                continue
            character = np.int64(ascii_[data[at]])
            if character:
                kind = np.int64(WORD)
            at += 1
        else:
            first = np.int64(data[at])
            if first < 0xE0:
                character = (first & 0x1F) << 6 | (np.int64(data[at + 1]) & 0x3F)
                at += 2
            elif first < 0xF0:
                character = (first & 0x0F) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6 | (np.int64(data[at + 2]) & 0x3F)
                at += 3
            else:
                character = (first & 0x07) << 18 | (np.int64(data[at + 1]) & 0x3F) << 12
                character |= (np.int64(data[at + 2]) & 0x3F) << 6 | (np.int64(data[at + 3]) & 0x3F)
                at += 4
            kind = np.int64(kinds[character])
            if kind >= CHANGES:
                suspect = True
                kind &= KIND
            character = np.int64(lower[character])
        if open_ and (kind in (SEPARATOR, UNSEGMENTED) or (kind == WORD and alone)):
            open_, alone = False, False
            if spans:
                places[0, words], places[1, words] = start, end
            word = mix(state)
            gram = gram * _BASE + word - ring[slot] * power
            ring[slot] = word
            slot = slot + 1 if slot + 1 < n else 0
            words += 1
            if words >= n:
                hashes[ngrams] = mix(gram)
                ngrams += 1
        if kind in (WORD, UNSEGMENTED) or (kind == MARK and open_):
            if not open_:
                open_, alone, start, state = True, kind == UNSEGMENTED, here, _SEED
            state = (state ^ np.uint64(character)) * _FACTOR
            end = at
    return words, ngrams, suspect
