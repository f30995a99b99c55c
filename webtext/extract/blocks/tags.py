"""Kernels over the names and values in a tag: look-up by hash, the words of a class or id, the properties of a style."""

from __future__ import annotations

import numpy as np
from numba import njit

from webtext.extract.blocks.counts import BASIS, PRIME


@njit(cache=True)
def value_of(keys, vals, h):  # type: ignore[no-untyped-def]  # numba
    m = np.uint64(len(keys) - 1)
    k = h & m
    while keys[k] != 0:
        if keys[k] == h:
            return vals[k]
        k = (k + np.uint64(1)) & m
    return np.int32(0)


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
