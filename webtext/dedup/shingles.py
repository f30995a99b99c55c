"""The sets by which two texts are compared: their shingles, as 32-bit hashes.

The rule. A text is normalised to NFKC. Its words are the runs of letters, digits and combining marks, in lower case. A character of a
script that is written without spaces (Chinese, Japanese kana, Thai, Lao, Khmer, Burmese, Tibetan, Yi and others; see WITHOUT_SPACES) is
a word of its own, so that such a text is compared by runs of characters, and a mixed text by both. A shingle is a run of `size` words
(5). A text of fewer words has runs of `size` characters instead, with one blank between two words; where even these are fewer, all of
it is one shingle. A text without letters and digits has none, so it can only be an exact copy.

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

from webtext.dedup.kernels import U32, UNSEGMENTED, distinct, shingle_hashes

# First and last code point of the blocks (Unicode 15, Blocks.txt) of scripts that are written without spaces between words.
WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x109F),  # Tibetan, Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x3005, 0x3007),  # ideographic iteration mark, closing mark, zero
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31FF),  # Bopomofo and Katakana extensions
    (0x3400, 0x4DBF),  # Han, extension A
    (0x4E00, 0x9FFF),  # Han
    (0xA000, 0xA4CF),  # Yi
    (0xA9E0, 0xA9FF),  # Myanmar extended B
    (0xAA60, 0xAADF),  # Myanmar extended A, Tai Viet
    (0xF900, 0xFAFF),  # Han, compatibility
    (0x20000, 0x323AF),  # Han, extensions B to H
)
_PLANES = (0x40000, 0xE0100, 0xE01F0)  # all letters are below the first; between the others are the variation selectors (marks)


def compatible(text: str) -> str:
    """The text in NFKC."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def text_hash(text: str) -> bytes:
    """The same for exact copies: XXH3-128 of the text in NFKC with every run of white space as one blank, 16 bytes.

    >>> text_hash("a  b\\n") == text_hash("a b")
    True
    """
    return bytes(xxhash.xxh3_128_digest(" ".join(compatible(text).split()).encode("utf-8", "surrogatepass")))


def shingles(text: str, size: int) -> U32:
    """The distinct shingles of a text as sorted 32-bit hashes.

    >>> len(shingles("the quick brown fox jumps over", 5))
    2
    """
    points = np.frombuffer(bytearray(compatible(text).encode("utf-32-le", "surrogatepass")), np.uint32)
    hashes = shingle_hashes(points, character_table(), size)
    hashes.sort()
    return hashes[: distinct(hashes)]


@lru_cache(maxsize=1)
def character_table() -> U32:
    """By code point: 0 for a separator of words, else its lower case, with UNSEGMENTED set for a word of its own."""
    table = np.zeros(0x110000, np.uint32)
    for point in (*range(_PLANES[0]), *range(_PLANES[1], _PLANES[2])):
        character = chr(point)
        if character.isalnum() or unicodedata.category(character)[0] == "M":
            lower = character.lower()
            table[point] = ord(lower) if len(lower) == 1 else point
    for first, last in WITHOUT_SPACES:
        block = table[first : last + 1]
        block[block != 0] |= UNSEGMENTED
    return table
