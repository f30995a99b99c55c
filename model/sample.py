"""Sample text from a GPT-2: temperature, top-k, top-p, seeds, batches, a key-value cache, streaming."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from model import hf, tf_checkpoint
from model.checkpoint import BEST, Checkpoint
from model.gpt2 import GPT2, GPT2Config, KVCache
from model.lstm import LanguageModel, build_model
from webtext.core.errors import UsageError, WebtextError


class Tokenizer(Protocol):
    """What sampling asks of a tokenizer."""

    @property
    def eot(self) -> int: ...
    def encode(self, text: str) -> list[int]: ...
    def decode_bytes(self, ids: Sequence[int]) -> bytes: ...


def load_model(path: Path) -> GPT2:
    """As `load_language_model`, for a transformer alone: an LSTM raises WebtextError too."""
    model = load_language_model(path)
    if not isinstance(model, GPT2):
        raise WebtextError(f"{path}: an LSTM, which can be trained further and fine-tuned, and nothing else")
    return model


def load_language_model(path: Path) -> LanguageModel:
    """The model in `path`: a checkpoint file, a directory in Hugging Face's or OpenAI's layout, or that of a training run (its
    exported model, or its best checkpoint while there is none). Raises WebtextError where there is no model or a broken one."""
    if path.is_file():
        found = Checkpoint(path)
        # NB: a key at its default is not in the checkpoints of before it was there.
        shape = {field.name: found.state.config.get(field.name, field.default) for field in fields(GPT2Config)}
        model = build_model(GPT2Config(**shape))
        found.restore(model)
        return model
    for directory in (path, path / "hf"):
        if (directory / "config.json").is_file():
            return hf.load(directory)
    if (path / "hparams.json").is_file():
        return tf_checkpoint.load(path)
    if (path / BEST).is_file():
        return load_language_model(path / BEST)
    raise WebtextError(f"{path}: no model: neither a checkpoint, nor config.json with model.safetensors, nor a training run")


def sample_texts(
    model: GPT2,
    tokenizer: Tokenizer,
    prompt: str = "",
    *,
    samples: int = 1,
    max_tokens: int | None = None,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
) -> list[str]:
    """`samples` continuations of `prompt`, each up to `max_tokens` or <|endoftext|>; see `generate`."""
    rows: list[list[int]] = [[] for _ in range(samples)]
    ids = _prompt_ids(tokenizer, prompt)
    for tokens in generate(
        model, ids, samples=samples, max_tokens=max_tokens, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed, stop=tokenizer.eot
    ):
        for row, token in zip(rows, tokens):
            if token is not None:
                row.append(token)
    return [tokenizer.decode_bytes(row).decode("utf-8", "replace") for row in rows]


def stream_text(
    model: GPT2,
    tokenizer: Tokenizer,
    prompt: str = "",
    *,
    max_tokens: int | None = None,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
) -> Iterator[str]:
    """The first of `sample_texts`, piece by piece; a character split over tokens comes when it is whole."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    ids = _prompt_ids(tokenizer, prompt)
    for (token,) in generate(
        model, ids, max_tokens=max_tokens, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed, stop=tokenizer.eot
    ):
        if token is not None and (text := decoder.decode(tokenizer.decode_bytes([token]))):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text


def generate(
    model: GPT2,
    prompt: Sequence[int],
    *,
    samples: int = 1,
    max_tokens: int | None = None,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    stop: int | None = None,
    cache: bool = True,
) -> Iterator[list[int | None]]:
    """Continue `prompt` (token ids, at least one): per step, the next token of each sample, None where `stop` has ended it.

    At most `max_tokens` (half the context where None, as in OpenAI's code); `stop` itself is not given out. Temperature 0 takes
    the likeliest token, the lowest id of equals. `top_k` 0 and `top_p` 1 keep all tokens. Sample i draws from a generator of
    its own, seeded by (seed, i), so it does not depend on how many are made at once.

    When the context is full, the older half of it is forgotten and the rest is read again, with `cache` or without.
    Raises UsageError for settings that make no sense.
    """
    _check(model, prompt, samples, temperature, top_k, top_p, seed)
    device = model.wte.weight.device
    context = model.config.context
    draws = [np.random.Generator(np.random.Philox(key=[seed, sample])) for sample in range(samples)]
    tokens = torch.tensor(prompt, dtype=torch.long, device=device).repeat(samples, 1)
    ended = [False] * samples
    capacity = min(context, len(prompt) + (context // 2 if max_tokens is None else max_tokens))
    head = model.wte.weight[: model.config.vocab_size].detach().T
    if device.type == "cpu":
        head = head.contiguous()  # a CPU multiplies it two to four times as fast as the transposed view
    kept: KVCache | None = None
    begun = -1
    was_training = model.training
    model.eval()
    try:
        for _ in range(context // 2 if max_tokens is None else max_tokens):
            start = window_start(tokens.size(1), context)
            with torch.inference_mode():
                if cache and start == begun:
                    hidden = model.hidden(tokens[:, -1:], cache=kept)
                else:
                    kept = KVCache(model.config, samples, capacity, device=device, dtype=model.wte.weight.dtype) if cache else None
                    hidden = model.hidden(tokens[:, start:], cache=kept)
                    begun = start
                logits = warp_logits((hidden[:, -1] @ head).float().cpu(), temperature, top_k, top_p)
                chosen = draw(logits, torch.tensor([generator.random() for generator in draws], dtype=torch.float64))
                tokens = torch.cat([tokens, chosen.to(device)[:, None]], 1)
            ended = [done or token == stop for done, token in zip(ended, chosen.tolist())]
            if all(ended):
                return
            yield [None if done else token for done, token in zip(ended, chosen.tolist())]
    finally:
        model.train(was_training)


def window_start(length: int, context: int) -> int:
    """First token of the window read to continue `length` tokens. It moves by half a `context`, for which the cache is then kept."""
    step = max(1, context // 2)
    return max(0, -(-(length - context) // step) * step)


def warp_logits(logits: Tensor, temperature: float, top_k: int, top_p: float) -> Tensor:
    """Logits [B, V] divided by the temperature, with -inf for tokens that must not be drawn; rules of openai/gpt-2, sample.py.

    Top-k keeps all tokens at least as likely as the k-th, more than k where some tie with it. Top-p keeps the likeliest tokens
    whose probabilities sum up to at most p, but at least the first, and what ties with the last of them.
    Temperature 0 leaves the likeliest token alone.
    """
    if temperature == 0:
        only = torch.full_like(logits, -torch.inf)
        return only.scatter_(1, logits.argmax(1, keepdim=True), 0.0)
    if temperature != 1:
        logits = logits / temperature
    if 0 < top_k < logits.size(1):
        logits = logits.masked_fill(logits < logits.topk(top_k).values[:, -1:], -torch.inf)
    if top_p < 1:
        ordered = logits.sort(descending=True).values
        inside = (ordered.softmax(-1).cumsum(-1) <= top_p).sum(1, keepdim=True)
        logits = logits.masked_fill(logits < ordered.gather(1, (inside - 1).clamp(min=0)), -torch.inf)
    return logits


def draw(logits: Tensor, uniform: Tensor) -> Tensor:
    """Tokens [B] by inverting the cumulative distribution of softmax(logits [B, V]) at `uniform` [B], fp64 numbers in [0, 1)."""
    possible = (logits > -torch.inf).any(0).nonzero()[:, 0]
    if len(possible) < logits.size(1):  # a few of 50,257, behind top-k: the rest adds nothing to any sum
        return possible[draw(logits[:, possible], uniform)]
    cumulative = logits.double().softmax(-1).cumsum(-1)
    total = cumulative[:, -1:].contiguous()
    # The product may round up to the total; the first token to reach it is the last that has any probability.
    at_most = torch.searchsorted(cumulative, total)
    return torch.minimum(torch.searchsorted(cumulative, uniform[:, None] * total, right=True), at_most)[:, 0]


def _prompt_ids(tokenizer: Tokenizer, prompt: str) -> list[int]:
    """A prompt's tokens; nothing is asked for by <|endoftext|>, which begins a document."""
    return tokenizer.encode(prompt) or [tokenizer.eot]


def _check(model: GPT2, prompt: Sequence[int], samples: int, temperature: float, top_k: int, top_p: float, seed: int) -> None:
    if not prompt:
        raise UsageError("the prompt has no tokens; give at least <|endoftext|>")
    if not 0 <= min(prompt) <= max(prompt) < model.config.vocab_size:
        raise UsageError(
            f"the prompt has token {max(prompt)}, the model's vocabulary {model.config.vocab_size:,}; is the tokenizer its own?"
        )
    if samples < 1 or seed < 0:
        raise UsageError(f"samples {samples} must be 1 or more, seed {seed} 0 or more")
    if temperature < 0 or top_k < 0 or not 0 < top_p <= 1:
        raise UsageError(f"temperature {temperature} and top_k {top_k} must be 0 or more, top_p {top_p} in (0, 1]")
