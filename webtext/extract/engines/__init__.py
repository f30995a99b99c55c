"""What finds the main text of a page. An engine is a pure function of the page, `(html, url) -> Extraction`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, cast

from webtext.core.errors import WebtextError
from webtext.core.plugins import is_reference, load_function
from webtext.extract.text import tidy

_PARAGRAPHS = re.compile(r"\n(?! *- )")  # the items of a list stay together


@dataclass(frozen=True)
class Extraction:
    """What an engine found: paragraphs as lines, tidy (see webtext.extract.text). `confidence` runs from 0 (nothing found) to 1; `engine`
    is the one that spoke; `render` gives the text as Markdown where the engine knows more than its lines."""

    title: str
    text: str
    confidence: float
    engine: str
    render: Callable[[], str] | None = field(default=None, compare=False, repr=False)

    @property
    def markdown(self) -> str:
        return self.render() if self.render else _PARAGRAPHS.sub("\n\n", self.text)


SURE = 600  # characters; see `by_length`


def by_length(text: str) -> float:
    """The confidence of an engine that gives none: a short result is often a notice or a caption that was taken for the article.

    Measured on WCXB's development split: where trafilatura finds less than 100 words, newspaper3k may know better; where it finds
    more, hardly ever.
    """
    return min(1.0, len(text) / SURE)


Engine = Callable[[str, str], Extraction]

# Modules are imported when they are asked for: the libraries behind them take a second.
MODULES = {"combined": "combined", "blocks": "blocks_engine", "trafilatura": "trafilatura_engine", "newspaper3k": "newspaper_engine"}


def engine(name: str) -> Engine:
    """An engine by its name in the configuration, or by a function of the user's own: of HTML and URL, it returns a text, (title, text)
    or None."""
    if is_reference(name):
        return _own(name, load_function(name, "extract.engine"))
    return cast(Engine, import_module(f"{__name__}.{MODULES[name]}").extract)


def _own(reference: str, function: Callable[[str, str], Any]) -> Engine:
    name = reference.rpartition(":")[2]

    def extract(html: str, url: str) -> Extraction:
        found = function(html, url)
        title, text = found if isinstance(found, tuple) and len(found) == 2 else ("", found or "")
        if not isinstance(title, str) or not isinstance(text, str):
            raise WebtextError(f"{reference}: returned {type(found).__name__}; an engine returns a text, (title, text) or None")
        text = tidy(text)
        return Extraction(title, text, by_length(text), name)

    return extract
