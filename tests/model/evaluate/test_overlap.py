"""Figures on clean, dirty and heavily overlapping examples, worked out by hand."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

from model.evaluate.overlap import OverlapReport, by_overlap, figure, place, read_overlaps
from model.evaluate.results import Measure, Outcome

TEST = OverlapReport(
    "LAMBADA", 0.15, {("l.jsonl", str(index)): overlap for index, overlap in enumerate(["none", "short", "some", "heavy"])}
)


def outcomes(name: str, values: list[float], weights: list[float] | None = None) -> list[Outcome]:
    return [
        Outcome(str(index), name, value, weight, group="news" if index % 2 else "exams")
        for index, (value, weight) in enumerate(zip(values, weights or [1.0] * len(values)))
    ]


def parted(measure: Measure, examples: list[Outcome], file: str = "l.jsonl") -> dict[tuple[str, object], Any]:
    found, _ = by_overlap([measure], examples, [file], TEST)
    return {(each.group, each.protocol["overlap"]): (each.value, each.count) for each in found}


def test_accuracy_by_overlap_and_group() -> None:
    found = parted(Measure("accuracy", 0.5, 4, "examples", {"target": "last word"}), outcomes("accuracy", [1, 0, 0, 1]))
    assert found == {
        ("", "all"): (0.5, 4), ("", "clean"): (0.5, 2), ("", "dirty"): (0.5, 2), ("", "heavy"): (1.0, 1),
        ("exams", "all"): (0.5, 2), ("exams", "clean"): (1.0, 1), ("exams", "dirty"): (0.0, 1),
        ("news", "all"): (0.5, 2), ("news", "clean"): (0.0, 1), ("news", "dirty"): (1.0, 1), ("news", "heavy"): (1.0, 1),
    }  # fmt: skip


def test_perplexity_and_bits_are_made_of_nats_and_weights() -> None:
    """Of 1, 1, 2 and 4 words with 1, 3, 4 and 16 times ln 2 nats: 24 / 8 = 3 powers of two."""
    examples = outcomes("perplexity per word", [bits * math.log(2) for bits in (1, 3, 4, 16)], [1, 1, 2, 4])
    found = parted(Measure("perplexity per word", 8.0, 8, "words", {}), examples)
    assert found["", "all"] == (pytest.approx(8), 4)
    assert found["", "clean"] == (pytest.approx(4), 2)
    assert found["", "dirty"] == (pytest.approx(2 ** (20 / 6)), 2)
    assert found["", "heavy"] == (pytest.approx(16), 1)
    assert figure("bits per byte", [Outcome("0", "bits per byte", 9.0, 4), Outcome("1", "bits per byte", 3.0, 8)]) == 1.0


def test_the_protocol_of_the_measure_stays_with_what_was_overlapping() -> None:
    others = [
        Measure("accuracy", 0.25, 4, "examples", {"target": "whole word"}),
        Measure("accuracy", 0.5, 4, "examples", {"target": "last"}),
    ]
    found, notes = by_overlap(others, outcomes("accuracy", [1, 0, 0, 1]), ["l.jsonl"], TEST)
    assert notes == []
    assert found[0].protocol == {"target": "last", "overlap": "all", "overlap report": "LAMBADA", "heavy above": 0.15}
    assert found[0].error == pytest.approx(math.sqrt(1 / 12))
    assert found[3].error is None  # of one example


def test_figures_of_single_files_are_parted_alone() -> None:
    """As those of the Children's Book Test, with the validation and the test questions in a file each."""
    overlaps = {("a.txt", "0"): "none", ("a.txt", "1"): "heavy", ("b.txt", "0"): "none", ("b.txt", "1"): "some"}
    measures = [
        Measure("accuracy", value, 2, "examples", {"text": text}, group=group)
        for text, group, value in (("raw", "test", 0.5), ("plain", "test", 0.5), ("raw", "validation", 1.0), ("plain", "validation", 1.0))
    ]
    examples = [Outcome(id_, "accuracy, plain", right) for id_, right in (("a.txt:0", 0), ("a.txt:1", 1), ("b.txt:0", 1), ("b.txt:1", 1))]
    found, notes = by_overlap(measures, examples, ["a.txt", "b.txt"], OverlapReport("CBT", 0.15, overlaps))
    assert notes == []
    assert {(each.group, each.protocol["overlap"], each.protocol["text"]): each.value for each in found} == {
        ("test", "all", "plain"): 0.5, ("test", "clean", "plain"): 0, ("test", "dirty", "plain"): 1, ("test", "heavy", "plain"): 1,
        ("validation", "all", "plain"): 1, ("validation", "clean", "plain"): 1, ("validation", "dirty", "plain"): 1,
    }  # fmt: skip


def test_what_cannot_be_joined_is_said() -> None:
    accuracy = Measure("accuracy", 0.4, 5, "examples", {})
    found, notes = by_overlap([accuracy], outcomes("accuracy", [1, 0, 0, 1, 0]), ["l.jsonl"], TEST)
    assert found[0].count == 4
    assert notes == ["1 examples of accuracy are not among those of the overlap report LAMBADA."]
    assert by_overlap([accuracy], outcomes("accuracy", [1, 0, 0, 1, 0]), ["other.jsonl"], TEST) == ([], [])
    bleu, notes = by_overlap([Measure("BLEU", 9.0, 4, "examples", {})], outcomes("BLEU", [1, 2, 3, 4]), ["l.jsonl"], TEST)
    assert bleu == []
    assert notes == ["The examples of BLEU do not make up its figure, so it is not shown by overlap."]


def test_places_of_examples() -> None:
    assert place("3", ["a.jsonl.zst"]) == place("a.jsonl:3", ["a.jsonl", "b.jsonl"]) == ("a.jsonl", "3")
    assert place("7f2b", ["7f2b.story", "8a.story"]) == ("", "7f2b")


def test_reports_are_read_by_file_and_id(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    with open(tmp_path / "examples" / "A-b.csv", "w", newline="") as file:
        csv.writer(file).writerows([["example", "overlap"], ["x.txt:0", "none"], ["y.txt:0", "heavy"]])
    (tmp_path / "A-b.json").write_text(
        json.dumps({"name": "A b", "stem": "A-b", "files": ["x.txt", "y.txt"], "heavy_above": 0.3, "heavy": 1})
    )
    assert read_overlaps(tmp_path) == [OverlapReport("A b", 0.3, {("x.txt", "0"): "none", ("y.txt", "0"): "heavy"})]
    assert read_overlaps(tmp_path / "nothing") == []
