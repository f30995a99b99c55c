"""WMT14: prompts, BLEU by hand, and models that know all and nothing."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from model.evaluate.task import Settings
from model.evaluate.tasks import wmt14 as task
from tests.model.evaluate.writing import DATA, scorer_with_context, writing
from webtext.core.errors import UsageError, WebtextError

FILES = task.WMT14_EN_FR.files(DATA)


def segments(source: str, target: str) -> list[task.Segment]:
    return task.read_segments(FILES, source, target)


def asked(prompt: str) -> str:
    """What a prompt asks to translate."""
    return prompt.rpartition("\n")[2].removesuffix(" =")


def test_segments_are_those_of_the_overlap_reports() -> None:
    assert len(FILES) == 4
    assert segments("en", "fr")[4] == task.Segment("newstest2014-fren-src.en.sgm:d1#5", "Rain & wind.", "Pluie et vent.")
    assert segments("fr", "en")[4] == task.Segment("newstest2014-fren-src.fr.sgm:d1#5", "Pluie et vent.", "Rain & wind.")


@pytest.mark.parametrize(
    ("source", "target", "which"), [("en", "fr", task.WMT14_EN_FR), ("fr", "en", task.WMT14_FR_EN)], ids=["en-fr", "fr-en"]
)
def test_one_who_knows_and_one_who_does_not(monkeypatch: pytest.MonkeyPatch, source: str, target: str, which: task.Task) -> None:
    known = {segment.source: segment.target for segment in segments(source, target)}
    for answer, expected in ((lambda prompt: f" {known[asked(prompt)]} More.\nand = more", 100.0), (lambda prompt: " Zzz", 0.0)):
        prompts = writing(monkeypatch, answer)
        result = which.run(scorer_with_context(), FILES, Settings(pairs=2, seed=1))
        assert [(measure.name, measure.value) for measure in result.measures] == [
            ("BLEU", pytest.approx(expected)),
            ("BLEU of a segment", pytest.approx(expected)),
        ]
        assert result.measures[0].protocol["signature"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    # Two pairs are shown and not asked for; each prompt has both
    shown = [line.split(" = ") for line in prompts[0].splitlines()[:-1]]
    assert [known[one] for one, _ in shown] == [other for _, other in shown]
    assert {one for one, _ in shown} | {asked(prompt) for prompt in prompts} == set(known)
    assert result.measures[0].count == len(prompts) == 3


@pytest.mark.parametrize(
    ("written", "gold", "expected"),
    [
        ("a b c d e", "a b c d f", 100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25),
        ("a b c d", "a b c d e", 100 * math.exp(1 - 5 / 4)),  # all right but too short
        ("a b c d a", "a b c d", 100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25),  # too long costs precision alone
    ],
    ids=["word", "short", "long"],
)
def test_bleu_by_hand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str, gold: str, expected: float) -> None:
    for language, lines in (("en", ["one", "two"]), ("fr", [gold, gold])):
        (tmp_path / f"newstest2014.{language}").write_text("\n".join(lines))
    writing(monkeypatch, lambda prompt: written)
    result = task.WMT14_EN_FR.run(scorer_with_context(), task.WMT14_EN_FR.files(tmp_path), Settings())
    assert result.measures[0].value == pytest.approx(expected)
    assert result.measures[0].count == 1


def test_pairs_come_from_the_year_before_where_it_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for year, count in (("2013", 4), ("2014", 3)):
        for language in ("en", "fr"):
            (tmp_path / f"newstest{year}.{language}").write_text("\n".join(f"{year} {language} {place}." for place in range(count)))
    prompts = writing(monkeypatch, lambda prompt: "x")
    task.WMT14_EN_FR.run(scorer_with_context(), task.WMT14_EN_FR.files(tmp_path), Settings())
    assert [asked(prompt) for prompt in prompts] == ["2014 en 0.", "2014 en 1.", "2014 en 2."]
    assert all(line.startswith("2013 en") and " = 2013 fr" in line for line in prompts[0].splitlines()[:-1])
    assert len(prompts[0].splitlines()) == 3  # half of the four


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "newstest2014.en").write_text("one\ntwo")
    files = [tmp_path / "newstest2014.en", tmp_path / "newstest2014.fr"]
    with pytest.raises(WebtextError, match=r"newstest2014.en: no file in French beside it"):
        task.read_segments(files[:1], "en", "fr")
    files[1].write_text("un")
    with pytest.raises(
        WebtextError, match=r"newstest2014.fr: its segment 2 is no more, that of newstest2014.en is 1; are both of the same set"
    ):
        task.read_segments(files, "en", "fr")
    files[1].write_text('<doc docid="d">\n<seg id="1">un</seg>\n')
    with pytest.raises(WebtextError, match=r"newstest2014.fr: its segment 1 is d#1, that of newstest2014.en is 0"):
        task.read_segments(files, "en", "fr")
    with pytest.raises(UsageError, match=r"5 example pairs to show and 5 examples in all; show fewer"):
        task.WMT14_EN_FR.run(scorer_with_context(), FILES, Settings(pairs=5))


def test_the_published_set_has_its_segments(data_dir: Path) -> None:
    read = task.read_segments(task.WMT14_FR_EN.files(data_dir / "benchmarks"), "fr", "en")
    assert len(read) == 3003
    assert read[0] == task.Segment(
        "newstest2014-fren-src.fr.sgm.zst:1009-lemondefr#1",
        'Spectaculaire saut en "wingsuit" au-dessus de Bogota',
        "Spectacular Wingsuit Jump Over Bogota",
    )
