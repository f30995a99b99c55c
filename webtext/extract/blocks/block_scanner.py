"""The scanner of a page's markup: from the serialised tree to its nodes and blocks in one pass over the bytes.

libxml2 writes well-formed XML whatever it has read, in a fraction of the time that Python needs to look at every element. A **block** is
the text between two boundaries of elements that are not inline, or `<br>`, with white space collapsed (but in `<pre>`); a **node** is an
element that is not inline. Nodes are numbered in document order, so the blocks of a subtree are a range.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
from lxml import etree
from numba import njit
from numpy.typing import NDArray

from webtext.extract import dom
from webtext.extract.blocks.counts import count
from webtext.extract.blocks.tags import (
    A_,
    AMPERSAND,
    ATTRIBUTES,
    BANG,
    BLANK,
    BRACKET,
    CR,
    G_,
    GREATER,
    L_,
    LESS,
    LF,
    NAME_WORDS,
    Q_,
    QUOTE,
    SEMICOLON,
    SLASH,
    STYLES,
    Tables,
    start_tag,
)
from webtext.extract.blocks.vocabulary import INLINE, SKIPPED, TAG, folded, table, words_of_texts

# What a name of an element means: its number in the lower 8 bits, and these
INL, SKP, BR, IMG, LINK, STRONG, CODE, PRE = (1 << bit for bit in range(8, 16))


def _elements() -> dict[str, int]:
    kinds = dict(TAG) | dict.fromkeys(INLINE, INL) | dict.fromkeys(SKIPPED, SKP) | {"br": BR}
    more = {"img": IMG, "a": LINK, "b": STRONG, "strong": STRONG, "code": CODE, "kbd": CODE, "samp": CODE, "tt": CODE, "pre": PRE}
    return kinds | {name: kinds[name] | bit for name, bit in more.items()}


ELEMENTS = table(((name.encode(), kind) for name, kind in sorted(_elements().items())), 1024)
ELEMENTS_WITHOUT_SCRIPTS = table(((name.encode(), kind) for name, kind in sorted((_elements() | {"noscript": TAG["other"]}).items())), 1024)
TEXT_WORDS = words_of_texts()
_WORD = re.compile(r"\w+")
TITLE_WORDS = 60  # of the title that are looked for in the blocks


class Page(NamedTuple):
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


class Nodes(NamedTuple):
    parent: NDArray[np.int32]
    tag: NDArray[np.int32]
    names: NDArray[np.uint64]
    signature: NDArray[np.int64]
    hidden: NDArray[np.int32]
    first: NDArray[np.int32]
    last: NDArray[np.int32]


class Blocks(NamedTuple):
    """The place after the last block counts for the one that is being read."""

    node: NDArray[np.int32]
    link_chars: NDArray[np.float64]
    links: NDArray[np.float64]
    strong_chars: NDArray[np.float64]
    code_chars: NDArray[np.float64]
    inline_names: NDArray[np.uint64]
    images: NDArray[np.int32]
    offsets: NDArray[np.int64]


# Where the scan is: numbers of `nodes`, `blocks`, `images` and `open` elements so far; `node` (-1: none) and, of the open inline elements,
# `names` and how many are `links`, `strong`, `code`; how many are `pre`; `skip`: depth in an element whose content is no text.
# The text of the block lies in text[start:written]; `space`: white space waits to be written; `new_link`: a link is still to be counted.
STATE = np.dtype(
    [(name, np.int64) for name in "nodes blocks images open node links strong code pre skip start written".split()]
    + [("names", np.uint64), ("space", np.bool_), ("new_link", np.bool_), ("after_link", np.bool_)]
)
# What an open element gives back when it ends
OPEN = np.dtype([("kind", np.int32), ("names", np.uint64), *((name, np.int64) for name in "links strong code node pre".split())])


def read(tree: dom.Tree, title: str) -> Page:
    """The nodes and blocks of a tree; `title` is counted in the blocks.

    Where a page has no text for a browser that runs scripts (Discourse's forums), `<noscript>` is read, which is skipped elsewhere.
    """
    # NB: the kernel reads up to three bytes on from where it is.
    xml = np.frombuffer(etree.tostring(tree, encoding="utf-8", xml_declaration=False, with_tail=False) + b"<<<<", np.uint8)[:-4]
    nodes, blocks, text = scan(xml, Tables(*ELEMENTS, *ATTRIBUTES, *NAME_WORDS, *STYLES))
    if not len(blocks.node):
        nodes, blocks, text = scan(xml, Tables(*ELEMENTS_WITHOUT_SCRIPTS, *ATTRIBUTES, *NAME_WORDS, *STYLES))
    title_words = table(((folded(word), 1) for word in _WORD.findall(title)[:TITLE_WORDS]), 256)
    columns: list[Any] = [*nodes, *blocks[:-1], text, blocks.offsets, *count(text, blocks.offsets, *TEXT_WORDS, *title_words)]
    return Page(*columns)


@njit(cache=True)
def scan(xml, tables):  # type: ignore[no-untyped-def]  # numba
    """Nodes, Blocks, and the text of all blocks."""
    n = len(xml)
    most = 2 + np.sum(xml == LESS)  # of nodes, blocks and open elements: each begins or ends at a tag
    nodes, blocks = allocate(most)
    text = np.empty(n + 8, np.uint8)
    stack = np.empty(most, OPEN)
    state: Any = np.zeros(1, STATE)  # NB: numba keeps an array alive, not a record of it, so the array is handed on
    s = state[0]
    s.node = -1
    i = 0
    while i < n:
        if xml[i] != LESS:
            i = read_text(xml, i, state, blocks, text)
        elif xml[i + 1] == BANG:  # <![CDATA[ … ]]>: scripts and styles, no text
            i += 9
            while i < n and not (xml[i] == BRACKET and xml[i + 1] == BRACKET and xml[i + 2] == GREATER):
                i += 1
            i += 3
        elif xml[i + 1] == SLASH:
            while i < n and xml[i] != GREATER:
                i += 1
            i += 1
            if s.skip > 0:
                s.skip -= 1
            else:
                close_element(state, stack, nodes, blocks, text)
        else:
            tag = start_tag(xml, i, tables, s.skip > 0)
            i = tag.end
            if s.skip > 0:
                s.skip += not tag.empty
            elif tag.kind & (SKP | BR):
                s.skip = not tag.empty
                if tag.kind & BR:
                    line_break(state, blocks, text)
            elif tag.kind & INL:
                open_inline(state, stack, tag)
            else:
                open_node(state, stack, nodes, blocks, text, tag)
    size, count = state.nodes[0], state.blocks[0]
    return (
        Nodes(
            nodes.parent[:size],
            nodes.tag[:size],
            nodes.names[:size],
            nodes.signature[:size],
            nodes.hidden[:size],
            nodes.first[:size],
            nodes.last[:size],
        ),
        Blocks(
            blocks.node[:count],
            blocks.link_chars[:count],
            blocks.links[:count],
            blocks.strong_chars[:count],
            blocks.code_chars[:count],
            blocks.inline_names[:count],
            blocks.images[:count],
            blocks.offsets[: count + 1],
        ),
        text[: blocks.offsets[count] + 3],
    )


@njit(cache=True)
def allocate(most):  # type: ignore[no-untyped-def]  # numba
    ints, longs, bits, floats = np.int32, np.int64, np.uint64, np.float64
    nodes = Nodes(
        np.empty(most, ints),
        np.empty(most, ints),
        np.empty(most, bits),
        np.empty(most, longs),
        np.empty(most, ints),
        np.empty(most, ints),
        np.empty(most, ints),
    )
    blocks = Blocks(
        np.zeros(most, ints),
        np.zeros(most, floats),
        np.zeros(most, floats),
        np.zeros(most, floats),
        np.zeros(most, floats),
        np.zeros(most, bits),
        np.zeros(most, ints),
        np.zeros(most + 1, longs),
    )
    return nodes, blocks


@njit(cache=True)
def push(state, stack, kind):  # type: ignore[no-untyped-def]  # numba
    """Keep what the element that begins will change."""
    s = state[0]
    top = stack[s.open]
    top.kind, top.names, top.links, top.strong, top.code, top.node, top.pre = kind, s.names, s.links, s.strong, s.code, s.node, s.pre
    s.open += 1


@njit(cache=True)
def open_inline(state, stack, tag):  # type: ignore[no-untyped-def]  # numba
    s = state[0]
    s.images += tag.kind & IMG != 0
    if tag.empty:
        return
    push(state, stack, tag.kind)
    s.names |= tag.names
    if tag.kind & LINK and tag.href:
        s.links += 1
        s.new_link = True
        s.space |= s.after_link  # two links side by side are two words
    elif tag.kind & STRONG:
        s.strong += 1
    elif tag.kind & CODE:
        s.code += 1


@njit(cache=True)
def open_node(state, stack, nodes, blocks, text, tag):  # type: ignore[no-untyped-def]  # numba
    s = state[0]
    end_block(state, blocks, text)
    push(state, stack, 0)
    i = s.nodes
    nodes.parent[i], nodes.tag[i], nodes.names[i], nodes.signature[i] = s.node, tag.kind & 255, tag.names | s.names, tag.signature
    nodes.hidden[i], nodes.first[i] = tag.hidden, s.blocks
    s.names = 0
    s.node = i
    s.nodes += 1
    s.pre += tag.kind & PRE != 0
    if tag.empty:
        close_element(state, stack, nodes, blocks, text)


@njit(cache=True)
def close_element(state, stack, nodes, blocks, text):  # type: ignore[no-untyped-def]  # numba
    s = state[0]
    s.open -= 1
    top = stack[s.open]
    if top.kind & INL:
        s.links, s.strong, s.code = top.links, top.strong, top.code
        if top.kind & LINK:
            s.after_link = True
            s.new_link = False
    else:
        end_block(state, blocks, text)
        nodes.last[s.node] = s.blocks
        s.node, s.pre = top.node, top.pre
    s.names = top.names


@njit(cache=True)
def line_break(state, blocks, text):  # type: ignore[no-untyped-def]  # numba
    s = state[0]
    if s.pre > 0:
        text[s.written] = LF
        s.written += 1
    else:
        end_block(state, blocks, text)


@njit(cache=True)
def end_block(state, blocks, text):  # type: ignore[no-untyped-def]  # numba
    """End the block where it has text, and begin another. In `<pre>`, blanks at its end and line feeds at its start are cut off."""
    s = state[0]
    start, end, b = s.start, s.written, s.blocks
    if s.pre > 0:
        while end > start and text[end - 1] <= BLANK:
            end -= 1
        begin = start
        while begin < end and text[begin] == LF:
            begin += 1
        if begin > start:
            for k in range(begin, end):
                text[start + k - begin] = text[k]
            end -= begin - start
    if end > start:
        blocks.node[b], blocks.images[b], blocks.offsets[b + 1] = s.node, s.images, end
        s.blocks += 1
        b += 1
        s.start = end
    blocks.link_chars[b] = blocks.links[b] = blocks.strong_chars[b] = blocks.code_chars[b] = 0.0
    blocks.inline_names[b] = 0
    s.written = s.start
    s.space = False


@njit(cache=True)
def read_text(d, i, state, blocks, text):  # type: ignore[no-untyped-def]  # numba
    """Copy the text at d[i] up to the next tag, white space collapsed; the place of that tag."""
    s = state[0]
    n, start, written, space, chars, found = len(d), s.start, s.written, s.space, 0, False
    collapse = s.pre == 0
    if s.skip > 0:
        while i < n and d[i] != LESS:
            i += 1
        return i
    while i < n and d[i] != LESS:
        c, size, blank = character(d, i)
        i += size
        if not blank:
            if space and written > start:
                text[written] = BLANK
                written += 1
            space = False
            text[written] = c
            written += 1
            found = True
            chars += (c & 0xC0) != 0x80  # not a later byte of a character in UTF-8
        elif collapse:
            space = True
        elif c != CR:
            text[written] = c
            written += 1
    s.written, s.space = written, space
    if found:
        b = s.blocks
        s.after_link = False
        blocks.inline_names[b] |= s.names
        if s.links > 0:
            blocks.link_chars[b] += chars
            blocks.links[b] += s.new_link
            s.new_link = False
        if s.strong > 0:
            blocks.strong_chars[b] += chars
        if s.code > 0:
            blocks.code_chars[b] += chars
    return i


@njit(cache=True)
def character(d, i):  # type: ignore[no-untyped-def]  # numba
    """The byte at d[i], its length in the markup, and whether it is white space: b"&lt;" is ("<", 4, False).

    White space of several bytes (U+00A0, U+2000 to U+200A, U+2028, U+2029, U+202F, U+3000) is one blank.
    """
    c = d[i]
    if c == AMPERSAND:
        end = i + 1
        while end < len(d) and d[end] != SEMICOLON:
            end += 1
        kind = d[i + 1]  # libxml2 writes amp, lt, gt, quot and numbers of control characters
        c = AMPERSAND if kind == A_ else LESS if kind == L_ else GREATER if kind == G_ else QUOTE if kind == Q_ else BLANK
        return c, end + 1 - i, c == BLANK
    if c < 0x80:
        return c, 1, c <= BLANK
    second, third = d[i + 1], d[i + 2]
    if c == 0xC2 and second == 0xA0:
        return BLANK, 2, True
    if c == 0xE2 and second == 0x80 and ((third >= 0x80 and third <= 0x8A) or third == 0xA8 or third == 0xA9 or third == 0xAF):
        return BLANK, 3, True
    if c == 0xE3 and second == 0x80 and third == 0x80:
        return BLANK, 3, True
    return c, 1, False
