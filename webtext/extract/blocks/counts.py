"""What a text is made of, counted over the bytes of all blocks of a page. `character` tells what a byte begins, `count_block` counts."""

from __future__ import annotations

import numpy as np
from numba import njit

from webtext.extract.blocks.vocabulary import COPYRIGHT, CUE_SHIFT, STOP

BASIS, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # of FNV-1a

# Columns of `counts`
(
    CHARS,
    WORDCOUNT,
    STOPS,
    COMMAS,
    SENTENCES,
    DIGITS,
    CAPITALISED,
    ALL_CAPS,
    ENDS,
    STARTS,
    CJK,
    MONEY,
    BULLETS,
    LONGEST,
    TITLE,
    COLON,
    NUMBERS,
) = range(17)
COUNTS = 17

# What a character is. Those from FOREIGN on do not count as the last mark of a text: the mark before them decides how it ends.
WORD, IDEOGRAPH, SPACE, CLOSING, SIGN, COMMA, STOP_MARK, PRICE_SIGN, BULLET, COLON_MARK, ENDING, FULL_STOP = range(12)
FOREIGN, FOREIGN_COMMA, FOREIGN_PRICE, FOREIGN_BULLET, COPYRIGHT_SIGN = range(12, 17)
_MARKS = {CLOSING: "\"')", COMMA: ",", STOP_MARK: ".!?", PRICE_SIGN: "$", BULLET: "|", COLON_MARK: ":"}  # CLOSING: may follow a full stop
_KINDS = {c: WORD if chr(c).isalnum() else SPACE if c <= 32 else SIGN for c in range(128)} | {
    ord(c): k for k, v in _MARKS.items() for c in v
}
ASCII_KINDS = np.array([_KINDS[c] for c in range(128)], np.int64)


@njit(cache=True)
def count(data, offsets, keys, values, title_keys, title_values):  # type: ignore[no-untyped-def]  # numba
    """Counts (blocks x COUNTS), cues and hashes of the words, for texts data[offsets[b]:offsets[b+1]].

    A word is a run of letters and digits of ASCII and of bytes beyond it that are no punctuation; a Chinese, Japanese or Korean character
    is a word. Words are compared with the letters of ASCII in lower case.
    """
    n = len(offsets) - 1
    counts, cues, hashes = np.zeros((n, COUNTS), np.float64), np.zeros(n, np.uint64), np.zeros(n, np.uint64)
    for b in range(n):
        cues[b], hashes[b] = count_block(data, offsets[b], offsets[b + 1], counts[b], keys, values, title_keys, title_values)
    return counts, cues, hashes


@njit(cache=True)
def count_block(data, i, end, row, keys, values, title_keys, title_values):  # type: ignore[no-untyped-def]  # numba
    """Fill the row of a block's counts; its cues and the hash of its words."""
    cues, words_hash, word = np.uint64(0), BASIS, BASIS
    in_word, first, starts_upper = False, True, False
    letters, capitals, digits, last = 0, 0, 0, SPACE  # of the word; the kind of the last mark or word
    while i <= end:
        kind, size = character(data, i, end)
        c = data[i]
        if kind == WORD:
            upper = c >= 65 and c <= 90
            if not in_word:
                in_word, word, letters, capitals, digits = True, BASIS, 0, 0, 0
                starts_upper = upper
                if first and upper:
                    row[STARTS] = 1
                first = False
            capitals += upper
            digits += c >= 48 and c <= 57
            word = (word ^ np.uint64(c | 32 if upper else c)) * PRIME
            letters += (c & 0xC0) != 0x80  # not a later byte of a character in UTF-8
            last = WORD
        elif in_word:
            in_word = False
            row[CHARS] += letters
            row[WORDCOUNT] += 1
            row[DIGITS] += digits
            row[CAPITALISED] += starts_upper
            row[ALL_CAPS] += capitals == letters and letters > 1
            row[NUMBERS] += digits == letters
            row[LONGEST] = max(row[LONGEST], letters)
            value = value_of(keys, values, word)
            row[STOPS] += value & STOP
            if value >> CUE_SHIFT:
                cues |= np.uint64(1) << np.uint64((value >> CUE_SHIFT) - 1)
            row[TITLE] += value_of(title_keys, title_values, word)
            words_hash = (words_hash ^ word) * PRIME
        if kind == IDEOGRAPH:
            row[WORDCOUNT] += 1
            row[CJK] += 1
            first = False
            words_hash = (words_hash ^ np.uint64(c)) * PRIME
            if i + 2 < end:
                words_hash = ((words_hash ^ np.uint64(data[i + 1])) * PRIME ^ np.uint64(data[i + 2])) * PRIME
        if kind != WORD and kind != SPACE:
            row[CHARS] += 1
            row[COMMAS] += kind in (COMMA, FOREIGN_COMMA)
            row[SENTENCES] += kind in (STOP_MARK, FULL_STOP)
            row[MONEY] += kind in (PRICE_SIGN, FOREIGN_PRICE)
            row[BULLETS] += kind in (BULLET, FOREIGN_BULLET)
            if kind == COPYRIGHT_SIGN:
                cues |= np.uint64(1) << np.uint64(COPYRIGHT)
            if kind < FOREIGN and kind != CLOSING:
                last = kind
        i += size
    row[ENDS] = last in (STOP_MARK, FULL_STOP, ENDING)
    row[COLON] = last == COLON_MARK
    return cues, words_hash


@njit(cache=True)
def character(data, i, end):  # type: ignore[no-untyped-def]  # numba
    """What the character at data[i] is, and its bytes; a space at the end. Of letters beyond ASCII each byte is a character."""
    if i >= end:
        return SPACE, 1
    c = data[i]
    if c < 0x80:
        return ASCII_KINDS[c], 1
    second, third = data[i + 1] if i + 1 < end else np.uint8(0), data[i + 2] if i + 2 < end else np.uint8(0)
    if c == 0xC2:  # U+0080 to U+00BF: © £ ¥ · »
        if second == 0xA9:
            return COPYRIGHT_SIGN, 2
        return FOREIGN_PRICE if second in (0xA3, 0xA5) else FOREIGN_BULLET if second in (0xB7, 0xBB) else FOREIGN, 2
    if c == 0xE2:  # U+2000 to U+2FFF: € … ” • ›, arrows, boxes
        if second == 0x82 and third == 0xAC:
            return FOREIGN_PRICE, 3
        if second == 0x80 and third in (0xA6, 0x9D):
            return ENDING, 3
        return FOREIGN_BULLET if (second == 0x80 and third in (0xA2, 0xBA)) or (second >= 0x86 and third > 0) else FOREIGN, 3
    if c == 0xE3 and second == 0x80:  # U+3000 to U+303F: 。 and other marks of Chinese and Japanese
        return FULL_STOP if third == 0x82 else FOREIGN_COMMA, 3
    if c == 0xEF and second == 0xBC:  # full-width forms
        return FOREIGN, 3
    if c >= 0xE3 and c <= 0xED:
        return IDEOGRAPH, 3
    return (FOREIGN, 4) if c == 0xF0 else (WORD, 1)  # 0xF0: emoji


@njit(cache=True)
def value_of(keys, values, h):  # type: ignore[no-untyped-def]  # numba
    """The value of a hash in a table with linear probing (vocabulary.table), 0 where it is not in it."""
    mask = np.uint64(len(keys) - 1)
    k = h & mask
    while keys[k] != 0:
        if keys[k] == h:
            return values[k]
        k = (k + np.uint64(1)) & mask
    return np.int32(0)
