"""Language detection: plain cases, odd texts, and figures on real sentences."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from langdetect import detect_langs, detector_factory

from webtext.clean.language import ISO, UNKNOWN, detect
from webtext.clean.verdict import judge
from webtext.core.config import CleanSection

CERTAINTY = 0.5


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The lighthouse keeper wrote down the weather every morning.", "en"),
        ("Le gardien du phare notait le temps chaque matin avant le petit-déjeuner.", "fr"),
        ("Der Leuchtturmwärter schrieb jeden Morgen das Wetter auf.", "de"),
        ("שומר המגדלור רשם את מזג האוויר בכל בוקר לפני ארוחת הבוקר.", "he"),
        ("灯塔看守人每天早上吃早饭前都会记下天气。", "zh"),
        ("Fyrvokteren skrev ned været hver morgen før han spiste frokost.", "no"),
        ("12345 67890 !!! ---", UNKNOWN),
    ],
)
def test_detect(text: str, code: str) -> None:
    assert detect(text, CERTAINTY).code == code


CODE = """
def total(items: list[int]) -> int:
    result = 0
    for item in items:
        # the sum of all of the items
        result += item
    return result

print(total([1, 2, 3]), file=sys.stderr)
window.onload = function () { document.getElementById("total").innerHTML = window.location.href; };
See https://example.org/this/is/the/way/to/read/more and write to the.keeper.of.the.house@example.org
<p class="the-first-of-all"><a href="/home/of/the/brave">
"""
SPANISH = "El guardián del faro anotaba el tiempo cada mañana antes del desayuno, y nadie en el pueblo sabía por qué lo hacía. "
RUSSIAN = "Смотритель маяка записывал погоду каждое утро, и никто не знал зачем. "
NONSENSE = "Pamira toluke sandi wo renatu, kilome fasi budeng ta morika selu nando. Wetali koru pamane, suldi tarok eme nu galito. "
ENGLISH = "The lighthouse keeper wrote down the weather every morning, and nobody in the village knew why he did it. "


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (SPANISH * 2 + CODE * 2, "es"),
        (RUSSIAN * 2 + CODE * 2, "ru"),
        (ENGLISH * 2 + CODE * 2, "en"),
        (CODE, UNKNOWN),
        (NONSENSE * 3, UNKNOWN),
        (NONSENSE * 30, UNKNOWN),
        (ENGLISH * 4 + "灯台守は毎朝朝食の前に天気を書き留めた。村の誰もその理由を知らなかった。" * 4, "en"),  # a third of the letters
        (ENGLISH * 2 + SPANISH, "en"),
        (ENGLISH * 20 + SPANISH * 10, "en"),
        (ENGLISH * 10 + SPANISH * 20, "es"),
        ("Heaven-born is all that around thee is courting;", "en"),
        ("    " + ENGLISH + "\n    " + ENGLISH, "en"),
    ],
)
def test_code_has_no_vote_and_an_unknown_language_is_not_english(text: str, code: str) -> None:
    assert detect(text, CERTAINTY).code == code


def test_long_texts_in_other_languages_are_not_english(data_dir: Path) -> None:
    """Alone and with a piece of code, below 0.5 % (one of Urdu is half in English); and every English one is."""
    wrong = 0
    for code, lines in sentences(data_dir, 50).items():
        texts = ["\n".join(lines[start : start + 10]) for start in range(0, 50, 10)]
        english = [detect(text, CERTAINTY).code == "en" for page in texts for text in (page, f"{page}\n{CODE}")]
        assert code != "en" or all(english)
        wrong += 0 if code == "en" else sum(english)
    assert wrong <= 1


def test_bytes_of_a_mixed_text_are_told_by_language() -> None:
    english = "The lighthouse keeper wrote down the weather every morning, and nobody knew why he did it. " * 6
    french = "Le gardien du phare notait le temps chaque matin, et personne ne savait pourquoi il le faisait. " * 3
    language = detect(english + "\n" + french, CERTAINTY)
    assert language.code == "en"
    assert set(language.bytes) == {"en", "fr"}
    assert sum(language.bytes.values()) == len((english + "\n" + french).encode())
    assert abs(language.bytes["fr"] - len(french.encode())) < 100


@given(st.text(max_size=100))
def test_any_text_has_an_answer_and_always_the_same(text: str) -> None:
    language = detect(text, CERTAINTY)
    assert language == detect(text, CERTAINTY)
    assert 0 <= language.share <= 1
    assert sum(language.bytes.values()) == len(text.encode())


def sentences(data_dir: Path, count: int) -> dict[str, list[str]]:
    """The first `count` sentences of each of 75 languages."""
    packed = zstandard.ZstdDecompressor().stream_reader((data_dir / "langid" / "sentences_75_languages.tar.zst").read_bytes()).read()
    found: dict[str, list[str]] = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            file = archive.extractfile(member)
            if file is not None:
                code = Path(member.name).stem
                found.setdefault(ISO.get(code, code), []).extend(file.read().decode().splitlines()[:count])
    assert len(found) == 74  # the two written forms of Norwegian are one to us
    return found


def accuracy(cases: list[tuple[str, str]]) -> float:
    return sum(detect(text, CERTAINTY).code == code for code, text in cases) / len(cases)


def test_sentences_of_75_languages(data_dir: Path) -> None:
    cases = [(code, text) for code, lines in sentences(data_dir, 10).items() for text in lines]
    assert len(cases) == 750
    assert accuracy(cases) > 0.95


def known_sentences(data_dir: Path, count: int) -> list[tuple[str, str]]:
    """Those of the languages that langdetect knows."""
    known = {ISO.get(code, code) for code in detector_factory._factory.get_lang_list()}
    return [(code, text) for code, lines in sentences(data_dir, count).items() if code in known for text in lines]


def test_at_least_as_good_as_langdetect_on_the_languages_that_it_knows(data_dir: Path) -> None:
    cases = known_sentences(data_dir, 10)
    assert len(cases) > 500
    theirs = sum(ISO.get(best := detect_langs(text)[0].lang, best) == code for code, text in cases)
    assert accuracy(cases) >= theirs / len(cases)


@pytest.mark.parametrize(("words", "floor"), [(10, 0.93), (5, 0.87), (3, 0.76)])
def test_a_few_words(data_dir: Path, words: int, floor: float) -> None:
    cases = [(code, text.split()) for code, text in known_sentences(data_dir, 10)]
    cut = [(code, " ".join(text[:words])) for code, text in cases if len(text) >= words]
    assert len(cut) > 300
    assert accuracy(cut) > floor


def test_pages_of_two_languages(data_dir: Path) -> None:
    """The language is that of most of the page, and the bytes by language are near the truth."""
    texts = sentences(data_dir, 12)
    english = texts["en"]
    right = []
    errors = []
    for code in ("fr", "de", "es", "it", "pt", "nl", "pl", "ru", "ja", "zh", "ko", "ar", "tr", "vi", "el", "he"):
        for part in (3, 9):
            other, rest = "\n".join(texts[code][:part]), "\n".join(english[: 12 - part])
            page = f"{other}\n{rest}"
            found = detect(page, CERTAINTY)
            share = len(other.encode()) / len(page.encode())
            if not 0.4 < share < 0.6:
                right.append(found.code == (code if share > 0.5 else "en"))
            errors.append(abs(found.bytes.get(code, 0) / len(page.encode()) - share))
            assert sum(found.bytes.values()) == len(page.encode())
    assert sum(right) / len(right) > 0.95
    assert sum(errors) / len(errors) < 0.03


def test_a_page_of_french_in_an_english_corpus_is_counted_as_such() -> None:
    """As the paper counts its 10 MB of French: inside documents that are kept for their English."""
    english = "The lighthouse keeper wrote down the weather every morning, and nobody knew why he did it. " * 12
    french = "Le gardien du phare notait le temps chaque matin, et personne ne savait pourquoi il le faisait. "
    found = judge("", f"{english.strip()}\n« {french * 2}»", CleanSection(preset="none"))
    assert found.text is not None
    assert found.language == "en"
    assert abs(found.bytes_by_language["fr"] - 2 * len(french.encode())) < 60
    assert sum(found.bytes_by_language.values()) == len(found.text.encode())
