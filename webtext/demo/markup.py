"""The Markdown of the demo's texts, cut into blocks: headings, signatures of functions, paragraphs, lists, code."""

from __future__ import annotations

import html
import re
from typing import Literal, NamedTuple

Kind = Literal["heading", "signature", "paragraph", "list", "code"]


class Block(NamedTuple):
    """A piece of a page. Lines of code are kept; of a list, each line of `text` is an item; elsewhere `text` is one line."""

    kind: Kind
    text: str


# Code between fences, blank lines included, or lines up to a blank one.
BLOCK = re.compile(r"^```\n(?P<code>.*?)\n```$|^[^\S\n]*(?P<marker>#{1,3} |- )?(?P<text>\S.*?)(?=\n\s*\n|\s*\Z)", re.MULTILINE | re.DOTALL)
KINDS: dict[str | None, Kind] = {"# ": "heading", "## ": "heading", "### ": "signature", "- ": "list", None: "paragraph"}


def parse(text: str) -> list[Block]:
    """Cut a text into blocks. A heading of the third level is a signature, an item of a list is one line.

    >>> [tuple(block) for block in parse("## Title\\n\\nSome words\\nof prose.\\n\\n```\\nx = 1\\n```\\n\\n- one\\n- two\\n")]
    [('heading', 'Title'), ('paragraph', 'Some words of prose.'), ('code', 'x = 1'), ('list', 'one\\ntwo')]
    """
    return [_block(found) for found in BLOCK.finditer(text)]


def _block(found: re.Match[str]) -> Block:
    if found["code"] is not None:
        return Block("code", found["code"])
    kind = KINDS[found["marker"]]
    text = found["text"]
    return Block(kind, text.replace("\n- ", "\n") if kind == "list" else " ".join(text.split()) if kind == "paragraph" else text)


CODE = re.compile(r"``([^`\n]+)``|`([^`'\n]+)[`']")
STRONG = re.compile(r"\*\*([^*\n]+)\*\*")
EMPHASIS = re.compile(r"(?<![\w*])\*([A-Za-z][^*\n]*[a-z])\*(?![\w*])")


def inline(text: str) -> str:
    """A line of text as HTML: escaped, with its markup for code, strong and emphasised words."""
    text = html.escape(text, quote=False)
    text = CODE.sub(lambda match: f"<code>{match[1] or match[2]}</code>", text)
    text = STRONG.sub(r"<strong>\1</strong>", text)
    return EMPHASIS.sub(r"<em>\1</em>", text)
