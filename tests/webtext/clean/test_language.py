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
