"""What a language model knows of a task before it was fine-tuned for it: the heuristics of the GPT-1 paper (section 5, figure 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from model.evaluate.scorer import Scorer
from model.finetune.measures import accuracy, matthews
from model.finetune.tasks import TASKS, Example, files_of, read_task
from webtext.core.errors import UsageError, WebtextError

DPRD = ("train.c.txt", "test.c.txt")


def cola(scorer: Scorer, data: Path, limit: int) -> float:
    """Matthews' correlation where a sentence is acceptable whose tokens have a mean log-probability above a threshold.

    The paper does not say which; it is the one that is best on equally many training sentences.
    """
    task = read_task(TASKS["cola"], *files_of(TASKS["cola"], data))
    part = task.val[:limit] if limit else task.val
    known, held = (_means(scorer, [("", example.texts[0]) for example in examples]) for examples in (task.train[: len(part)], part))
    labels, right = (np.array([example.label for example in examples]) for examples in (task.train[: len(part)], part))
    threshold = max(np.quantile(known, np.linspace(0, 1, 21)), key=lambda at: matthews((known > at).astype(float), labels))
    return matthews((held > threshold).astype(float), right)


def sst2(scorer: Scorer, data: Path, limit: int) -> float:
    """Accuracy of the likelier of "positive" and "negative" behind the text and "very"."""
    examples = _val("sst2", data, limit)
    found = [_means(scorer, [(f"{example.texts[0]} very", word) for example in examples]) for word in (" negative", " positive")]
    return accuracy((found[1] > found[0]).astype(float), np.array([example.label for example in examples]))


def race(scorer: Scorer, data: Path, limit: int) -> float:
    """Accuracy of the answer whose tokens have the highest mean log-probability behind passage and question."""
    examples = _val("race", data, limit)
    pairs = [(" ".join(example.texts), f" {answer}") for example in examples for answer in example.answers]
    chosen = _means(scorer, pairs).reshape(len(examples), -1).argmax(1).astype(float)
    return accuracy(chosen, np.array([example.label for example in examples]))


def dprd(scorer: Scorer, data: Path, limit: int) -> float:
    """Accuracy of the referent that makes the rest of the sentence likelier when it stands in the pronoun's place."""
    examples = read_dprd(_dprd_file(data))[: limit or None]
    pairs = [(f"{before} {name}", rest) for before, rest, names, _ in examples for name in names]
    chosen = _means(scorer, pairs).reshape(len(examples), 2).argmax(1).astype(float)
    return accuracy(chosen, np.array([float(right) for *_, right in examples]))


HEURISTICS: dict[str, Callable[[Scorer, Path, int], float]] = {"cola": cola, "sst2": sst2, "race": race, "dprd": dprd}


def read_dprd(path: Path) -> list[tuple[str, str, list[str], int]]:
    """(text before the pronoun, text behind it, the two referents, which is right) of a file of the Definite Pronoun Resolution Dataset.

    An example is four lines, the sentence, the pronoun, both referents apart by a comma and the right one, and an empty line.
    """
    lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    found = []
    for begin in range(0, len(lines), 5):
        sentence, pronoun, names, right = (*lines[begin : begin + 4], "", "", "", "")[:4]
        referents = [name.strip() for name in names.split(",")]
        before, is_there, rest = f"{sentence} ".rpartition(f" {pronoun} ")
        if not is_there or len(referents) != 2 or right not in referents:
            raise WebtextError(f"{path}, line {begin + 1}: not an example: a sentence, its pronoun, two referents and the right one")
        found.append((before, f" {rest.strip()}", referents, referents.index(right)))
    return found


def _dprd_file(data: Path) -> Path:
    path = next((path for path in (data / "dprd" / DPRD[1], data / DPRD[1]) if path.is_file()), None)
    if path is None:
        raise UsageError(f"{data}: has no file {DPRD[1]} of the Definite Pronoun Resolution Dataset, nor has dprd/ in it")
    return path


def _val(name: str, data: Path, limit: int) -> list[Example]:
    task = TASKS[name]
    examples = read_task(task, *files_of(task, data)).val
    return examples[: limit or None]


def _means(scorer: Scorer, pairs: Sequence[tuple[str, str]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Mean log-probability of the tokens of each continuation."""
    return np.array([float(found.logprobs.mean()) for found in scorer.continuations([scorer.pair(*pair) for pair in pairs])])
