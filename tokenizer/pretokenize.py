r"""GPT-2's pre-tokenizer as a kernel over UTF-8 bytes.

Source: encoder.py of openai/gpt-2, whose pattern is ``PATTERNS["gpt2"]``. A word never crosses the character classes
letter, number, white space and the rest, but for one space before it. Classes are read from the installed ``regex`` module, so the words
are its words.

    >>> pretokenize("It's 24 degrees.")
    [b'It', b"'s", b' 24', b' degrees', b'.']

Bytes that are not valid UTF-8 belong to "the rest", one by one: the words of any bytes are those of
``data.decode("utf-8", "surrogateescape")``, where such a byte is a lone surrogate.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import regex

from tokenizer.kernels import Bytes, Ints, Scalar, kernel
from tokenizer.utf8 import to_utf8

OTHER, LETTER, NUMBER, SPACE = 0, 1, 2, 3
NOT_ASCII = 4  # a byte whose character has to be decoded first
_BYTES = 0x110000  # index of the first class of a byte, after those of the code points
_BLOCK_WORDS = 1 << 16


@cache
def character_classes() -> Bytes:
    """The class of every code point, OTHER, LETTER, NUMBER or SPACE, as the installed ``regex`` module sees it, shape (0x110100,).

    The 256 entries after the last code point are the classes of bytes: ASCII's, and NOT_ASCII from 0x80 on.
    """
    classes = np.zeros(0x110100, dtype=np.uint8)
    for first in range(0, 0x110000, 0x10000):  # by plane: a string of all code points would take 4 MB
        plane = "".join(map(chr, range(first, first + 0x10000)))
        for value, pattern in ((LETTER, r"\p{L}+"), (NUMBER, r"\p{N}+"), (SPACE, r"\s+")):
            for run in regex.finditer(pattern, plane):
                classes[first + run.start() : first + run.end()] = value
    classes[_BYTES : _BYTES + 0x80] = classes[:0x80]
    classes[_BYTES + 0x80 :] = NOT_ASCII
    return classes


@kernel
def _step(data: Bytes, i: Scalar, size: Scalar, classes: Bytes) -> Scalar:
    """Class and length of the character at ``i`` as ``length * 4 + class``; well-formed sequences are those of Unicode's table 3-7."""
    first = np.uint64(data[i])
    left = size - i
    code = np.uint64(0)
    length = np.uint64(1)
    if first < 0x80:
        return np.uint64(4) + classes[first]
    if first <= 0xDF:
        if first >= 0xC2 and left >= 2:
            code, length = first & np.uint64(0x1F), np.uint64(2)
    elif first <= 0xEF:
        if left >= 3:
            code, length = first & np.uint64(0x0F), np.uint64(3)
    elif first <= 0xF4 and left >= 4:
        code, length = first & np.uint64(0x07), np.uint64(4)
    for k in range(1, length):
        follower = np.uint64(data[i + np.uint64(k)])
        if follower & np.uint64(0xC0) != 0x80:
            return np.uint64(4 + OTHER)
        code = code << np.uint64(6) | (follower & np.uint64(0x3F))
    overlong = (length == 3 and code < 0x800) or (length == 4 and code < 0x10000)
    if length == 1 or overlong or 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        return np.uint64(4 + OTHER)
    return (length << np.uint64(2)) + classes[code]


@kernel
def word_ends(data: Bytes, start: Scalar, stops: Ints, classes: Bytes, ends: Ints) -> Scalar:
    """Write the end offsets of the words from ``start`` on until ``ends`` is full, and return how many were written.

    ``data`` holds texts one after the other that end at ``stops``; ``start`` is 0 or the end of a word. Offsets are unsigned because
    numba otherwise tests each for being negative, which doubles the time.
    """
    one, two, of_byte = np.uint64(1), np.uint64(2), np.uint64(_BYTES)
    total = np.uint64(stops[-1])
    room = np.uint64(ends.size)
    count = np.uint64(0)
    i = np.uint64(start)
    text = 0
    size = np.uint64(0)
    while i < total and count < room:
        while size <= i:
            size = np.uint64(stops[text])
            text += 1
        byte = data[i]
        if byte == 39 and i + one < size:  # an apostrophe
            second = data[i + one]
            length = np.uint64(0)
            if second == 115 or second == 116 or second == 109 or second == 100:  # 's 't 'm 'd
                length = np.uint64(2)
            elif i + two < size:
                third = data[i + two]
                if (second == 108 and third == 108) or (third == 101 and (second == 114 or second == 118)):  # 'll 're 've
                    length = np.uint64(3)
            if length > 0:
                i += length
                ends[count] = i
                count += one
                continue

        kind = classes[of_byte + byte]
        after = i + one
        if byte == 32 and after < size:  # only the plain space may lead a word
            kind = classes[of_byte + data[after]]
            if kind == NOT_ASCII:
                kind = np.uint8(_step(data, after, size, classes) & np.uint64(3))
        elif kind == NOT_ASCII:
            step = _step(data, i, size, classes)
            kind = np.uint8(step & np.uint64(3))
            after = i + (step >> two)

        last = i
        while after < size:
            found = classes[of_byte + data[after]]
            length = one
            if found == NOT_ASCII:
                step = _step(data, after, size, classes)
                found = np.uint8(step & np.uint64(3))
                length = step >> two
            if found != kind:
                break
            last = after
            after += length
        # The last of several white space characters is left for what follows: \s+(?!\S).
        i = last if kind == SPACE and after < size and last > i else after
        ends[count] = i
        count += one
    return count


def word_spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each word in ``data``."""
    array = np.frombuffer(data, dtype=np.uint8)
    ends = np.empty(_BLOCK_WORDS, dtype=np.int64)
    stops = np.array([len(data)], dtype=np.int64)
    start = 0
    while start < len(data):
        for end in ends[: word_ends(array, start, stops, character_classes(), ends)].tolist():
            yield start, end
            start = end


def pretokenize(text: str | bytes) -> list[bytes]:
    """The words of ``text``, which concatenated give its bytes again."""
    data = text if isinstance(text, bytes) else to_utf8(text)
    return [data[start:end] for start, end in word_spans(data)]
