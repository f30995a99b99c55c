"""What two texts are compared by."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webtext.dedup import twins
from webtext.dedup.kernels import IGNORED, MARK, UNSEGMENTED
from webtext.dedup.shingles import character_table, shingles, text_hash

TEXTS = st.text(st.one_of(st.characters(), st.sampled_from("ab c\n.Ab1éß永字คำ")), max_size=80)


@given(TEXTS, st.integers(1, 7))
def test_shingles_are_those_of_the_plain_twin(text: str, size: int) -> None:
    assert shingles(text, size).tolist() == sorted({twins.run_hash(run) for run in twins.runs(text, size)})


@given(TEXTS)
def test_a_text_is_brought_to_one_form_before_it_is_cut(text: str) -> None:
    assert shingles(text, 5).tolist() == shingles(unicodedata.normalize("NFKC", text), 5).tolist()


def test_case_punctuation_and_white_space_do_not_count() -> None:
    assert shingles("The quick, brown fox -- jumps!", 5).tolist() == shingles("the QUICK brown\n\nfox jumps", 5).tolist()


def test_a_text_without_spaces_is_cut_into_runs_of_characters() -> None:
    text = "吾輩は猫である名前はまだ無い"
    changed = text.replace("無", "有")
    assert len(shingles(text, 5)) == len(text) - 4
    assert len(set(shingles(text, 5).tolist()) & set(shingles(changed, 5).tolist())) == len(text) - 4 - 2


def test_a_mixed_text_is_cut_by_words_and_characters() -> None:
    assert twins.words("GPT-2は言語モデル model") == ["gpt", "2", *"は言語モデル", "model"]
    assert len(shingles("GPT-2は言語モデル model", 5)) == 9 - 4


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("... --- !!!", 0),
        ("a", 1),
        ("abcde", 1),
        ("abcdef", 2),
        ("Not found!", 5),  # "not found", nine characters
        ("one two three four", 14),
        ("one two three four five", 1),
        ("one two three four five six", 2),
    ],
)
def test_a_very_short_text_has_runs_of_characters(text: str, count: int) -> None:
    assert len(shingles(text, 5)) == count


def test_a_short_text_is_near_to_its_like() -> None:
    one, other = (set(shingles(text, 5).tolist()) for text in ("404 - page not found", "404: Page not found."))
    assert one == other


def test_the_table_knows_every_character_of_the_language() -> None:
    table = character_table()
    beyond = [point for point in range(0x40000, 0x110000) if chr(point).isalnum()]
    assert not beyond
    old = [point for point in range(0x40000) if unicodedata.ucd_3_2_0.category(chr(point)) == unicodedata.category(chr(point)) != "Cn"]
    kinds = {point: unicodedata.category(chr(point)) for point in old if table[point] != IGNORED}
    assert all((table[point] != 0) == (kind[0] in "LNM") for point, kind in kinds.items())


@pytest.mark.parametrize(("one", "other"), [("a  b\n", " a b"), ("ﬁne", "fine"), ("e\u0301", "é"), ("a\u00a0b", "a b")])
def test_exact_copies_differ_in_white_space_and_encoding_of_characters_alone(one: str, other: str) -> None:
    assert text_hash(one) == text_hash(other)


@pytest.mark.parametrize(("one", "other"), [("a b", "A b"), ("a b", "ab"), ("a.b", "a b")])
def test_other_differences_make_another_text(one: str, other: str) -> None:
    assert text_hash(one) != text_hash(other)


def test_a_lone_surrogate_is_a_character_like_any_other() -> None:
    assert text_hash("a\ud800") != text_hash("a")
    assert len(shingles("a b c d e\ud800 f", 5)) == 2


@pytest.mark.parametrize(
    "text",
    ["สวัสดี", "ສະບາຍ", "བོད", "မြန်မာ", "ភាសា", "ひらがな", "カタカナ", "漢字", "ꆈꌠ"],
    ids=["thai", "lao", "tibetan", "burmese", "khmer", "hiragana", "katakana", "han", "yi"],
)
def test_scripts_without_spaces_are_words_character_by_character(text: str) -> None:
    assert all(character_table()[ord(character)] & (UNSEGMENTED | MARK) for character in text)
    assert all(character_table()[ord(character)] & UNSEGMENTED for character in text if unicodedata.category(character)[0] == "L")
