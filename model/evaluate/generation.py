"""Texts that a GPT-2 writes behind many prompts, in batches.

The text of a prompt is that of `model.sample.generate` for it alone: it depends on the prompt and the seed, neither on the batch nor on the
order of prompts, up to the rounding of matrix products.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xxhash
from torch import Tensor

from model.evaluate.results import Choice
from model.evaluate.scorer import Scorer
from model.gpt2 import KVCache
from model.sample import draw, warp_logits
from webtext.core.errors import UsageError


@dataclass(frozen=True)
class Decoding:
    """How texts are written. A text ends before the first of `stops`, at <|endoftext|>, or after `max_tokens`."""

    max_tokens: int
    stops: tuple[str, ...] = ()
    top_k: int = 0  # 0: greedy; else drawn from the k likeliest tokens at temperature 1
    seed: int = 0


@dataclass(frozen=True)
class Generated:
    """What a model wrote, and the natural logarithm of the probability of its tokens with the one that ended it."""

    text: str
    logprob: float


@dataclass
class _Row:
    """A text that is being written: its tokens, and what draws them."""

    tokens: list[int]
    random: np.random.Generator
    logprob: float = 0.0
    text: str | None = None  # once it has ended


def tokens_to_write(scorer: Scorer, wanted: int) -> int:
    """As many tokens as wanted, but at most half of the model's context: the other half is for the prompt."""
    return max(1, min(wanted, scorer.context // 2))


def fitting(scorer: Scorer, prompts: Sequence[list[int]], max_tokens: int) -> tuple[list[list[int]], int]:
    """Prompts without what does not fit in the context beside `max_tokens`, which is lost at the beginning, and how many were cut."""
    room = scorer.context - max_tokens
    return [prompt[-room:] for prompt in prompts], sum(len(prompt) > room for prompt in prompts)


def write_lines(scorer: Scorer, prompts: Sequence[str], max_tokens: int) -> tuple[list[Generated], dict[str, Choice]]:
    """The line that is written greedily behind each prompt, and its protocol. Prompts that are too long lose their beginning."""
    tokens = tokens_to_write(scorer, max_tokens)
    asked, cut = fitting(scorer, [scorer.encode(prompt) for prompt in prompts], tokens)
    written = generate_texts(scorer, asked, Decoding(tokens, ("\n",)))
    return written, {"decoding": "greedy", "tokens": tokens, "end": "line feed", "prompts without their beginning": cut}


def prompt_seed(prompt: Sequence[int], seed: int) -> int:
    """The seed of a prompt (tokens): the same wherever it stands among others."""
    return xxhash.xxh3_64_intdigest(np.array(prompt, dtype="<u4").tobytes(), seed=seed)


def generate_texts(scorer: Scorer, prompts: Sequence[list[int]], decoding: Decoding) -> list[Generated]:
    """Continue each prompt (token ids). Raises UsageError for one that is empty, or does not fit in the context with what is to be written.

    Prompts that begin alike, as with the same examples or the same story, read that beginning once: measured at a quarter of the time.
    """
    for prompt in prompts:
        if not 0 < len(prompt) <= scorer.context - decoding.max_tokens:
            raise UsageError(
                f"a prompt of {len(prompt):,} tokens and {decoding.max_tokens:,} tokens to write; "
                f"the model's context has {scorer.context:,}, and a prompt at least one"
            )
    found: dict[int, Generated] = {}
    lengths = [len(prompt) + decoding.max_tokens for prompt in prompts]
    for shared, group in _groups(prompts):
        cache = scorer.read(prompts[group[0]][:shared])
        for batch in scorer.batches(group, lengths):
            kept = cache.repeated(len(batch), lengths[batch[0]] - shared)
            rows = [_Row([], np.random.Generator(np.random.Philox(key=[prompt_seed(prompts[i], decoding.seed), 0]))) for i in batch]
            _write(scorer, [prompts[index][shared:] for index in batch], rows, kept, decoding)
            found.update((index, Generated(row.text or "", row.logprob)) for index, row in zip(batch, rows))
    return [found[index] for index in range(len(prompts))]


def _groups(prompts: Sequence[list[int]]) -> Iterator[tuple[int, list[int]]]:
    """(Tokens that prompts share at their beginning, the prompts, longest first); those that share less than half are together.

    NB: of sorted prompts the first and the last share what all between them do.
    """
    runs: list[list[int]] = []
    for index in sorted(range(len(prompts)), key=lambda index: prompts[index]):
        if runs and 2 * _shared(prompts[runs[-1][0]], prompts[index]) >= len(prompts[index]):
            runs[-1].append(index)
        else:
            runs.append([index])
    for group in ([run[0] for run in runs if len(run) == 1], *(run for run in runs if len(run) > 1)):
        if group:
            shared = _shared(prompts[group[0]], prompts[group[-1]])
            yield shared, sorted(group, key=lambda index: (-len(prompts[index]), prompts[index]))


def _shared(one: list[int], other: list[int]) -> int:
    """Tokens at the beginning of both, without the last of either: its hidden state is needed."""
    return next((place for place, (a, b) in enumerate(zip(one[:-1], other[:-1])) if a != b), min(len(one), len(other)) - 1)


@torch.inference_mode()
def _write(scorer: Scorer, prompts: Sequence[Sequence[int]], rows: Sequence[_Row], cache: KVCache, decoding: Decoding) -> None:
    """Write the texts of a batch. `prompts` are what the cache has not read yet; they are padded on the right to the longest."""
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=scorer.here.device)
    with scorer.here.autocast():
        hidden = scorer.model.hidden(scorer.padded(prompts), cache=cache)
        hidden = hidden[torch.arange(len(rows), device=lengths.device), lengths - 1]
        if lengths.min() < lengths.max():
            cache.pad(cache.length - lengths.max() + lengths)
        while True:
            logits = scorer.model.logits(hidden).float()
            chosen = _choose(logits, rows, decoding)
            logprobs = logits.gather(1, chosen[:, None])[:, 0] - logits.logsumexp(1)
            for row, token, logprob in zip(rows, chosen.tolist(), logprobs.tolist()):
                if row.text is None:
                    _add(scorer, row, token, logprob, decoding)
            if all(row.text is not None for row in rows):
                return
            hidden = scorer.model.hidden(chosen[:, None], cache=cache)[:, 0]


def _choose(logits: Tensor, rows: Sequence[_Row], decoding: Decoding) -> Tensor:
    if not decoding.top_k:
        return logits.argmax(1)
    uniform = torch.tensor([row.random.random() for row in rows], dtype=torch.float64)
    return draw(warp_logits(logits.cpu(), 1.0, decoding.top_k, 1.0), uniform).to(logits.device)


def _add(scorer: Scorer, row: _Row, token: int, logprob: float, decoding: Decoding) -> None:
    row.logprob += logprob
    ended = token == scorer.tokenizer.eot
    if not ended:
        row.tokens.append(token)
    text = scorer.tokenizer.decode_bytes(row.tokens).decode("utf-8", "replace")
    stops = [place for stop in decoding.stops if (place := text.find(stop)) >= 0]
    if ended or stops or len(row.tokens) == decoding.max_tokens:
        row.text = text[: min(stops, default=len(text))]
