"""The tasks, from their published files or from anyone's: which columns are the parts of an example, its label, and how it is measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from webtext.core.compression import open_local
from webtext.core.errors import UsageError, WebtextError
from webtext.documents.fields import NotReadable, text_at, value_at
from webtext.documents.readers import TABLES, detect_format

HELD_OUT = 10  # every so many-th example is held out where no file for it is given


class Example(NamedTuple):
    """An example: its texts in the order of the transformation, the answers to choose from, and its label, a class or a score."""

    texts: tuple[str, ...]
    answers: tuple[str, ...]
    label: float


@dataclass(frozen=True)
class Task:
    """Where the examples of a task are and what they are. Columns of a table without a header are called by their number, from 0."""

    name: str
    kind: str  # of TRANSFORMATIONS
    texts: tuple[tuple[str, ...], ...]  # columns of each text; the texts of several are joined by a space
    label: str
    measures: tuple[str, ...]  # the first chooses the best checkpoint
    classes: tuple[str, ...] | None = None  # labels as they are in the files; None: numbers to be predicted, or those of the training file
    train: tuple[str, ...] = ("train.tsv",)  # patterns of which the first that matches counts
    val: tuple[str, ...] = ("dev.tsv",)
    answers: tuple[str, ...] = ()  # columns of answers to choose from; one may be a list
    header: bool = True
    unlabelled: tuple[str, ...] = ()  # labels of examples on which the annotators did not agree
    regression: bool = False


_PAIR = (("sentence1",), ("sentence2",))
_NLI = ("entailment", "neutral", "contradiction")
_STORY = tuple(f"InputSentence{number}" for number in range(1, 5))

TASKS = {
    task.name: task
    for task in (
        Task("sst2", "classification", (("sentence",),), "label", ("accuracy",), ("0", "1")),
        Task("cola", "classification", (("3",),), "1", ("matthews", "accuracy"), ("0", "1"), header=False),
        Task(
            "mrpc",
            "similarity",
            (("#1 String",), ("#2 String",)),
            "Quality",
            ("f1", "accuracy"),
            ("0", "1"),
            train=("train.tsv", "msr_paraphrase_train.txt"),
            val=("dev.tsv", "test.tsv", "msr_paraphrase_test.txt"),
        ),
        Task("qqp", "similarity", (("question1",), ("question2",)), "is_duplicate", ("f1", "accuracy"), ("0", "1")),
        Task(
            "stsb",
            "similarity",
            (("5",), ("6",)),
            "4",
            ("pearson", "spearman"),
            train=("sts-train.csv",),
            val=("sts-dev.csv",),
            header=False,
            regression=True,
        ),
        Task("rte", "entailment", _PAIR, "label", ("accuracy",), ("entailment", "not_entailment")),
        Task("qnli", "entailment", (("question",), ("sentence",)), "label", ("accuracy",), ("entailment", "not_entailment")),
        Task(
            "mnli",
            "entailment",
            _PAIR,
            "gold_label",
            ("accuracy",),
            _NLI,
            train=("train.tsv", "multinli_1.0_train.jsonl"),
            val=("dev_matched.tsv", "multinli_1.0_dev_matched.jsonl"),
            unlabelled=("-",),
        ),
        Task(
            "snli",
            "entailment",
            _PAIR,
            "gold_label",
            ("accuracy",),
            _NLI,
            train=("snli_1.0_train.jsonl", "train.tsv"),
            val=("snli_1.0_dev.jsonl", "dev.tsv"),
            unlabelled=("-",),
        ),
        Task(
            "scitail",
            "entailment",
            (("0",), ("1",)),
            "2",
            ("accuracy",),
            ("entails", "neutral"),
            train=("scitail_1.0_train.tsv",),
            val=("scitail_1.0_dev.tsv",),
            header=False,
        ),
        Task(
            "race",
            "choice",
            (("article",), ("question",)),
            "answer",
            ("accuracy",),
            ("A", "B", "C", "D"),
            train=("train/*/*.txt",),
            val=("dev/*/*.txt",),
            answers=("options",),
        ),
        Task(
            "storycloze",
            "choice",
            (_STORY,),
            "AnswerRightEnding",
            ("accuracy",),
            ("1", "2"),
            train=("*val*2016*.csv", "*val*.csv"),  # as GPT-1: the training stories have one ending only
            val=("*test*2016*.csv", "*test*.csv"),
            answers=("RandomFifthSentenceQuiz1", "RandomFifthSentenceQuiz2"),
        ),
    )
}


class TaskData(NamedTuple):
    """The examples of a task. `task.classes` are those that there are."""

    task: Task
    train: list[Example]
    val: list[Example]


def own_task(texts: Sequence[str], label: str, answers: Sequence[str], kind: str, regression: bool) -> Task:
    """A task of one's own columns; of two texts the kind has to be given, of one text or of answers it is clear."""
    kind = kind or ("choice" if answers else "classification" if len(texts) == 1 else "")
    wanted = {"classification": (1,), "entailment": (2,), "similarity": (2,), "choice": (1, 2)}.get(kind)
    if wanted is None:
        raise UsageError("two texts are a pair: give the kind, entailment (their order matters) or similarity (it does not)")
    if len(texts) not in wanted or bool(answers) != (kind == "choice") or (regression and answers):
        raise UsageError(
            f"a task of kind {kind} has {' or '.join(map(str, wanted))} text columns, not {len(texts)}; answers are for choice"
        )
    measures = ("pearson", "spearman") if regression else ("accuracy",)
    return Task("own", kind, tuple((name,) for name in texts), label, measures, answers=tuple(answers), regression=regression)


def read_task(task: Task, train: Sequence[Path], val: Sequence[Path], limit: int = 0) -> TaskData:
    """The examples to train on, `limit` of them spread evenly where it is not 0, and to validate on; without `val` every tenth of them.

    Raises UsageError for a column or a class that there is not and for training examples of one class, WebtextError for a broken row.
    """
    rows = [_example(task, path, number, row) for path in train for number, row in _rows(task, path)]
    found = [row for row in rows if row is not None]
    if not task.regression:
        labels = {label for _, label in found}
        classes = task.classes or tuple(sorted(labels))
        if len(labels) < 2:
            raise UsageError(
                f"{train[0]}: all {len(found):,} examples have the label {min(labels, default='')!r}; a task has two classes or more"
            )
        task = replace(task, classes=classes)
    held = (
        [_example(task, path, number, row) for path in val for number, row in _rows(task, path)] if val else found[HELD_OUT - 1 :: HELD_OUT]
    )
    if not val:
        found = [row for number, row in enumerate(found, 1) if number % HELD_OUT]
    if limit and limit < len(found):
        found = [found[place * len(found) // limit] for place in range(limit)]
    training, validation = ([_labelled(task, row) for row in part if row is not None] for part in (found, held))
    if not training or not validation:
        raise UsageError(f"{(val or train)[0]}: no example to {'validate' if training else 'train'} on")
    if len({len(example.answers) for example in training + validation}) > 1:
        raise UsageError(f"{train[0]}: all examples must have the same number of answers")
    return TaskData(task, training, validation)


def files_of(task: Task, data: Path) -> tuple[list[Path], list[Path]]:
    """The published files of a task in a directory, or in one of its name there. Raises UsageError where there are none."""
    found = []
    for patterns in (task.train, task.val):
        there = ([*sorted((data / task.name).glob(pattern)), *sorted(data.glob(pattern))] for pattern in patterns)
        files = next((files for files in there if files), None)
        if files is None:
            raise UsageError(f"{data}: has no file {' or '.join(patterns)} of the task {task.name}, nor has {task.name}/ in it")
        found.append(files if "*" in str(patterns) and task.name == "race" else files[:1])
    return found[0], found[1]


def _rows(task: Task, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        if task.name == "race":
            yield from _race(path)
        elif task.name in TASKS and path.suffix in (".tsv", ".txt", ".csv") and task.name != "storycloze":
            yield from _plain_table(task, path)
        else:
            for number, row in TABLES[detect_format(str(path))](str(path), open_local):
                if isinstance(row, str):
                    raise WebtextError(f"{path}, row {number}: {row}")
                yield number, row
    except KeyError:
        raise UsageError(f"{path}: examples are read from {', '.join(TABLES)}") from None
    except OSError as error:
        raise WebtextError(f"{path}: cannot be read: {error.strerror}") from None


def _plain_table(task: Task, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Values apart by tabs, in which quotes are nothing but quotes: so are the tables of these tasks published."""
    lines = path.read_text(encoding="utf-8-sig").rstrip("\n").split("\n")
    names = lines[0].rstrip("\r").split("\t") if task.header else []
    for number, line in enumerate(lines[task.header :], 1):
        values = line.rstrip("\r").split("\t")
        if len(values) < len(names):
            raise WebtextError(f"{path}, row {number}: {len(values)} columns, and the header has {len(names)}")
        yield number, dict(zip(names, values)) if names else {str(place): value for place, value in enumerate(values)}


def _race(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        passage = json.loads(path.read_text(encoding="utf-8"))
        parts = zip(passage["questions"], passage["options"], passage["answers"], strict=True)
        for number, (question, options, answer) in enumerate(parts, 1):
            yield number, {"article": passage["article"], "question": question, "options": options, "answer": answer}
    except (ValueError, KeyError, TypeError) as error:
        raise WebtextError(f"{path}: not a passage of RACE: {error!r}") from None


def _example(task: Task, path: Path, number: int, row: dict[str, Any]) -> tuple[Example, str] | None:
    """An example with its label as it is there; None where the annotators did not agree."""
    try:
        texts = tuple(" ".join(text_at(row, name).strip() for name in names) for names in task.texts)
        values = [value for name in task.answers for value in _texts_at(row, name)]
        if task.label.partition(".")[0] not in row and task.label not in row:
            raise NotReadable(f"no field {task.label!r}; its fields are: {', '.join(row)}")
    except NotReadable as error:
        raise UsageError(f"{path}, row {number}: {error}") from None
    value = value_at(row, task.label)
    if value is None or value == "":
        raise WebtextError(f"{path}, row {number}: column {task.label!r} has no label; give it one, or leave the row out")
    label = str(value)
    if label in task.unlabelled:
        return None
    where = f"{path}, row {number}"
    if task.regression:
        try:
            return Example(texts, tuple(values), float(label)), where
        except ValueError:
            raise WebtextError(f"{where}: {label!r} is no number") from None
    if task.classes is not None and label not in task.classes:
        raise WebtextError(f"{where}: the label {label!r} is not one of {', '.join(task.classes)}")
    return Example(texts, tuple(values), 0.0), label


def _texts_at(row: dict[str, Any], name: str) -> list[str]:
    """The texts of a column, which may be a list of them."""
    text = text_at(row, name)
    value = value_at(row, name)
    return value if isinstance(value, list) else [text]


def _labelled(task: Task, row: tuple[Example, str]) -> Example:
    example, label = row
    return example if task.regression or task.classes is None else example._replace(label=float(task.classes.index(label)))
