"""What samples and held-out texts repeat of a corpus, beside n-grams counted one by one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from model.device import Machine
from model.evaluate.results import TaskResult
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings
from model.evaluate.tasks.memorisation import MEMORISATION
from model.gpt2 import GPT2, GPT2Config
from tests.webtext.ngrams.corpora import run_ngrams, write_corpus
from webtext.core.config import NgramsSection

WORDS = 16  # of the vocabulary; the context is twice as many tokens


class Words:
    """A tokenizer whose tokens are the words w0, w1, …"""

    eot = WORDS

    def encode(self, text: str) -> list[int]:
        return [int(word[1:]) for word in text.split()]

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        return " ".join(f"w{token}" for token in ids).encode()


def prose(words: int, seed: int) -> str:
    draw = random.Random(seed)
    return " ".join(f"w{draw.randrange(WORDS)}" for _ in range(words))


@pytest.fixture
def scorer() -> Scorer:
    model = GPT2(GPT2Config(layers=1, heads=1, width=8, context=2 * WORDS, vocab_size=WORDS + 1), seed=1)
    return Scorer(model, Words(), Machine(torch.device("cpu"), "fp32"))


def evaluated(scorer: Scorer, build: Path, held_out: dict[str, str], **settings: int) -> TaskResult:
    training = {"https://a.example/": prose(200, 1), "https://b.example/": f"{prose(60, 2)} {prose(16, 3)}"}
    write_corpus(build, {**training, **held_out}, 2, held_out=list(held_out))
    run_ngrams(build, 2, NgramsSection())
    return MEMORISATION.run(scorer, MEMORISATION.files(build), Settings(**settings))


def test_shares_are_those_counted_one_by_one(scorer: Scorer, tmp_path: Path) -> None:
    held_out = {
        "https://c.example/all": f"{prose(16, 4)} {prose(16, 3)} {prose(40, 5)}",  # its second half is training text
        "https://c.example/half": f"{prose(16, 6)} {prose(4, 7)} {' '.join(prose(16, 3).split()[:12])}",
        "https://c.example/none": f"{prose(16, 8)} {prose(16, 9)}",
        "https://c.example/short": prose(31, 10),
    }
    result = evaluated(scorer, tmp_path, held_out)
    words = [f"{prose(200, 1)}".split(), f"{prose(60, 2)} {prose(16, 3)}".split()]
    known = {tuple(text[at : at + 8]) for text in words for at in range(len(text) - 7)}
    values: dict[str, list[float]] = {"held-out": [], "samples": []}
    for outcome in result.outcomes:
        text = outcome.text.split()
        grams = [tuple(text[at : at + 8]) for at in range(len(text) - 7)]
        assert outcome.value == sum(gram in known for gram in grams) / len(grams)
        values[outcome.measure.rpartition(", ")[2]].append(outcome.value)
    assert sorted(values["held-out"]) == [0, 5 / 9, 1]
    figures = {(each.name, each.group): each.value for each in result.measures}
    assert figures["mean share of n-grams in the corpus", "held-out"] == pytest.approx((0 + 5 / 9 + 1) / 3)
    assert figures["median share of n-grams in the corpus", "held-out"] == 5 / 9
    assert figures["texts with none", "held-out"] == pytest.approx(1 / 3)
    assert figures["texts with more than 30 %", "held-out"] == pytest.approx(2 / 3)
    curve = {row["percent"]: row["held-out"] for row in result.tables["Figure 5"]}
    assert [curve[percent] for percent in (0, 50, 60, 90, 100)] == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3, 1])
    assert {each.protocol["split"] for each in result.measures} == {"val"}  # the corpus has no test split


def test_texts_and_samples_do_not_depend_on_how_many_are_made(scorer: Scorer, tmp_path: Path) -> None:
    held_out = {f"https://c.example/{number}": prose(40, 20 + number) for number in range(5)}
    result = evaluated(scorer, tmp_path, held_out)
    fewer = MEMORISATION.run(scorer, MEMORISATION.files(tmp_path), Settings(limit=2))
    assert [outcome for outcome in fewer.outcomes if outcome in result.outcomes] == fewer.outcomes


def test_a_corpus_without_long_texts_says_so(scorer: Scorer, tmp_path: Path) -> None:
    result = evaluated(scorer, tmp_path, {"https://c.example/": prose(31, 11)})
    assert (result.measures, result.tables) == ([], {})
    assert result.notes == ["No held-out text of the corpus has 32 tokens, so none was continued."]
