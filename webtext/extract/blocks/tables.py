"""The rows and columns of a table, or whether it only makes a layout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from webtext.extract.blocks.block_scanner import Page
from webtext.extract.blocks.counts import WORDCOUNT
from webtext.extract.blocks.inline import LINE_NUMBERS
from webtext.extract.blocks.places import H1, H6, PRE, TABLE, TD, TH, TR, Markup

# A cell of more than these is no cell of data where the table has no head
MOST_BLOCKS, MOST_WORDS = 8, 200
MOST_SPAN = 50  # columns; a page may ask for billions
_FORMULA = re.compile(r"ltx_eqn|ltx_equation")  # LaTeXML's frame around a formula and its number
_CLASS = re.compile(rb'class="([^"]*)"')
SEARCHED = 3000  # bytes of a table in which the class of line numbers is looked for


class Table:
    """A table of a page; `node` is its outermost element."""

    def __init__(self, page: Page, markup: Markup, node: int) -> None:
        self.page, self.markup, self.node = page, markup, node
        stop = int(np.searchsorted(page.begin, page.end[node]))
        tags, parents = page.tag[node:stop].tolist(), page.parent[node:stop].tolist()
        self.tags = set(tags)
        self.nested = any(tag == TABLE and markup.is_named(node + k, b"table") for k, tag in enumerate(tags) if k)
        self.cells: dict[int, list[int]] = {}  # of each row
        for k, (tag, parent) in enumerate(zip(tags, parents)):
            if tag == TR and (parent == node or (tags[parent - node] == TABLE and parents[parent - node] == node)):
                self.cells[node + k] = []
            elif tag in (TD, TH) and parent in self.cells:
                self.cells[parent].append(node + k)

    @cached_property
    def is_listing(self) -> bool:
        """Whether it holds lines of code and their numbers."""
        begin = self.page.begin[self.node]
        start = self.markup.whole[begin : min(begin + SEARCHED, self.page.end[self.node])]
        return any(LINE_NUMBERS.search(names.decode("utf-8", "replace")) for names in set(_CLASS.findall(start)))

    @cached_property
    def separator(self) -> str:
        found = self.markup.attributes(self.node)
        return " " if _FORMULA.search(found.get("class", "")) or found.get("role") in ("presentation", "none") else " | "

    @cached_property
    def is_data(self) -> bool:
        """Whether every row is one line. Without a head, cells with headings or with much text make a layout."""
        sizes = [(int(self.page.last[cell] - self.page.first[cell]), cell) for cells in self.cells.values() for cell in cells]
        if self.nested or self.separator == " " or all(len(cells) < 2 for cells in self.cells.values()):
            return False
        if any(size and self._has_lines_of_code(cell) for size, cell in sizes):
            return False
        if TH in self.tags:
            return True
        most = max(int(self.page.counts[self.page.first[cell] : self.page.last[cell], WORDCOUNT].sum()) for _, cell in sizes)
        return max(sizes)[0] <= MOST_BLOCKS and most <= MOST_WORDS and not any(H1 <= tag <= H6 for tag in self.tags)

    def _has_lines_of_code(self, cell: int) -> bool:
        return PRE in self.tags and re.search(r"<pre\b.*\S\s*\n\s*\S.*</pre>", self.markup.node(cell), re.DOTALL) is not None

    def is_line(self, row: int) -> bool:
        """Whether a row is one line: of data, or of a layout where no cell has more than one block."""
        cells = self.cells.get(row, ())
        return self.is_data or (len(cells) > 1 and self.page.last[row] - self.page.first[row] <= len(cells))

    def rows(self, texts: Mapping[int, str]) -> list[list[str]]:
        """The rows that have a text in a cell, each cell in its column: those that reach over more columns or rows leave empty ones.

        `texts` has the text of each cell that has one.
        """
        rows = []
        below: dict[int, int] = {}  # rows that a column is still taken for
        for cells in self.cells.values():
            row: list[str] = []
            last = 0
            for cell in cells:
                self._skip(row, below)
                wide, high = self._spans(cell)
                below |= {len(row) + k: high - 1 for k in range(wide) if high > 1}
                row.append(texts.get(cell, ""))
                last = len(row)
                row += [""] * (wide - 1)
            self._skip(row, below)
            while len(row) > last and row and not row[-1]:
                row.pop()
            if any(row):
                rows.append(row)
        return rows

    @staticmethod
    def _skip(row: list[str], below: dict[int, int]) -> None:
        while below.get(len(row), 0) > 0:
            below[len(row)] -= 1
            row.append("")

    def _spans(self, cell: int) -> tuple[int, int]:
        begin = self.page.begin[cell]
        if b"span=" not in bytes(self.markup.whole[begin : begin + 200]):
            return 1, 1
        found = self.markup.attributes(cell)
        wide, high = (int(value) if (value := found.get(name, "1").strip()).isdecimal() else 1 for name in ("colspan", "rowspan"))
        return max(1, min(wide, MOST_SPAN)), min(high or len(self.cells), len(self.cells))
