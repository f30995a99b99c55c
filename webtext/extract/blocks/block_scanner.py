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
    ATTRIBUTES,
    BANG,
    BLANK,
    BRACKET,
    GREATER,
    LESS,
    LF,
    NAME_WORDS,
    SLASH,
    STYLES,
    Tables,
    start_tag,
)
from webtext.extract.blocks.text_scanner import UPPER_A, UPPER_Z, glues, read_text
from webtext.extract.blocks.vocabulary import INLINE, SKIPPED, TAG, folded, table, words_of_texts

# What a name of an element means: its number in the lower 8 bits, and these
INL, SKP, BR, IMG, LINK, STRONG, CODE, PRE, FORM = (1 << bit for bit in range(8, 17))


FORMS = "sup sub ruby q".split()  # inline elements whose text alone does not say what a reader sees


def _elements() -> dict[str, int]:
    kinds = dict(TAG) | dict.fromkeys(INLINE, INL) | dict.fromkeys(SKIPPED, SKP) | {"br": BR}
    more = {"img": IMG, "a": LINK, "b": STRONG, "strong": STRONG, "code": CODE, "kbd": CODE, "samp": CODE, "tt": CODE, "pre": PRE}
    more |= dict.fromkeys(FORMS, FORM)
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
    `cues` (bits of CUES), `hashes` (of its words); the text of block b is `text[offsets[b]:offsets[b+1]]`, UTF-8. In the `markup`, node i
    is `markup[begin[i]:end[i]]`, its tags included; block b is what is inline in `markup[opens[b]:closes[b]]`. `marked` (blocks): the text
    alone may not say what a reader sees, since there are FORMS, hidden elements, or elements that follow with no blank between.
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
    markup: NDArray[np.uint8]
    begin: NDArray[np.int32]
    end: NDArray[np.int32]
    opens: NDArray[np.int32]
    closes: NDArray[np.int32]
    marked: NDArray[np.int32]

    def block(self, number: int) -> str:
        return self.text[self.offsets[number] : self.offsets[number + 1]].tobytes().decode("utf-8", "replace")


# As records, so that the functions of the scan hand on two arrays: as twenty they take a fifth of its time
NODE = np.dtype(
    [("names", np.uint64), ("signature", np.int64)] + [(name, np.int32) for name in "parent tag hidden first last begin end".split()],
    align=True,
)
# The place after the last block counts for the one that is being read; its text ends at `stop`
BLOCK = np.dtype(
    [("inline_names", np.uint64), *((name, np.float64) for name in "link_chars links strong_chars code_chars".split())]
    + [(name, np.int32) for name in "node images stop opens closes marked".split()],
    align=True,
)
# Where the scan is: numbers of `nodes`, `blocks`, `images` and `open` elements so far; `node` (-1: none) and, of the open inline elements,
# `names` and how many are `links`, `strong`, `code`; how many are `pre`; `skip`: depth in an element whose content is no text.
# The text of the block lies in text[start:written], its markup begins at `opened`; `space`: white space waits to be written; `new_link`: a
# link is still to be counted.
STATE = np.dtype(
    [(name, np.int64) for name in "nodes blocks images open node links strong code pre skip start written opened".split()]
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
    if not len(blocks):
        nodes, blocks, text = scan(xml, Tables(*ELEMENTS_WITHOUT_SCRIPTS, *ATTRIBUTES, *NAME_WORDS, *STYLES))
    title_words = table(((folded(word), 1) for word in _WORD.findall(title)[:TITLE_WORDS]), 256)
    offsets = np.concatenate((np.zeros(1, np.int64), blocks["stop"]))
    counts, cues, hashes = count(text, offsets, *TEXT_WORDS, *title_words)
    columns: dict[str, Any] = {name: found[name].copy() for found in (nodes, blocks) for name in found.dtype.names if name != "stop"}
    return Page(**columns, text=text, offsets=offsets, counts=counts, cues=cues, hashes=hashes, markup=xml)


@njit(cache=True)
def scan(xml, tables):  # type: ignore[no-untyped-def]  # numba
    """The nodes, the blocks, and the text of all blocks."""
    n = len(xml)
    most = 2 + np.sum(xml == LESS)  # of nodes, blocks and open elements: each begins or ends at a tag
    nodes, blocks = np.empty(most, NODE), np.zeros(most, BLOCK)
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
            begin = i
            while i < n and xml[i] != GREATER:
                i += 1
            i += 1
            if s.skip > 0:
                s.skip -= 1
            else:
                close_element(state, stack, nodes, blocks, text, xml, begin, i)
        else:
            begin = i
            tag = start_tag(xml, i, tables, s.skip > 0)
            i = tag.end
            if s.skip > 0:
                s.skip += not tag.empty
            elif tag.kind & (SKP | BR):
                s.skip = not tag.empty
                if tag.kind & BR:
                    line_break(state, blocks, text, begin)
            elif tag.kind & INL:
                open_inline(state, stack, blocks, text, tag)
            else:
                open_node(state, stack, nodes, blocks, text, xml, tag, begin)
    return nodes[: s.nodes], blocks[: s.blocks], text[: s.start + 3]


@njit(cache=True)
def push(state, stack, kind):  # type: ignore[no-untyped-def]  # numba
    """Keep what the element that begins will change."""
    s = state[0]
    top = stack[s.open]
    top.kind, top.names, top.links, top.strong, top.code, top.node, top.pre = kind, s.names, s.links, s.strong, s.code, s.node, s.pre
    s.open += 1


@njit(cache=True)
def open_inline(state, stack, blocks, text, tag):  # type: ignore[no-untyped-def]  # numba
    s = state[0]
    s.images += tag.kind & IMG != 0
    if tag.empty:
        return
    if tag.hidden or tag.kind & FORM or (s.written > s.start and not s.space and glues(text[s.written - 1])):
        blocks[s.blocks].marked = 1
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
def open_node(state, stack, nodes, blocks, text, xml, tag, begin):  # type: ignore[no-untyped-def]  # numba
    s = state[0]
    end_block(state, blocks, text, begin)
    push(state, stack, 0)
    node = nodes[s.nodes]
    node.parent, node.tag, node.names, node.signature = s.node, tag.kind & 255, tag.names | s.names, tag.signature
    node.hidden, node.first, node.begin = tag.hidden, s.blocks, begin
    s.names = 0
    s.node = s.nodes
    s.nodes += 1
    s.pre += tag.kind & PRE != 0
    if tag.empty:
        close_element(state, stack, nodes, blocks, text, xml, tag.end, tag.end)


@njit(cache=True)
def close_element(state, stack, nodes, blocks, text, xml, begin, end):  # type: ignore[no-untyped-def]  # numba
    s = state[0]
    s.open -= 1
    top = stack[s.open]
    if top.kind & INL:
        if end < len(xml) and (xml[end] >= 0x80 or (xml[end] >= UPPER_A and xml[end] <= UPPER_Z)):
            blocks[s.blocks].marked = 1
        s.links, s.strong, s.code = top.links, top.strong, top.code
        if top.kind & LINK:
            s.after_link = True
            s.new_link = False
    else:
        end_block(state, blocks, text, begin)
        node = nodes[s.node]
        node.last, node.end = s.blocks, end
        s.node, s.pre = top.node, top.pre
    s.names = top.names


@njit(cache=True)
def line_break(state, blocks, text, begin):  # type: ignore[no-untyped-def]  # numba
    s = state[0]
    if s.pre > 0:
        text[s.written] = LF
        s.written += 1
    else:
        end_block(state, blocks, text, begin)


@njit(cache=True)
def end_block(state, blocks, text, at):  # type: ignore[no-untyped-def]  # numba
    """End the block where it has text, and begin another. In `<pre>`, blanks at its end and line feeds at its start are cut off."""
    s = state[0]
    start, end, block = s.start, s.written, blocks[s.blocks]
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
        block.node, block.images, block.stop, block.opens, block.closes = s.node, s.images, end, s.opened, at
        s.blocks += 1
        block = blocks[s.blocks]
        s.start = end
    block.link_chars = block.links = block.strong_chars = block.code_chars = 0.0
    block.inline_names = block.marked = 0
    s.written, s.opened = s.start, at
    s.space = False
