"""Texts written in batches beside those of `model.sample.generate`, one by one."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.device import Machine
from model.evaluate.generation import Decoding, Generated, generate_texts, prompt_seed, tokens_to_write, write_lines
from model.evaluate.scorer import Scorer
from model.gpt2 import GPT2
from model.sample import generate
from tests.model.byte_tokenizer import Bytes
from webtext.core.errors import UsageError

PROMPTS = st.lists(st.integers(0, 255), min_size=1, max_size=20)


def scorer_of(model: GPT2, batch_tokens: int = 8192) -> Scorer:
    return Scorer(model, Bytes(), Machine(torch.device("cpu"), "fp32"), batch_tokens=batch_tokens)


def alone(model: GPT2, prompt: list[int], decoding: Decoding) -> Generated:
    """One prompt by the sampler; each token's probability from a reading of all before it."""
    tokens: list[int] = []
    seed = prompt_seed(prompt, decoding.seed)
    temperature = 1.0 if decoding.top_k else 0.0
    ended = False
    for (token,) in generate(
        model, prompt, max_tokens=decoding.max_tokens, temperature=temperature, top_k=decoding.top_k, seed=seed, stop=256
    ):
        assert token is not None
        tokens.append(token)
        text = bytes(tokens).decode("utf-8", "replace")
        if ended := any(stop in text for stop in decoding.stops):
            break
    drawn = tokens if ended or len(tokens) == decoding.max_tokens else [*tokens, 256]
    with torch.no_grad():
        scores = torch.log_softmax(model(torch.tensor([[*prompt, *drawn]]))[0], -1)
    total = sum(float(scores[len(prompt) - 1 + place, token]) for place, token in enumerate(drawn))
    text = bytes(tokens).decode("utf-8", "replace")
    return Generated(text[: min((text.find(stop) for stop in decoding.stops if stop in text), default=len(text))], total)


@settings(max_examples=30, deadline=None)
@given(st.lists(PROMPTS, min_size=1, max_size=8), PROMPTS, st.sampled_from([0, 2, 40]), st.booleans(), st.integers(0, 3))
def test_texts_are_those_of_single_prompts(
    small_model: GPT2, prompts: list[list[int]], common: list[int], k: int, shared: bool, seed: int
) -> None:
    """Of any lengths, with a common beginning or not, in small and in large batches, in any order."""
    if shared:
        prompts = [[*common, *prompt][:20] for prompt in prompts]
    decoding = Decoding(12, ("a", "\x10"), k, seed)
    expected = [alone(small_model, prompt, decoding) for prompt in prompts]
    for batch_tokens, step in ((64, 1), (8192, -1)):
        found = generate_texts(scorer_of(small_model, batch_tokens), prompts[::step], decoding)[::step]
        assert [text.text for text in found] == [text.text for text in expected]
        assert [text.logprob for text in found] == pytest.approx([text.logprob for text in expected], abs=1e-3)


def test_seeds_draw_other_texts(small_model: GPT2) -> None:
    prompts = [[1, 2, 3], [1, 2, 3], [3, 2, 1]]
    first, second = (generate_texts(scorer_of(small_model), prompts, Decoding(12, (), 40, seed)) for seed in (0, 1))
    assert first[0] == first[1]  # the same prompt
    assert len({first[0].text, first[2].text, second[0].text, second[2].text}) == 4


def test_a_text_ends_with_end_of_text(small_model: GPT2) -> None:
    """Its probability is that of the end alone."""
    model = GPT2(small_model.config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.ln_f.bias.fill_(1.0)
        model.wte.weight[256].fill_(0.25)  # its logit is 32 * 0.25, all others' 0
    assert generate_texts(scorer_of(model), [[1]], Decoding(5)) == [Generated("", pytest.approx(8 - math.log(math.exp(8) + 256), abs=1e-5))]


def test_long_prompts_lose_their_beginning(small_model: GPT2) -> None:
    scorer = scorer_of(small_model)
    assert tokens_to_write(scorer, 100) == 16
    assert tokens_to_write(scorer, 5) == 5
    text = "What is lost is the beginning: this stays"
    written, protocol = write_lines(scorer, [text, text[-16:]], 100)
    assert written[0] == written[1]
    assert protocol == {"decoding": "greedy", "tokens": 16, "end": "line feed", "prompts without their beginning": 1}


@pytest.mark.parametrize("prompt", [[], [1] * 21], ids=["empty", "long"])
def test_prompts_that_do_not_fit_are_refused(small_model: GPT2, prompt: list[int]) -> None:
    with pytest.raises(UsageError, match=rf"a prompt of {len(prompt)} tokens and 12 tokens to write; the model's context has 32"):
        generate_texts(scorer_of(small_model), [prompt], Decoding(12))
