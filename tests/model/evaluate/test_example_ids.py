"""Outcomes of the tasks that generate are joined with the examples of overlap reports."""

from __future__ import annotations

import pytest

from model.evaluate.overlap import place
from model.evaluate.task import Settings
from model.evaluate.tasks import TASKS
from tests.model.evaluate.writing import DATA, scorer_with_context, writing
from webtext.core.config import Benchmark
from webtext.overlap.readers import read_examples


@pytest.mark.parametrize(
    ("task", "file", "count"),
    [
        ("coqa", "coqa-dev-sample.json", 2),
        ("cnn_dailymail", "cnn_sample.csv", 1),
        ("wmt14_en_fr", "newstest2014-fren-src.en.sgm", 3),
        ("wmt14_fr_en", "newstest2014-fren-src.fr.sgm", 3),
        ("natural_questions", "NQ-open.dev.jsonl", 4),
    ],
    ids=["coqa", "cnn", "en-fr", "fr-en", "nq"],
)
def test_ids_are_those_of_overlap_reports(monkeypatch: pytest.MonkeyPatch, task: str, file: str, count: int) -> None:
    writing(monkeypatch, lambda prompt: "x")
    files = TASKS[task].files(DATA)
    result = TASKS[task].run(scorer_with_context(), files, Settings())
    found = {place(outcome.id, [path.name for path in files]) for outcome in result.outcomes}
    known = {place(example.id, [file]) for example in read_examples(Benchmark(name="set", path=str(DATA / file)))}
    assert len(found) == count
    assert found <= known
