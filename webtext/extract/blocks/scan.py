"""A page's tree, serialised, to its elements and blocks, in one pass over the bytes.

libxml2 writes well-formed XML whatever it has read, in a fraction of the time that Python needs to look at every element. A **block** is
the text between two boundaries of elements that are not inline, or `<br>`, with white space collapsed (but in `<pre>`); a **node** is an
element that is not inline. Nodes are numbered in document order, so the blocks of a subtree are a range.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from lxml import etree
from numba import njit
from numpy.typing import NDArray

from webtext.extract import dom
from webtext.extract.blocks.counts import BASIS, PRIME, count
from webtext.extract.blocks.tags import has_style, names_in, value_of
from webtext.extract.blocks.vocabulary import INLINE, SKIPPED, TAG, folded, table, words_of_names, words_of_texts

# What a name of an element means: its number in the lower 8 bits, and these
INL, SKP, BR, IMG, LINK, STRONG, CODE, PRE = (1 << bit for bit in range(8, 16))


def _elements() -> dict[str, int]:
    kinds = dict(TAG) | dict.fromkeys(INLINE, INL) | dict.fromkeys(SKIPPED, SKP) | {"br": BR}
    more = {"img": IMG, "a": LINK, "b": STRONG, "strong": STRONG, "code": CODE, "kbd": CODE, "samp": CODE, "tt": CODE, "pre": PRE}
    return kinds | {name: kinds[name] | bit for name, bit in more.items()}


WORDS, CLASS, HREF, HIDDEN, ARIA_HIDDEN, STYLE = range(1, 7)
_ATTRIBUTES = {"id": WORDS, "role": WORDS, "itemprop": WORDS, "data-testid": WORDS, "aria-label": WORDS, "class": CLASS, "href": HREF}
_ATTRIBUTES |= {"hidden": HIDDEN, "aria-hidden": ARIA_HIDDEN, "style": STYLE}

ELEMENTS = table(((name.encode(), kind) for name, kind in sorted(_elements().items())), 1024)
ELEMENTS_WITHOUT_SCRIPTS = table(((name.encode(), kind) for name, kind in sorted((_elements() | {"noscript": TAG["other"]}).items())), 1024)
ATTRIBUTES = table(((name.encode(), kind) for name, kind in sorted(_ATTRIBUTES.items())), 64)
NAME_WORDS = words_of_names()
TEXT_WORDS = words_of_texts()
DISPLAY, NONE, VISIBILITY, HIDDEN_VALUE = (np.frombuffer(word, np.uint8) for word in (b"display", b"none", b"visibility", b"hidden"))

_WORD = re.compile(r"\w+")
TITLE_WORDS = 60  # of the title that are looked for in the blocks


@dataclass(frozen=True)
class Page:
    """The nodes and blocks of a page.

    nodes: `parent` (-1: none), `tag` (number in TAGS), `names` (bits of NAMES), `signature` (hash of element and class), `hidden`,
    `first`, `last` (their blocks are first..last-1). blocks: `node`, `link_chars`, `links`, `strong_chars`, `code_chars`,
    `inline_names` (bits of NAMES of the inline elements in it), `images` (seen before its end), `counts` (see the columns of counts.py),
    `cues` (bits of CUES), `hashes` (of its words); the text of block b is `text[offsets[b]:offsets[b+1]]`, UTF-8.
    """

    parent: NDArray[np.int32]
    tag: NDArray[np.int32]
    names: NDArray[np.uint64]
    signature: NDArray[np.int64]
    hidden: NDArray[np.int32]
    first: NDArray[np.int32]
    last: NDArray[np.int32]
    node: NDArray[np.int32]
    link_chars: NDArray[np.float64]
    links: NDArray[np.float64]
    strong_chars: NDArray[np.float64]
    code_chars: NDArray[np.float64]
    inline_names: NDArray[np.uint64]
    images: NDArray[np.int32]
    text: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    counts: NDArray[np.float64]
    cues: NDArray[np.uint64]
    hashes: NDArray[np.uint64]

    def block(self, number: int) -> str:
        return self.text[self.offsets[number] : self.offsets[number + 1]].tobytes().decode("utf-8", "replace")


def read(tree: dom.Tree, title: str) -> Page:
    """The nodes and blocks of a tree; `title` is counted in the blocks.

    Where a page has no text for a browser that runs scripts (Discourse's forums), `<noscript>` is read, which is skipped elsewhere.
    """
    # NB: the kernel reads up to three bytes on from where it is.
    xml = np.frombuffer(etree.tostring(tree, encoding="utf-8", xml_declaration=False, with_tail=False) + b"<<<<", np.uint8)
    words = (*ATTRIBUTES, *NAME_WORDS, DISPLAY, NONE, VISIBILITY, HIDDEN_VALUE)
    arrays = scan(xml[:-4], *ELEMENTS, *words)
    if not len(arrays[-1]) - 1:
        arrays = scan(xml[:-4], *ELEMENTS_WITHOUT_SCRIPTS, *words)
    title_words = table(((folded(word), 1) for word in _WORD.findall(title)[:TITLE_WORDS]), 256)[0]
    return Page(*arrays, *count(arrays[-2], arrays[-1], *TEXT_WORDS, title_words))


@njit(cache=True)
def scan(d, tagk, tagv, attk, attv, namk, namv, disp, none, vis, hid_):  # type: ignore[no-untyped-def]  # numba
    n = len(d)
    cap = 2
    for i in range(n):
        if d[i] == 60:
            cap += 1
    parent = np.empty(cap, np.int32)
    tag = np.empty(cap, np.int32)
    mask = np.empty(cap, np.uint64)
    sig = np.empty(cap, np.int64)
    hid = np.empty(cap, np.int32)
    first = np.empty(cap, np.int32)
    last = np.empty(cap, np.int32)
    bnode = np.empty(cap, np.int32)
    link = np.empty(cap, np.float64)
    nlinks = np.empty(cap, np.float64)
    emph = np.empty(cap, np.float64)
    code = np.empty(cap, np.float64)
    imask = np.empty(cap, np.uint64)
    imgs = np.empty(cap, np.int32)
    off = np.empty(cap + 1, np.int64)
    out = np.empty(n + 8, np.uint8)
    nn = 0
    nb = 0
    w = 0
    nimg = 0
    off[0] = 0
    skind = np.empty(cap, np.int32)
    sinl = np.empty(cap, np.uint64)
    slink = np.empty(cap, np.int32)
    sstr = np.empty(cap, np.int32)
    scod = np.empty(cap, np.int32)
    snode = np.empty(cap, np.int32)
    spre = np.empty(cap, np.int32)
    sp = 0
    inl = np.uint64(0)
    links = 0
    strong = 0
    codes = 0
    node = -1
    pre = 0
    newlink = 0
    after_a = False
    space = False  # white space waits to be written
    start = 0  # of the block's text in out
    clink = 0
    cnl = 0
    cem = 0
    ccd = 0
    cim = np.uint64(0)
    skip = 0
    i = 0
    while i < n:
        c = d[i]
        if c == 60:
            if d[i + 1] == 33:  # CDATA
                i += 9
                e = i
                while e < n and not (d[e] == 93 and d[e + 1] == 93 and d[e + 2] == 62):
                    e += 1
                i = e + 3
                continue
            if d[i + 1] == 47:  # end
                while i < n and d[i] != 62:
                    i += 1
                i += 1
                if skip > 0:
                    skip -= 1
                    continue
                sp -= 1
                k = skind[sp]
                if k & INL:
                    inl = sinl[sp]
                    links = slink[sp]
                    strong = sstr[sp]
                    codes = scod[sp]
                    if k & LINK:
                        after_a = True
                        newlink = 0
                    continue
                ev = 2
            else:
                j = i + 1
                h = BASIS
                while j < n and d[j] != 32 and d[j] != 47 and d[j] != 62 and d[j] != 10:
                    h = (h ^ np.uint64(d[j])) * PRIME
                    j += 1
                info = value_of(tagk, tagv, h)
                m = np.uint64(0)
                href = False
                hidden = 0
                sg = h
                # attributes
                while j < n:
                    while d[j] == 32 or d[j] == 10:
                        j += 1
                    if d[j] == 62 or d[j] == 47:
                        break
                    # NB: a name may begin with the sign
                    ah = (BASIS ^ np.uint64(d[j])) * PRIME
                    j += 1
                    while j < n and d[j] != 61:
                        ah = (ah ^ np.uint64(d[j])) * PRIME
                        j += 1
                    q = d[j + 1]
                    j += 2
                    s = j
                    while j < n and d[j] != q:
                        j += 1
                    a = value_of(attk, attv, ah)
                    if a and skip == 0:
                        if a <= CLASS:
                            m |= names_in(d, s, j, namk, namv)
                        if a == CLASS:
                            for z in range(s, j):
                                if d[z] < 48 or d[z] > 57:
                                    sg = (sg ^ np.uint64(d[z])) * PRIME
                        elif a == HREF:
                            href = True
                        elif a == HIDDEN:
                            hidden = 1
                        elif a == ARIA_HIDDEN:
                            if j - s == 4 and d[s] == 116 and d[s + 1] == 114:
                                hidden = 1
                        elif a == STYLE and (has_style(d, s, j, disp, none) or has_style(d, s, j, vis, hid_)):
                            hidden = 1
                    j += 1
                empty = d[j] == 47
                while j < n and d[j] != 62:
                    j += 1
                i = j + 1
                if skip > 0:
                    if not empty:
                        skip += 1
                    continue
                if info & SKP:
                    if not empty:
                        skip = 1
                    continue
                if info & BR:
                    if not empty:
                        skip = 1
                    if pre > 0:
                        out[w] = 10
                        w += 1
                        continue
                    ev = 3
                elif info & INL:
                    if info & IMG:
                        nimg += 1
                    if empty:
                        continue
                    skind[sp] = info
                    sinl[sp] = inl
                    slink[sp] = links
                    sstr[sp] = strong
                    scod[sp] = codes
                    sp += 1
                    inl |= m
                    if (info & LINK) and href:
                        links += 1
                        newlink = 1
                        if after_a:
                            space = True
                    elif info & STRONG:
                        strong += 1
                    elif info & CODE:
                        codes += 1
                    continue
                else:
                    ev = 1
            # a block ends here
            e = w
            if pre > 0:
                while e > start and (out[e - 1] <= 32):
                    e -= 1
            if e > start:
                # an empty pre has only white space
                blank = True
                for z in range(start, e):
                    if out[z] > 32:
                        blank = False
                        break
                if not blank:
                    s = start
                    if pre > 0:
                        while out[s] == 10:
                            s += 1
                        if s > start:
                            for z in range(s, e):
                                out[start + z - s] = out[z]
                            e -= s - start
                    bnode[nb] = node
                    link[nb] = clink
                    nlinks[nb] = cnl
                    emph[nb] = cem
                    code[nb] = ccd
                    imask[nb] = cim
                    imgs[nb] = nimg
                    nb += 1
                    start = e
                    off[nb] = e
            w = start
            space = False
            clink = 0
            cnl = 0
            cem = 0
            ccd = 0
            cim = np.uint64(0)
            if ev == 1:
                t = info & 255
                skind[sp] = 0
                sinl[sp] = inl
                snode[sp] = node
                spre[sp] = pre
                sp += 1
                parent[nn] = node
                tag[nn] = t
                mask[nn] = m | inl
                hid[nn] = hidden
                sig[nn] = np.int64(sg >> np.uint64(1))
                first[nn] = nb
                last[nn] = nb
                inl = np.uint64(0)
                node = nn
                nn += 1
                if info & PRE:
                    pre += 1
                if empty:
                    ev = 2
                    sp -= 1
            if ev == 2:
                last[node] = nb
                inl = sinl[sp]
                node = snode[sp]
                pre = spre[sp]
            continue
        # text up to the next markup
        if skip > 0:
            while i < n and d[i] != 60:
                i += 1
            continue
        cnt = 0
        any_ = False
        while i < n and d[i] != 60:
            c = d[i]
            adv = 1
            ws = False
            if c == 38:  # reference
                e = i + 1
                while e < n and d[e] != 59:
                    e += 1
                if d[i + 1] == 97:
                    c = np.uint8(38)
                elif d[i + 1] == 108:
                    c = np.uint8(60)
                elif d[i + 1] == 103:
                    c = np.uint8(62)
                elif d[i + 1] == 113:
                    c = np.uint8(34)
                else:
                    c = np.uint8(32)
                adv = e + 1 - i
            if c <= 32:
                ws = True
            elif c == 0xC2 and d[i + 1] == 0xA0:
                ws = True
                adv = 2
            elif (
                c == 0xE2
                and d[i + 1] == 0x80
                and ((d[i + 2] >= 0x80 and d[i + 2] <= 0x8A) or d[i + 2] == 0xA8 or d[i + 2] == 0xA9 or d[i + 2] == 0xAF)
            ) or (c == 0xE3 and d[i + 1] == 0x80 and d[i + 2] == 0x80):
                ws = True
                adv = 3
            if ws:
                if pre > 0:
                    if adv > 1 and c > 127:
                        c = np.uint8(32)
                    if c == 13:
                        pass
                    else:
                        out[w] = c
                        w += 1
                else:
                    space = True
            else:
                if space:
                    if w > start:
                        out[w] = 32
                        w += 1
                    space = False
                out[w] = c
                w += 1
                any_ = True
                if (c & 0xC0) != 0x80:
                    cnt += 1
            i += adv
        if any_:
            after_a = False
            cim |= inl
            if links > 0:
                clink += cnt
                if newlink:
                    cnl += 1
                    newlink = 0
            if strong > 0:
                cem += cnt
            if codes > 0:
                ccd += cnt
    return (
        parent[:nn],
        tag[:nn],
        mask[:nn],
        sig[:nn],
        hid[:nn],
        first[:nn],
        last[:nn],
        bnode[:nb],
        link[:nb],
        nlinks[:nb],
        emph[:nb],
        code[:nb],
        imask[:nb],
        imgs[:nb],
        out[: off[nb] + 3],
        off[: nb + 1],
    )
