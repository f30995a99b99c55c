"""`webtext sample` on a small model with a tokenizer of bytes and an end-of-text token."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model import hf
from model.gpt2 import GPT2, GPT2Config
from model.sample import sample_texts
from tokenizer import train
from tokenizer.words import count_words
from webtext.cli.sample import write_samples
from webtext.core.errors import UsageError, WebtextError
from webtext.tokens.vocabulary import load_vocabulary

SMILE = " :smile: [bold]x[/] "


def make(build: Path, vocabulary: int) -> Path:
    train(count_words(["a text"]), 257).save(build / "tokenizer")
    hf.export(GPT2(GPT2Config(1, 1, 16, 32, vocabulary)), build / "model" / "hf")
    return build


@pytest.fixture
def build(tmp_path: Path) -> Path:
    return make(tmp_path, 257)


def write(build: Path, count: int = 1, top_p: float = 1.0, tokenizer: str = "") -> None:
    write_samples(build, SMILE, 20, 1.0, 40, top_p, 5, count, tokenizer)


def test_standard_output_is_the_text_and_nothing_else(build: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """No code of a terminal's markup is taken for one, no emoji for its name."""
    (expected,) = sample_texts(hf.load(build / "model/hf"), load_vocabulary(build / "tokenizer"), SMILE, max_tokens=20, top_k=40, seed=5)
    write(build)
    out, error = capfdbinary.readouterr()
    assert out.decode() == f"{SMILE}{expected}\n"
    assert error.decode().startswith("GPT-2 of 7,936 parameters on 1 x ")


def test_several_samples_stand_one_after_another(build: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    texts = sample_texts(
        hf.load(build / "model/hf"), load_vocabulary(build / "tokenizer"), SMILE, samples=2, max_tokens=20, top_k=40, seed=5
    )
    write(build, count=2)
    shown = "".join(f"--- sample {number} ---\n{SMILE}{text}\n" for number, text in enumerate(texts, 1))
    assert capfdbinary.readouterr().out.decode() == shown


def test_a_model_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match="the model knows 300 tokens, the tokenizer 257; run `webtext tokenize`"):
        write(make(tmp_path, 300))


def test_impossible_choices_and_threads_are_left_as_they_were(build: Path) -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with pytest.raises(UsageError, match=r"top_p 0\.0"):
        write(build, top_p=0.0)
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


def test_a_model_without_a_tokenizer_is_given_one(build: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write(build)
    expected = capfdbinary.readouterr().out
    elsewhere = (build / "tokenizer").rename(build / "elsewhere")
    with pytest.raises(UsageError, match=r"the tokenizer of its model is not known; give it as --tokenizer"):
        write(build)
    write(build, tokenizer=str(elsewhere))
    load_vocabulary(elsewhere).save(build / "model" / "hf")  # as a training on shards with a tokenizer beside them leaves it
    write(build)
    assert capfdbinary.readouterr().out == expected * 2
