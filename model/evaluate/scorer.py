"""Log-probabilities of token sequences under a GPT-2, in batches: what all measures of the evaluation are made of.

A figure does not depend on the size of a batch, the order of requests or the number of processes, up to the rounding of matrix
products: log-probabilities agree to 1e-5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.device import Machine
from model.gpt2 import GPT2, KVCache
from model.sample import Tokenizer
from webtext.core.errors import UsageError

BATCH_TOKENS = 8192
SHARED_TOKENS = 256  # tokens that a key-value cache must save, or a batch of whole texts is faster
LOGITS_AT_ONCE = 2**25  # 128 MB of fp32 logits are held; measured no slower than 2^27


@dataclass(frozen=True)
class Continuation:
    """How likely a model finds a continuation: natural logarithms [tokens], and whether each token is the likeliest there [tokens]."""

    logprobs: NDArray[np.float64]
    greedy: NDArray[np.bool_]
    first: NDArray[np.int64]  # the likeliest tokens at its first place, in order: as many as were asked for

    @property
    def total(self) -> float:
        return float(self.logprobs.sum())

    @property
    def all_greedy(self) -> bool:
        """Whether greedy decoding would have written this continuation."""
        return bool(self.greedy.all())


@dataclass(frozen=True)
class _Window:
    """Tokens to read, of which the last `scored` + 1, without the very last one, predict the last `scored`."""

    tokens: tuple[int, ...]
    scored: int


class Scorer:
    """A model with its tokenizer on a device, ready to score. Raises UsageError where the two have different vocabularies."""

    def __init__(self, model: GPT2, tokenizer: Tokenizer, here: Machine, *, batch_tokens: int = BATCH_TOKENS) -> None:
        self.tokenizer, self.here, self.batch_tokens = tokenizer, here, batch_tokens
        self.model = model.to(here.device).eval()
        self.context = model.config.context

    def encode(self, text: str) -> list[int]:
        """The tokens of a text."""
        return self.tokenizer.encode(text)

    def pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        """The tokens of a context and of what follows it, cut as lm-eval does: the two are encoded as one text, and the white space that
        ends the context goes to the continuation."""
        begin = self.encode(context.rstrip())
        return begin, self.encode(context + continuation)[len(begin) :]

    def continuations(self, requests: Sequence[tuple[Sequence[int], Sequence[int]]], *, top: int = 0) -> list[Continuation]:
        """Score continuations, each a pair of (context tokens, continuation tokens); an empty context is <|endoftext|>.

        A context that is too long loses its beginning. A continuation longer than the model's context is scored in windows that follow
        one another, each with one token of context. Requests with the same context read it once. `top`: how many of the likeliest tokens
        at the first place of each are wanted.
        """
        windows = [list(self._windows_of(context or [self.tokenizer.eot], continuation)) for context, continuation in requests]
        scored = iter(self._score([window for parts in windows for window in parts], top))
        return [_joined([next(scored) for _ in parts]) for parts in windows]

    def rolling(self, tokens: Sequence[int], *, stride: int | None = None, prefix: int | None = None) -> NDArray[np.float64]:
        """Log-probabilities [len(tokens)] of a long text in windows of the model's context that move by `stride` tokens.

        A stride of the context (None) gives disjoint windows, whose first token is predicted from one token alone; a smaller one gives
        every token but those of the first window a context of at least context - stride. The first token follows `prefix`, by default
        <|endoftext|>.
        """
        step = self.context if stride is None else stride
        if not 0 < step <= self.context:
            raise UsageError(f"stride {step} must lie between 1 and the model's context, {self.context:,}")
        text = [self.tokenizer.eot if prefix is None else prefix, *tokens]
        ends = [*range(min(self.context, len(tokens)), len(tokens), step), len(tokens)] if tokens else []
        windows = [
            _Window(tuple(text[max(0, end - self.context) : end + 1]), end - begin) for begin, end in zip([0, *ends], ends) if end > begin
        ]
        return _joined(self._score(windows, 0)).logprobs

    @torch.inference_mode()
    def read(self, tokens: Sequence[int]) -> KVCache:
        """Keys and values of tokens, which may be none, for `KVCache.repeated`."""
        dtype = torch.bfloat16 if self.here.precision == "bf16" else torch.float16 if self.here.precision == "fp16" else torch.float32
        cache = KVCache(self.model.config, 1, len(tokens), device=self.here.device, dtype=dtype)
        if tokens:
            with self.here.autocast():
                self.model.hidden(self.padded([tokens]), cache=cache)
        return cache

    def _windows_of(self, context: Sequence[int], continuation: Sequence[int]) -> Iterator[_Window]:
        text = [*context, *continuation]
        begin = len(context)
        while begin < len(text):
            end = min(len(text), begin + self.context)
            yield _Window(tuple(text[max(0, end - 1 - self.context) : end]), end - begin)
            begin = end

    def _score(self, windows: Sequence[_Window], top: int) -> list[Continuation]:
        """The scored tokens of each window. Windows are read in an order that depends on their content alone."""
        found: list[Continuation | None] = [None] * len(windows)
        order = sorted(range(len(windows)), key=lambda index: (windows[index].tokens[: -windows[index].scored], windows[index].tokens))
        alone: list[int] = []
        for _, group in groupby(order, key=lambda index: windows[index].tokens[: -windows[index].scored]):
            members = list(group)
            shared = len(windows[members[0]].tokens) - windows[members[0]].scored - 1
            if shared * (len(members) - 1) < SHARED_TOKENS:
                alone += members
                continue
            for index, score in zip(members, self._score_shared([windows[index] for index in members], top)):
                found[index] = score
        alone.sort(key=lambda index: (-len(windows[index].tokens), windows[index].tokens))
        for batch in self.batches(alone, [len(window.tokens) for window in windows]):
            for index, score in zip(batch, self._score_batch([windows[index] for index in batch], top)):
                found[index] = score
        return [score for score in found if score is not None]

    def batches(self, indices: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
        """Indices, longest first, in parts of about `batch_tokens`, given the length of each."""
        batch: list[int] = []
        for index in indices:
            if batch and (len(batch) + 1) * lengths[batch[0]] > self.batch_tokens:
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    @torch.inference_mode()
    def _score_batch(self, windows: Sequence[_Window], top: int) -> list[Continuation]:
        tokens = self.padded([window.tokens[:-1] for window in windows])
        with self.here.autocast():
            hidden = self.model.hidden(tokens)
        rows = [hidden[row, len(window.tokens) - 1 - window.scored : len(window.tokens) - 1] for row, window in enumerate(windows)]
        return self._scores(rows, [window.tokens[-window.scored :] for window in windows], top)

    @torch.inference_mode()
    def _score_shared(self, windows: Sequence[_Window], top: int) -> list[Continuation]:
        """Windows with the same tokens before those that are scored: these are read once, into a key-value cache."""
        shared = windows[0].tokens[: -windows[0].scored - 1]  # NB: the last token of the context predicts, so it is read with the rest
        cache = self.read(shared)
        scores: dict[int, Continuation] = {}
        with self.here.autocast():
            order = sorted(range(len(windows)), key=lambda index: -windows[index].scored)
            for batch in self.batches(order, [len(window.tokens) for window in windows]):
                tails = [windows[index].tokens[len(shared) : -1] for index in batch]
                hidden = self.model.hidden(self.padded(tails), cache=cache.repeated(len(batch), max(map(len, tails))))
                rows = [hidden[row, : len(tail)] for row, tail in enumerate(tails)]
                targets = [windows[index].tokens[-windows[index].scored :] for index in batch]
                scores.update(zip(batch, self._scores(rows, targets, top)))
        return [scores[index] for index in range(len(windows))]

    def padded(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Token rows as a tensor [rows, longest]; what pads them on the right is read by no token before it."""
        longest = max(map(len, rows))
        return torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], dtype=torch.long, device=self.here.device)

    def _scores(self, hidden: Sequence[Tensor], targets: Sequence[Sequence[int]], top: int) -> list[Continuation]:
        states, wanted = torch.cat(list(hidden)), torch.tensor([token for row in targets for token in row], device=self.here.device)
        at_once = max(1, LOGITS_AT_ONCE // self.model.config.vocab_size)
        begins = np.cumsum([0, *(len(row) for row in targets)])[:-1]
        logprobs, greedy, first = [], [], []
        for start in range(0, len(states), at_once):
            with self.here.autocast():
                logits = self.model.logits(states[start : start + at_once])
            part = wanted[start : start + at_once, None]
            logits = logits.float()
            logprobs.append((logits.gather(1, part) - logits.logsumexp(1, keepdim=True))[:, 0])
            greedy.append(logits.argmax(1) == part[:, 0])
            rows = begins[(begins >= start) & (begins < start + len(logits))] - start
            first.append(logits[rows].topk(min(top, logits.size(1))).indices if top else part.new_empty(len(rows), 0))
        return [
            Continuation(values, likeliest, likeliest_first)
            for values, likeliest, likeliest_first in zip(
                np.split(torch.cat(logprobs).cpu().numpy().astype(np.float64), begins[1:]),
                np.split(torch.cat(greedy).cpu().numpy(), begins[1:]),
                torch.cat(first).cpu().numpy(),
            )
        ]


def _joined(parts: Iterable[Continuation]) -> Continuation:
    there = list(parts)
    if not there:
        return Continuation(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64))
    return Continuation(np.concatenate([part.logprobs for part in there]), np.concatenate([part.greedy for part in there]), there[0].first)
