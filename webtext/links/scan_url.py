"""Whether a URL in an array of words (see webtext.links.json_words) is its own canonical form, compiled: the short way for most of a dump.

NB: numba's cache of a function does not notice a change in the functions of another file that it calls: touch scan.py after this one.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from webtext.links.file_types import NOT_TEXT
from webtext.links.json_words import LOW_HALF, at, word_of
from webtext.links.scan_columns import CLEAN, HOST, HOST_END, KIND, QUERY, URL, URL_END

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
_HTTP, _COLON_SLASHES, _PUNYCODE = np.uint64(word_of("http")), np.uint64(word_of("://")), np.uint64(word_of("xn--"))
_LOW_THREE, _EIGHT = np.uint64(0xFFFFFF), np.uint64(8)


_AMP, _LT, _GT = np.uint64(word_of("&amp")), np.uint64(word_of("&lt")), np.uint64(word_of("&gt"))


@njit(cache=True)
def _stays_escaped(words, i):  # type: ignore[no-untyped-def]
    """Whether the percent sign at i begins an escape in upper case, and not of an unreserved character."""
    value = 0
    for k in range(i + 1, i + 3):
        byte = at(words, k)
        if 48 <= byte <= 57:
            value = value * 16 + byte - 48
        elif 65 <= byte <= 70:
            value = value * 16 + byte - 55
        else:
            return False
    letter = 65 <= value <= 90 or 97 <= value <= 122 or 48 <= value <= 57
    return not (letter or value == 45 or value == 46 or value == 95 or value == 126)


@njit(cache=True)
def _ends_entity(words, i):  # type: ignore[no-untyped-def]
    """Whether the semicolon at i ends one of the entities that Reddit's API writes."""
    short, long = words[np.uint64(i - 3)] & _LOW_THREE, words[np.uint64(i - 4)] & LOW_HALF
    return bool(int(short == _LT) | int(short == _GT) | int(long == _AMP))


KINDS = sorted(NOT_TEXT, key=word_of)
_KIND_WORDS = np.array([word_of(kind) for kind in KINDS], np.uint64)


@njit(cache=True)
def _kind(words, start, end):  # type: ignore[no-untyped-def]
    """The index in KINDS of an ending in any case, or -1."""
    if end - start > 7:
        return -1
    word = np.uint64(0)
    for k in range(end - 1, start - 1, -1):
        byte = at(words, k)
        word = word << _EIGHT | np.uint64(byte + 32 if 65 <= byte <= 90 else byte)
    place = np.searchsorted(_KIND_WORDS, word)
    return place if place < len(_KIND_WORDS) and _KIND_WORDS[place] == word else -1


@njit(cache=True)
def look_at_url(words, row):  # type: ignore[no-untyped-def]
    """CLEAN and QUERY for the URL of a row, with the place of its host and its kind of file.

    A clean URL is its own canonical form but for what depends on its host and on the names of its parameters. It has lower case in scheme
    and host, a top level of letters, a path of segments that do not begin with a dot, and percent-encoding only as it should be.
    """
    i, end = row[URL], row[URL_END]
    if end - i < 10 or (words[np.uint64(i)] & LOW_HALF) != _HTTP:
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
            if i == label or (words[np.uint64(label)] & LOW_HALF) == _PUNYCODE:
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
        elif byte == 37:
            if not _stays_escaped(words, i):
                return 0
            colon = colon or (at(words, i + 1) == 51 and at(words, i + 2) == 65)
        elif (byte == 59 and _ends_entity(words, i)) or not _CLASSES[byte] & _IN_PATH:
            return 0
        i += 1
    row[KIND] = -1 if colon or dot == 0 else _kind(words, dot + 1, i)
    if i == end:
        return CLEAN
    for k in range(i + 1, end):
        byte = at(words, k)
        if byte == 37:
            if not _stays_escaped(words, k):
                return 0
        elif not _CLASSES[byte] & _IN_QUERY or (byte == 59 and _ends_entity(words, k)):
            return 0
    return CLEAN | QUERY if i + 1 < end else 0
