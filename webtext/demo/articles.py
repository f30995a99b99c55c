"""Articles made of the documentation that ships with Python: topics of the language, docstrings and comments of its library, built-in help.

They were taken from Python 3.11.7 once, by a script that is not kept, and are data since: every version of Python makes the same corpus.
`zstd -d webtext/demo/data/articles.md.zst` unpacks them, and `zstd -19 articles.md` packs them again after an edit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import zstandard

from webtext.demo.markup import Block, parse
from webtext.demo.resources import DATA

ARTICLE = re.compile(r"^# (.+)\nname: (.+)\nsubject: (.+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Article:
    """A text with a title. `name` is unique and fit for a URL, `subject` is what it is about in a word or two."""

    name: str
    subject: str
    title: str
    blocks: tuple[Block, ...]

    @property
    def characters(self) -> int:
        return sum(len(block.text) for block in self.blocks)

    @property
    def prose(self) -> int:
        """Characters of paragraphs and lists."""
        return sum(len(block.text) for block in self.blocks if block.kind in ("paragraph", "list"))

    def sentences(self) -> list[str]:
        """Plain sentences of ten to thirty words of its paragraphs, without markup: what can be looked for in an extracted text."""
        paragraphs = (block.text for block in self.blocks if block.kind == "paragraph")
        sentences = (sentence for text in paragraphs for sentence in re.split(r"(?<=[.!?])\s+", text))
        return [text for text in sentences if 10 <= len(text.split()) <= 30 and re.fullmatch(r"[A-Z][A-Za-z,;' ]+\.", text)]


@cache
def articles() -> tuple[Article, ...]:
    """All articles, by name; none is a near copy of another."""
    text = zstandard.decompress((DATA / "articles.md.zst").read_bytes()).decode()
    _, *parts = ARTICLE.split(text)  # before the first article is the licence
    fields = iter(parts)
    return tuple(Article(name, subject, title, tuple(parse(body))) for title, name, subject, body in zip(*[fields] * 4))
