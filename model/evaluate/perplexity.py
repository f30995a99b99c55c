"""Perplexity of running text, a passage or one stream at a time, with and without the artefacts of its tokenization.

Whatever text the model reads, nats are divided by the units of the original: its words, its ends of lines, its bytes (the paper, 3.1).
Only "per token" divides by the tokens that the model reads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.evaluate.detokenize import Detokenizer
from model.evaluate.results import Choice, Measure, Outcome, TaskResult
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings

Passages = Sequence[tuple[str, str]]  # id and text; lines end with a line feed
STREAM, DETOKENIZED, AS_IT_IS = "one stream", "de-tokenized", "as it is"
WORDS = "words and ends of lines"


@dataclass(frozen=True)
class Published:
    """The paper's figures of a set, and the protocol that they are nearest to."""

    figures: Mapping[str, float]
    text: str
    joining: str
    normaliser: str = WORDS


def limited_lines(passages: Iterable[tuple[str, str]], limit: int) -> Iterator[tuple[str, str]]:
    """The first lines of passages; all where the limit is 0."""
    left = limit
    for name, text in passages:
        if limit:
            text = "".join(text.splitlines(keepends=True)[:left])
            left -= text.count("\n")
        yield name, text
        if limit and left <= 0:
            return


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
    result = TaskResult(task)
    originals = [text for _, text in passages]
    tokens = tokens.for_lines(line for text in originals for line in text.split("\n"))
    words = np.array([len(text.split()) + text.count("\n") for text in originals])
    counts = {
        WORDS: int(words.sum()),
        "words": sum(len(text.split()) for text in originals),
        "bytes": sum(len(text.encode()) for text in originals),
    }
    texts = {DETOKENIZED: _without_artefacts(result, passages, tokens), AS_IT_IS: originals}
    found: dict[tuple[str, str], float] = {}
    for kind, there in texts.items():
        for joining in (f"{unit} by {unit}", STREAM):
            spent, read = nats(scorer, there, stream=joining == STREAM, stride=settings.stride)
            for normaliser, count in {**counts, "tokens": read}.items():
                name = "perplexity per " + ("word" if normaliser == WORDS else normaliser.removesuffix("s"))
                choices = text_protocol(scorer, files, settings.stride, text=kind, joining=joining, normaliser=normaliser)
                nearest = (kind, joining, normaliser) == (paper.text, paper.joining, paper.normaliser)
                value = math.exp(spent.sum() / count)
                result.measures.append(Measure(name, value, count, normaliser, choices, paper.figures if nearest else {}))
                if normaliser == WORDS:
                    found[kind, joining] = value
            if kind == DETOKENIZED and joining != STREAM:
                result.outcomes = [
                    Outcome(name, "perplexity per word", float(spent[row]), int(words[row])) for row, (name, _) in enumerate(passages)
                ]
    for joining in (f"{unit} by {unit}", STREAM):
        gain = found[AS_IT_IS, joining] - found[DETOKENIZED, joining]
        choices = text_protocol(scorer, files, settings.stride, joining=joining, normaliser=WORDS)
        result.measures.append(Measure("gain of perplexity per word by de-tokenizing", gain, counts[WORDS], WORDS, choices))
    return result


def _without_artefacts(result: TaskResult, passages: Passages, tokens: Detokenizer) -> list[str]:
    """The texts de-tokenized line by line; lines that cannot be are kept, counted and listed."""
    made, kept, count = [], [], 0
    for name, text in passages:
        lines = text.split("\n")
        written = [tokens.detokenize(line) for line in lines[:-1]]
        kept += [{"passage": name, "line": line} for line, new in zip(lines, written) if new == line and tokens.tokenize(line) != line]
        made.append("\n".join([*written, lines[-1]]))
        count += len(written)
    note_kept(result, kept, count, tokens)
    return made


def note_kept(result: TaskResult, kept: list[dict[str, str]], count: int, tokens: Detokenizer) -> None:
    """Say how many lines could not be de-tokenized, and list them."""
    result.notes.append(
        f"De-tokenized by the rules of {tokens.name}; of {count:,} lines, {len(kept):,} cannot be and are kept as they are."
    )
    if kept:
        result.tables["lines kept as they are"] = [dict(row) for row in kept]
