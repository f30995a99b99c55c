"""Contamination: examples of test sets planted in real pages, verbatim and with changed words, and what is wrongly flagged.

    python -m benchmarks.contamination --json figures.json     # some two minutes

Sets: NQ-open, LAMBADA, GSM8K, and questions with four choices made here of sentences of novels, in the shape of MMLU. Edits replace words
by words of other paragraphs. Beside ours the rules of the papers: any 8-gram (GPT-2) and any 13-gram (GPT-3) in common with an example.
Clean are paragraphs of Wikipedia, news and novels; shared are 40 stems, licences and enacting clauses, each in 30 documents and at the head
of examples. Times are processor time of one core for documents of 5 kB, of which reading the words alone takes a part.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Callable, Iterable
from typing import Any

import zstandard

from benchmarks.corpus import novels
from benchmarks.harness import DATA, Figures, bar, in_turn, run
from webtext.core.config import OverlapSection
from webtext.ngrams.normalise import ngram_hashes
from webtext.overlap.edited_copies import EditedCopies
from webtext.overlap.part_index import PartIndex, RarityCounter, index_parts
from webtext.overlap.readers import Example

STEMS = """Which of the following statements best describes
Choose the correct answer to the question about
Read the passage below carefully and explain
Permission is hereby granted, free of charge, to any person obtaining a copy of
Be it enacted by the Parliament in this session and by the authority of
This program is distributed in the hope that it will be useful, without any warranty, for
Solve the following problem step by step for
Select all of the options below that apply to""".splitlines()
TOPICS = ("the main idea of the text", "the software and its documentation", "an act to amend the law", "the table", "the author")
SHARED = [f"{stem} {topic}" for stem in STEMS for topic in TOPICS]
EDITS: dict[str, Callable[[int], int]] = {
    "verbatim": lambda words: 0,
    "one word": lambda words: 1,
    "10 %": lambda words: max(1, round(words / 10)),
}


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / "benchmarks" / name).read_text(encoding="utf-8").splitlines()]


def question(number: int, text: str, *others: tuple[str, str]) -> Example:
    return Example(str(number), text, (("question", text), *others))


def test_sets(draw: random.Random, sentences: list[str]) -> dict[str, list[Example]]:
    parts = [sentence.split() for sentence in sentences if 22 <= len(sentence.split()) <= 40]
    draw.shuffle(parts)
    choices = ["\n".join(" ".join(part[-5:]) for part in parts[4 * number : 4 * number + 4]) for number in range(800)]
    mmlu = [
        question(number, f"{SHARED[number % 40]}: {' '.join(parts[4 * number][:-5])}?", ("choices", choices[number]))
        for number in range(800)
    ]
    nq, gsm = rows("nq_open/NQ-open.dev.jsonl"), rows("gsm8k/test.jsonl")
    return {
        "NQ-open": [question(number, row["question"], ("answer", row["answer"][0])) for number, row in enumerate(nq)],
        "LAMBADA": [Example(str(number), row["text"]) for number, row in enumerate(rows("lambada_test.jsonl"))],
        "GSM8K": [question(number, row["question"], ("answer", row["answer"])) for number, row in enumerate(gsm)],
        "MMLU-shaped": mmlu,
    }


def edited(draw: random.Random, text: str, count: int, pool: list[str]) -> str:
    words = text.split()
    for at in draw.sample(range(len(words)), min(count, len(words))):
        words[at] = draw.choice(pool)
    return " ".join(words)


def shares(hits: Iterable[bool]) -> float:
    flags = list(hits)
    return sum(flags) / len(flags)


def measure(options: argparse.Namespace) -> Figures:
    draw, count = random.Random(16), 30 if options.quick else 300
    books = list(novels().values())[: 20 if options.quick else 100]
    paragraphs = [each for text in books[1::2] for each in re.split(r"\n\s*\n", text) if 300 < len(each) < 3000]
    clean = draw.sample(paragraphs, min(2500, len(paragraphs)))
    gold = zstandard.ZstdDecompressor().stream_reader((DATA / "web/wcxb-dev-gold.jsonl.zst").read_bytes()).read().splitlines()
    pages = [each for row in gold for each in (json.loads(row)["main_content"] or "").split("\n") if len(each) > 200]
    clean += draw.sample(pages, 2500)
    sets = test_sets(draw, [sentence for text in books[::2] for sentence in re.split(r"[.!?]\s+", text)])
    pool = [word for text in clean for word in text.split() if word.isalpha()]
    planted = []
    for number, (name, examples) in enumerate(sets.items()):
        for kind, edits in EDITS.items():
            for index in draw.sample(range(len(examples)), min(count, len(examples))):
                text = edited(draw, examples[index].text, edits(len(examples[index].text.split())), pool)
                planted.append((number, name, kind, index, f"{draw.choice(pages)} {text} {draw.choice(pages)}"))
    shared = [f"{draw.choice(pages)} {phrase}. {draw.choice(pages)}" for phrase in SHARED for _ in range(30)]
    parts = PartIndex([index_parts(name, examples) for name, examples in sets.items()])
    counter = RarityCounter(parts)
    for text in [*clean, *shared, *(text for *_, text in planted)]:
        counter.add(text)
    search, least = EditedCopies(parts, counter.rarity), 1 - OverlapSection().edits
    grams = {n: [[set(ngram_hashes(each.text, n)[0].tolist()) for each in examples] for examples in sets.values()] for n in (8, 13)}
    every = {n: set().union(*(hashes for examples in grams[n] for hashes in examples)) for n in grams}

    def ours(text: str) -> set[tuple[int, int]]:
        return {(copy.set, copy.example) for copy in search.find(text) if copy.sufficient and copy.place.score >= least}

    def any_gram(n: int, text: str) -> bool:
        return not every[n].isdisjoint(ngram_hashes(text, n)[0].tolist())

    def example_gram(n: int, number: int, at: int, text: str) -> bool:
        return not grams[n][number][at].isdisjoint(ngram_hashes(text, n)[0].tolist())

    figures: Figures = {}
    for number, name in enumerate(sets):
        for kind in EDITS:
            chosen = [(example, text) for each, _, edit, example, text in planted if (each, edit) == (number, kind)]
            rules = {
                f"{n}-gram": shares(bool(grams[n][number][at] & {*ngram_hashes(text, n)[0].tolist()}) for at, text in chosen) for n in grams
            }
            figures[f"{name}, {kind}"] = {"recall": shares((number, at) in ours(text) for at, text in chosen), **rules}
    for name, texts in {"clean": clean, "shared": shared}.items():
        rules = {f"{n}-gram": sum(any_gram(n, text) for text in texts) for n in grams}
        figures[f"flagged of {len(texts)} {name}"] = {"recall": sum(bool(ours(text)) for text in texts), **rules}
    long = ["\n".join(draw.choices(clean, k=20))[:5000] for _ in range(300)]
    work: dict[str, Callable[[str], Any]] = {
        "words": lambda text: ngram_hashes(text, 1),
        "count": RarityCounter(parts).add,
        "find": search.find,
    }
    peers = {name: lambda step=step: [step(text) for text in long] for name, step in work.items()}
    figures["microseconds_a_document"] = {name: 1e6 * min(t.rounds) / len(long) for name, t in in_turn(peers, options.rounds).items()}
    return figures


def bars(figures: Figures) -> Iterable[Figures]:
    for name, row in figures.get("planted", {}).items():
        if name.startswith("flagged"):
            yield bar(name, row["recall"], most=1 if "clean" in name else 0)
        elif name != "microseconds_a_document":
            least = {"verbatim": 0.98, "one word": 0.95, "10 %": 0.8}[name.rpartition(", ")[2]]
            yield bar(name, row["recall"], least=least)
        else:
            yield bar("microseconds a document of 5 kB", row["find"], most=60)


if __name__ == "__main__":
    run(__doc__, {"planted": measure}, bars=bars)
