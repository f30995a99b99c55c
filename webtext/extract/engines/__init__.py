"""What finds the main text of a page. An engine is a pure function of the page, `(html, url) -> Extraction`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import cast


@dataclass(frozen=True)
class Extraction:
    """What an engine found: paragraphs as lines. `confidence` runs from 0 (nothing found) to 1; `engine` is the one that spoke."""

    title: str
    text: str
    confidence: float
    engine: str


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
    """An engine by its name in the configuration."""
    return cast(Engine, import_module(f"{__name__}.{MODULES[name]}").extract)
