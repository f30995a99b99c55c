"""What a text is made of, counted over the bytes of all blocks of a page."""

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


@njit(cache=True)
def count(data, off, keys, vals, tkeys):  # type: ignore[no-untyped-def]  # numba
    """Counts (blocks x COUNTS), cues and hashes of the words, for texts data[off[b]:off[b+1]].

    A word is a run of letters and digits of ASCII and of bytes beyond it that are no punctuation; a Chinese, Japanese or Korean character
    is one by itself. Words are compared with the letters of ASCII in lower case.
    """
    n = len(off) - 1
    counts = np.zeros((n, COUNTS), np.float64)
    cues = np.zeros(n, np.uint64)
    hashes = np.zeros(n, np.uint64)
    mask = np.uint64(len(keys) - 1)
    tmask = np.uint64(len(tkeys) - 1)
    prime = PRIME
    basis = BASIS
    for b in range(n):
        i = off[b]
        end = off[b + 1]
        hb = basis
        inword = False
        h = basis
        caps = 0
        wl = 0
        dig = 0
        lastp = np.uint8(0)
        first = True
        while i <= end:
            c = data[i] if i < end else np.uint8(32)
            isw = False
            adv = 1
            cjk = False
            if (c >= 97 and c <= 122) or (c >= 65 and c <= 90) or (c >= 48 and c <= 57):
                isw = True
            elif c >= 0x80:
                isw = True
                if c == 0xC2:
                    isw = False
                    adv = 2
                    if i + 1 < end and data[i + 1] == 0xA9:
                        cues[b] |= np.uint64(1) << np.uint64(COPYRIGHT)
                    if i + 1 < end and (data[i + 1] == 0xA3 or data[i + 1] == 0xA5):
                        counts[b, MONEY] += 1
                    if i + 1 < end and (data[i + 1] == 0xB7 or data[i + 1] == 0xBB):
                        counts[b, BULLETS] += 1
                elif c == 0xE2:
                    isw = False
                    adv = 3
                    if i + 2 < end and data[i + 1] == 0x82 and data[i + 2] == 0xAC:
                        counts[b, MONEY] += 1
                    elif i + 2 < end and data[i + 1] == 0x80 and (data[i + 2] == 0xA6 or data[i + 2] == 0x9D):
                        lastp = np.uint8(46)
                    elif i + 2 < end and ((data[i + 1] == 0x80 and (data[i + 2] == 0xA2 or data[i + 2] == 0xBA)) or data[i + 1] >= 0x86):
                        counts[b, BULLETS] += 1
                elif c == 0xE3 and i + 1 < end and data[i + 1] == 0x80:
                    isw = False
                    adv = 3
                    if data[i + 2] == 0x82:
                        counts[b, SENTENCES] += 1
                        lastp = np.uint8(46)
                    else:
                        counts[b, COMMAS] += 1
                elif c == 0xEF and i + 1 < end and data[i + 1] == 0xBC:
                    isw = False
                    adv = 3
                elif c >= 0xE3 and c <= 0xED:
                    cjk = True
                    adv = 3
                elif c == 0xF0:
                    isw = False
                    adv = 4
                if not isw and i < end:
                    counts[b, CHARS] += 1
            if isw and not cjk:
                if not inword:
                    inword = True
                    h = basis
                    caps = 0
                    wl = 0
                    dig = 0
                    if first:
                        first = False
                        if c >= 65 and c <= 90:
                            counts[b, STARTS] = 1
                lc = c
                if c >= 65 and c <= 90:
                    lc = c | np.uint8(32)
                    if wl == 0:
                        caps |= 1
                    caps += 2
                if c >= 48 and c <= 57:
                    counts[b, DIGITS] += 1
                    dig += 1
                h = (h ^ np.uint64(lc)) * prime
                if (c & 0xC0) != 0x80:
                    counts[b, CHARS] += 1
                    wl += 1
                lastp = np.uint8(97)
            else:
                if inword:
                    inword = False
                    counts[b, WORDCOUNT] += 1
                    if caps & 1:
                        counts[b, CAPITALISED] += 1
                    if (caps >> 1) == wl and wl > 1:
                        counts[b, ALL_CAPS] += 1
                    if dig == wl:
                        counts[b, NUMBERS] += 1
                    if wl > counts[b, LONGEST]:
                        counts[b, LONGEST] = wl
                    k = h & mask
                    while keys[k] != 0:
                        if keys[k] == h:
                            v = vals[k]
                            if v & STOP:
                                counts[b, STOPS] += 1
                            if v >> CUE_SHIFT:
                                cues[b] |= np.uint64(1) << np.uint64((v >> CUE_SHIFT) - 1)
                            break
                        k = (k + np.uint64(1)) & mask
                    k = h & tmask
                    while tkeys[k] != 0:
                        if tkeys[k] == h:
                            counts[b, TITLE] += 1
                            break
                        k = (k + np.uint64(1)) & tmask
                    hb = (hb ^ h) * prime
                if cjk:
                    counts[b, WORDCOUNT] += 1
                    counts[b, CHARS] += 1
                    counts[b, CJK] += 1
                    lastp = np.uint8(97)
                    first = False
                    hb = (hb ^ np.uint64(c)) * prime
                    if i + 2 < end:
                        hb = ((hb ^ np.uint64(data[i + 1])) * prime ^ np.uint64(data[i + 2])) * prime
                elif c < 0x80 and i < end:
                    if c > 32:
                        counts[b, CHARS] += 1
                        if c != 34 and c != 39 and c != 41:
                            lastp = c
                    if c == 44:
                        counts[b, COMMAS] += 1
                    elif c == 46 or c == 33 or c == 63:
                        counts[b, SENTENCES] += 1
                    elif c == 36:
                        counts[b, MONEY] += 1
                    elif c == 124:
                        counts[b, BULLETS] += 1
            i += adv
        if lastp == 46 or lastp == 33 or lastp == 63:
            counts[b, ENDS] = 1
        if lastp == 58:
            counts[b, COLON] = 1
        hashes[b] = hb
    return counts, cues, hashes
