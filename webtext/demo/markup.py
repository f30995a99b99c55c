"""Plain text as Python's documentation writes it, cut into blocks: headings, paragraphs, lists, code.

The input is what `inspect.cleandoc` leaves of a docstring, or a topic of `pydoc_data`: reStructuredText in spirit, not in letter.
"""

from __future__ import annotations

import html
import re
from typing import Literal, NamedTuple

Kind = Literal["heading", "signature", "paragraph", "list", "code"]


class Block(NamedTuple):
    """A piece of a page. Lines of code are kept; of a list, each line of `text` is an item; elsewhere `text` is one line."""

    kind: Kind
    text: str


UNDERLINE = re.compile(r"([=\-*^~#\"'+])\1{2,}\s*$")
ITEM = re.compile(r"\s{0,4}(?:[-*•o+]|\(?\d{1,2}[.)]|\[\d{1,2}\])\s+(?=\S)")
WORD = re.compile(r"[A-Za-z][a-z'’]*[,.;:]?$")


def parse(text: str) -> list[Block]:
    """Cut a text into blocks.

    >>> [tuple(block) for block in parse("Title\\n=====\\n\\nSome words\\nof prose.\\n\\n   x = 1")]
    [('heading', 'Title'), ('paragraph', 'Some words of prose.'), ('code', 'x = 1')]
    """
    blocks: list[Block] = []
    for lines in _groups(text.expandtabs().splitlines()):
        while len(lines) >= 2 and UNDERLINE.match(lines[1].strip()) and lines[0].strip():
            blocks.append(Block("heading", " ".join(lines[0].split())))
            lines = lines[2:]
        if lines:
            blocks.append(_block(lines))
    return _join(blocks)


def _groups(lines: list[str]) -> list[list[str]]:
    """Lines between blank ones, and apart where the indentation falls back to nothing after an indented line."""
    groups: list[list[str]] = [[]]
    for line in lines:
        if not line.strip():
            groups.append([])
        elif groups[-1] and groups[-1][0].startswith(" ") and not line.startswith(" "):
            groups.append([line])
        else:
            groups[-1].append(line)
    return [group for group in groups if group]


def _block(lines: list[str]) -> Block:
    indent = min(len(line) - len(line.lstrip()) for line in lines)
    lines = [line[indent:].rstrip() for line in lines]
    one_line = " ".join(" ".join(lines).split())
    if lines[0].startswith((">>>", "...", "$ ", "% ", "#")) or any(line.startswith(">>>") for line in lines):
        return Block("code", "\n".join(lines))
    if ITEM.match(lines[0]):
        return Block("list", "\n".join(_items(lines)))
    if is_prose(one_line):
        return Block("paragraph", one_line.removesuffix("::") + ":" if one_line.endswith("::") else one_line)
    if indent == 0 and len(lines) <= 2 and "(" in one_line and "=" not in one_line.split("(", 1)[0]:
        return Block("signature", one_line)
    if indent or any("  " in line.strip() or line.startswith(" ") for line in lines):
        return Block("code", "\n".join(lines))
    return Block("paragraph", one_line)


def _items(lines: list[str]) -> list[str]:
    items: list[str] = []
    for line in lines:
        if ITEM.match(line):
            items.append(ITEM.sub("", line, count=1).strip())
        else:
            items[-1] += " " + " ".join(line.split())
    return items


def is_prose(text: str) -> bool:
    """Whether a piece of text reads as sentences rather than as code or a table: most of its tokens are plain words."""
    tokens = text.split()
    words = sum(1 for token in tokens if WORD.match(token.strip("\"'`*()“”")))
    return len(tokens) >= 5 and words >= 0.66 * len(tokens)


def _join(blocks: list[Block]) -> list[Block]:
    """Code with blank lines in it is one block, and so is a list with blank lines between its items."""
    joined: list[Block] = []
    for block in blocks:
        if joined and block.kind == joined[-1].kind and block.kind in ("code", "list"):
            between = "\n\n" if block.kind == "code" else "\n"
            joined[-1] = Block(block.kind, joined[-1].text + between + block.text)
        else:
            joined.append(block)
    return joined


CODE = re.compile(r"``([^`\n]+)``|`([^`'\n]+)[`']")
STRONG = re.compile(r"\*\*([^*\n]+)\*\*")
EMPHASIS = re.compile(r"(?<![\w*])\*([A-Za-z][^*\n]*[a-z])\*(?![\w*])")


def inline(text: str) -> str:
    """A line of text as HTML: escaped, with its markup for code, strong and emphasised words."""
    text = html.escape(text, quote=False)
    text = CODE.sub(lambda match: f"<code>{match[1] or match[2]}</code>", text)
    text = STRONG.sub(r"<strong>\1</strong>", text)
    return EMPHASIS.sub(r"<em>\1</em>", text)
