"""Where the chosen blocks of a page stand: in lists, headings, code, quotations and tables; and which of them no reader sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from webtext.extract.blocks.block_scanner import Page
from webtext.extract.blocks.counts import CHARS, WORDCOUNT
from webtext.extract.blocks.inline import attributes, is_hidden
from webtext.extract.blocks.vocabulary import NAME, TAG

BODY, UL, OL, LI, H1, H6, PRE, QUOTE = (TAG[name] for name in "body ul ol li h1 h6 pre blockquote".split())
TABLE, TR, TD, TH, DD = (TAG[name] for name in "table tr td th dd".split())
# What a page shows when a reader asks for it
_PANELS = sum(1 << NAME[word] for word in ("accordion", "tab"))
_TOGGLES = re.compile(rb"aria-expanded|</summary>|accordion|collaps|expand|toggle|faq|\btab(?:s|panel)?[\s\"-]", re.IGNORECASE)
_BUTTON = re.compile(rb"</button>(?:\s*</\w+>)*\s*$")
TOGGLE = 200  # bytes before what is hidden in which its button may be
MOST_HIDDEN = 0.5  # of the chosen words: a page that hides more shows it by a script
COPY_WORDS = 80  # of blocks that follow each other and are given once (slider, mobile or print copy); fewer may be meant
_START = re.compile(rb'<(?:[^>"]|"[^"]*")*>')


class Place(NamedTuple):
    """Of a block: the depth of lists and quotations, and the node around it (-1: none) that is an item of a list, a heading, code,
    a definition, a table, a cell, hidden."""

    depth: int
    quotes: int
    item: int
    heading: int
    code: int
    definition: int
    table: int
    cell: int
    hidden: int


class Markup:
    """The markup of a page's nodes and blocks."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @cached_property
    def whole(self) -> memoryview:
        return memoryview(self.page.markup)  # type: ignore[arg-type]  # an array is a buffer; a copy takes longer than most of what is read

    def node(self, node: int) -> str:
        return str(self.whole[self.page.begin[node] : self.page.end[node]], "utf-8", "replace")

    def block(self, block: int) -> str:
        return str(self.whole[self.page.opens[block] : self.page.closes[block]], "utf-8", "replace")

    def attributes(self, node: int) -> dict[str, str]:
        start = _START.match(self.whole, self.page.begin[node])
        return attributes(start[0].decode("utf-8", "replace")) if start else {}

    def is_named(self, node: int, name: bytes) -> bool:
        begin = self.page.begin[node] + 1
        return self.whole[begin : begin + len(name)] == name


def places(page: Page, markup: Markup, chosen: NDArray[np.bool_]) -> Iterator[tuple[int, Place]]:
    """The chosen blocks that a reader sees, each with its place; of a text that is given twice the first."""
    blocks = np.flatnonzero(chosen)
    rows = _places(page.parent, page.tag, page.hidden, page.node, page.code_chars, page.counts[:, CHARS])[blocks]
    words = page.counts[blocks, WORDCOUNT]
    if rows[:, -1].max(initial=-1) >= 0:
        unseen = np.array([node for node in set(rows[:, -1].tolist()) - {-1} if _is_unseen(page, markup, node)], np.int32)
        away = np.isin(rows[:, -1], unseen)
        if words[away].sum() <= MOST_HIDDEN * words.sum():
            blocks, rows, words = blocks[~away], rows[~away], words[~away]
    copied = _copies(page.hashes[blocks].tolist(), words.tolist())
    for number, (block, row) in enumerate(zip(blocks.tolist(), rows.tolist())):
        if number not in copied:
            yield block, Place(*row)


def _copies(hashes: list[int], words: list[float]) -> set[int]:
    """The places in a sequence of texts of those that repeat a run before them, of COPY_WORDS or more."""
    first: dict[int, int] = {}
    copied: set[int] = set()
    here = 0
    while here < len(hashes):
        there, size = first.setdefault(hashes[here], here), 0
        if there < here:
            while here + size < len(hashes) and there + size < here and hashes[there + size] == hashes[here + size]:
                size += 1
            if size > 1 and sum(words[here : here + size]) >= COPY_WORDS:
                copied.update(range(here, here + size))
        here += max(size, 1)
    return copied


def _is_unseen(page: Page, markup: Markup, node: int) -> bool:
    found = markup.attributes(node)
    if not is_hidden(found) or found.get("role") == "tabpanel" or int(page.names[node]) & _PANELS:
        return False
    name, begin = re.escape(found.get("id", "").encode()), int(page.begin[node])
    if name and (page.tag[page.parent[node]] == BODY or re.search(rb'="#?' + name + rb'"', markup.whole[:begin])):
        return False  # scripts put it where they want it (React's streams), or a button names it
    start = _START.match(markup.whole, begin)
    around = markup.whole[max(0, begin - TOGGLE) : start.end() if start else begin]
    return _TOGGLES.search(around) is None and _BUTTON.search(markup.whole[max(0, begin - TOGGLE) : begin]) is None


@njit(cache=True)
def _places(parent, tag, hides, node, code_chars, chars):  # type: ignore[no-untyped-def]  # numba
    """The columns of Place for each block."""
    nodes, blocks = len(parent), len(node)
    at = np.full((nodes, 9), -1, np.int32)
    only_code = np.zeros(nodes, np.int32)  # lines of code with `<br>` between: blocks of a node, -1 where one is no code
    for b in range(blocks):
        i = node[b]
        if code_chars[b] > 0 and code_chars[b] >= chars[b] and only_code[i] >= 0:
            only_code[i] += 1
        else:
            only_code[i] = -1
    for i in range(nodes):
        up, t = parent[i], tag[i]
        if up >= 0:
            at[i] = at[up]
        else:
            at[i, 0] = at[i, 1] = 0
        if t in (UL, OL):
            at[i, 0] += 1
        elif t == QUOTE:
            at[i, 1] += 1
        elif t == LI:
            at[i, 2] = i
        elif t >= H1 and t <= H6:
            at[i, 3] = i
        elif t == DD:
            at[i, 5] = i
        elif t == TABLE and (up < 0 or tag[up] != TABLE):
            at[i, 6], at[i, 7] = i, -1
        elif t in (TD, TH):
            at[i, 7] = i
        if at[i, 4] < 0 and (t == PRE or only_code[i] > 1):
            at[i, 4] = i
        if at[i, 8] < 0 and hides[i]:
            at[i, 8] = i
    return at[node]
