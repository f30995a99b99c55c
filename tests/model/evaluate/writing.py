"""A stand-in for a model that generates: it knows what to write behind each prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from model.device import Machine
from model.evaluate import generation
from model.evaluate.generation import Decoding, Generated
from model.evaluate.scorer import Scorer
from model.gpt2 import GPT2, GPT2Config
from tests.model.byte_tokenizer import Bytes


def scorer_with_context(context: int = 4096) -> Scorer:
    """A small model that is not asked, with a tokenizer of bytes."""
    return Scorer(
        GPT2(GPT2Config(layers=1, heads=1, width=8, context=context, vocab_size=257)), Bytes(), Machine(torch.device("cpu"), "fp32")
    )


def writing(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], str], logprob: Callable[[str], float] = lambda prompt: -1.0
) -> list[str]:
    """Let generation write `answer(prompt)`, cut at stops as it does, with a log-probability; the list fills with the prompts."""
    asked: list[str] = []

    def generate_texts(scorer: Scorer, prompts: Sequence[Sequence[int]], decoding: Decoding) -> list[Generated]:
        texts = [bytes(prompt).decode("utf-8", "replace") for prompt in prompts]
        asked.extend(texts)
        found = []
        for text in texts:
            written = answer(text)
            for stop in decoding.stops:
                written = written.partition(stop)[0]
            found.append(Generated(written, logprob(text)))
        return found

    monkeypatch.setattr(generation, "generate_texts", generate_texts)
    return asked
