"""Scorers whose figures are known in closed form or by a rule."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from model.device import Machine
from model.evaluate.scorer import Continuation, Scorer
from model.gpt2 import GPT2, GPT2Config
from tests.model.byte_tokenizer import Bytes


def unigram(probabilities: NDArray[np.float64], context: int = 64) -> Scorer:
    """A GPT-2 of bytes that predicts the same distribution [257] everywhere, by its weights."""
    model = GPT2(GPT2Config(layers=1, heads=1, width=8, context=context, vocab_size=257))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.ln_f.bias[0] = 1.0
        model.wte.weight[:257, 0] = torch.tensor(np.log(probabilities), dtype=torch.float32)
    return Scorer(model, Bytes(), Machine(torch.device("cpu"), "fp32"))


def uniform(context: int = 64) -> Scorer:
    """Every byte costs ln 257."""
    return unigram(np.full(257, 1 / 257), context)


class Constant(Scorer):
    """The same without a model, for whole sets."""

    def __init__(self) -> None:
        self.tokenizer, self.context = Bytes(), 1024

    def continuations(self, requests: Sequence[tuple[Sequence[int], Sequence[int]]], *, top: int = 0) -> list[Continuation]:
        size = math.log(257)
        return [
            Continuation(np.full(len(rest), -size), np.zeros(len(rest), dtype=bool), np.zeros(0, dtype=np.int64)) for _, rest in requests
        ]

    def rolling(self, tokens: Sequence[int], *, stride: int | None = None, prefix: int | None = None) -> NDArray[np.float64]:
        return np.full(len(tokens), -math.log(257))


class Knowing(Constant):
    """Finds texts likely that hold one of some sentences, or those that hold none."""

    def __init__(self, right: Sequence[str], *, opposite: bool = False) -> None:
        super().__init__()
        self.right, self.opposite = right, opposite

    def continuations(self, requests: Sequence[tuple[Sequence[int], Sequence[int]]], *, top: int = 0) -> list[Continuation]:
        found = []
        for context, rest in requests:
            text = bytes([*context, *rest]).decode()
            known = any(sentence in text for sentence in self.right) != self.opposite
            found.append(Continuation(np.array([0.0 if known else -5.0]), np.array([known]), np.zeros(0, dtype=np.int64)))
        return found


class Words:
    """A tokenizer of words with the space before them, of `do` and `g` apart, and of single other characters."""

    eot = 0

    def __init__(self) -> None:
        self.pieces = [""]

    def encode(self, text: str) -> list[int]:
        found = re.findall(r" ?do(?=g)|g\b| ?\w+|\s|[^\w\s]", text)
        self.pieces += [piece for piece in dict.fromkeys(found) if piece not in self.pieces]
        return [self.pieces.index(piece) for piece in found]

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        return "".join(self.pieces[id_] for id_ in ids).encode()


class Ranking(Constant):
    """Ranks what may follow a text by a rule; a piece at place n of the ranking has the log-probability -n, others -9."""

    def __init__(self, ranked: Callable[[str], list[str]]) -> None:
        self.tokenizer, self.context, self.ranked = Words(), 1024, ranked

    def continuations(self, requests: Sequence[tuple[Sequence[int], Sequence[int]]], *, top: int = 0) -> list[Continuation]:
        found = []
        for context, rest in requests:
            text = self.tokenizer.decode_bytes(context).decode()
            first = [self.encode(piece)[0] for piece in self.ranked(text)[:top]]
            places = []
            for token in rest:
                piece = self.tokenizer.decode_bytes([token]).decode()
                ranking = self.ranked(text)
                places.append(ranking.index(piece) if piece in ranking else 9)
                text += piece
            found.append(Continuation(-np.array(places, dtype=np.float64), np.array(places) == 0, np.array(first, dtype=np.int64)))
        return found
