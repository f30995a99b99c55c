"""Floors of quality on a fixed sample of real pages. A change that lowers a figure fails; a floor is only ever raised.

NB: the model of `blocks` has seen these pages: the floors guard the code; `benchmarks/extract.py --folds` tells what it does on others.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from webtext.clean.presets import clean
from webtext.clean.rules import Draft
from webtext.core.config import CleanSection, ExtractSection
from webtext.core.errors import Rejected
from webtext.extract.page import extract_page
from webtext.extract.result import Text
from webtext.extract.score import Strings, word_f1
from webtext.extract.text import tidy

SECTION = ExtractSection(drop_wikipedia=False)

# file, gold, every n-th page, SHA-256 of the bodies that this gives
WCXB = ("wcxb-dev.warc.gz", "wcxb-dev-gold.jsonl.zst", 37, "3ef09081ba1a181329567aaca97c3f3c7782a6626af131c5f8cc3aaaae0484bd")
EVAL = (
    "trafilatura-eval.warc.gz",
    "trafilatura-eval-segments.jsonl.zst",
    17,
    "3cde987f0ff5776d288ae1fa9a770b272e467a9baf9cf746d55c1e3fae51b944",
)


def sample(data_dir: Path, warc: str, gold: str, every: int, digest: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The text that we find on a page, and its gold."""
    lines = zstandard.ZstdDecompressor().stream_reader((data_dir / "web" / gold).read_bytes()).read().splitlines()
    bodies = hashlib.sha256()
    with open(data_dir / "web" / warc, "rb") as file:
        responses = (record for record in ArchiveIterator(file) if record.rec_type == "response")
        for index, record in enumerate(responses):
            if index % every == 0:
                body = record.content_stream().read()
                bodies.update(body)
                url = record.rec_headers.get_header("WARC-Target-URI")
                found = extract_page(body, record.http_headers.get_header("Content-Type"), url, SECTION)
                yield found.text if isinstance(found, Text) else "", orjson.loads(lines[index])
    assert bodies.hexdigest() == digest, "the sample is another one: its floors have to be measured anew"


def test_word_f1_on_wcxb(data_dir: Path) -> None:
    scores: dict[str, list[float]] = {"all": [], "article": []}
    for text, gold in sample(data_dir, *WCXB):
        score = word_f1(text, gold["main_content"])
        scores["all"].append(score)
        if gold["page_type"] == "article":
            scores["article"].append(score)
    means = {kind: sum(values) / len(values) for kind, values in scores.items()}
    assert means["all"] >= 0.935
    assert means["article"] >= 0.957


def test_strings_on_older_pages_in_several_languages(data_dir: Path) -> None:
    counts = Strings()
    for text, gold in sample(data_dir, *EVAL):
        counts.add(text, gold["with"], gold["without"])
    assert counts.f1 >= 0.932
    assert counts.precision >= 0.908


GOLD = "13e701c509440e309c4286f93127b31e4e29fc00e0307b54b53d53cc4d78bae8"  # SHA-256 of WCXB's gold


# Texts that each preset keeps at least: articles, other pages
KEPT = {"gpt2": (113, 93), "c4": (113, 79), "gopher": (108, 71), "fineweb": (106, 65)}


def test_what_cleaning_leaves_of_good_text(data_dir: Path) -> None:
    """Of articles, and of other pages, of 500 characters or more, as people marked their text: nearly all articles stay."""
    data = zstandard.ZstdDecompressor().stream_reader((data_dir / "web" / WCXB[1]).read_bytes()).read()
    assert hashlib.sha256(data).hexdigest() == GOLD, "the gold is another one: the floors have to be measured anew"
    gold = [orjson.loads(line) for line in data.splitlines()[::7]]
    texts = [(page["page_type"] == "article", tidy(page["main_content"] or "")) for page in gold]
    texts = [(article, text) for article, text in texts if len(text) >= 500]
    assert Counter(article for article, _ in texts) == {True: 114, False: 94}
    presets: Any = KEPT
    for preset in presets:
        kept = Counter[bool]()
        for article, text in texts:
            with suppress(Rejected):
                clean(Draft("", text), CleanSection(preset=preset))
                kept[article] += 1
        assert kept[True] >= KEPT[preset][0], preset
        assert kept[False] >= KEPT[preset][1], preset


@pytest.mark.parametrize(
    ("text", "gold", "score"), [("", "", 1.0), ("a", "", 0.0), ("", "a", 0.0), ("A b!", "b a", 1.0), ("a a b", "a c", 0.4)]
)
def test_word_f1(text: str, gold: str, score: float) -> None:
    assert word_f1(text, gold) == pytest.approx(score)


@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from("abcd")))
def test_word_f1_is_the_harmonic_mean_of_precision_and_recall(found: list[str], gold: list[str]) -> None:
    left = Counter(gold)
    right = 0
    for word in found:
        if left[word]:
            left[word] -= 1
            right += 1
    score = word_f1(" ".join(found), " ".join(gold))
    if right:
        precision, recall = right / len(found), right / len(gold)
        assert score == pytest.approx(2 * precision * recall / (precision + recall))
    else:
        assert score == (0.0 if found or gold else 1.0)


def test_strings() -> None:
    counts = Strings()
    counts.add("One  two\nthree", ["two three", "four"], ["One", "five"])
    assert (counts.kept, counts.lost, counts.leaked, counts.left_out) == (1, 1, 1, 1)
    assert (counts.precision, counts.recall, counts.f1) == (0.5, 0.5, 0.5)
