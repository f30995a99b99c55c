"""Our own: a learned classifier of the blocks of a page, the successor of Dragnet (see webtext/extract/training/fit.py)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from webtext.extract import dom
from webtext.extract.blocks import block_scanner, model
from webtext.extract.blocks.block_scanner import Page
from webtext.extract.blocks.render import render
from webtext.extract.blocks.text import complete, is_text
from webtext.extract.engines import Extraction

NAME = "blocks"


def extract(html: str, url: str) -> Extraction:
    """The main text of a page. `url` is not used."""
    tree = dom.parse(html)
    return Extraction("", "", 0.0, NAME) if tree is None else from_tree(tree, html)


def from_tree(tree: dom.Tree, html: str, path: Path = model.INSTALLED) -> Extraction:
    """The same for a page that is parsed already, by any model; the confidence is the word F1 that the model expects."""
    title = dom.title(tree)
    page = block_scanner.read(tree, title)
    if not len(page.node):
        return Extraction(title, "", 0.0, NAME)
    prediction = model.predict(page, html, path)
    return extraction(title, page, prediction.chosen, prediction.scores, prediction.expected, NAME)


def extraction(title: str, page: Page, chosen: NDArray[np.bool_], scores: NDArray[np.float32], expected: float, name: str) -> Extraction:
    """The chosen blocks as text, and as Markdown when it is asked for."""
    if not is_text(page, chosen, expected):
        return Extraction(title, "", expected, name)
    chosen = complete(page, chosen, scores, expected)
    return Extraction(title, render(page, chosen), expected, name, partial(render, page, chosen, True))
