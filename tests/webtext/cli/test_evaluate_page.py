"""The page task of the evaluation: results of a task joined with the overlap report of the build."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from model.evaluate.results import OUTCOMES, Measure, Outcome, to_record
from tests.webtext.ngrams.corpora import run_ngrams, run_overlap, write_corpus
from webtext.cli.build import stages_of
from webtext.cli.evaluate import EVALUATE, write_page
from webtext.core.config import Benchmark, NgramsSection, OverlapSection
from webtext.core.config_file import parse_config
from webtext.core.errors import UsageError
from webtext.core.files import to_json
from webtext.core.model_sections import EvaluateSection
from webtext.core.tables import writing_table
from webtext.core.task import StageContext, run_task

PASSAGE = "nine words of this passage stand in the corpus"
TEXTS = [f"{PASSAGE} and the end is another", "no word of it is known to anybody here or there", f"so {PASSAGE}"]


def evaluated(build: Path, section: EvaluateSection) -> None:
    """The results of a task on three examples of which the first and the last overlap."""
    (build / "evaluation" / "tasks").mkdir(parents=True)
    measures = [Measure("accuracy", 2 / 3, 3, "examples", {"target": "last word"})]
    about = {
        "task": "toy",
        "title": "Toy",
        "kind": "likelihood",
        "files": ["toy.jsonl"],
        "settings": {"limit": 0},
        "notes": [],
        "tables": {},
    }
    model = {"parameters": 1, "context": 8, "vocabulary": 9, "precision": "fp32"}
    record = {**about, "model": model, "notes": [], "tables": {}, "measures": [to_record("toy", measure) for measure in measures]}
    (build / "evaluation" / "tasks" / "toy.json").write_bytes(to_json(record))
    with writing_table(build / "evaluation" / "examples" / "toy.parquet", OUTCOMES) as table:
        for index, right in enumerate([1.0, 0.0, 1.0]):
            table.write(asdict(Outcome(str(index), "accuracy", right)))
    run_task(StageContext(build, "evaluate", "key"), "page-00000", write_page, ["toy"], section)


@pytest.fixture
def build(tmp_path: Path) -> Path:
    write_corpus(tmp_path, {"https://a.example/": f"before it {PASSAGE} after it"}, 1)
    run_ngrams(tmp_path, 1, NgramsSection())
    (tmp_path / "toy.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    run_overlap(tmp_path, 1, OverlapSection(benchmarks=[Benchmark(name="A toy", path=str(tmp_path / "toy.jsonl"))], probes=100, heavy=0.3))
    return tmp_path


@pytest.mark.parametrize("given", [False, True], ids=["own", "given"])
def test_measures_by_overlap_are_in_all_three_files(build: Path, tmp_path_factory: pytest.TempPathFactory, given: bool) -> None:
    """Of the build itself, and of a build that is given as a model."""
    out = tmp_path_factory.mktemp("out") if given else build
    evaluated(out, EvaluateSection(model=str(build)) if given else EvaluateSection())
    (task,) = json.loads((out / "evaluation" / "evaluation.json").read_text())["tasks"]
    parts = {each["protocol"]["overlap"]: (each["value"], each["count"]) for each in task["overlap"]}
    # The first shares 2 of 7 n-grams, which is no more than 0.3; the last 2 of 3.
    assert parts == {"all": (pytest.approx(2 / 3), 3), "clean": (0.0, 1), "dirty": (1.0, 2), "heavy": (1.0, 1)}
    with open(out / "evaluation" / "evaluation.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["count"] for row in rows] == ["3", "3", "1", "2", "1"]
    assert rows[2]["protocol"] == "target=last word; overlap=clean; overlap report=A toy; heavy above=0.3"
    page = (out / "evaluation" / "evaluation.html").read_text()
    assert "Overlap and performance" in page
    assert "more than 30 % of theirs" in page


def test_the_stage_reads_what_it_joins() -> None:
    config = parse_config(
        "", "test", {"documents.files": ["a.jsonl"], "train.enabled": True, "evaluate.enabled": True, "evaluate.data": "nowhere"}
    )
    assert {"train", "tokenizer", "tokenize", "ngrams", "overlap", "dedup"} == set(stages_of(config)["evaluate"].reads)
    with pytest.raises(UsageError, match=r"evaluate\.data: .*nowhere is not a directory"):
        EVALUATE.phases(config)


def test_tasks_of_the_build_need_no_data(tmp_path: Path) -> None:
    settings = {"documents.files": ["a.jsonl"], "evaluate.tasks": ["memorisation"], "evaluate.ladder": ["nano"]}
    assert EVALUATE.phases(parse_config("", "test", settings)) == {"evaluate": 1, "ladder": 1, "page": 1}
    given = parse_config("", "test", {"evaluate.model": str(tmp_path), "evaluate.tasks": ["memorisation"]})
    with pytest.raises(UsageError, match=r"has no files of the task memorisation, as ngrams/filter-\*\.bloom"):
        EVALUATE.phases(given)
