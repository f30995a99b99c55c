"""Perplexity of running text, a passage or one stream at a time, with and without the artefacts of its tokenization.

Whatever text the model reads, nats are divided by the units of the original: its words, its ends of lines, its bytes (the paper, 3.1).
Only "per token" divides by the tokens that the model reads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.evaluate.detokenize import Detokenizer
from model.evaluate.results import Choice, Measure, Outcome, TaskResult
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings
from webtext.core.errors import WebtextError

Passages = Sequence[tuple[str, str]]  # id and text; lines end with a line feed
STREAM, DETOKENIZED, AS_IT_IS = "one stream", "de-tokenized", "as it is"
WORDS = "words and ends of lines"


@dataclass(frozen=True)
class Published:
    """The paper's figures of a set, and the protocol that they are nearest to."""

    figures: Mapping[str, float]
    text: str
    joining: str
    normaliser: str


def nats(scorer: Scorer, texts: Sequence[str], *, stream: bool, stride: int | None) -> tuple[NDArray[np.float64], int]:
    """Nats of each text, and the number of all their tokens. In a stream, a token belongs to the text that its first byte is in."""
    if stream:
        tokens = scorer.encode("".join(texts))
        sizes = {token: len(scorer.tokenizer.decode_bytes([token])) for token in set(tokens)}
        begins = np.cumsum([0, *(sizes[token] for token in tokens[:-1])])
        rows = np.searchsorted(np.cumsum([len(text.encode()) for text in texts]), begins[: len(tokens)], side="right")
        return np.bincount(rows, -scorer.rolling(tokens, stride=stride), len(texts)).astype(np.float64), len(tokens)
    encoded = [scorer.encode(text) for text in texts]
    found = np.zeros(len(texts))
    short = [row for row, tokens in enumerate(encoded) if len(tokens) <= scorer.context]
    for row, score in zip(short, scorer.continuations([([], encoded[row]) for row in short])):
        found[row] = -score.total
    for row, tokens in enumerate(encoded):
        if len(tokens) > scorer.context:
            found[row] = -scorer.rolling(tokens, stride=stride).sum()
    return found, sum(map(len, encoded))


def text_protocol(scorer: Scorer, files: Sequence[Path], stride: int | None, **choices: Choice) -> dict[str, Choice]:
    """The choices that all measures of running text have."""
    window: dict[str, Choice] = {"context": scorer.context, "stride": stride or scorer.context, "prefix": "<|endoftext|>"}
    return {**choices, **window, "file": ", ".join(path.name for path in files)}


def evaluate_text(
    task: str,
    scorer: Scorer,
    files: Sequence[Path],
    passages: Passages,
    settings: Settings,
    tokens: Detokenizer,
    unit: str,
    paper: Published,
) -> TaskResult:
    """All measures of a set of language modelling; `unit` is what its passages are, as "article"."""
    if not passages:
        raise WebtextError(f"{files[0]}: no text in it; fetch it again")
    result = TaskResult(task)
    originals = [text for _, text in passages]
    tokens = tokens.for_lines(line for text in originals for line in text.split("\n"))
    units = [len(text.split()) + text.count("\n") for text in originals]
    words, size = sum(len(text.split()) for text in originals), sum(len(text.encode()) for text in originals)
    counts = {WORDS: sum(units), "words": words, "bytes": size}
    texts = {DETOKENIZED: _without_artefacts(result, passages, tokens), AS_IT_IS: originals}
    gains = []
    for joining in (f"{unit} by {unit}", STREAM):
        perplexity = {}
        for kind, there in texts.items():
            spent, read = nats(scorer, there, stream=joining == STREAM, stride=settings.stride)
            for normaliser, count in {**counts, "tokens": read}.items():
                name = "perplexity per " + ("word" if normaliser == WORDS else normaliser.removesuffix("s"))
                choices = text_protocol(scorer, files, settings.stride, text=kind, joining=joining, normaliser=normaliser)
                nearest = (kind, joining, normaliser) == (paper.text, paper.joining, paper.normaliser)
                value = math.exp(spent.sum() / count)
                result.measures.append(Measure(name, value, count, normaliser, choices, paper.figures if nearest else {}))
                perplexity[kind, normaliser] = value
            if kind == DETOKENIZED and joining != STREAM:
                result.outcomes = [Outcome(id_, "perplexity per word", *row) for (id_, _), row in zip(passages, zip(spent.tolist(), units))]
        gain = perplexity[AS_IT_IS, WORDS] - perplexity[DETOKENIZED, WORDS]
        choices = text_protocol(scorer, files, settings.stride, joining=joining, normaliser=WORDS)
        gains.append(Measure("gain of perplexity per word by de-tokenizing", gain, counts[WORDS], WORDS, choices))
    result.measures += gains
    return result


def _without_artefacts(result: TaskResult, passages: Passages, tokens: Detokenizer) -> list[str]:
    """The texts de-tokenized line by line."""
    written = [(name, [(line, tokens.detokenize(line)) for line in text.split("\n")[:-1]]) for name, text in passages]
    note_kept(result, [(name, line, new) for name, lines in written for line, new in lines], tokens)
    return ["".join(f"{new}\n" for _, new in lines) for _, lines in written]


def note_kept(result: TaskResult, lines: Sequence[tuple[str, str, str]], tokens: Detokenizer) -> None:
    """Say how many lines (passage, line, the same de-tokenized) are kept because no rule decides them, and list them."""
    kept = [{"passage": name, "line": line} for name, line, new in lines if new == line and tokens.tokenize(line) != line]
    result.notes.append(
        f"De-tokenized by the rules of {tokens.name}; of {len(lines):,} lines, {len(kept):,} cannot be and are kept as they are."
    )
    if kept:
        result.tables["lines kept as they are"] = kept


def note_cut(result: TaskResult, scorer: Scorer, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> None:
    """Say how many passages the model cannot read in whole."""
    cut = sum(len(context) + len(rest) > scorer.context + 1 for context, rest in pairs)
    if cut:
        result.notes.append(f"{cut:,} of {len(pairs):,} passages are longer than the model's context and lost their beginning.")
