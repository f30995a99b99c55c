"""The slow, obviously right twins: what the kernels of webtext.ngrams must agree with, written from the definitions alone."""

from __future__ import annotations

import unicodedata

from webtext.ngrams.alphabet import WITHOUT_SPACES

MASK = 2**64 - 1

SEPARATOR, WORD, MARK, SKIP, UNSEGMENTED = range(5)


def kind(character: str) -> int:
    """What a character is to the normaliser, by its Unicode category."""
    code, category = ord(character), unicodedata.category(character)
    if category[0] in "LN":
        return UNSEGMENTED if in_script_without_spaces(character) else WORD
    if (category == "Cf" and code != 0x200B) or code == 0x34F or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
        return SKIP
    return MARK if category[0] == "M" else SEPARATOR


def in_script_without_spaces(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in WITHOUT_SPACES)


def lower(character: str) -> str:
    """The simple lower case of a character; a final sigma is a sigma."""
    return "σ" if character == "ς" else character.lower()[0]


def normal_form(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace("ß", "ss").replace("ẞ", "ss").replace("i\u0307", "i")


def words(text: str) -> list[str]:
    """The normaliser: lower-cased words of letters, digits and their marks."""
    found, word, alone = [], "", False
    for character in normal_form(text):
        what = kind(character)
        if word and (what in (SEPARATOR, UNSEGMENTED) or (what == WORD and alone)):
            found.append(word)
            word = ""
        if what in (WORD, UNSEGMENTED) or (what == MARK and word):
            alone = alone if word else what == UNSEGMENTED
            word += lower(character)
    return [*found, word] if word else found


def words_of_version_1(text: str) -> list[str]:
    """What the normaliser was before it took compatibility forms and scripts without spaces for what they are."""
    found, word = [], ""
    for character in unicodedata.normalize("NFC", text):
        what = kind(character)
        if what in (WORD, UNSEGMENTED) or (what == MARK and word):
            word += lower(character)
        elif what == SEPARATOR and word:
            found.append(word)
            word = ""
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
