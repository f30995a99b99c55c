"""LAMBADA (Paperno et al. 2016): the last word of a passage, which needs the whole of it."""

from __future__ import annotations

import math
from pathlib import Path

from model.evaluate.results import Measure, Outcome, TaskResult, mean_and_error
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings, Task
from webtext.core.errors import WebtextError
from webtext.overlap.record_readers import read_lambada


def run(scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    """Perplexity and accuracy of the last word, given the rest of its passage."""
    result = TaskResult("lambada")
    passages = [example for path in files for example in settings.limited(read_lambada(path, "text"))]
    parts = [text.rpartition(" ") for _, text in passages]
    if not all(context for context, _, _ in parts):
        raise WebtextError(f"{files[0]}: a passage of LAMBADA has several words, and this one has one; give OpenAI's lambada_test.jsonl")
    scores = scorer.continuations([(scorer.encode(context), scorer.encode(f" {word}")) for context, _, word in parts])
    protocol = {"target": "last word", "decoding": "greedy", "file": files[0].name}
    accuracy, error = mean_and_error([float(score.all_greedy) for score in scores])
    perplexity = math.exp(-sum(score.total for score in scores) / len(scores))
    result.measures = [
        Measure("perplexity per word", perplexity, len(scores), "examples", protocol),
        Measure("accuracy", accuracy, len(scores), "examples", protocol, error=error),
    ]
    for (name, _), score in zip(passages, scores):
        result.outcomes += [Outcome(name, "accuracy", float(score.all_greedy)), Outcome(name, "perplexity per word", -score.total)]
    return result


LAMBADA = Task("lambada", "LAMBADA", ("*lambada*.jsonl*", "*lambada*.txt"), run)
