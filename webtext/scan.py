"""Blocks of JSON lines to the few fields of a submission that count, without making Python objects of the others.

Nearly all of a dump is fields that nobody asks for: about a hundred a line. `scan` checks the whole line as JSON and notes where the fields
lie, in a compiled loop that takes strings eight bytes at a time. It knows the usual and nothing else: a line with anything unusual,
right or wrong, is marked `SLOW`, and `webtext.submissions` reads it with a full parser. So the scanner may be simple, but it must
never accept what is not JSON or read a field otherwise than the parser: a property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numba import njit
from numpy.typing import NDArray

from webtext.json_words import at, escaped_end, number_end, plain_end, skip

# columns of `scan`'s result
FLAGS, SCORE, CREATED, ID, ID_END, URL, URL_END, SUBREDDIT, SUBREDDIT_END, TITLE, TITLE_END, LINE, LINE_END, HOST, HOST_END, DOT = range(16)
COLUMNS = 16
Row = tuple[int, ...]

# bits of FLAGS
SLOW, OVER_18, SELF, PROMOTED, DELETED, REMOVED, URL_ESCAPED, TITLE_ESCAPED, CLEAN, QUERY = (1 << bit for bit in range(10))

_NAMES = "id url url_overridden_by_dest subreddit title score created_utc over_18 is_self selftext removed_by_category promoted".split()
_ID, _URL, _DEST, _SUBREDDIT, _TITLE, _SCORE, _CREATED, _OVER_18, _IS_SELF, _SELFTEXT, _REMOVED_BY, _PROMOTED = range(len(_NAMES))
_SLOTS_SIZE = 1024
_DEPTH = 60  # values nested deeper are left to the parser: each open value is a bit of an int64


def _word(text: str) -> int:
    return int.from_bytes(text.encode()[:8], "little")


def _slot(length: int, word: int) -> int:
    return (length * 37 + (word & 0xFF) * 5 + ((word >> 16) & 0xFF)) & (_SLOTS_SIZE - 1)


def _key_tables() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
    """By slot, which name a key may be; the names' lengths and their words, 24 bytes each."""
    slots = np.full(_SLOTS_SIZE, -1, np.int64)
    words = np.zeros((len(_NAMES), 3), np.uint64)
    for index, name in enumerate(_NAMES):
        words[index] = [_word(name[8 * k :]) for k in range(3)]
        slot = _slot(len(name), _word((name + '"')[:8]))
        if slots[slot] != -1:
            raise RuntimeError(f"{name} and {_NAMES[slots[slot]]} share a slot: choose another `_slot`")
        slots[slot] = index
    return slots, np.array([len(name) for name in _NAMES], np.int64), words


_SLOTS, _LENGTHS, _KEYS = _key_tables()
_MASKS = np.array([(1 << 8 * k) - 1 for k in range(8)] + [2**64 - 1], np.uint64)  # the lowest k bytes of a word
_LOW_HALF = np.uint64(0xFFFFFFFF)
_TRUE, _ALSE, _NULL = np.uint64(_word("true")), np.uint64(_word("alse")), np.uint64(_word("null"))


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


@njit(cache=True)
def _line(words, i, slots, lengths, keys, masks, starts, ends):  # type: ignore[no-untyped-def]
    """Check the object at i and note the wanted fields of its top level; the place of the line feed after it, -1 where that is not sure.

    A field's end is negative where it is a string with escapes or beyond ASCII. `stack` has a bit for each open value: 1 an object,
    0 an array. `place` says what may come: 0 a key or the end of the object, 1 a key, 2 a value, 3 a value or the end of the array, 4 a
    comma or the end.
    """
    for k in range(len(starts)):
        starts[k] = -1
    if at(words, i) != 123:
        return -1
    i += 1
    depth, stack, place, field = 1, np.int64(1), 0, -1
    while depth > 0:
        i = skip(words, i)
        byte = at(words, i)
        if place <= 1 and byte == 34:
            end = plain_end(words, i + 1)
            if at(words, end) != 34:
                if depth == 1:
                    return -1
                end = escaped_end(words, end)
                if end < 0:
                    return -1
            if depth == 1:
                field = _wanted(words, i + 1, end - i - 1, slots, lengths, keys, masks)
            i = end + 1
            if at(words, i) != 58:
                i = skip(words, i)
                if at(words, i) != 58:
                    return -1
            i = skip(words, i + 1)
            byte, place = at(words, i), 2
        if place == 2 or place == 3:
            end, sign = -1, 1
            if byte == 34:
                end = plain_end(words, i + 1)
                if at(words, end) != 34:
                    end, sign = escaped_end(words, end), -1
                    if end < 0:
                        return -1
                end += 1
            elif byte == 123 or byte == 91:
                if depth == _DEPTH or (depth == 1 and field >= 0):
                    return -1
                i, depth, stack = i + 1, depth + 1, stack << 1 | (byte == 123)
                place = 0 if byte == 123 else 3
                continue
            elif byte == 93 and place == 3:
                end = i + 1
                depth, stack = depth - 1, stack >> 1
            else:
                half = words[np.uint64(i)] & _LOW_HALF
                if half == _NULL or half == _TRUE:  # noqa: SIM109 - a tuple is slower when compiled
                    end = i + 4
                elif byte == 102 and (words[np.uint64(i + 1)] & _LOW_HALF) == _ALSE:
                    end = i + 5
                else:
                    end = number_end(words, i)
                    if end < 0:
                        return -1
            if depth == 1 and field >= 0:
                starts[field], ends[field] = i, sign * end
                field = -1
            place = 4
            i = skip(words, end)
            byte = at(words, i)
        if place == 4 and byte == 44:
            i, place = i + 1, 1 if stack & 1 else 2
        elif byte == (125 if stack & 1 else 93) and (place == 4 or (place == 0 and byte == 125)):
            i, depth, stack, place = i + 1, depth - 1, stack >> 1, 4
        else:
            return -1
    i = skip(words, i)
    return i if at(words, i) == 10 else -1


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


_IN_HOST, _IN_PATH, _IN_QUERY = 1, 2, 4


def _classes() -> NDArray[np.uint8]:
    """Where in a clean URL a byte may stand."""
    classes = np.zeros(256, np.uint8)
    for bit, others in ((_IN_HOST, "_-"), (_IN_PATH, "_-.~!$&'()*+,;=:@"), (_IN_QUERY, "_-.~!$&()*+,;=:@/?")):
        classes[[ord(byte) for byte in "abcdefghijklmnopqrstuvwxyz0123456789" + others]] |= bit
        if bit != _IN_HOST:
            classes[ord("A") : ord("Z") + 1] |= bit
    return classes


_CLASSES = _classes()
_HTTP, _COLON_SLASHES, _PUNYCODE = np.uint64(_word("http")), np.uint64(_word("://")), np.uint64(_word("xn--"))
_LOW_THREE = np.uint64(0xFFFFFF)


_AMP, _LT, _GT = np.uint64(_word("&amp")), np.uint64(_word("&lt")), np.uint64(_word("&gt"))


@njit(cache=True)
def _ends_entity(words, i):  # type: ignore[no-untyped-def]
    """Whether the semicolon at i ends one of the entities that Reddit's API writes."""
    short, long = words[np.uint64(i - 3)] & _LOW_THREE, words[np.uint64(i - 4)] & _LOW_HALF
    return bool(int(short == _LT) | int(short == _GT) | int(long == _AMP))


@njit(cache=True)
def _look_at_url(words, row):  # type: ignore[no-untyped-def]
    """CLEAN and QUERY for the URL of a row, with the place of its host and of the dot before its file type (0: none).

    A clean URL is its own canonical form but for what depends on its host and on the names of its parameters. It has lower case in scheme
    and host, a top level of letters, a path of segments that do not begin with a dot, and no byte that is or has to be percent-encoded.
    """
    i, end = row[URL], row[URL_END]
    if end - i < 10 or (words[np.uint64(i)] & _LOW_HALF) != _HTTP:
        return 0
    i += 5 if at(words, i + 4) == 115 else 4
    if (words[np.uint64(i)] & _LOW_THREE) != _COLON_SLASHES:
        return 0
    i += 3
    row[HOST] = i
    label, letters = i, True
    while at(words, i) != 47:
        byte = at(words, i)
        if i >= end:
            return 0
        if byte == 46:
            if i == label or (words[np.uint64(label)] & _LOW_HALF) == _PUNYCODE:
                return 0
            label, letters = i + 1, True
        elif not _CLASSES[byte] & _IN_HOST:
            return 0
        else:
            letters = letters and 97 <= byte <= 122
        i += 1
    if i == label or label == row[HOST] or not letters:
        return 0
    row[HOST_END] = i
    dot, colon = 0, False
    while i < end:
        byte = at(words, i)
        if byte == 47:
            dot, colon = 0, False
            if at(words, i + 1) == 46:
                return 0
        elif byte == 46:
            dot = i
        elif byte == 58:
            colon = True
        elif byte == 63:
            break
        elif (byte == 59 and _ends_entity(words, i)) or not _CLASSES[byte] & _IN_PATH:
            return 0
        i += 1
    row[DOT] = 0 if colon else dot
    if i == end:
        return CLEAN
    for k in range(i + 1, end):
        byte = at(words, k)
        if not _CLASSES[byte] & _IN_QUERY or (byte == 59 and _ends_entity(words, k)):
            return 0
    return CLEAN | QUERY if i + 1 < end else 0


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
    row[FLAGS] = flags if flags & URL_ESCAPED else flags | _look_at_url(words, row)
    return True


@njit(cache=True)
def _scan(words, begin, size, slots, lengths, keys, masks, rows):  # type: ignore[no-untyped-def]
    """Fill the rows, line after line; returns how many are filled and where the line after them begins."""
    starts, ends = np.empty(len(lengths), np.int64), np.zeros(len(lengths), np.int64)
    count = 0
    while begin < size and count < len(rows):
        row = rows[count]
        end = _line(words, skip(words, begin), slots, lengths, keys, masks, starts, ends)
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


def scan(block: bytes) -> Iterator[Iterator[Row]]:
    """A row a line of the block, which ends in a line feed, some thousand at a time: places in bytes, numbers, flags (the constants above).

    The places of a string are those of its JSON text without the quotes; without URL_ESCAPED and TITLE_ESCAPED this is ASCII and is the
    string. In a row that is SLOW only LINE and LINE_END mean something, and HOST, HOST_END and DOT only in one that is CLEAN.
    """
    data = np.empty(len(block) + 32, np.uint8)
    data[: len(block)] = np.frombuffer(block, np.uint8)
    data[len(block) :] = 0  # a key's words may reach beyond the text
    words = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
    rows = np.empty((_ROWS, COLUMNS), np.int64)
    begin = 0
    while begin < len(block):
        count, begin = _scan(words, begin, len(block), _SLOTS, _LENGTHS, _KEYS, _MASKS, rows)
        yield zip(*rows[:count].T.tolist())
