"""CoQA: prompts, the official score, and models that know all and nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.evaluate.answers import f1
from model.evaluate.task import Settings
from model.evaluate.tasks import coqa
from tests.model.evaluate.writing import DATA, scorer_with_context, writing
from webtext.core.errors import WebtextError

FILES = [DATA / "coqa-dev-sample.json"]
GOLD = {"Who has a kite?": "Ada", "What colour is it?": "red", "When did it open?": "on Monday"}


def asked(prompt: str) -> str:
    """The last question of a prompt."""
    return prompt.rpartition("Q: ")[2].removesuffix("\nA:")


def figures(result: coqa.TaskResult) -> dict[tuple[str, str], float]:
    return {(measure.group, measure.name): measure.value for measure in result.measures}


def test_a_prompt_has_the_gold_answers_so_far() -> None:
    story = coqa.read_stories(FILES[0])[0]
    text = "Ada has a red kite. She flies it by the sea.\n\nQ: Who has a kite?\nA:"
    assert coqa.prompts(story) == [text, f"{text} Ada\nQ: What colour is it?\nA:"]


def test_one_who_knows_and_one_who_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for answer, expected in ((lambda prompt: f" {GOLD[asked(prompt)]}\nQ: And", 1.0), (lambda prompt: " nobody\n", 0.0)):
        writing(monkeypatch, answer)
        result = coqa.run(scorer_with_context(), FILES, Settings())
        groups = ("", "children's stories", "news")
        assert figures(result) == {(group, name): expected for group in groups for name in ("F1", "exact match")}
        assert {measure.group: measure.count for measure in result.measures} == {"": 3, "children's stories": 2, "news": 1}
    assert [(outcome.id, outcome.group, outcome.weight, outcome.text) for outcome in result.outcomes[::2]] == [
        ("story-1", "children's stories", 2, "nobody\nnobody"),
        ("story-2", "news", 1, "nobody"),
    ]


@pytest.mark.parametrize(
    ("answer", "golds", "expected"),
    [
        ("white", ["white", "white", "white", "grey"], 1.0),
        ("grey", ["white", "grey"], 0.5),  # left out once
        ("in the barn", ["a red barn", "in a barn", "barn"], (1 + 2 / 3 + 1) / 3),  # 1/2, 1 and 2/3
        ("Ada", ["Ada North"], 2 / 3),  # of one, nothing is left out
    ],
    ids=["most", "one-of-two", "three", "one"],
)
def test_official_score_by_hand(answer: str, golds: list[str], expected: float) -> None:
    assert coqa.official_score(answer, golds, f1) == pytest.approx(expected)


def test_long_stories_lose_their_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = writing(monkeypatch, lambda prompt: "x")
    result = coqa.run(scorer_with_context(120), FILES, Settings())
    assert [len(prompt) for prompt in prompts] == [67, 70, 70]  # 120 less 50 to write; a token is a byte
    assert result.measures[0].protocol["prompts without their beginning"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"data": [{"id": 1}]}', r"c.json, story 1: not a story of CoQA \(KeyError: 'answers'\)"),
        ("[1]", "c.json: not CoQA"),
        ("{", "c.json: not CoQA"),
    ],
    ids=["story", "list", "cut"],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(WebtextError, match=message):
        coqa.read_stories(tmp_path / "c.json")


def test_a_published_story_is_read(data_dir: Path) -> None:
    (story,) = coqa.read_stories(data_dir / "benchmarks/formats/coqa/coqa-dev-v1.0.json")
    assert (story.domain, len(story.questions), story.answers[0]) == ("children's stories", 12, ["white"] * 4)
