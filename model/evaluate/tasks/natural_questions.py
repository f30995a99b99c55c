"""Natural Questions (Kwiatkowski et al. 2019) without documents: short answers from memory, and how far the model is to be trusted."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from model.evaluate import generation
from model.evaluate.answers import exact_match, normalise
from model.evaluate.examples import example_pairs, records
from model.evaluate.results import Choice, Measure, Outcome, TaskResult, mean_and_error
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings, Task
from webtext.core.errors import WebtextError

PAIRS = 5  # the paper does not say how many
TOKENS = 32
SHOWN = 30  # rows of Table 5
BINS = 10
_TYPE = re.compile(r"\b(how (?:many|much|long|old|far)|who|whom|whose|when|where|which|what|why|how)\b")


class Question(NamedTuple):
    """A question and all its gold answers."""

    id: str
    text: str
    answers: list[str]


class Answered(NamedTuple):
    """A question with the model's answer, its probability and whether it is right, 0 or 1."""

    question: Question
    answer: str
    probability: float
    right: float


def read_questions(files: Sequence[Path]) -> list[Question]:
    """The questions of NQ-open. Raises WebtextError that names file and row of one without answers."""
    found = []
    for name, where, record in records(files, {"question": str, "answer": list}) if files else ():
        if not record["answer"] or not all(isinstance(answer, str) for answer in record["answer"]):
            raise WebtextError(f"{where}: its answers are no strings, or there are none; is this NQ-open?")
        found.append(Question(name, record["question"], record["answer"]))
    return found


def question_type(question: str) -> str:
    """The first question word.

    >>> question_type("In the film how many people die"), question_type("name the largest moon")
    ('how many', 'other')
    """
    match = _TYPE.search(question.lower())
    return match[1] if match else "other"


def is_right(answer: str, golds: Sequence[str]) -> float:
    """Exact match with any of the gold answers."""
    return max(exact_match(answer, gold) for gold in golds)


def commonest_answers(questions: Sequence[Question]) -> list[str]:
    """For each question the answer that is commonest among the other ones of its type, of equally common ones the first by alphabet."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    own = [sorted({normalise(answer) for answer in question.answers} - {""}) for question in questions]
    for question, answers in zip(questions, own):
        counts[question_type(question.text)].update(answers)
    ranked = {kind: sorted(count, key=lambda answer: (-count[answer], answer)) for kind, count in counts.items()}
    found = []
    for question, answers in zip(questions, own):
        kind = question_type(question.text)
        # Its own answers lose one; one of them is the best still if it stays ahead of the first that is not its own.
        best = [*answers, *(answer for answer in ranked[kind][: len(answers) + 1] if answer not in answers)]
        found.append(min(best, key=lambda answer: (-(counts[kind][answer] - (answer in answers)), answer), default=""))
    return found


def calibration(answered: Sequence[Answered]) -> list[dict[str, Any]]:
    """Rows of the curve: of the answers in each tenth of the scale of probabilities, how many, their mean probability and accuracy."""
    bins: list[list[Answered]] = [[] for _ in range(BINS)]
    for one in answered:
        bins[min(int(one.probability * BINS), BINS - 1)].append(one)
    return [
        {
            "from": place / BINS,
            "to": (place + 1) / BINS,
            "answers": len(inside),
            "mean probability": sum(one.probability for one in inside) / len(inside) if inside else None,
            "accuracy": sum(one.right for one in inside) / len(inside) if inside else None,
        }
        for place, inside in enumerate(bins)
    ]


def run(scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    """Exact match of greedy answers, of all and of the most confident hundredth, and of the commonest answer to each type of question."""
    train = [path for path in files if "train" in path.name]
    asked = [path for path in files if path not in train and ("dev" in path.name or "valid" in path.name)]
    questions = read_questions(asked or [path for path in files if path not in train] or files)
    shown, questions, about = example_pairs(read_questions(train), questions, settings, PAIRS)
    tokens = generation.tokens_to_write(scorer, TOKENS)
    context = "".join(f"Q: {question.text}?\nA: {question.answers[0]}\n" for question in shown)
    prompts, cut = generation.fitting(scorer, [scorer.encode(f"{context}Q: {question.text}?\nA:") for question in questions], tokens)
    written = generation.generate_texts(scorer, prompts, generation.Decoding(tokens, ("\n",)))
    answered = [
        Answered(question, answer, math.exp(text.logprob), is_right(answer, question.answers))
        for question, text in zip(questions, written)
        for answer in [text.text.strip()]
    ]
    protocol: dict[str, Choice] = {
        "prompt": "Q: and A:, a line each", **about, "decoding": "greedy", "tokens": tokens, "end": "line feed",
        "scoring": "exact match as in SQuAD 1.1", "prompts without their beginning": cut, "file": (asked or files)[0].name,
    }  # fmt: skip
    confident = sorted(answered, key=lambda one: -one.probability)
    surest = [one.right for one in confident[: math.ceil(len(confident) / 100)]]
    common = [is_right(answer, question.answers) for question, answer in zip(questions, commonest_answers(questions))]
    confidence: dict[str, Choice] = {**protocol, "confidence": "probability of the answer with its end"}
    baseline: dict[str, Choice] = {"scoring": protocol["scoring"], "answers from": "the other questions of the type"}
    result = TaskResult("natural_questions")
    for name, values, how, paper in (
        ("exact match", [one.right for one in answered], protocol, {"1542M": 0.041}),
        ("exact match of the most confident 1 %", surest, confidence, {"1542M": 0.631}),
        ("exact match of the commonest answer to the type of question", common, baseline, {}),
    ):
        mean, error = mean_and_error(values)
        result.measures.append(Measure(name, mean, len(values), "questions", how, paper, error=error))
    result.outcomes = [Outcome(one.question.id, "exact match", one.right, text=one.answer) for one in answered]
    result.tables["calibration"] = calibration(answered)
    result.tables[f"the {SHOWN} most confident answers"] = [
        {"question": one.question.text, "answer": one.answer, "right": bool(one.right), "probability": one.probability}
        for one in confident[:SHOWN]
    ]
    return result


NATURAL_QUESTIONS = Task(
    "natural_questions",
    "Natural Questions",
    ("*[Nn][Qq]-open*.jsonl*", "*nq_open*/**/*.parquet", "*nq_open*.jsonl*"),
    run,
    "generation",
)
