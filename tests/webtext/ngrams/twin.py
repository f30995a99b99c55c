"""The slow, obviously right twins: what the kernels of webtext.ngrams must agree with, written from the definitions alone."""

from __future__ import annotations

import unicodedata

MASK = 2**64 - 1

# Written without a space between words, so each character counts as one: the ideographs of CJK and the two Japanese syllabaries.
SINGLE = [(0x3005, 0x3007), (0x3021, 0x3029), (0x3031, 0x3035), (0x3038, 0x303C), (0x3041, 0x3096), (0x309D, 0x309F), (0x30A1, 0x30FA)]
SINGLE += [(0x30FD, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF6F), (0xFF71, 0xFF9D)]
SINGLE += [(0x1AFF0, 0x1B16F), (0x20000, 0x3FFFF)]

SEPARATOR, WORD, MARK, SKIP, UNSEGMENTED, MAYBE_NOT_NFC = 0, 1, 2, 3, 4, 128


def kind(character: str) -> int:
    """What a character is to the normaliser, by its Unicode category."""
    code, category = ord(character), unicodedata.category(character)
    if category[0] in "LN":
        return UNSEGMENTED if any(first <= code <= last for first, last in SINGLE) else WORD
    if (category == "Cf" and code != 0x200B) or code == 0x34F or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
        return SKIP
    return MARK if category[0] == "M" else SEPARATOR


def lower(character: str) -> str:
    """The simple lower case of a character; a final sigma is a sigma."""
    return "σ" if character == "ς" else character.lower()[0]


def words(text: str) -> list[str]:
    """The normaliser: lower-cased words of letters, digits and their marks."""
    found, word = [], ""
    for character in unicodedata.normalize("NFC", text):
        what = kind(character)
        if what == WORD or (what == MARK and word):
            word += lower(character)
        elif what != SKIP:
            if word:
                found.append(word)
            word = ""
            if what == UNSEGMENTED:
                found.append(lower(character))
    return [*found, word] if word else found


def mix(x: int) -> int:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK
    return x ^ (x >> 31)


def word_hash(word: str) -> int:
    state = 0xCBF29CE484222325
    for character in word:
        state = (state ^ ord(character)) * 0x9E3779B97F4A7C15 & MASK
    return mix(state)


def ngram_hashes(text: str, n: int) -> list[int]:
    """The hash of each n-gram of the text, in order: a polynomial of its words' hashes, mixed."""
    hashes = [word_hash(word) for word in words(text)]
    found = []
    for first in range(len(hashes) - n + 1):
        value = 0
        for word in hashes[first : first + n]:
            value = (value * 0xD6E8FEB86659FD93 + word) & MASK
        found.append(mix(value))
    return found


def positions(key: int, slices: int, bits: int) -> list[int]:
    """The bit of a key in each slice of a filter."""
    return [mix((key + (slice_ + 1) * 0x9E3779B97F4A7C15) & MASK) * bits >> 64 for slice_ in range(slices)]
