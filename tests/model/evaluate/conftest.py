"""A small model with a tokenizer of bytes, and the scorer of the two."""

from __future__ import annotations

import pytest
import torch

from model.device import Machine
from model.evaluate.scorer import Scorer
from model.gpt2 import GPT2, GPT2Config
from tests.model.byte_tokenizer import Bytes


@pytest.fixture(scope="session")
def small_model() -> GPT2:
    """Weights large enough that its choices differ from place to place."""
    made = GPT2(GPT2Config(layers=3, heads=2, width=32, context=32, vocab_size=257), seed=1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(4)
    return made


@pytest.fixture
def scorer(small_model: GPT2) -> Scorer:
    return Scorer(small_model, Bytes(), Machine(torch.device("cpu"), "fp32"))
