"""trafilatura (https://github.com/adbar/trafilatura, Apache-2.0): rules, with readability and justext behind them."""

from __future__ import annotations

from trafilatura.core import bare_extraction
from trafilatura.settings import Extractor

from webtext.extract import dom
from webtext.extract.engines import Extraction, by_length
from webtext.extract.text import tidy

NAME = "trafilatura"

# NB: `dedup` would keep lines in a cache of the process and let a page change the text of those after it.
# Its other caches are of pure functions. Comments off: they are not what was linked to, and word F1 on WCXB is 0.01 higher.
OPTIONS = Extractor(output_format="python", comments=False, tables=True, dedup=False)
# Without readability and justext, which it would call for pages that it finds hard: half of its time
ALONE = Extractor(output_format="python", comments=False, tables=True, dedup=False, fast=True)


def extract(html: str, url: str) -> Extraction:
    """The main text of a page, without comments. `url` is not used."""
    tree = dom.parse(html)
    return Extraction("", "", 0.0, NAME) if tree is None else from_tree(tree)


def from_tree(tree: dom.Tree) -> Extraction:
    """The same for a page that is parsed already; the tree stays as it is."""
    text = tidy(main_text(tree, OPTIONS))
    return Extraction(dom.title(tree), text, by_length(text), NAME)


def main_text(tree: dom.Tree, options: Extractor) -> str:
    """What trafilatura takes for the text of a page; the tree stays as it is."""
    document = bare_extraction(tree, options=options)
    text = (document.text or "") if document is not None else ""
    return "\n".join(_plain_row(line) if line.startswith("|") else line for line in text.split("\n"))


def _plain_row(line: str) -> str:
    """A row of a Markdown table as its cells; "" for the rule below the head.

    >>> _plain_row("| a |  | b | ")
    'a |  | b'
    """
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    return " | ".join(cells).strip() if any(cell.strip("-") for cell in cells) else ""
