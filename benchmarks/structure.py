"""Structure of text: tables, lists, code, formulas and the like on small pages, ours beside trafilatura and resiliparse, in one run.

    pip install resiliparse
    python -m benchmarks.structure --json figures.json     # seconds

Pages and what a person would accept are in structure.toml. A page counts where all of that holds for the text; ours and trafilatura are
also asked for Markdown. Expected: ours 0.95 or more.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import webtext
from benchmarks.harness import Figures, bar, installed, run

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SNIPPETS = Path(__file__).with_suffix(".toml")
PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{name} | Harbour Notes</title></head><body>
<header><a href="/">Harbour Notes</a><nav><ul><li><a href="/news">News</a></li><li><a href="/about">About</a></li></ul></nav></header>
<article><h1>{name}</h1><p>What follows was written down by the keeper of the harbour, who has looked after its books for more than thirty
years and who still answers every letter himself.</p>
{html}
<p>He added that nothing of this is meant to be the last word, and that whoever knows better is asked to write to him before the winter
storms begin and the post no longer reaches the island.</p></article>
<footer><ul><li><a href="/imprint">Imprint</a></li><li><a href="/privacy">Privacy policy</a></li></ul><p>© 2016 Harbour Notes</p></footer>
</body></html>"""
Snippet = dict[str, Any]
Extractor = Callable[[str], str]


def snippets() -> list[Snippet]:
    """The snippets of structure.toml, each with its whole page as `page`."""
    found: list[Snippet] = tomllib.loads(SNIPPETS.read_text(encoding="utf-8"))["snippet"]
    return [snippet | {"page": PAGE.format(**snippet)} for snippet in found]


def faults(snippet: Snippet, text: str) -> list[str]:
    """What of a text a person would not accept."""
    lines = [line.strip() for line in text.split("\n")]
    flat = "\n".join(lines)
    wrong = [f"missing: {any_of}" for any_of in snippet.get("all", ()) if not any(each in flat for each in _choices(any_of))]
    wrong += [f"there: {each}" for each in snippet.get("none", ()) if each in flat]
    wrong += [f"{flat.count(each)} times: {each}" for each in snippet.get("once", ()) if flat.count(each) != 1]
    # Lines of code may stand in a list or a quotation, all of them with the same margin
    bare = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    for code in snippet.get("code", ()):
        margins = {"", *re.findall(r"^[ >]+", bare, re.MULTILINE)}
        if not any("\n".join((margin + line).rstrip() for line in code.split("\n")) in bare for margin in margins):
            wrong.append(f"code: {code!r}")
    tables = [_cells(line) for line in lines]
    wrong += [f"row: {row}" for row in snippet.get("rows", ()) if not any(_is_row(row, cells) for cells in tables)]
    return wrong


def _choices(any_of: str | list[str]) -> list[str]:
    return [any_of] if isinstance(any_of, str) else any_of


def _cells(line: str) -> list[str]:
    """Of a line with tabs, or bars with or without those at its ends."""
    if "\t" in line:
        return [cell.strip() for cell in line.split("\t")]
    return [cell.strip() for cell in re.sub(r"^\|(.*)\|$", r"\1", line).split("|")]


def _is_row(row: list[str | list[str]], cells: list[str]) -> bool:
    """Whether cells are those of a row; empty ones at its end may be left out, one at its start too where a bar stands for it."""
    for shift in range(2 if "" in _choices(row[0]) else 1):
        wanted = row[shift:] if shift == 0 else row
        filled = cells + [""] * (len(wanted) - len(cells))
        if len(filled) == len(wanted) and all(cell in _choices(any_of) for any_of, cell in zip(wanted, filled)):
            return True
    return False


def extractors() -> dict[str, Extractor]:
    import trafilatura

    found: dict[str, Extractor] = {
        "webtext": lambda page: webtext.extract(page).text,
        "webtext, Markdown": lambda page: webtext.extract(page).markdown,
        "trafilatura": lambda page: trafilatura.extract(page) or "",
        "trafilatura, Markdown": lambda page: trafilatura.extract(page, output_format="markdown") or "",
    }
    if installed("resiliparse"):
        from resiliparse.extract.html2text import extract_plain_text

        found["resiliparse"] = lambda page: extract_plain_text(page, main_content=True)
    return found


def structure(options: argparse.Namespace) -> Figures:
    """Share of the pages that are right, of all and by kind."""
    every, figures = snippets()[:: 10 if options.quick else 1], {}
    for name, extract in extractors().items():
        right: dict[str, list[bool]] = defaultdict(list)
        for snippet in every:
            wrong = faults(snippet, extract(snippet["page"]))
            for kind in ("all", snippet["kind"]):
                right[kind].append(not wrong)
            if wrong and name.startswith("webtext"):
                print(f"{name}, {snippet['name']}: {'; '.join(wrong)}")
        figures[name] = {"pages": len(every)} | {kind: sum(values) / len(values) for kind, values in right.items()}
    return figures


def bars(figures: Figures) -> Iterator[Figures]:
    for name in ("webtext", "webtext, Markdown"):
        yield bar(f"pages that are right, {name}", figures["structure"][name]["all"], least=0.95)


if __name__ == "__main__":
    run(__doc__, {"structure": structure}, bars=bars)
