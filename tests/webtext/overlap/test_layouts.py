"""The parts of known benchmarks' records, as the Hub's files have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from webtext.core.config import Benchmark
from webtext.core.errors import WebtextError
from webtext.overlap.layouts import PARTS, layout_of, layouts, parts_of
from webtext.overlap.readers import Example, read_examples

CHOICES = ["a red hen", "a cow", "two cats", "no pet"]
RECORDS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "mmlu": (
        {"question": "Which pet?", "subject": "pets", "choices": CHOICES, "answer": 2},
        {"question": "Which pet?", "choices": "a red hen\na cow\ntwo cats\nno pet", "answer": "two cats"},
    ),
    "arc": (
        {"id": "x", "question": "Which?", "choices": {"text": CHOICES[:2], "label": ["A", "B"]}, "answerKey": "B"},
        {"question": "Which?", "choices": "a red hen\na cow", "answer": "a cow"},
    ),
    "arc, numbered": (
        {"question": "Which?", "choices": {"text": CHOICES[:2], "label": ["1", "2"]}, "answerKey": "1"},
        {"question": "Which?", "choices": "a red hen\na cow", "answer": "a red hen"},
    ),
    "hellaswag": (
        {"ctx": "Anna has", "endings": CHOICES, "label": "3", "activity_label": "x"},
        {"question": "Anna has", "choices": "a red hen\na cow\ntwo cats\nno pet", "answer": "no pet"},
    ),
    "hellaswag, test": (
        {"ctx": "Anna has", "endings": CHOICES[:2], "label": ""},
        {"question": "Anna has", "choices": "a red hen\na cow"},
    ),
    "winogrande": (
        {"sentence": "The _ lays eggs.", "option1": "hen", "option2": "cow", "answer": "1"},
        {"question": "The _ lays eggs.", "choices": "hen\ncow", "answer": "hen"},
    ),
    "piqa": (
        {"goal": "Feed it", "sol1": "corn", "sol2": "sand", "label": -1},
        {"question": "Feed it", "choices": "corn\nsand"},
    ),
    "squad": (
        {"context": "Anna has a hen.", "question": "Who?", "answers": {"text": ["Anna", "Ann"], "answer_start": [0, 0]}, "title": "x"},
        {"question": "Who?", "answer": "Anna", "passage": "Anna has a hen."},
    ),
    "nq": ({"question": "who", "answer": ["Anna", "Ann"]}, {"question": "who", "answer": "Anna"}),
    "triviaqa": (
        {"question": "Who?", "question_id": "1", "answer": {"value": "Anna", "aliases": ["Ann"]}},
        {"question": "Who?", "answer": "Anna"},
    ),
    "boolq": ({"question": "is it", "answer": True, "passage": "It is."}, {"question": "is it", "passage": "It is."}),
    "chat": (
        {"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Anna"}]},
        {"question": "Who?\nAnna"},
    ),
    "unknown": ({"x": "y"}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDS)
def test_parts_of_a_record(name: str) -> None:
    record, expected = RECORDS[name]
    assert dict(parts_of(record, layout_of("auto", record))) == expected


def test_the_table_is_sound() -> None:
    for name, layout in layouts().items():
        assert set(layout) <= {"fields", "answer_index", "first", *PARTS}, name
        assert layout_of("auto", layout["fields"]) == layout, name
        assert layout_of(name, []) == layout


def read(path: Path, records: Any, **keys: Any) -> list[Example]:
    path.write_text(json.dumps(records))
    return list(read_examples(Benchmark(name="x", path=str(path), **keys)))


def test_a_json_array_is_an_example_an_item_and_roles_are_no_words(tmp_path: Path) -> None:
    first, second = read(tmp_path / "x.json", [RECORDS["chat"][0], {"messages": [{"from": "human", "value": "Where?"}]}])
    assert (first.id, first.text, second.text) == ("0", "Who?\nAnna", "Where?")
    (chat,) = read(tmp_path / "x.json", [RECORDS["chat"][0]], field="messages.content")
    assert chat.text == "Who?\nAnna"


def test_a_known_benchmark_needs_no_field(tmp_path: Path) -> None:
    (example,) = read(tmp_path / "x.json", [RECORDS["hellaswag"][0]])
    assert example.text == "Anna has\na red hen\na cow\ntwo cats\nno pet"
    assert dict(example.parts)["answer"] == "no pet"
    (joined,) = read(tmp_path / "x.json", [RECORDS["mmlu"][0]], field=["question", "choices"])
    assert joined.text == "Which pet?\na red hen\na cow\ntwo cats\nno pet"
    (plain,) = read(tmp_path / "x.json", [RECORDS["mmlu"][0]], layout="none")
    assert (plain.text, plain.parts) == ("Which pet?", ())


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match=r"x\.json, row 1: the right answer is 7, of 4 choices"):
        read(tmp_path / "x.json", [{**RECORDS["mmlu"][0], "answer": 7}])
    with pytest.raises(WebtextError, match="there is no layout 'mnlu'; known are: question_answer, mmlu"):
        read(tmp_path / "x.json", [RECORDS["mmlu"][0]], layout="mnlu")
