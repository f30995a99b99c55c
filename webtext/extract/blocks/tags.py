"""Kernels over the names and values in a tag: the words of a class or id, the properties of a style."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from webtext.extract.blocks.counts import BASIS, PRIME, value_of
from webtext.extract.blocks.vocabulary import table, words_of_names

WORDS, CLASS, HREF, HIDDEN, ARIA_HIDDEN, STYLE = range(1, 7)
_ATTRIBUTES = {"id": WORDS, "role": WORDS, "itemprop": WORDS, "data-testid": WORDS, "aria-label": WORDS, "class": CLASS, "href": HREF}
_ATTRIBUTES |= {"hidden": HIDDEN, "aria-hidden": ARIA_HIDDEN, "style": STYLE}

ATTRIBUTES = table(((name.encode(), kind) for name, kind in sorted(_ATTRIBUTES.items())), 64)
NAME_WORDS = words_of_names()
STYLES = tuple(np.frombuffer(word, np.uint8) for word in (b"display", b"none", b"visibility", b"hidden"))
LF, CR, BLANK, QUOTE, AMPERSAND, SLASH, SEMICOLON, LESS, EQUALS, GREATER = (np.uint8(ord(c)) for c in '\n\r "&/;<=>')
A_, G_, L_, Q_, R_, T_, BANG, BRACKET, ZERO, NINE = (np.uint8(ord(c)) for c in "aglqrt!]09")


class Tables(NamedTuple):
    """What the kernel looks names up in: hash tables of keys and values (see vocabulary.table), and the styles that hide."""

    elements: NDArray[np.uint64]
    kinds: NDArray[np.int32]
    attributes: NDArray[np.uint64]
    uses: NDArray[np.int32]
    words: NDArray[np.uint64]
    lines: NDArray[np.int32]
    display: NDArray[np.uint8]
    none: NDArray[np.uint8]
    visibility: NDArray[np.uint8]
    invisible: NDArray[np.uint8]


class StartTag(NamedTuple):
    """`end` is the place behind its ">"; `empty` says that it ends in "/>"."""

    kind: int
    names: np.uint64
    signature: np.int64
    href: bool
    hidden: bool
    empty: bool
    end: int


@njit(cache=True)
def start_tag(d, i, tables, skipped):  # type: ignore[no-untyped-def]  # numba
    """The start tag at d[i]; of a `skipped` one only the end counts. libxml2 writes ` name="value"`, with one blank and no other quotes
    but where the value has some."""
    n = len(d)
    i += 1
    name = BASIS
    while i < n and d[i] != BLANK and d[i] != SLASH and d[i] != GREATER and d[i] != LF:
        name = (name ^ np.uint64(d[i])) * PRIME
        i += 1
    signature, names, href, hidden = name, np.uint64(0), False, False
    while i < n:
        while d[i] == BLANK or d[i] == LF:
            i += 1
        if d[i] == GREATER or d[i] == SLASH:
            break
        attribute = (BASIS ^ np.uint64(d[i])) * PRIME  # its first character may be the "=" itself
        i += 1
        while i < n and d[i] != EQUALS:
            attribute = (attribute ^ np.uint64(d[i])) * PRIME
            i += 1
        quote = d[i + 1]
        i += 2
        begin = i
        while i < n and d[i] != quote:
            i += 1
        use = np.int32(0) if skipped else value_of(tables.attributes, tables.uses, attribute)
        if use in (WORDS, CLASS):
            names |= names_in(d, begin, i, tables.words, tables.lines)
        if use == CLASS:
            for k in range(begin, i):
                if d[k] < ZERO or d[k] > NINE:  # so that post-17 and post-18 are alike
                    signature = (signature ^ np.uint64(d[k])) * PRIME
        elif use == HREF:
            href = True
        elif use == HIDDEN:
            hidden = True
        elif use == ARIA_HIDDEN:
            hidden |= i - begin == 4 and d[begin] == T_ and d[begin + 1] == R_  # "true"
        elif use == STYLE:
            hidden |= has_style(d, begin, i, tables.display, tables.none) or has_style(d, begin, i, tables.visibility, tables.invisible)
        i += 1
    empty = d[i] == SLASH
    while i < n and d[i] != GREATER:
        i += 1
    kind = value_of(tables.elements, tables.kinds, name)
    return StartTag(kind, names, np.int64(signature >> np.uint64(1)), href, hidden, empty, i + 1)


@njit(cache=True)
def names_in(d, i, e, keys, vals):  # type: ignore[no-untyped-def]  # numba
    bits = np.uint64(0)
    h = BASIS
    n = 0
    low = False
    for k in range(i, e + 1):
        c = d[k] if k < e else np.uint8(32)
        up = c >= 65 and c <= 90
        lo = c >= 97 and c <= 122
        if n and (not (up or lo) or (up and low)):
            v = value_of(keys, vals, h)
            if v:
                bits |= np.uint64(1) << np.uint64(v - 1)
            n = 0
            h = BASIS
        if up or lo:
            h = (h ^ np.uint64(c | 32)) * PRIME
            n += 1
        low = bool(lo)
    return bits


@njit(cache=True)
def has_style(d, i, e, a, b):  # type: ignore[no-untyped-def]  # numba
    """Whether the property a with value b stands in the style d[i:e]."""
    for k in range(i, e - len(a)):
        j = 0
        while j < len(a) and (d[k + j] | 32) == a[j]:
            j += 1
        if j == len(a):
            q = k + j
            while q < e and d[q] <= 32:
                q += 1
            if q < e and d[q] == 58:
                q += 1
                while q < e and d[q] <= 32:
                    q += 1
                j = 0
                while j < len(b) and q + j < e and (d[q + j] | 32) == b[j]:
                    j += 1
                if j == len(b):
                    return True
    return False
