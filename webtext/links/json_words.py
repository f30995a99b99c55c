"""Pieces of JSON in an array of words, compiled: where strings and numbers end. The scanner of `webtext.links.scan` is made of them.

The text is an array `words` of little-endian integers, one at every byte: words[i] is the eight bytes from i on.
NB: numba's cache of a function does not notice a change in the functions of another file that it calls: touch scan.py after this one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_ONES, _HIGH = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_QUOTES, _BACKSLASHES, _BLANKS = (np.uint64(byte * 0x0101010101010101) for byte in (34, 92, 32))
_ONE, _SEVEN, _FIFTY_SIX = np.uint64(1), np.uint64(7), np.uint64(56)
_LOW_BYTE, LOW_HALF = np.uint64(0xFF), np.uint64(0xFFFFFFFF)


def word_of(text: str) -> int:
    """The word whose first bytes are the text's first eight."""
    return int.from_bytes(text.encode()[:8], "little")


@njit(cache=True)
def at(words, i):  # type: ignore[no-untyped-def]
    """The byte at i. NB: the index has no sign, because one with a sign is tested for Python's counting from the end."""
    return np.int64(words[np.uint64(i)] & _LOW_BYTE)


@njit(cache=True)
def plain_end(words, i):  # type: ignore[no-untyped-def]
    """The first quote, backslash, control character or byte beyond ASCII from i on (after Mycroft's test for a zero byte in a word)."""
    while True:
        word = words[np.uint64(i)]
        # A byte of ASCII less what it is tested for has its high bit set where it is smaller. Above the first hit there may be false ones,
        # by the borrow; the first is true.
        hits = (((word ^ _QUOTES) - _ONES) | ((word ^ _BACKSLASHES) - _ONES) | (word - _BLANKS) | word) & _HIGH
        if hits:
            below = (((hits & (~hits + _ONE)) >> _SEVEN) - _ONE) & _ONES
            return i + np.int64((below * _ONES) >> _FIFTY_SIX)
        i += 8


@njit(cache=True)
def escaped_end(words, i):  # type: ignore[no-untyped-def]
    """The place of the quote that ends a string that `plain_end` took up to i; -1 where that is not sure."""
    while True:
        byte = at(words, i)
        if byte == 34:
            return i
        kind = at(words, i + 1)
        if byte >= 128:
            length = _utf8_length(words, i)
            if length == 0:
                return -1
            i += length
        elif byte != 92:
            return -1
        elif kind == 117:  # \\uXXXX
            unit = _hex4(words, i + 2)
            if unit < 0:
                return -1
            i += 6
            if 0xD800 <= unit < 0xE000:  # the first of a pair, or broken
                low = _hex4(words, i + 2) if at(words, i) == 92 and at(words, i + 1) == 117 else -1
                if unit >= 0xDC00 or low < 0xDC00 or low >= 0xE000:
                    return -1
                i += 6
        elif kind == 34 or kind == 92 or kind == 47 or kind == 98 or kind == 102 or kind == 110 or kind == 114 or kind == 116:
            i += 2
        else:
            return -1
        i = plain_end(words, i)


@njit(cache=True)
def _utf8_length(words, i):  # type: ignore[no-untyped-def]
    """The bytes of the character beyond ASCII at i, 0 where it is not well formed (Unicode 15, table 3-7)."""
    first, second = at(words, i), at(words, i + 1)
    low, high = 0x80, 0xBF
    if 0xC2 <= first <= 0xDF:
        length = 2
    elif 0xE0 <= first <= 0xEF:
        length = 3
        low, high = 0xA0 if first == 0xE0 else low, 0x9F if first == 0xED else high
    elif 0xF0 <= first <= 0xF4:
        length = 4
        low, high = 0x90 if first == 0xF0 else low, 0x8F if first == 0xF4 else high
    else:
        return 0
    if second < low or second > high:
        return 0
    for k in range(i + 2, i + length):
        if at(words, k) & 0xC0 != 0x80:
            return 0
    return length


@njit(cache=True)
def _hex4(words, i):  # type: ignore[no-untyped-def]
    """The value of four hexadecimal digits, -1 for anything else. NB: a line feed stops it, so it stays in the line."""
    value = 0
    for k in range(i, i + 4):
        byte = at(words, k)
        if 48 <= byte <= 57:
            value = value * 16 + byte - 48
        elif 97 <= byte <= 102:
            value = value * 16 + byte - 87
        elif 65 <= byte <= 70:
            value = value * 16 + byte - 55
        else:
            return -1
    return value


@njit(cache=True)
def number_end(words, i):  # type: ignore[no-untyped-def]
    """The end of a number at i; -1 for anything else and for numbers with an exponent or many digits."""
    if at(words, i) == 45:
        i += 1
    first = i
    while 48 <= at(words, i) <= 57:
        i += 1
    digits = i - first
    if digits == 0 or digits > 18 or (digits > 1 and at(words, first) == 48):
        return -1
    if at(words, i) == 46:
        fraction = i + 1
        i = fraction
        while 48 <= at(words, i) <= 57:
            i += 1
        if i == fraction:
            return -1
    byte = at(words, i)
    return -1 if byte == 101 or byte == 69 else i


@njit(cache=True)
def skip(words, i):  # type: ignore[no-untyped-def]
    while at(words, i) == 32 or at(words, i) == 9 or at(words, i) == 13:
        i += 1
    return i
