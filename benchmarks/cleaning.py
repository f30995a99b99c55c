"""Cleaning: decisions and time of our presets c4, gopher and fineweb beside datatrove's filters, on the same texts of real pages.

    python benchmarks/cleaning.py                     # all pages of both collections: some eight minutes, nearly all datatrove's
    python benchmarks/cleaning.py --every 10          # every tenth
    python benchmarks/cleaning.py --json figures.json

Texts are those of the English pages of WCXB's development split and trafilatura's evaluation, in $WEBTEXT_DATA, extracted by us.
datatrove (and spacy, which it counts words with) is the peer and has to be installed; it gets the papers' thresholds, and a second time
`fineweb` as published, with its own. Pages on which the two differ are counted by what each says, so that every difference has its name.
Times are processor time on one core. Known differences: datatrove counts punctuation marks as words, so that pages of prose fall below the
share of words with a letter; it knows no curly quotation mark at the end of a line; it strips the indents of code.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from webpages import texts

from webtext.core.config import ExtractSection
from webtext.extract.clean import clean
from webtext.extract.rules import Draft, Refused

KEPT = "kept"
Judge = Callable[[str], "tuple[str, str]"]  # a text's verdict, KEPT or a reason, and what is left of it


def ours(preset: str) -> Judge:
    section = ExtractSection(cleaning=preset)

    def judge(text: str) -> tuple[str, str]:
        try:
            return KEPT, clean(Draft("", text), section)[0]
        except Refused as refused:
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
    paper = [
        *gopher,
        C4QualityFilter(filter_no_terminal_punct=False, **c4),
        FineWebQualityFilter(char_duplicates_ratio=0.1, new_line_ratio=1.0),
    ]
    published = [*gopher, C4QualityFilter(filter_no_terminal_punct=False), FineWebQualityFilter()]
    return {
        "c4": ("c4", theirs([C4QualityFilter(**c4)])),
        "gopher": ("gopher", theirs(gopher)),
        "fineweb": ("fineweb", theirs(paper)),
        "fineweb as published": ("fineweb", theirs(published)),
    }


def timed(judge: Judge, cases: list[str]) -> tuple[list[tuple[str, str]], float]:
    before = time.process_time()
    verdicts = [judge(text) for text in cases]
    return verdicts, 1e6 * (time.process_time() - before) / max(1, len(cases))


def compare(preset: str, peer: Judge, cases: list[str]) -> dict[str, Any]:
    peer(cases[0])  # loads what it counts words with
    (mine, my_time), (other, other_time) = timed(ours(preset), cases), timed(peer, cases)
    apart = Counter(
        (ours_says, theirs_says) for (ours_says, _), (theirs_says, _) in zip(mine, other) if (ours_says == KEPT) != (theirs_says == KEPT)
    )
    both = [(left, right) for (ours_says, left), (theirs_says, right) in zip(mine, other) if ours_says == theirs_says == KEPT]
    return {
        "pages": len(cases),
        "kept_by_us": sum(verdict == KEPT for verdict, _ in mine),
        "kept_by_them": sum(verdict == KEPT for verdict, _ in other),
        "agreement": round(1 - apart.total() / len(cases), 4),
        "same_text_of_both_kept": round(sum(left == right for left, right in both) / max(1, len(both)), 4),
        "microseconds": [round(my_time, 1), round(other_time, 1)],
        "reasons": dict(Counter(verdict for verdict, _ in mine).most_common()),
        "apart": [{"we": we, "they": they, "pages": count} for (we, they), count in apart.most_common()],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="take every n-th page")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    try:
        comparisons = peers()
    except ImportError as error:
        parser.exit(1, f"datatrove is missing ({error}): pip install 'datatrove[processing]' spacy\n")
    cases = list(texts(options.every))
    figures = {name: compare(preset, peer, cases) for name, (preset, peer) in comparisons.items()}
    print("preset                 pages  kept: we  they  agreement  same text    µs: we      they")
    for name, row in figures.items():
        mine, other = row["microseconds"]
        print(
            f"{name:22}{row['pages']:6}{row['kept_by_us']:10}{row['kept_by_them']:6}{row['agreement']:11.4f}{row['same_text_of_both_kept']:11.4f}"
            f"{mine:10.0f}{other:10.0f}"
        )
    for name, row in figures.items():
        for difference in row["apart"]:
            print(f"{name}: {difference['pages']} pages: we say {difference['we']}, they say {difference['they']}")
    if options.json:
        options.json.write_text(json.dumps({"every": options.every} | figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
