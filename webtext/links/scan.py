"""Blocks of JSON lines to the few fields of a submission that count, without making Python objects of the others.

Nearly all of a dump is fields that nobody asks for: about a hundred a line. `scan` checks the whole line as JSON and notes where the fields
lie, in a compiled loop that takes strings eight bytes at a time. It knows the usual and nothing else: a line with anything unusual,
right or wrong, is marked `SLOW`, and `webtext.links.submissions` reads it with a full parser. So the scanner may be simple, but it must
never accept what is not JSON or read a field otherwise than the parser: a property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numba import njit
from numpy.typing import NDArray

from webtext.links.json_words import LOW_HALF, at, escaped_end, number_end, plain_end, skip, word_of
from webtext.links.scan_columns import (
    COLUMNS,
    CREATED,
    DELETED,
    FLAGS,
    ID,
    ID_END,
    LINE,
    LINE_END,
    OVER_18,
    PROMOTED,
    REMOVED,
    SCORE,
    SELF,
    SLOW,
    SUBREDDIT,
    TITLE,
    TITLE_ESCAPED,
    URL,
    URL_ESCAPED,
)  # fmt: skip
from webtext.links.scan_url import look_at_url

_NAMES = "id url url_overridden_by_dest subreddit title score created_utc over_18 is_self selftext removed_by_category promoted".split()
_ID, _URL, _DEST, _SUBREDDIT, _TITLE, _SCORE, _CREATED, _OVER_18, _IS_SELF, _SELFTEXT, _REMOVED_BY, _PROMOTED = range(len(_NAMES))
_SLOTS_SIZE = 1024
_DEPTH = 60  # values nested deeper are left to the parser: each open value is a bit of an int64


def _slot(length: int, word: int) -> int:
    return (length * 37 + (word & 0xFF) * 5 + ((word >> 16) & 0xFF)) & (_SLOTS_SIZE - 1)


def _key_tables() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
    """By slot, which name a key may be; the names' lengths and their words, 24 bytes each."""
    slots = np.full(_SLOTS_SIZE, -1, np.int64)
    words = np.zeros((len(_NAMES), 3), np.uint64)
    for index, name in enumerate(_NAMES):
        words[index] = [word_of(name[8 * k :]) for k in range(3)]
        slot = _slot(len(name), word_of((name + '"')[:8]))
        if slots[slot] != -1:
            raise RuntimeError(f"{name} and {_NAMES[slots[slot]]} share a slot: choose another `_slot`")
        slots[slot] = index
    return slots, np.array([len(name) for name in _NAMES], np.int64), words


_SLOTS, _LENGTHS, _KEYS = _key_tables()
_MASKS = np.array([(1 << 8 * k) - 1 for k in range(8)] + [2**64 - 1], np.uint64)  # the lowest k bytes of a word
_TRUE, _ALSE, _NULL = np.uint64(word_of("true")), np.uint64(word_of("alse")), np.uint64(word_of("null"))


@njit(cache=True)
def _wanted(words, start, length, slots, lengths, keys, masks):  # type: ignore[no-untyped-def]
    """The number of the wanted field that a key names, or -1."""
    word = np.int64(words[np.uint64(start)] & np.uint64(0xFFFFFF))
    index = slots[(length * 37 + (word & 0xFF) * 5 + (word >> 16)) & 1023]
    if index < 0 or lengths[index] != length:
        return -1
    for k in range(3):
        rest = min(max(length - 8 * k, 0), 8)
        if rest and (words[np.uint64(start + 8 * k)] & masks[rest]) != keys[index, k]:
            return -1
    return index


# What stands between two values of an object is nearly always one of few texts, as `, "title": `, and follows the same text as in the lines
# before. So each is kept when it is first parsed, with the two that came after it last, and is known again by comparing words.
_GLUES = 256  # kept at the most; number 0 is the beginning of a line, the last one what is not kept
_GLUE_WORDS = 6  # 8 bytes each; a longer one is parsed every time


def _glues() -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The texts as words; their lengths in bytes and fields; by text the two that may come next; how many there are."""
    texts, facts = np.zeros((_GLUES, _GLUE_WORDS), np.uint64), np.full((_GLUES, 2), -1, np.int64)
    return texts, facts, np.full((_GLUES, 2), -1, np.int64), np.ones(1, np.int64)


@njit(cache=True)
def _is_glue(words, i, text, size, masks):  # type: ignore[no-untyped-def]
    k = 0
    while size > 8:
        if words[np.uint64(i)] != text[k]:
            return False
        i, size, k = i + 8, size - 8, k + 1
    return (words[np.uint64(i)] & masks[size]) == text[k]


@njit(cache=True)
def _keep_glue(words, i, size, field, texts, facts, count, masks):  # type: ignore[no-untyped-def]
    """The number of the text of `size` bytes at i, which is kept if there is room."""
    if size > 8 * _GLUE_WORDS:
        return _GLUES - 1
    for number in range(1, count[0]):
        if facts[number, 0] == size and _is_glue(words, i, texts[number], size, masks):
            return number
    number = count[0]
    if number == _GLUES - 1:
        return number
    count[0] += 1
    facts[number, 0], facts[number, 1] = size, field
    for k in range(_GLUE_WORDS):
        rest = min(max(size - 8 * k, 0), 8)
        texts[number, k] = words[np.uint64(i + 8 * k)] & masks[rest]
    return number


@njit(cache=True)
def _key(words, i, first):  # type: ignore[no-untyped-def]
    """Parse from the end of a value, or the beginning of the object: the beginning and end of the key that follows, and its value's
    beginning. The first is -1 where there is no key that is plain, and the second the end of the object, or -1.
    """
    i = skip(words, i)
    if at(words, i) == 125:
        return -1, i + 1, 0
    if not first:
        if at(words, i) != 44:
            return -1, -1, 0
        i = skip(words, i + 1)
    if at(words, i) != 34:
        return -1, -1, 0
    end = plain_end(words, i + 1)
    if at(words, end) != 34:
        return -1, -1, 0
    value = skip(words, end + 1)
    if at(words, value) != 58:
        return -1, -1, 0
    return i + 1, end, skip(words, value + 1)


@njit(cache=True)
def _line(words, i, slots, lengths, keys, masks, texts, facts, nexts, count, starts, ends):  # type: ignore[no-untyped-def]
    """Check the object at i and note the wanted fields of its top level; the place of the line feed after it, -1 where that is not sure.

    A field's end is negative where it is a string with escapes or beyond ASCII.
    """
    for k in range(len(starts)):
        starts[k] = -1
    if at(words, i) != 123:
        return -1
    i += 1
    last = 0
    while True:
        glue = nexts[last, 0]
        if glue < 0 or not _is_glue(words, i, texts[glue], facts[glue, 0], masks):
            glue = nexts[last, 1]
            if glue < 0 or not _is_glue(words, i, texts[glue], facts[glue, 0], masks):
                glue = -1
        if glue >= 0:
            i += facts[glue, 0]
            field = facts[glue, 1]
        else:
            key, end, value = _key(words, i, last == 0)
            if key < 0:
                if end < 0:
                    return -1
                i = skip(words, end)
                return i if at(words, i) == 10 else -1
            field = _wanted(words, key, end - key, slots, lengths, keys, masks)
            glue = _keep_glue(words, i, value - i, field, texts, facts, count, masks)
            if glue < _GLUES - 1:
                nexts[last, 1] = nexts[last, 0]
                nexts[last, 0] = glue
            i = value
        last = glue
        byte = at(words, i)
        if byte == 123 or byte == 91:
            end, escaped = _nested(words, i) if field < 0 else -1, False
        else:
            end, escaped = _simple(words, i)
        if end < 0:
            return -1
        if field >= 0:
            starts[field], ends[field] = i, -end if escaped else end
        i = end


@njit(cache=True)
def _simple(words, i):  # type: ignore[no-untyped-def]
    """The end of the value at i, no object or array, and whether it is a string with escapes or beyond ASCII; -1 where not sure."""
    byte = at(words, i)
    if byte == 34:
        end = plain_end(words, i + 1)
        if at(words, end) == 34:
            return end + 1, False
        end = escaped_end(words, end)
        return (end + 1 if end >= 0 else end), True
    half = words[np.uint64(i)] & LOW_HALF
    if half == _NULL or half == _TRUE:  # noqa: SIM109 - a tuple is slower when compiled
        return i + 4, False
    if byte == 102 and (words[np.uint64(i + 1)] & LOW_HALF) == _ALSE:
        return i + 5, False
    return number_end(words, i), False


@njit(cache=True)
def _nested(words, i):  # type: ignore[no-untyped-def]
    """The end of the object or array at i, -1 where that is not sure.

    `stack` has a bit for each open value: 1 an object, 0 an array. `place` says what may come: 0 a key or the end of the object, 1 a
    key, 2 a value, 3 a value or the end of the array, 4 a comma or the end.
    """
    stack = np.int64(at(words, i) == 123)
    depth, place = 1, 0 if stack else 3
    i += 1
    while depth > 0:
        i = skip(words, i)
        byte = at(words, i)
        if place <= 1 and byte == 34:
            end, _ = _simple(words, i)
            if end < 0:
                return -1
            i = skip(words, end)
            if at(words, i) != 58:
                return -1
            i = skip(words, i + 1)
            byte, place = at(words, i), 2
        if (place == 2 or place == 3) and (byte == 123 or byte == 91):
            if depth == _DEPTH:
                return -1
            i, depth, stack = i + 1, depth + 1, stack << 1 | (byte == 123)
            place = 0 if byte == 123 else 3
        elif place == 2 or (place == 3 and byte != 93):
            i, _ = _simple(words, i)
            if i < 0:
                return -1
            place = 4
        elif place == 4 and byte == 44:
            i, place = i + 1, 1 if stack & 1 else 2
        elif (stack & 1 and byte == 125 and place != 1) or (not stack & 1 and byte == 93):
            i, depth, stack, place = i + 1, depth - 1, stack >> 1, 4
        else:
            return -1
    return i


@njit(cache=True)
def _equals(words, start, end, text):  # type: ignore[no-untyped-def]
    same = end - start == len(text)
    for k in range(len(text)):
        same = same and at(words, start + k) == text[k]
    return same


@njit(cache=True)
def _integer(words, start, end):  # type: ignore[no-untyped-def]
    """The value of an integer, perhaps with a fraction of zeros, and whether it is one."""
    negative = at(words, start) == 45
    i = start + negative
    if not 48 <= at(words, i) <= 57:
        return np.int64(0), False
    value = np.int64(0)
    while 48 <= at(words, i) <= 57:
        value = value * 10 + at(words, i) - 48
        i += 1
    for k in range(i + 1, end):
        if at(words, k) != 48:
            return value, False
    return (-value if negative else value), True


_DELETED, _REMOVED, _BY_USER, _BY_DELETED, _BY_AUTHOR = (
    np.frombuffer(text, np.uint8) for text in (b'"[deleted]"', b'"[removed]"', b'"[deleted by user]"', b'"deleted"', b'"author"')
)


@njit(cache=True)
def _usual(words, starts, ends, row):  # type: ignore[no-untyped-def]
    """Fill a row from the fields; False where one of them is not as it nearly always is."""
    url = _URL
    if starts[_DEST] >= 0:
        if at(words, starts[_DEST]) == 34 and abs(ends[_DEST]) - starts[_DEST] > 2:
            url = _DEST
        elif at(words, starts[_DEST]) != 110 and at(words, starts[_DEST]) != 34:
            return False
    flags = (URL_ESCAPED if ends[url] < 0 else 0) | (TITLE_ESCAPED if ends[_TITLE] < 0 else 0)
    for column, field in ((ID, _ID), (URL, url), (SUBREDDIT, _SUBREDDIT), (TITLE, _TITLE)):
        if starts[field] < 0 or at(words, starts[field]) != 34:
            return False
        row[column], row[column + 1] = starts[field] + 1, abs(ends[field]) - 1
    if row[ID] == row[ID_END] or ends[_ID] < 0 or ends[_SUBREDDIT] < 0:
        return False
    for column, field in ((SCORE, _SCORE), (CREATED, _CREATED)):
        if starts[field] < 0 or ends[field] < 0:
            return False
        row[column], whole = _integer(words, starts[field], ends[field])
        if not whole:
            return False
    for bit, field in ((OVER_18, _OVER_18), (SELF, _IS_SELF), (PROMOTED, _PROMOTED)):
        if starts[field] >= 0:
            byte = at(words, starts[field])
            if byte == 116:
                flags |= bit
            elif byte != 102 and byte != 110:
                return False
    for field in (_SELFTEXT, _REMOVED_BY):
        if starts[field] >= 0:
            byte = at(words, starts[field])
            if (byte != 34 and byte != 110) or (field == _REMOVED_BY and ends[field] < 0):
                return False
    if starts[_SELFTEXT] >= 0 and _equals(words, starts[_SELFTEXT], ends[_SELFTEXT], _DELETED):
        flags |= DELETED
    if starts[_SELFTEXT] >= 0 and _equals(words, starts[_SELFTEXT], ends[_SELFTEXT], _REMOVED):
        flags |= REMOVED
    if _equals(words, starts[_TITLE], ends[_TITLE], _BY_USER):
        flags |= DELETED
    start, end = starts[_REMOVED_BY], ends[_REMOVED_BY]
    if start >= 0 and at(words, start) == 34 and end - start > 2:
        flags |= DELETED if _equals(words, start, end, _BY_DELETED) or _equals(words, start, end, _BY_AUTHOR) else REMOVED
    row[FLAGS] = flags if flags & URL_ESCAPED else flags | look_at_url(words, row)
    return True


@njit(cache=True)
def _scan(words, begin, size, slots, lengths, keys, masks, texts, facts, nexts, known, rows):  # type: ignore[no-untyped-def]
    """Fill the rows, line after line; returns how many are filled and where the line after them begins."""
    starts, ends = np.empty(len(lengths), np.int64), np.zeros(len(lengths), np.int64)
    count = 0
    while begin < size and count < len(rows):
        row = rows[count]
        end = _line(words, skip(words, begin), slots, lengths, keys, masks, texts, facts, nexts, known, starts, ends)
        if end < 0 or not _usual(words, starts, ends, row):
            row[FLAGS] = SLOW
            end = begin
            while at(words, end) != 10:
                end += 1
        row[LINE], row[LINE_END] = begin, end
        count += 1
        begin = end + 1
    return count, begin


_ROWS = 1024


def scan(block: bytes) -> Iterator[NDArray[np.int64]]:
    """A row a line of the block, which ends in a line feed, some thousand at a time: places in bytes, numbers, flags (the constants above).

    The places of a string are those of its JSON text without the quotes; without URL_ESCAPED and TITLE_ESCAPED this is ASCII and is the
    string, but for HTML entities. In a row that is SLOW only LINE and LINE_END mean something, and HOST, HOST_END and KIND (an index of
    KINDS, or -1) only in one that is CLEAN. NB: the array is used again for the next rows.
    """
    data = np.empty(len(block) + 32, np.uint8)
    data[: len(block)] = np.frombuffer(block, np.uint8)
    data[len(block) :] = 0  # a key's words may reach beyond the text
    words = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
    rows = np.empty((_ROWS, COLUMNS), np.int64)
    begin, glues = 0, _glues()
    while begin < len(block):
        count, begin = _scan(words, begin, len(block), _SLOTS, _LENGTHS, _KEYS, _MASKS, *glues, rows)
        yield rows[:count]
