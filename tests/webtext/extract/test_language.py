"""Language detection: plain cases, odd texts, and figures on real sentences."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from langdetect import detect_langs, detector_factory

from webtext.extract.language import ISO, UNKNOWN, detect

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


@settings(deadline=None)  # on a busy machine
@given(st.text(max_size=100))
def test_any_text_has_an_answer_and_always_the_same(text: str) -> None:
    language = detect(text, CERTAINTY)
    assert language == detect(text, CERTAINTY)
    assert 0 <= language.share <= 1
    assert sum(language.bytes.values()) == len(text.encode())


def sentences(data_dir: Path, count: int) -> list[tuple[str, str]]:
    packed = zstandard.ZstdDecompressor().stream_reader((data_dir / "langid" / "sentences_75_languages.tar.zst").read_bytes()).read()
    found = []
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            file = archive.extractfile(member)
            if file is not None:
                code = Path(member.name).stem
                found += [(ISO.get(code, code), line) for line in file.read().decode().splitlines()[:count]]
    return found


def test_sentences_of_75_languages(data_dir: Path) -> None:
    cases = sentences(data_dir, 10)
    assert len(cases) == 750
    assert sum(detect(text, CERTAINTY).code == code for code, text in cases) / len(cases) > 0.95


def test_at_least_as_good_as_langdetect_on_the_languages_that_it_knows(data_dir: Path) -> None:
    known = {ISO.get(code, code) for code in detector_factory._factory.get_lang_list()}
    cases = [(code, text) for code, text in sentences(data_dir, 10) if code in known]
    assert len(cases) > 500
    right = sum(detect(text, CERTAINTY).code == code for code, text in cases)
    theirs = sum(ISO.get(best := detect_langs(text)[0].lang, best) == code for code, text in cases)
    assert right >= theirs
