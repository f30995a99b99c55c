"""The scorer beside one that reads every token's context anew."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.device import Machine
from model.evaluate.scorer import Scorer
from model.gpt2 import GPT2
from tests.model.byte_tokenizer import Bytes
from webtext.core.errors import UsageError

TOKENS = st.lists(st.integers(0, 256), max_size=70)


def logprob(model: GPT2, before: list[int], token: int) -> tuple[float, bool]:
    """Log-probability of a token behind others that fit in the context, and whether it is the likeliest."""
    with torch.no_grad():
        scores = torch.log_softmax(model(torch.tensor([before]))[0, -1], -1)
    return float(scores[token]), int(scores.argmax()) == token


def slow_continuation(model: GPT2, context: list[int], continuation: list[int]) -> list[tuple[float, bool]]:
    """Windows of 32 tokens one behind another, each token scored alone."""
    text, found = [*(context or [256]), *continuation], []
    begin = len(text) - len(continuation)
    for place in range(begin, len(text)):
        end = min(len(text), begin + 32 * ((place - begin) // 32 + 1))  # of the window that scores this token
        found.append(logprob(model, text[max(0, end - 1 - 32) : place], text[place]))
    return found


@settings(max_examples=25)
@given(st.lists(st.tuples(TOKENS, st.lists(st.integers(0, 256), min_size=1, max_size=70)), min_size=1, max_size=4), st.booleans())
def test_continuations_are_those_of_single_readings(small_model: GPT2, requests: list[tuple[list[int], list[int]]], shared: bool) -> None:
    """Of any lengths, with the same context or not, in small and in large batches."""
    if shared:
        requests = [(requests[0][0], continuation) for _, continuation in requests]
    for batch_tokens in (64, 8192):
        scorer = Scorer(small_model, Bytes(), Machine(torch.device("cpu"), "fp32"), batch_tokens=batch_tokens)
        for score, (context, continuation) in zip(scorer.continuations(requests), requests):
            expected = slow_continuation(small_model, context, continuation)
            assert score.logprobs == pytest.approx([value for value, _ in expected], abs=1e-4)
            assert score.total == pytest.approx(sum(value for value, _ in expected), abs=1e-3)
            assert score.all_greedy == all(likeliest for _, likeliest in expected)


@settings(max_examples=25)
@given(TOKENS, st.integers(1, 32))
def test_rolling_windows_are_those_of_single_readings(small_model: GPT2, tokens: list[int], stride: int) -> None:
    """Tokens behind the first window are read with a context of at least 32 - stride."""
    found = Scorer(small_model, Bytes(), Machine(torch.device("cpu"), "fp32")).rolling(tokens, stride=stride)
    text = [256, *tokens]
    expected = []
    for place in range(len(tokens)):
        windows = 0 if place < 32 else (place - 32) // stride + 1
        end = min(32 + windows * stride, len(tokens))
        expected.append(logprob(small_model, text[max(0, end - 32) : place + 1], text[place + 1])[0])
    assert found == pytest.approx(expected, abs=1e-4)


def test_a_uniform_model_has_the_perplexity_of_its_vocabulary(small_model: GPT2) -> None:
    model = GPT2(small_model.config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    scores = Scorer(model, Bytes(), Machine(torch.device("cpu"), "fp32")).rolling(list(range(100)))
    assert math.exp(-scores.mean()) == pytest.approx(257, rel=1e-6)


def test_order_of_requests_changes_nothing(scorer: Scorer) -> None:
    random = np.random.default_rng(0)
    requests = [(random.integers(0, 257, n).tolist(), random.integers(0, 257, 1 + n % 5).tolist()) for n in range(40)]
    forward, backward = scorer.continuations(requests), scorer.continuations(requests[::-1])[::-1]
    assert [score.total for score in forward] == [score.total for score in backward]


def test_a_stride_beyond_the_context_is_refused(scorer: Scorer) -> None:
    with pytest.raises(UsageError, match=r"stride 33 must lie between 1 and the model's context, 32"):
        scorer.rolling([1, 2], stride=33)
