"""Sampling: OpenAI's rules, the same text with a cache and without, alone and in a batch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model import hf
from model.gpt2 import GPT2, GPT2Config, KVCache
from model.sample import draw, generate, sample_texts, stream_text, warp_logits, window_start
from model.weights import load_model
from tests.model.byte_tokenizer import Bytes
from webtext.core.errors import UsageError, WebtextError


@pytest.fixture(scope="module")
def model() -> GPT2:
    """Small, with weights large enough that its choices differ from place to place."""
    made = GPT2(GPT2Config(layers=3, heads=2, width=32, context=32, vocab_size=257), seed=1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(4)
    return made


def tokens_of(steps: Any) -> list[list[int | None]]:
    return [list(row) for row in zip(*steps)]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("max_tokens", [20, 100])
def test_the_cache_changes_nothing(model: GPT2, temperature: float, max_tokens: int) -> None:
    """Also where the context of 32 is full and its older half forgotten."""
    given_, cached = (
        [*generate(model, [5, 6, 7], samples=2, max_tokens=max_tokens, temperature=temperature, cache=c)] for c in (False, True)
    )
    assert given_ == cached
    assert len(cached) == max_tokens
    assert len({row[0] for row in cached}) > 3


def test_cached_hidden_states_are_those_of_a_whole_reading(model: GPT2) -> None:
    tokens = torch.randint(257, (2, 30), generator=torch.Generator().manual_seed(0))
    model.eval()
    cache = KVCache(model.config, 2, 30, device=torch.device("cpu"), dtype=torch.float32)
    with torch.inference_mode():
        pieces = [model.hidden(tokens[:, :11], cache=cache), *(model.hidden(tokens[:, i : i + 1], cache=cache) for i in range(11, 30))]
        torch.testing.assert_close(torch.cat(pieces, 1), model.hidden(tokens), rtol=1e-5, atol=1e-5)


def test_a_sample_depends_on_its_number_and_seed_alone(model: GPT2) -> None:
    many = tokens_of(generate(model, [1], samples=5, max_tokens=12, seed=3))
    assert tokens_of(generate(model, [1], samples=2, max_tokens=12, seed=3)) == many[:2]
    assert len({tuple(row) for row in many}) == 5
    assert tokens_of(generate(model, [1], samples=1, max_tokens=12, seed=4)) != many[:1]


def test_half_the_context_is_the_default_length(model: GPT2) -> None:
    assert len(list(generate(model, [1]))) == 16


def test_stop_ends_a_sample_and_is_not_given_out(model: GPT2) -> None:
    free = tokens_of(generate(model, [1], samples=3, max_tokens=30, seed=1))
    stop = free[0][10]
    stopped = tokens_of(generate(model, [1], samples=3, max_tokens=30, seed=1, stop=stop))
    for before, after in zip(free, stopped):
        kept = before[: before.index(stop)] if stop in before else before
        assert [token for token in after if token is not None] == kept
        assert after[len(kept) :] == [None] * (len(after) - len(kept))


def test_top_k_keeps_ties_as_openai_does() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0, 2.0, 2.0, 0.0]])
    assert torch.isfinite(warp_logits(logits, 1.0, 2, 1.0)).tolist() == [[False, True, True, True, True, False]]
    assert torch.isfinite(warp_logits(logits, 1.0, 1, 1.0)).tolist() == [[False, True, False, False, False, False]]
    for everything in (0, 6, 7):
        assert torch.equal(warp_logits(logits, 1.0, everything, 1.0), logits)


def test_top_p_keeps_what_fits_into_p_but_always_one() -> None:
    logits = torch.tensor([[0.5, 0.2, 0.2, 0.1]]).log()
    for p, kept in ((0.3, 1), (0.51, 1), (0.95, 3), (1.0, 4)):
        assert int(torch.isfinite(warp_logits(logits, 1.0, 0, p)).sum()) == kept
    # 0.5 + 0.2 fits into 0.75; the other 0.2 ties with the last one kept.
    assert torch.isfinite(warp_logits(logits, 1.0, 0, 0.75)).tolist() == [[True, True, True, False]]


def test_top_p_keeps_a_sum_that_is_p_exactly() -> None:
    """The boundary belongs to what is kept: a cumulative sum of p itself, but not the float below it."""
    exact = torch.tensor([[0.5, 0.25, 0.125, 0.125]])
    sums = exact.log().sort(descending=True).values.softmax(-1).cumsum(-1)
    for kept, p in enumerate(sums[0, :2].tolist(), 1):
        assert int(torch.isfinite(warp_logits(exact.log(), 1.0, 0, p)).sum()) == kept
        assert int(torch.isfinite(warp_logits(exact.log(), 1.0, 0, float(np.nextafter(np.float32(p), np.float32(0))))).sum()) == max(
            1, kept - 1
        )


def test_temperature_divides_and_zero_takes_the_first_of_the_likeliest() -> None:
    logits = torch.tensor([[1.0, 4.0, 4.0]])
    assert torch.equal(warp_logits(logits, 2.0, 0, 1.0), logits / 2)
    assert warp_logits(logits, 0.0, 0, 1.0).tolist() == [[-math.inf, 0.0, -math.inf]]


@settings(max_examples=200)
@given(st.lists(st.floats(-30, 30) | st.just(-math.inf), min_size=1, max_size=8), st.floats(0, 1, exclude_max=True))
def test_draw_inverts_the_distribution(logits: list[float], uniform: float) -> None:
    if max(logits) == -math.inf:
        return
    weights = [math.exp(x - max(logits)) for x in logits]
    token = int(draw(torch.tensor([logits], dtype=torch.float64), torch.tensor([uniform], dtype=torch.float64)))
    assert weights[token] > 0
    below, target = sum(weights[:token]), uniform * sum(weights)
    assert below <= target + 1e-9
    assert target <= below + weights[token] + 1e-9


def test_rows_with_different_choices_are_drawn_as_alone() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(200, 30, generator=generator)
    logits = logits.masked_fill(torch.rand(200, 30, generator=generator) < 0.9, -math.inf)
    logits[:, 7] = 0.0
    uniform = torch.rand(200, generator=generator, dtype=torch.float64)
    together = draw(logits, uniform)
    assert together.tolist() == [int(draw(row[None], u[None])) for row, u in zip(logits, uniform)]
    assert torch.isfinite(logits.gather(1, together[:, None])).all()
    assert len(set(together.tolist())) > 15


def test_draws_follow_the_probabilities(model: GPT2) -> None:
    count = 4000
    first = next(generate(model, [9], samples=count, max_tokens=1, top_k=5))
    with torch.no_grad():
        probabilities = warp_logits(model.eval()(torch.tensor([[9]]))[:, -1], 1.0, 5, 1.0).softmax(-1)[0]
    for token in probabilities.nonzero()[:, 0].tolist():
        p = float(probabilities[token])
        assert first.count(token) / count == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / count))
    assert {token for token in first if token is not None and probabilities[token] == 0} == set()


@given(st.integers(1, 200), st.integers(1, 40))
def test_the_window_fits_and_is_at_least_half_full(length: int, context: int) -> None:
    held = length - window_start(length, context)
    assert 1 <= held <= context
    assert held >= min(length, context - max(1, context // 2) + 1)


def test_streamed_text_is_the_sampled_text(model: GPT2) -> None:
    """Random bytes: many broken characters, some whole ones, which must not come in halves."""
    for seed in range(5):
        (text,) = sample_texts(model, Bytes(), "é", max_tokens=60, seed=seed)
        pieces = list(stream_text(model, Bytes(), "é", max_tokens=60, seed=seed))
        assert "".join(pieces) == text
    assert sample_texts(model, Bytes(), samples=2, max_tokens=5) == sample_texts(model, Bytes(), "", samples=2, max_tokens=5)


def test_a_character_split_over_tokens_comes_whole(model: GPT2, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.sample.generate", lambda *a, **k: ([byte] for byte in "a€".encode()))
    assert list(stream_text(model, Bytes())) == ["a", "€"]


def test_wrong_use_is_refused(model: GPT2) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"prompt": []}, "no tokens"),
        ({"prompt": [257]}, "token 257, the model's vocabulary 257; is the tokenizer its own"),
        ({"prompt": [1], "samples": 0}, "samples 0"),
        ({"prompt": [1], "top_p": 0.0}, "top_p 0.0"),
        ({"prompt": [1], "temperature": -1.0}, "temperature -1.0"),
        ({"prompt": [1], "seed": -1}, "seed -1"),
    ]
    for arguments, reason in wrong:
        with pytest.raises(UsageError, match=reason):
            next(generate(model, **arguments))


def test_load_model_names_a_directory_without_one(tmp_path: Path, model: GPT2) -> None:
    with pytest.raises(WebtextError, match="no model: neither a checkpoint, nor"):
        load_model(tmp_path)
    hf.export(model, tmp_path / "hf")
    for path in (tmp_path, tmp_path / "hf"):
        assert torch.equal(load_model(path).wpe.weight, model.wpe.weight)
