"""LAMBADA (Paperno et al. 2016): the last word of a passage, which needs the whole of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from model.evaluate.paper import published
from model.evaluate.perplexity import note_cut
from model.evaluate.results import Choice, Measure, Outcome, TaskResult, mean_and_error
from model.evaluate.scorer import Continuation, Scorer
from model.evaluate.stop_words import STOP_WORDS
from model.evaluate.task import Settings, Task
from webtext.core.errors import WebtextError
from webtext.overlap.readers import example_id
from webtext.overlap.record_readers import read_lambada

CANDIDATES = 100  # first tokens of a word that the filter looks at: more than the stop words that ever stand before an answer
WORD_TOKENS = 4  # of a candidate that may become a stop word; these are one token each in GPT-2's vocabulary
_PERPLEXITY, _FILTERED = published("LAMBADA", "PPL"), published("LAMBADA", "ACC")
_GREEDY = {"1542M": 0.5266}

Pair = tuple[list[int], list[int]]


def preprocessed(text: str) -> str:
    """A passage as OpenAI prepared it by their word (openai/gpt-2#131): straight double quotes, and a line feed before it."""
    for quote in ("“", "”", "''", "``"):
        text = text.replace(quote, '"')
    return "\n" + text.strip()


def _begin_of_word(piece: str) -> str:
    """The letters with which a token begins a new word; empty where it does not."""
    return piece[1:].lower() if piece[:1] == " " and piece[1:2].isalnum() else ""


def _becomes_stop_word(scorer: Scorer, starts: Sequence[Pair]) -> list[bool]:
    """Whether the word that greedy decoding writes from the first token of a pair on is a stop word. The word ends before a token that
    does not begin with a letter or digit."""
    pieces = [_text(scorer, tokens) for _, tokens in starts]
    words = [_begin_of_word(piece) for piece in pieces]
    read = [[*context, *tokens] for context, tokens in starts]
    going = [row for row, word in enumerate(words) if any(stop.startswith(word) for stop in STOP_WORDS)]
    for _ in range(WORD_TOKENS):
        next_ = scorer.continuations([(read[row], [0]) for row in going], top=1)
        for row, score in zip(list(going), next_):
            piece = _text(scorer, [int(score.first[0])])
            if piece[:1].isalnum():
                words[row] += piece.lower()
                read[row].append(int(score.first[0]))
            if not piece[:1].isalnum() or not any(stop.startswith(words[row]) for stop in STOP_WORDS):
                going.remove(row)
    return [word in STOP_WORDS for word in words]


def _text(scorer: Scorer, tokens: Sequence[int]) -> str:
    return scorer.tokenizer.decode_bytes([token for token in tokens if token != scorer.tokenizer.eot]).decode("utf-8", "replace")


def filtered(scorer: Scorer, pairs: Sequence[Pair], scores: Sequence[Continuation], words: Sequence[str]) -> list[bool]:
    """Whether each word is predicted where stop words are not allowed.

    First tokens are taken in the order of their probability. One that begins no new word, or from which greedy decoding writes a stop
    word, is passed over; the first other one is the prediction's, and greedy decoding writes its rest.
    """
    right, starts, owners = [False] * len(pairs), [], []
    for row, ((context, target), score, word) in enumerate(zip(pairs, scores, words)):
        place = next((place for place, token in enumerate(score.first) if token == target[0]), None)
        if place is None or word.lower() in STOP_WORDS or not score.greedy[1:].all():
            continue
        begins = [(token, _begin_of_word(_text(scorer, [token]))) for token in score.first[:place].tolist()]
        before = [(token, begin) for token, begin in begins if begin]
        if not all(any(stop.startswith(begin) for stop in STOP_WORDS) for _, begin in before):
            continue
        right[row] = True
        starts += [(context, [token]) for token, _ in before]
        owners += [row] * len(before)
    for row, stops in zip(owners, _becomes_stop_word(scorer, starts) if starts else []):
        right[row] &= stops
    return right


def _run(name: str, prepare: bool, scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    """Perplexity and accuracy of the last word, given the rest of its passage."""
    result = TaskResult(name)
    passages = [
        (example_id(path, number, len(files)), preprocessed(text) if prepare else text)
        for path in files
        for number, text, _ in settings.limited(read_lambada(path, "text"))
    ]
    parts = [text.rpartition(" ") for _, text in passages]
    for (number, text), (context, _, word) in zip(passages, parts):
        if not context.strip() or not word.strip():
            raise WebtextError(
                f"{files[0]}, passage {number}: {text[:40]!r} has no last word behind others; give OpenAI's lambada_test.jsonl"
            )
    if not passages:
        raise WebtextError(f"{files[0]}: no passage in it; give OpenAI's lambada_test.jsonl")
    pairs = [scorer.pair(context, f" {word}") for context, _, word in parts]
    scores = scorer.continuations(pairs, top=CANDIDATES)
    protocol: dict[str, Choice] = {
        "target": "the last word, behind a space",
        "text": "OpenAI's preprocessing: straight quotes, a line feed first" if prepare else "as it is",
        "data": "the original, tokenized" if files[0].suffix == ".txt" else "OpenAI's file, de-tokenized",
        "file": ", ".join(path.name for path in files),
    }
    value = math.exp(-sum(score.total for score in scores) / len(scores))
    result.measures = [Measure("perplexity per word", value, len(scores), "examples", protocol, _PERPLEXITY if prepare else {})]
    right = {
        "last token": ([bool(score.greedy[-1]) for score in scores], {}),
        "whole word": ([score.all_greedy for score in scores], _GREEDY),
        "whole word without stop words": (filtered(scorer, pairs, scores, [word for _, _, word in parts]), _FILTERED),
    }
    for decoding, (outcomes, paper) in right.items():
        mean, error = mean_and_error([float(outcome) for outcome in outcomes])
        result.measures.append(
            Measure("accuracy", mean, len(scores), "examples", {"decoding": decoding, **protocol}, paper if prepare else {}, error=error)
        )
        result.outcomes += [Outcome(number, f"accuracy, {decoding}", float(outcome)) for (number, _), outcome in zip(passages, outcomes)]
    result.outcomes += [Outcome(number, "perplexity per word", -score.total) for (number, _), score in zip(passages, scores)]
    note_cut(result, scorer, pairs)
    return result


_PATTERNS = ("*lambada*.jsonl*", "*lambada*.txt")
LAMBADA = Task("lambada", "LAMBADA", _PATTERNS, partial(_run, "lambada", False))
LAMBADA_PREPROCESSED = Task(
    "lambada_preprocessed", "LAMBADA, prepared as by OpenAI", _PATTERNS, partial(_run, "lambada_preprocessed", True)
)
