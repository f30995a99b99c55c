"""How the chosen blocks of a page read, as text or as Markdown: one renderer of both.

Text has a line a paragraph and no empty line but in code; lists are indented by their depth, the cells of a row stand in one line. Markdown
(CommonMark, with GitHub's tables) marks headings, code and quotations as well, and parts paragraphs by blank lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from webtext.extract.blocks.block_scanner import Page
from webtext.extract.blocks.inline import inline, verbatim
from webtext.extract.blocks.places import H1, OL, Markup, Place, places
from webtext.extract.blocks.tables import Table
from webtext.extract.text import neat

# What begins a line, or looks like a tag, and would be read as Markdown; code spans stay as they are
_SIGNS = re.compile(r"^((?:#{1,6}|[-+*>])(?=\s|$))|^(\d{1,9})(?=[.)]\s)|(`+.+?`+)|<(?=[A-Za-z/!])")
_TO_ITSELF = re.compile(r"(?<!\s)\s*[¶§🔗#]$")  # a heading's link; only from the first blank on, or many blanks take quadratic time
_BLANKS = re.compile(r"[ \t\r\n]+")
_ROMAN = list(zip((1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1), "m cm d cd c xc l xl x ix v iv i".split()))


class Piece(NamedTuple):
    """Lines of the text. `mark` stands before the first; `depth` is that of lists; `broken`: what is before it is only a line break."""

    text: str
    mark: str = ""
    depth: int = 0
    quotes: int = 0
    heading: int = 0
    code: bool = False
    broken: bool = False


def render(page: Page, chosen: NDArray[np.bool_], markdown: bool = False) -> str:
    """The chosen blocks as text, or as Markdown."""
    pieces = _Pieces(page, chosen, markdown).pieces()
    return _as_markdown(pieces) if markdown else "\n".join(map(_as_text, pieces))


def _as_text(piece: Piece) -> str:
    return piece.text if piece.code else f"{'  ' * (piece.depth - 1)}{piece.mark}{piece.text}"


def _as_markdown(pieces: Iterable[Piece]) -> str:
    parts: list[str] = []
    before: Piece | None = None
    for piece in pieces:
        text = f"{piece.mark}{'#' * piece.heading}{' ' if piece.heading else ''}{piece.text}"
        if piece.code:
            fence = "`" * max(3, *(1 + len(run) for run in re.findall("`+", piece.text)), 3)
            text = f"{piece.mark}{fence}\n{piece.text}\n{fence}"
        # NB: four columns a level hold both for "- " and for "1. ".
        indent = " " * (4 * (piece.depth - 1) + (0 if piece.mark else 3)) if piece.depth else ""
        lines = text.split("\n")
        inner = indent + " " * (3 if piece.depth and piece.mark else 0)
        lines = [f"{'> ' * piece.quotes}{inner if number else indent}{line}".rstrip() for number, line in enumerate(lines)]
        if before is not None:
            in_list = piece.mark and piece.depth and before.depth and not before.code
            tight = piece.mark == ": " or (in_list and piece.quotes == before.quotes)
            blank = "> " * min(piece.quotes, before.quotes)
            parts.append("  \n" if piece.broken else "\n" if tight else f"\n{blank.rstrip()}\n")
        parts.append("\n".join(lines))
        before = piece
    return "".join(parts)


class _Pieces:
    def __init__(self, page: Page, chosen: NDArray[np.bool_], markdown: bool) -> None:
        self.page, self.markdown, self.markup = page, markdown, Markup(page)
        self.tables: dict[int, Table] = {}
        self.marked: set[int] = set()  # items and definitions that have their mark
        self.numbers: dict[int, dict[int, str]] = {}  # of the items of a list
        self.places = list(places(page, self.markup, chosen))
        self.texts = self.read()

    def pieces(self) -> Iterator[Piece]:
        for (kind, node), group in groupby(zip(self.places, self.texts), self.unit):
            if kind == "plain":  # most of all lines
                yield from (Piece(text, quotes=place.quotes) for (_, place), text in group if text)
                continue
            run = list(group)
            first = run[0][0]
            if kind == "code":
                yield from self.listing(node, first[1])
            elif kind == "row":
                yield from self.rows(run)
            elif kind == "heading" and self.markdown:
                yield from self.line(*first, " ".join(filter(None, (text for _, text in run))))
            else:
                last = -1
                for (block, place), text in run:
                    for piece in self.line(block, place, text, last):
                        yield piece
                        last = block

    def unit(self, entry: tuple[tuple[int, Place], str]) -> tuple[str, int]:
        """What is read together with its neighbours: a listing, the rows of a table, a heading, or the lines of a node."""
        block, place = entry[0]
        if place.table >= 0:
            table = self.table(place.table)
            if table.is_listing:
                return "code", place.table
            if place.cell >= 0 and table.is_line(row := int(self.page.parent[place.cell])):
                return "row", place.table if table.is_data else row
        if place.code >= 0:
            return "code", place.code
        if place.heading >= 0:
            return "heading", place.heading
        return ("line", int(self.page.node[block])) if self.markdown or place.item >= 0 else ("plain", 0)

    def table(self, node: int) -> Table:
        if node not in self.tables:
            self.tables[node] = Table(self.page, self.markup, node)
        return self.tables[node]

    def read(self) -> list[str]:
        """The texts of the blocks in one line each; lines of code are read elsewhere."""
        page, whole = self.page, self.page.text.tobytes()
        offsets, marked = page.offsets.tolist(), page.marked
        marks = (marked | (page.code_chars > 0) if self.markdown else marked).tolist()
        texts = []
        for block, place in self.places:
            if place.code >= 0 and place.table < 0:
                texts.append("")  # read as a whole
            elif marks[block]:
                texts.append(inline(self.markup.block(block), self.markdown))
            else:
                text = whole[offsets[block] : offsets[block + 1]].decode("utf-8", "replace")
                texts.append(" ".join(text.split()) if place.code >= 0 else text)
        return neat(texts)

    def line(self, block: int, place: Place, text: str, last: int = -1) -> Iterator[Piece]:
        if place.heading >= 0:
            text = _TO_ITSELF.sub("", text)
        if not text:
            return
        if self.markdown:
            text = _SIGNS.sub(lambda sign: sign[3] or f"{sign[2] or ''}\\{sign[1] or ('' if sign[2] else '<')}", text)
        level = int(self.page.tag[place.heading]) - H1 + 1 if place.heading >= 0 else 0
        broken = last == block - 1 and self.page.closes[last] == self.page.opens[block]
        yield Piece(text, self.mark(place, text), self.depth(place), place.quotes, level, broken=broken)

    def listing(self, node: int, place: Place) -> Iterator[Piece]:
        markup = self.markup.node(node)
        if max(place.item, place.definition) > node:  # each line is an item of the listing
            place = place._replace(item=-1, definition=-1)
        if not re.search("<pre[ >/]|<table[ >]", markup):  # lines with `<br>` between, blanks as `&nbsp;`
            markup = _BLANKS.sub(" ", markup).replace("<br/> ", "<br/>")
        text = verbatim(markup)
        if text:
            yield Piece(text, self.mark(place, text), self.depth(place), place.quotes, code=True)

    def rows(self, run: list[tuple[tuple[int, Place], str]]) -> Iterator[Piece]:
        first = run[0][0][1]
        table = self.table(first.table)
        cells: dict[int, str] = {}
        for (_, place), text in run:
            cells[place.cell] = f"{cells[place.cell]} {text}" if place.cell in cells else text
        rows = table.rows({cell: " ".join(text.split()) for cell, text in cells.items()})
        if self.markdown and table.is_data and rows:
            width = max(map(len, rows))
            lines = [[cell.replace("|", "\\|") for cell in row] + [""] * (width - len(row)) for row in rows]
            lines.insert(1, ["---"] * width)
            text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        else:
            text = "\n".join(table.separator.join(row if table.separator.strip() else filter(None, row)).strip() for row in rows)
        if text:
            yield Piece(text, self.mark(first, text), self.depth(first), first.quotes)

    @staticmethod
    def depth(place: Place) -> int:
        return place.depth if place.item >= 0 else 0

    def mark(self, place: Place, text: str) -> str:
        """What stands before the first line of an item; in Markdown of a definition, too."""
        node = max(place.item, place.definition)
        if node < 0 or node in self.marked:
            return ""
        self.marked.add(node)
        if node == place.definition:
            return ": " if self.markdown else ""
        above = int(self.page.parent[node])
        if above < 0 or self.page.tag[above] != OL:
            return "- "
        if above not in self.numbers:
            self.numbers[above] = self.numbered(above)
        number = self.numbers[above].get(node, "")
        return f"{number}. " if number and not text.startswith(f"{number}.") else "" if number else "- "

    def numbered(self, above: int) -> dict[int, str]:
        """The numbers of the items of an ordered list."""
        found = self.markup.attributes(above)
        items = [int(node) for node in np.flatnonzero(self.page.parent == above) if self.markup.is_named(int(node), b"li")]
        backwards = "reversed" in found
        number = _integer(found.get("start"), len(items) if backwards else 1)
        names = {}
        for item in items:
            number = _integer(self.markup.attributes(item).get("value"), number)
            names[item] = _name(number, "1" if self.markdown else found.get("type", "1"))
            number += -1 if backwards else 1
        return names


def _integer(value: str | None, default: int) -> int:
    return int(value) if value is not None and re.fullmatch(r"\s*-?[0-9]{1,9}\s*", value) else default


def _name(number: int, kind: str) -> str:
    """The number of an item as a list of this type shows it: 4, d, D, iv, IV."""
    if kind in ("a", "A") and 0 < number <= 26:
        name = chr(ord("a") + number - 1)
    elif kind in ("i", "I") and 0 < number < 4000:
        name, rest = "", number
        for value, sign in _ROMAN:
            name += sign * (rest // value)
            rest %= value
    else:
        return str(number)
    return name.upper() if kind.isupper() else name
