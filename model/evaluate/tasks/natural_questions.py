"""Natural Questions (Kwiatkowski et al. 2019) without documents: short answers from memory, and how far the model is to be trusted."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.evaluate import generation
from model.evaluate.answers import exact_match, normalise
from model.evaluate.examples import example_pairs, records
from model.evaluate.results import Choice, Measure, Outcome, TaskResult, mean_and_error
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings, Task
from webtext.core.errors import WebtextError

Floats = NDArray[np.float64]
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


def read_questions(files: Sequence[Path], of: int) -> list[Question]:
    """The questions of NQ-open, of some of so many files. Raises WebtextError that names file and row of one without answers."""
    found = []
    for name, where, record in records(files, {"question": str, "answer": list}, of):
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
    own = [{normalise(answer) for answer in question.answers} - {""} for question in questions]
    for question, answers in zip(questions, own):
        counts[question_type(question.text)].update(answers)
    found = []
    for question, answers in zip(questions, own):
        others = counts[question_type(question.text)] - Counter(answers)
        found.append(min(others, key=lambda answer: (-others[answer], answer), default=""))
    return found


def calibration(probabilities: Floats, right: Floats) -> list[dict[str, Any]]:
    """Rows of the curve: the answers in a tenth of the scale of probabilities, if any, their mean probability and how many are right."""
    bins = np.minimum(probabilities * BINS, BINS - 1).astype(int)
    return [
        {
            "from": place / BINS,
            "answers": int((bins == place).sum()),
            "mean probability": float(probabilities[bins == place].mean()),
            "accuracy": float(right[bins == place].mean()),
        }
        for place in np.unique(bins).tolist()
    ]


def run(scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    """Exact match of greedy answers, of all and of the most confident hundredth, and of the commonest answer to each type of question."""
    train = [path for path in files if "train" in path.name]
    asked = [path for path in files if "dev" in path.name or "valid" in path.name] or files
    shown, questions, about = example_pairs(read_questions(train, len(files)), read_questions(asked, len(files)), settings, PAIRS)
    context = "".join(f"Q: {question.text}?\nA: {question.answers[0]}\n" for question in shown)
    written, decoding = generation.write_lines(scorer, [f"{context}Q: {question.text}?\nA:" for question in questions], TOKENS)
    answers = [text.text.strip() for text in written]
    right = np.array([is_right(answer, question.answers) for answer, question in zip(answers, questions)])
    probabilities = np.exp([text.logprob for text in written])
    confident = np.argsort(-probabilities, kind="stable").tolist()
    common = [is_right(answer, question.answers) for answer, question in zip(commonest_answers(questions), questions)]
    scoring: dict[str, Choice] = {"scoring": "exact match as in SQuAD 1.1", "file": asked[0].name}
    protocol: dict[str, Choice] = {"prompt": "Q: and A:, a line each", **about, **decoding, **scoring}
    confidence: dict[str, Choice] = {**protocol, "confidence": "probability of the answer with its end"}
    result = TaskResult("natural_questions")
    for name, values, how, paper in (
        ("exact match", right.tolist(), protocol, {"1542M": 0.041}),
        ("exact match of the most confident 1 %", right[confident[: -(-len(confident) // 100)]].tolist(), confidence, {"1542M": 0.631}),
        ("exact match of the commonest answer to the type of question", common, {**scoring, "answers from": "the other questions"}, {}),
    ):
        mean, error = mean_and_error(values)
        result.measures.append(Measure(name, mean, len(values), "questions", how, paper, error=error))
    result.outcomes = [Outcome(one.id, "exact match", value, text=text) for one, value, text in zip(questions, right.tolist(), answers)]
    result.tables["calibration"] = calibration(probabilities, right)
    result.tables[f"the {SHOWN} most confident answers"] = [
        {"question": questions[i].text, "answer": answers[i], "right": bool(right[i]), "probability": float(probabilities[i])}
        for i in confident[:SHOWN]
    ]
    return result


_FILES = ("*[Nn][Qq]-open*.jsonl*", "*nq_open*/**/*.parquet", "*nq_open*.jsonl*")
NATURAL_QUESTIONS = Task("natural_questions", "Natural Questions", _FILES, run, "generation")
