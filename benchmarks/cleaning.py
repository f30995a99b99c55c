"""Cleaning: decisions and time of our presets c4, gopher and fineweb beside datatrove's filters, on the same texts of real pages.

    pip install "datatrove[processing]" spacy
    python -m benchmarks.cleaning --json figures.json     # all pages of both collections: some eight minutes, nearly all datatrove's
    python -m benchmarks.cleaning --quick                 # every tenth page

The texts are those of the English pages of WCXB's development split and trafilatura's evaluation, extracted by us. datatrove gets the
papers' thresholds, and a second time `fineweb` as published, with its own. Pages on which the two differ are counted by what each says.
Times are processor time on one core. Expected: ours 0.1 to 0.3 ms a page, datatrove 5 to 20. Known differences: datatrove counts
punctuation marks as words, so that pages of prose fall below the share of words with a letter; it knows no curly quotation mark at the end
of a line; it strips the indents of code.
"""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from benchmarks.corpus import EVALUATION, WCXB, pages
from benchmarks.harness import Figures, in_turn, installed, run
from webtext.clean.language import detect
from webtext.clean.presets import clean
from webtext.clean.rules import Draft
from webtext.core.config import CleanSection, ExtractSection
from webtext.core.errors import Rejected
from webtext.extract.page import extract_page
from webtext.extract.result import Text

KEPT = "kept"
Judge = Callable[[str], "tuple[str, str]"]  # a text's verdict, KEPT or a reason, and what is left of it


def ours(preset: str) -> Judge:
    section = CleanSection(preset=preset)

    def judge(text: str) -> tuple[str, str]:
        try:
            return KEPT, clean(Draft("", text), section)[0]
        except Rejected as refused:
            return refused.reason, ""

    return judge


def theirs(filters: list[Any]) -> Judge:
    from datatrove.data import Document

    def judge(text: str) -> tuple[str, str]:
        document = Document(text=text, id="")
        for each in filters:
            verdict = each.filter(document)
            if verdict is not True:
                return (verdict[1] if isinstance(verdict, tuple) else each.name), ""
        return KEPT, document.text

    return judge


def peers() -> dict[str, tuple[str, Judge]]:
    """Name of a comparison, our preset, and datatrove's filters for it."""
    from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

    gopher = [GopherRepetitionFilter(), GopherQualityFilter()]
    c4 = {"min_num_sentences": 3, "min_words_per_line": 5}
    paper = [C4QualityFilter(filter_no_terminal_punct=False, **c4), FineWebQualityFilter(char_duplicates_ratio=0.1, new_line_ratio=1.0)]
    published = [C4QualityFilter(filter_no_terminal_punct=False), FineWebQualityFilter()]
    return {
        "c4": ("c4", theirs([C4QualityFilter(**c4)])),
        "gopher": ("gopher", theirs(gopher)),
        "fineweb": ("fineweb", theirs([*gopher, *paper])),
        "fineweb as published": ("fineweb", theirs([*gopher, *published])),
    }


def compare(preset: str, peer: Judge, cases: list[str], rounds: int) -> Figures:
    judge = ours(preset)
    peer(cases[0])  # loads what it counts words with
    timings = in_turn({"ours": lambda: list(map(judge, cases)), "theirs": lambda: list(map(peer, cases))}, rounds)
    mine, other = timings["ours"].result, timings["theirs"].result
    pairs = list(zip(mine, other))
    apart = Counter((we, they) for (we, _), (they, _) in pairs if (we == KEPT) != (they == KEPT))
    both = [(left, right) for (we, left), (they, right) in pairs if we == they == KEPT]
    return {
        "pages": len(cases),
        "kept_by_us": sum(verdict == KEPT for verdict, _ in mine),
        "kept_by_them": sum(verdict == KEPT for verdict, _ in other),
        "agreement": 1 - apart.total() / len(cases),
        "same_text_of_both_kept": sum(left == right for left, right in both) / max(1, len(both)),
        "our_µs": 1e6 * timings["ours"].seconds / len(cases),
        "their_µs": 1e6 * timings["theirs"].seconds / len(cases),
        "reasons": dict(Counter(verdict for verdict, _ in mine).most_common()),
        "apart": [f"{count} pages: we say {we}, they say {they}" for (we, they), count in apart.most_common()],
    }


def texts(every: int) -> list[str]:
    """The text of every n-th page of both collections that is in English, not cleaned."""
    section = ExtractSection(drop_wikipedia=False, max_bytes=2**30)
    found = [
        extract_page(body, content_type, url, section)
        for collection in (WCXB, EVALUATION)
        for url, content_type, body, _ in pages(*collection, every)
    ]
    texts = [page.text for page in found if isinstance(page, Text)]
    return [text for text in texts if detect(text, CleanSection().language_certainty).code == "en"]


def presets(options: argparse.Namespace) -> Figures:
    logging.disable(logging.CRITICAL)
    if not installed("datatrove", "datatrove[processing] spacy"):
        return {}
    cases = texts(10 if options.quick else 1)
    figures = {name: compare(preset, peer, cases, options.rounds) for name, (preset, peer) in peers().items()}
    for name, row in figures.items():
        print(*(f"{name}: {line}" for line in row["apart"]), sep="\n")
    return figures


if __name__ == "__main__":
    run(__doc__, {"presets": presets})
