"""The sets by which two texts are compared: their shingles, as 32-bit hashes.

The rule. Words are those of the n-grams (`webtext.ngrams.normalise`): lower-cased runs of letters, digits and marks of the text in normal
form KC; a character of a script that is written without spaces is a word, so that such a text is compared by runs of characters, and
a mixed text by both. A shingle is a run of `size` words (5). A text of fewer words has runs of `size` characters instead, with one
blank between two words; where even these are fewer, all of it is one shingle. A text without letters and digits has none, so it can
only be an exact copy.

    "The quick, brown fox -- jumps!"  the quick brown fox jumps          1 shingle
    "GPT-2は言語"                      gpt 2 は 言 語                       1 shingle
    "Not found!"                      "not f" "ot fo" … "found"          5 shingles, of characters

A shingle is kept as 32 bits of a 64-bit hash. Two different shingles of two texts of a thousand words collide with a probability of
about 1 in 5,000, which changes a Jaccard similarity by 0.001: too little to matter beside the threshold.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np
import xxhash

from webtext.dedup.kernels import IGNORED, MARK, U32, UNSEGMENTED, distinct, shingle_hashes
from webtext.ngrams import alphabet


def text_hash(text: str) -> bytes:
    """The same for exact copies: XXH3-128 of the text in NFKC with every run of white space as one blank, 16 bytes.

    >>> text_hash("a  b\\n") == text_hash("a b")
    True
    """
    return bytes(xxhash.xxh3_128_digest(" ".join(unicodedata.normalize("NFKC", text).split()).encode("utf-8", "surrogatepass")))


def ordered_shingles(text: str, size: int) -> U32:
    """The shingles of a text in order, with repetitions, as 32-bit hashes."""
    points = np.frombuffer(bytearray(alphabet.normal_form(text).encode("utf-32-le", "surrogatepass")), np.uint32)
    return shingle_hashes(points, character_table(), size)


def distinct_shingles(ordered: U32) -> U32:
    """Sorted, each once."""
    hashes = np.sort(ordered)
    return hashes[: distinct(hashes)]


def shingles(text: str, size: int) -> U32:
    """The distinct shingles of a text as sorted 32-bit hashes.

    >>> len(shingles("the quick brown fox jumps over", 5))
    2
    """
    return distinct_shingles(ordered_shingles(text, size))


@lru_cache(maxsize=1)
def character_table() -> U32:
    """By code point: 0 for a separator of words, IGNORED, or its lower case, with MARK or UNSEGMENTED set for what it is."""
    kinds = alphabet.alphabet().kinds & np.uint8(alphabet.KIND)
    table = alphabet.alphabet().lower.astype(np.uint32)
    table[kinds == alphabet.SEPARATOR] = 0
    table[kinds == alphabet.SKIP] = IGNORED
    table[kinds == alphabet.MARK] |= MARK
    table[kinds == alphabet.UNSEGMENTED] |= UNSEGMENTED
    return table
