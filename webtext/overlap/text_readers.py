"""Readers of running text: language modelling corpora and plain files. Each gives (id, text) for an example of a file.

Ids are places in the file, counted from 0, where the format has none of its own.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from webtext.core.errors import WebtextError
from webtext.documents.texts import read_text
from webtext.overlap.layouts import Parts
from webtext.overlap.sources import lines, open_source, whole

Role = Literal["test", "train"]
Texts = Iterator[tuple[str, str]]
Records = Iterator[tuple[str, str, Parts]]
Examples = Iterator[tuple[str, str] | tuple[str, str, Parts]]

PUBLISHED_BYTES = 10**8  # enwik8 and text8 as they are published; by custom the first 90 MB are for training and the last 5 for testing
TEXT8_BLOCK = 10_000  # characters of an example: the file has neither lines nor documents
_HEADING = re.compile(r"^ = [^=].* = ?$")
_NOT = re.compile(r"(?<=\w) n't\b")


def joined(text: str) -> str:
    """Undo the Penn Treebank's parting of "n't", the one of its habits that changes words of letters and digits.

    >>> joined("They do n't say .")
    "They don't say ."
    """
    return _NOT.sub("n't", text)


def read_units(path: Path, unit: str) -> Texts:
    """An example a line, a paragraph (empty lines part them), or the file as one (`document`)."""
    for number, row in read_text(str(path), open_source, unit):
        if isinstance(row, str):
            raise WebtextError(f"{path}, {unit} {number}: {row}")
        yield path.stem if unit == "document" else str(number - 1), row["text"]


def read_treebank(path: Path) -> Texts:
    """An example a line (a sentence), in the Penn Treebank's manner: PTB, 1BW."""
    for name, line in read_units(path, "line"):
        yield name, joined(line)


def read_wikitext(path: Path) -> Texts:
    """An example an article: from a heading of the first level to the next (` = Title = ` behind an empty line)."""
    article: list[str] = []
    count, blank = 0, True
    for _, line in lines(path):
        if blank and _HEADING.match(line) and any(part.strip() for part in article):
            yield str(count), "\n".join(article)
            article, count = [], count + 1
        article.append(line)
        blank = not line.strip()
    if any(part.strip() for part in article):
        yield str(count), "\n".join(article)


def standard_part(path: Path, role: Role) -> str:
    """The part of enwik8 or text8 that plays a role; a file of another size is taken whole."""
    data = whole(path)
    if 0 <= len(data) - PUBLISHED_BYTES <= 1:  # a line feed may have been put at its end
        data = data[:PUBLISHED_BYTES]
        data = data[:90_000_000] if role == "train" else data[-5_000_000:]
    return data.decode("utf-8", "ignore")  # the cut may part a character


def read_enwik8(path: Path, role: Role) -> Texts:
    """An example a page of the dump, its XML entities undone; what stands before the first cut page is one too."""
    for count, page in enumerate(re.split(r"(?=<page>)", standard_part(path, role))):
        if page.strip():
            yield str(count), html.unescape(page)


def read_text8(path: Path, role: Role) -> Texts:
    """An example every 10,000 characters, cut at a space."""
    text = standard_part(path, role)
    first = 0
    while first < len(text):
        last = text.find(" ", first + TEXT8_BLOCK)
        last = len(text) if last < 0 else last
        yield str(first), text[first:last]
        first = last


def read_cbt(path: Path) -> Texts:
    """An example a question: the 20 sentences before it and its own, with the answer put in (Children's Book Test)."""
    story: list[str] = []
    count = 0
    for number, line in lines(path):
        if not line.strip():
            continue
        place, _, text = line.partition(" ")
        if not place.isdigit():
            raise WebtextError(f"{path}, line {number}: not the Children's Book Test, whose lines begin with a number from 1 to 21")
        if place == "21":
            question, answer, *_ = [*text.split("\t"), ""]
            yield str(count), joined("\n".join([*story, question.replace("XXXXX", answer)]))
            story, count = [], count + 1
        else:
            story.append(text)


def read_wmt(path: Path) -> Texts:
    """An example a segment, of SGML or XML (`<doc docid=…> <seg id=…>`) or of plain lines."""
    document, any_ = "", False
    for number, line in lines(path):
        if number == 1 and "<" not in line:
            yield from read_units(path, "line")
            return
        if match := re.search(r'<doc\b[^>]*\b(?:docid|id)="([^"]*)"', line, re.IGNORECASE):
            document = match[1]
        for name, text in re.findall(r'<seg\b[^>]*\bid="([^"]*)"[^>]*>(.*?)</seg>', line, re.IGNORECASE):
            any_ = True
            yield f"{document}#{name}", html.unescape(text)
    if not any_:
        raise WebtextError(f"{path}: no <seg id=…> in it; a WMT test set is an .sgm or .xml file, or plain text with a sentence a line")
