"""Examples with changed words in documents, and what is none: chance, shared phrases, short examples."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.webtext.ngrams.corpora import run_ngrams, run_overlap, write_corpus
from webtext.core.config import Benchmark, NgramsSection, OverlapSection
from webtext.overlap.decontaminate import cut_quotations, quotations
from webtext.overlap.edited_copies import EditedCopies
from webtext.overlap.hash_lookup import build_lookup, find_rows
from webtext.overlap.ngram_index import index_set, join_sets
from webtext.overlap.part_index import PartIndex, RarityCounter, index_parts, read_parts, sum_rarity, weigh, write_parts, write_rarity
from webtext.overlap.readers import Example
from webtext.overlap.seed_kernels import GAP, align

COMMON = "the of and to in is was for on that with as it by at from".split()
STEM = "which of the following statements about the subject above is true according to what you know"


def sentence(words: int, seed: int) -> str:
    """Prose: every other word is a common one, the others are of this sentence alone."""
    draw = random.Random(seed)
    return " ".join(draw.choice(COMMON) if word % 2 else f"s{seed}w{word}" for word in range(words))


QUESTIONS = {seed: sentence(11, seed) for seed in range(40)}
PASSAGE = sentence(200, 400)
EXAMPLES = [
    *(Example(str(seed), text, (("question", text), ("answer", f"answer{seed}"))) for seed, text in QUESTIONS.items()),
    Example("passage", PASSAGE),
    Example("stem", STEM),
    Example("three", "too few words"),
]
CORPUS = [sentence(120, 1000 + seed) + (f" {STEM} {sentence(20, 3000 + seed)}" if seed < 30 else "") for seed in range(300)]


@pytest.fixture(scope="module")
def search() -> EditedCopies:
    index = PartIndex([index_parts("set", EXAMPLES)])
    counter = RarityCounter(index)
    for text in CORPUS:
        counter.add(text)
    return EditedCopies(index, counter.rarity)


def changed(text: str, edits: int, seed: int = 0) -> str:
    """With words changed, left out or added."""
    draw, words = random.Random(seed), text.split()
    for number, at in enumerate(sorted(draw.sample(range(len(words)), edits), reverse=True)):
        words[at : at + 1] = [["other"], [], [words[at], "more"]][number % 3]
    return " ".join(words)


def in_document(text: str) -> str:
    return f"{sentence(60, 5000)} {text} {sentence(60, 5001)}"


@pytest.mark.parametrize("edits", [0, 1, 2])
def test_a_question_is_found_in_spite_of_changed_words(search: EditedCopies, edits: int) -> None:
    for seed, question in QUESTIONS.items():
        (copy,) = [each for each in search.find(in_document(changed(question, edits, seed))) if each.sufficient]
        assert (copy.example, copy.kind) == (seed, "question")
        assert copy.place.score >= 1 - 0.18 * edits
        assert 60 <= copy.place.first <= copy.place.last <= 72


def test_a_long_passage_is_found_with_each_tenth_word_changed(search: EditedCopies) -> None:
    (copy,) = search.find(in_document(changed(PASSAGE, 20)))
    assert copy.kind == "text"
    assert 0.8 <= copy.place.score < 1
    assert search.find(in_document(changed(PASSAGE, 150))) == []


def test_how_far_the_answer_is(search: EditedCopies) -> None:
    def distance(text: str) -> int | None:
        (copy,) = search.find(in_document(text))
        return copy.answer_distance

    assert distance(f"{QUESTIONS[3]} answer3") == 0
    assert distance(f"{QUESTIONS[3]} {sentence(7, 5002)} answer3") == 7
    assert distance(f"answer3 {sentence(4, 5003)} {QUESTIONS[3]}") == 4
    assert distance(f"{QUESTIONS[3]} {sentence(90, 5004)} answer3") is None
    assert distance(f"{QUESTIONS[3]} answer4") is None


def test_what_is_no_copy(search: EditedCopies) -> None:
    for text in CORPUS:
        assert search.find(text) == []
    assert search.find("") == search.find("one two") == []
    half = " ".join(QUESTIONS[7].split()[:5])
    assert search.find(in_document(half)) == []
    assert not search.judgeable(0, 41)
    assert not search.judgeable(0, 42)
    assert search.judgeable(0, 40)


def test_a_part_that_examples_share_is_one(search: EditedCopies) -> None:
    shared = [Example(str(number), "", (("passage", PASSAGE), ("question", QUESTIONS[number]))) for number in range(3)]
    parts = index_parts("shared", shared)
    assert len(parts.offsets) - 1 == 4
    index = PartIndex([parts])
    found = EditedCopies(index, RarityCounter(index).rarity).find(in_document(PASSAGE))
    assert [(copy.example, copy.kind) for copy in found] == [(0, "passage"), (1, "passage"), (2, "passage")]


def test_counts_and_weights(tmp_path: Path) -> None:
    index = PartIndex([index_parts("a", [Example("0", "red hen lays eggs")]), index_parts("b", [Example("0", "red hen lays")])])
    counters = [RarityCounter(index), RarityCounter(index)]
    for number in range(40):
        counters[number % 2].add(f"Red hen! Lays. {'red hen lays' if number % 2 else 'a cow'} {number}")
    for number, counter in enumerate(counters):
        write_rarity(tmp_path / str(number), counter.rarity)
    rarity = sum_rarity([tmp_path / "0", tmp_path / "1"])
    assert rarity.documents == 40
    assert sorted(rarity.seeds.tolist()) == [0, 40]
    assert sorted(rarity.words.tolist()) == [0, 40, 40, 40]
    bits, own = weigh(index, rarity)
    assert sorted(own.tolist()) == [0, 1]
    held = np.log2(1040 / 40.5)
    # "red" is in no seed that is not shared; the others are in "hen lays eggs"; the second set has only the shared seed.
    assert bits.tolist() == pytest.approx([0.05 * held, held, held, 6, 0.05 * held, 0.05 * held, 0.05 * held])
    write_parts(tmp_path / "parts", index.sets[0])
    again = read_parts(tmp_path / "parts")
    assert (again.ids, again.members, again.words.tolist()) == (["0"], index.sets[0].members, index.sets[0].words.tolist())


def slow_align(words: list[int], part: list[int], bits: list[float]) -> float:
    """The most bits less gaps, over all last words: each continues the best of those before it, or begins."""
    best: dict[tuple[int, int], float] = {}
    for row, word in enumerate(part):
        for column, other in enumerate(words):
            if word == other:
                before = [best[i, j] - GAP * (column - j - 1) for i, j in best if i < row and j < column]
                best[row, column] = bits[row] + max([0.0, *before])
    return max(best.values(), default=0.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=14), st.lists(st.integers(0, 4), min_size=1, max_size=10), st.integers(-3, 6))
def test_an_alignment_is_the_best(words: list[int], part: list[int], diagonal: int) -> None:
    bits = [0.5 + word / 8 for word in part]
    arrays = np.array(words, np.uint64), np.array(part, np.uint64), np.array(bits)
    found, first, last, count = align(*arrays, diagonal, 40)
    assert found - GAP * (last - first - count) == pytest.approx(slow_align(words, part, bits))
    assert slow_align(words[first:last], part, bits) == pytest.approx(slow_align(words, part, bits))
    narrow, first, last, count = align(*arrays, diagonal, 1)
    assert narrow - GAP * (last - first - count) <= slow_align(words, part, bits) + 1e-9


@given(st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=60), st.lists(st.integers(0, 2**64 - 1), max_size=60))
def test_a_lookup_finds_the_rows(keys: list[int], others: list[int]) -> None:
    asked = [*others, *keys, *(key ^ (1 << 40) for key in keys)]
    rows = find_rows(np.array(asked, np.uint64), build_lookup(np.array(keys, np.uint64)))
    assert rows.tolist() == [keys.index(key) if key in keys else -1 for key in asked]


def test_edited_quotations_are_cut(search: EditedCopies) -> None:
    sets = join_sets([index_set("set", EXAMPLES, 13)])
    before, after = sentence(150, 6000), sentence(150, 6001)
    text = f"{before} {changed(QUESTIONS[5], 1)} {after}"
    assert quotations(text, sets) == []
    assert quotations(text, sets, search, 0.05) == []
    (found,) = quotations(text, sets, search, 0.25)
    assert found.of == [("set", "5")]
    left = cut_quotations(text, [found], sets, search, 0.25)
    assert left is not None
    assert "s5w" not in left
    assert left.startswith("s6000w0")


def report(
    build: Path, questions: list[dict[str, Any]], documents: dict[str, str], **keys: Any
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    write_corpus(build, documents, 2)
    run_ngrams(build, 2, NgramsSection())
    (build / "set.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
    benchmark = Benchmark(name="set", path=str(build / "set.jsonl"))
    run_overlap(build, 2, OverlapSection(benchmarks=[benchmark], probes=1000, **keys))
    with open(build / "overlap" / "contamination" / "set.csv", newline="") as file:
        return json.loads((build / "overlap" / "set.json").read_text()), list(csv.DictReader(file))


def test_the_report_of_a_corpus(tmp_path: Path) -> None:
    questions = [{"id": str(seed), "question": text, "answer": f"answer{seed}"} for seed, text in QUESTIONS.items()]
    questions += [{"id": "short", "question": "who is it", "answer": "me"}]
    documents = {f"https://{number}.example/": text for number, text in enumerate(CORPUS[:60])}
    documents["https://a.example/"] = in_document(f"{changed(QUESTIONS[1], 1)} answer1")
    documents["https://b.example/"] = in_document(QUESTIONS[1])
    documents["https://c.example/"] = in_document(changed(QUESTIONS[2], 4))
    measured, rows = report(tmp_path / "usual", questions, documents)
    assert measured["edits"] == 0.3
    figures = measured["contamination"]
    assert (figures["contaminated"], figures["clean"], figures["short"]) == (1, 39, 1)
    curve = dict(map(tuple, figures["curve"]))
    assert (curve[0.6], curve[0.75], curve[1.0]) == (2, 1, 1)
    assert (rows[1]["verdict"], rows[1]["documents"], rows[1]["share"], rows[1]["url"]) == (
        "contaminated",
        "2",
        "1.0",
        "https://b.example/",
    )
    assert (rows[1]["part"], rows[1]["text"], rows[1]["words_to_answer"]) == ("question", QUESTIONS[1], "")
    assert (rows[2]["verdict"], rows[2]["url"]) == ("clean", "https://c.example/")
    assert (rows[3]["verdict"], rows[3]["url"], rows[40]["verdict"]) == ("clean", "", "short")
    loose, rows = report(tmp_path / "loose", questions, documents, edits=0.4)
    assert (loose["contamination"]["contaminated"], rows[2]["verdict"]) == (2, "contaminated")
