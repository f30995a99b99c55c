"""Children's Book Test (Hill et al. 2016): which of ten words was left out of the 21st sentence of a passage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from model.evaluate.detokenize import CBT
from model.evaluate.paper import published
from model.evaluate.perplexity import AS_IT_IS, DETOKENIZED, note_cut, note_kept
from model.evaluate.results import Choice, Measure, Outcome, TaskResult, mean_and_error
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings, Task
from webtext.core.errors import WebtextError
from webtext.documents.readers import TABLES
from webtext.overlap import sources
from webtext.overlap.readers import example_id

BLANK = "XXXXX"
_PUBLISHED = {kind: published(f"CBT-{kind}", "ACC") for kind in ("CN", "NE")}


class Question(NamedTuple):
    """A passage with its question."""

    id: str
    story: Sequence[str]  # the sentences before
    sentence: str  # with the blank
    answer: str
    options: Sequence[str]


def read_questions(path: Path) -> Iterator[Question]:
    """The questions of a file as published, or of the Hub's Parquet. Raises WebtextError that names the place of a broken one."""
    for where, question in _rows(path) if path.suffix == ".parquet" else _published(path):
        if question.sentence.count(BLANK) != 1 or question.answer not in question.options:
            raise WebtextError(
                f"{path}, {where}: no question of the Children's Book Test, which has {BLANK} once and the answer among the options"
            )
        yield question


def _published(path: Path) -> Iterator[tuple[str, Question]]:
    story: list[str] = []
    count = 0
    for number, line in sources.lines(path):
        if not line.strip():
            continue
        place, _, text = line.partition(" ")
        parts = text.split("\t")
        if not place.isdigit() or (place == "21") != (len(parts) == 4):
            raise WebtextError(
                f"{path}, line {number}: not the Children's Book Test, whose lines begin with 1 to 21 and whose line 21 has the sentence, "
                "the answer and the options between tabs"
            )
        if place == "21":
            yield f"line {number}", Question(str(count), story, parts[0], parts[1], parts[3].split("|"))
            story, count = [], count + 1
        else:
            story.append(text)


def _rows(path: Path) -> Iterator[tuple[str, Question]]:
    for number, row in TABLES["parquet"](str(path), sources.open_source):
        if isinstance(row, str) or not {"sentences", "question", "answer", "options"} <= row.keys():
            raise WebtextError(f"{path}, row {number}: not the Children's Book Test, which has sentences, question, answer and options")
        yield f"row {number}", Question(str(number - 1), row["sentences"], row["question"], row["answer"], row["options"])


def choices(scorer: Scorer, question: Question, text: str) -> list[tuple[list[int], list[int]]]:
    """Context and continuation of each option: all before the blank, and the option with the rest of the sentence."""
    written = [CBT.detokenize(line) if text == DETOKENIZED else line for line in (*question.story, question.sentence)]
    before, _, behind = written[-1].partition(BLANK)
    context = " ".join([*written[:-1], before])
    return [scorer.pair(context, f"{option}{behind}") for option in question.options]


def _run(kind: str, scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    result = TaskResult(f"cbt_{kind.lower()}")
    told = []
    for path in files:
        part = "test" if "_test_" in path.name or path.name.startswith("test") else "validation"
        questions = list(settings.limited(read_questions(path)))
        if not questions:
            raise WebtextError(f"{path}: no question in it; fetch it again")
        found = {}
        for text in (DETOKENIZED, AS_IT_IS):
            protocol: dict[str, Choice] = {
                "scored": "the option and the rest of its sentence, given all before", "text": text, "sentences joined by": "a space",
                "file": path.name,
            }  # fmt: skip
            requests = [choices(scorer, question, text) for question in questions]
            scores = iter(scorer.continuations([request for options in requests for request in options]))
            chosen = []
            for question in questions:
                totals = [next(scores).total for _ in question.options]
                chosen.append(question.options[totals.index(max(totals))])
            right = [float(choice == question.answer) for choice, question in zip(chosen, questions)]
            found[text], error = mean_and_error(right)
            paper = _PUBLISHED.get(kind, {}) if (text, part) == (DETOKENIZED, "validation") else {}
            result.measures.append(Measure("accuracy", found[text], len(right), "examples", protocol, paper, part, error))
            ids = [example_id(path, question.id, len(files)) for question in questions]
            result.outcomes += [Outcome(name, f"accuracy, {text}", value, text=choice) for name, value, choice in zip(ids, right, chosen)]
        gain = found[DETOKENIZED] - found[AS_IT_IS]
        result.measures.append(
            Measure("gain of accuracy by de-tokenizing", gain, len(questions), "examples", {"file": path.name}, {}, part)
        )
        note_cut(result, scorer, [max(options, key=lambda pair: len(pair[0]) + len(pair[1])) for options in requests])
        lines = [(name, line) for name, question in zip(ids, questions) for line in (*question.story, question.sentence)]
        told += [(name, line, CBT.detokenize(line)) for name, line in lines]
    note_kept(result, told, CBT)
    return result


def _task(kind: str, title: str) -> Task:
    patterns = (f"cbtest_{kind}_[tv][ea][sl]*", f"{kind}/[tv][ea][sl]*.parquet")  # test and valid, but not train
    return Task(f"cbt_{kind.lower()}", f"Children's Book Test, {title}", patterns, partial(_run, kind))


CBT_TASKS = (_task("CN", "common nouns"), _task("NE", "named entities"), _task("V", "verbs"), _task("P", "prepositions"))
