"""CNN/Daily Mail: formats, ROUGE by hand, the baselines, and models that know all and nothing."""

from __future__ import annotations

from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from model.evaluate.examples import drawn
from model.evaluate.task import Settings
from model.evaluate.tasks import cnn_dailymail as task
from tests.model.evaluate.writing import DATA, scorer_with_context, writing
from webtext.core.errors import WebtextError

STORIES = [DATA / "one.story", DATA / "two.story"]


def figures(result: task.TaskResult) -> dict[str, float]:
    return {measure.name: pytest.approx(measure.value) for measure in result.measures}


@pytest.mark.parametrize(
    ("summary", "highlights", "expected"),
    [
        (["the cat sat"], ["the cat"], (80.0, 200 / 3, 80.0)),  # 2 of 3 and 2 of 2 words, 1 of 2 and 1 of 1 pairs
        (["cats sleeping"], ["the cat sleeps"], (80.0, 200 / 3, 80.0)),  # stems are the same
        (["b a", "d c"], ["a b", "c d"], (100.0, 0.0, 50.0)),  # pairs go over line ends: b a, a d, d c; of each line one word in order
    ],
    ids=["part", "stems", "order"],
)
def test_rouge_by_hand(summary: list[str], highlights: list[str], expected: tuple[float, float, float]) -> None:
    assert task.rouge([summary], [highlights])[0] == pytest.approx(
        {"ROUGE-1": expected[0], "ROUGE-2": expected[1], "ROUGE-L": expected[2], "mean of ROUGE": sum(expected) / 3}
    )


def test_one_who_knows_and_one_who_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"The bridge": "The bridge opened on Monday. A band played. ", "Rain fell a": "The river rose. "}
    for answer, expected in ((lambda prompt: known[prompt[:11].strip()], 100.0), (lambda prompt: "Zzz zzz", 0.0)):
        prompts = writing(monkeypatch, answer)
        found = figures(task.run(scorer_with_context(), STORIES, Settings()))
        for kind in ("ROUGE-1", "ROUGE-2", "ROUGE-L", "mean of ROUGE"):
            assert found[f"{kind}, GPT-2 TL;DR:"] == found[f"{kind}, GPT-2 no hint"] == expected
    assert prompts[1] == "Rain fell all day.\n\nThe river rose. Nobody was hurt.\nTL;DR:"
    assert prompts[3] == "Rain fell all day.\n\nThe river rose. Nobody was hurt."


def test_baselines_and_the_first_three_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    writing(monkeypatch, lambda prompt: "One. Two.\nThree. Four.")
    result = task.run(scorer_with_context(), [STORIES[0]], Settings(seed=3))
    texts = {outcome.measure.partition(", ")[2]: outcome.text for outcome in result.outcomes}
    article = ["The bridge opened on Monday.", "It cost two million.", "People walked over it.", "A band played."]
    assert texts["GPT-2 TL;DR:"] == "One. Two. Three."
    assert texts["Lede-3"] == " ".join(article[:3])
    assert texts["Random-3"] == " ".join(article[index] for index in drawn(3, 4, 3, " ".join(article)))
    assert {outcome.id for outcome in result.outcomes} == {"one"}
    names = {measure.name for measure in result.measures}
    published = result.tables["Table 4 of the paper"]
    assert {f"{kind}, {row['summary']}" for row in published for kind in row if kind != "summary"} > names  # which the page joins
    assert published[1] == {"summary": "Lede-3", "ROUGE-1": 40.38, "ROUGE-2": 17.66, "ROUGE-L": 36.62, "mean of ROUGE": 31.55}
    assert figures(result)["ROUGE-1, Lede-3"] == 100 * 2 * 5 / (13 + 8)  # of 13 words 5 are among the 8 of the summary


def test_random_sentences_depend_on_seed_and_text_alone() -> None:
    draws = {(seed, text): tuple(drawn(3, 50, seed, text)) for seed in range(4) for text in ("a", "b")}
    assert len(set(draws.values())) == 8
    assert all(tuple(sorted(set(draw))) == draw for draw in draws.values())
    assert drawn(3, 2, 0) == [0, 1]
    places = [place for seed in range(3000) for place in drawn(1, 3, seed)]
    assert all(900 < places.count(place) < 1100 for place in range(3))  # 1,000 with a standard deviation of 26


def test_an_article_that_is_too_long_loses_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = writing(monkeypatch, lambda prompt: "x")
    result = task.run(scorer_with_context(120), STORIES, Settings())  # 60 tokens to write
    assert prompts[0] == "The bridge opened on Monday. It cost two million. Peop"[:53] + "\nTL;DR:"
    assert [measure.protocol["articles without their end"] for measure in result.measures[:5:4]] == [1, 1]
    assert result.measures[0].protocol["tokens"] == 60


def test_tables_have_the_same_articles(tmp_path: Path) -> None:
    (tmp_path / "cnn").mkdir()
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(DATA / "cnn_sample.csv"), tmp_path / "cnn/test-00000.parquet")
    (tmp_path / "cnn/x.story").write_text("no")
    files = task.CNN_DAILYMAIL.files(tmp_path)
    expected = task.Article("x1", "Rain fell all day. The river rose. Nobody was hurt. Boats came.", ["The river rose", "Boats came"])
    assert list(task.read_articles(files)) == list(task.read_articles([DATA / "cnn_sample.csv"])) == [expected]


def test_other_files_are_refused(tmp_path: Path) -> None:
    for name, text, message in (
        ("cnn.csv", "id,article\n1,a\n", "cnn.csv, row 1: its field 'highlights' is no str"),
        ("cnn.jsonl", '{"article": "a", "highlights": "b"}\n{"article": 1}\n', "cnn.jsonl, row 2: its field 'article' is no str"),
        ("empty.csv", "id,article,highlights\n", "empty.csv: no records in it"),
        ("a.txt", "text", "a.txt: no records but text; give JSONL, CSV or Parquet with the fields article, highlights"),
        ("a.story", "text", "a.story: no line @highlight in it"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(WebtextError, match=message):
            list(task.read_articles([tmp_path / name]))


def test_the_sample_is_read(data_dir: Path) -> None:
    articles = list(task.read_articles(task.CNN_DAILYMAIL.files(data_dir / "benchmarks")))
    assert len(articles) == 100
    assert articles[0].id == "0001d1afc246a7964130f43ae940af6bc6c57f01"
    assert all(article.highlights for article in articles)
