"""Natural Questions: prompts, exact match by hand, confidence, and models that know all and nothing."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from model.evaluate.task import Settings
from model.evaluate.tasks import natural_questions as task
from tests.model.evaluate.writing import DATA, scorer_with_context, writing
from webtext.core.errors import WebtextError

FILES = task.NATURAL_QUESTIONS.files(DATA)
KNOWN = {question.text: question.answers for question in task.read_questions(FILES, 1)}


def asked(prompt: str) -> str:
    """The last question of a prompt."""
    return prompt.rpartition("Q: ")[2].removesuffix("?\nA:")


def values(result: task.TaskResult) -> dict[str, float]:
    return {measure.name.removeprefix("exact match").strip(): measure.value for measure in result.measures}


def test_one_who_knows_and_one_who_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for answer, expected in ((lambda prompt: f" {KNOWN[asked(prompt)][-1].upper()}.\nQ:", 1.0), (lambda prompt: "\nnothing", 0.0)):
        prompts = writing(monkeypatch, answer)
        result = task.run(scorer_with_context(), FILES, Settings(pairs=3))
        assert {name: value for name, value in values(result).items() if "commonest" not in name} == {
            "": expected,
            "of the most confident 1 %": expected,
        }
        assert [measure.count for measure in result.measures] == [5, 1, 5]
    shown = prompts[0].split("Q: ")[1:-1]
    assert [KNOWN[pair.partition("?\nA: ")[0]][0] for pair in shown] == [pair.partition("?\nA: ")[2].rstrip("\n") for pair in shown]
    assert {pair.partition("?")[0] for pair in shown} | {asked(prompt) for prompt in prompts} == KNOWN.keys()
    assert [outcome.id for outcome in result.outcomes] == [str(list(KNOWN).index(asked(prompt))) for prompt in prompts]


@pytest.mark.parametrize(
    ("answer", "right"),
    [("The 14 December, 1972", 1.0), ("December 1972", 1.0), ("14 December 1972 at noon", 0.0), ("", 0.0)],
    ids=["article", "other", "more", "nothing"],
)
def test_exact_match_by_hand(answer: str, right: float) -> None:
    assert task.is_right(answer, ["14 december 1972", "December 1972."]) == right


def test_confidence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 200 questions two are the hundredth; one who is right when sure is calibrated."""
    questions = [task.Question(str(place), f"who is {place}", [f"person {place}"]) for place in range(201)]
    monkeypatch.setattr(task, "read_questions", lambda files, of: questions if files else [])
    sure = {f"who is {place}": 0.95 if place % 10 == 0 else 0.05 for place in range(201)}
    writing(
        monkeypatch,
        lambda prompt: f"person {asked(prompt).split()[-1]}" if sure[asked(prompt)] > 0.5 else "nobody",
        lambda prompt: math.log(sure[asked(prompt)]),
    )
    result = task.run(scorer_with_context(), FILES, Settings(pairs=1))
    assert values(result)["of the most confident 1 %"] == 1.0
    assert result.measures[1].count == 2
    rows = {row["from"]: row for row in result.tables["calibration"] if row["answers"]}
    assert rows.keys() == {0.0, 0.9}
    assert rows[0.9]["accuracy"] == 1.0
    assert rows[0.9]["mean probability"] == pytest.approx(0.95)
    assert rows[0.0]["accuracy"] == 0.0
    assert sum(row["answers"] for row in rows.values()) == 200
    table = result.tables["the 30 most confident answers"]
    assert [row["right"] for row in table] == [True] * rows[0.9]["answers"] + [False] * (30 - rows[0.9]["answers"])


def slow_commonest(questions: list[task.Question]) -> list[str]:
    """Counted anew for each question."""
    found = []
    for question in questions:
        others = [one for one in questions if one is not question and task.question_type(one.text) == task.question_type(question.text)]
        counts: dict[str, int] = {}
        for one in others:
            for answer in {task.normalise(answer) for answer in one.answers} - {""}:
                counts[answer] = counts.get(answer, 0) + 1
        found.append(min(counts, key=lambda answer: (-counts[answer], answer), default=""))
    return found


def test_commonest_answers(data_dir: Path) -> None:
    """Of the sample by hand, and of the first 300 real ones by counting anew."""
    questions = task.read_questions(FILES, 1)
    assert [task.question_type(question.text) for question in questions[1:4]] == ["who", "how many", "how many"]
    found = dict(zip((question.text for question in questions), task.commonest_answers(questions)))
    assert found["how many moons has the planet"] == "six"
    assert found["how many legs has a beetle"] == "2"  # six, two and 2 come once each among the others
    assert found["who sang the song of rain"] == "ada north"
    real = task.read_questions(task.NATURAL_QUESTIONS.files(data_dir / "benchmarks"), 1)
    assert len(real) == 3610
    assert task.commonest_answers(real[:300]) == slow_commonest(real[:300])


def test_seeds_come_from_the_training_file_where_it_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("dev", "train"):
        rows = (f'{{"question": "who is {name} {place}", "answer": ["{name}"]}}\n' for place in range(4))
        (tmp_path / f"NQ-open.{name}.jsonl").write_text("".join(rows))
    prompts = writing(monkeypatch, lambda prompt: "dev")
    result = task.run(scorer_with_context(), task.NATURAL_QUESTIONS.files(tmp_path), Settings())
    assert [asked(prompt) for prompt in prompts] == [f"who is dev {place}" for place in range(4)]
    assert prompts[0].count("who is train") == 2  # half of the four
    assert result.measures[0].protocol["pairs from"] == "another set"
    assert [outcome.id for outcome in result.outcomes] == [f"NQ-open.dev.jsonl:{place}" for place in range(4)]


def test_other_files_are_refused(tmp_path: Path) -> None:
    for text, message in (
        ('{"question": "a"}\n', "NQ-open.jsonl, row 1: its field 'answer' is no list"),
        (
            '{"question": "a", "answer": ["b"]}\n{"question": "c", "answer": []}\n',
            "NQ-open.jsonl, row 2: its answers are no strings, or there are none",
        ),
        ('{"question": "a", "answer": ["b"]}\n{"question": 1\n', "NQ-open.jsonl, row 2: not JSON"),
    ):
        (tmp_path / "NQ-open.jsonl").write_text(text)
        with pytest.raises(WebtextError, match=message):
            task.read_questions([tmp_path / "NQ-open.jsonl"], 1)
