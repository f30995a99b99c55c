from __future__ import annotations

import unicodedata

import numpy as np
import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.tokenizer.twins import words_of
from tokenizer.pretokenize import LETTER, NUMBER, SPACE, character_classes, pretokenize, word_ends
from tokenizer.utf8 import to_utf8

# Everything the pattern looks at, so that short random texts hit all of it.
PIECES = st.sampled_from(
    [
        " ",
        "  ",
        "\n",
        "\t",
        "\u00a0",
        "\u3000",
        "\x1c",
        "\x85",
        "'",
        "'s",
        "'ll",
        "'re",
        "'LL",
        "l",
        "e",
        "x",
        "é",
        "日",
        "7",
        "²",
        "١",
        "𝟙",
        "-",
        "—",
        "😀",
        "\u0301",
        "\0",
    ]
)


def test_examples() -> None:
    assert pretokenize("Hello world's  end.\n\n  24th") == [b"Hello", b" world", b"'s", b" ", b" end", b".", b"\n\n ", b" 24", b"th"]
    assert pretokenize("don't '''s I'LL  ") == [b"don", b"'t", b" '''", b"s", b" I", b"'", b"LL", b"  "]
    assert pretokenize("") == []


def test_classes_are_those_of_the_regex_module() -> None:
    classes = character_classes()
    letter, number, space = (regex.compile(pattern).match for pattern in (r"\p{L}", r"\p{N}", r"\s"))
    for code in range(0x110000):
        character = chr(code)
        expected = LETTER if letter(character) else NUMBER if number(character) else SPACE if space(character) else 0
        assert classes[code] == expected, hex(code)
    # NB: unlike str.isspace, \s of the regex module has no U+001C to U+001F.
    assert classes[0x1C] != SPACE
    assert classes[0x85] == classes[0xA0] == SPACE


@pytest.mark.parametrize("template", ["a{}b", " {}{} \n{}1"])
def test_every_code_point(template: str) -> None:
    text = "\x00".join(template.replace("{}", chr(code)) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF)
    data = text.encode()
    assert pretokenize(data) == words_of(data)


@given(st.lists(PIECES).map("".join))
def test_dense_text_gives_the_words_of_the_regex_module(text: str) -> None:
    assert pretokenize(text) == words_of(text.encode())


@given(st.text())
def test_random_text_gives_the_words_of_the_regex_module(text: str) -> None:
    assert pretokenize(text) == words_of(text.encode())


@settings(max_examples=500)
@given(st.one_of(st.binary(), st.lists(st.one_of(PIECES.map(str.encode), st.binary(max_size=3))).map(b"".join)))
@example(b"\xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x82")  # overlong, surrogate, beyond Unicode, cut short
@example(b"a\xe2\x82\xac \xe0\x9f\xbf \xf0\x8f\xbf\xbf\xf8\xff")
def test_invalid_bytes_are_characters_of_their_own(data: bytes) -> None:
    assert pretokenize(data) == words_of(data)
    assert b"".join(pretokenize(data)) == data


@pytest.mark.parametrize("lead", range(0xC0, 0x100))
def test_two_bytes_of_every_kind(lead: int) -> None:
    for second in range(0x100):
        for rest in (b"", b"\x80", b"\x80\x80", b"\xbf\xbf ", b"a\x80\x80"):
            data = b"x" + bytes([lead, second]) + rest
            assert pretokenize(data) == words_of(data), data


def test_languages(languages: dict[str, str]) -> None:
    for code, text in languages.items():
        for form in (text, unicodedata.normalize("NFD", text[:20_000])):
            assert pretokenize(form) == words_of(form.encode()), code


def test_lone_surrogates_become_replacement_characters() -> None:
    assert to_utf8("a\ud800b") == "a\ufffdb".encode()
    assert to_utf8("\ud83d\ude00") == "😀".encode()


@given(st.lists(st.lists(PIECES).map(lambda pieces: "".join(pieces).encode()), min_size=1), st.integers(1, 5))
def test_blocks_of_words_of_several_texts(texts: list[bytes], room: int) -> None:
    """Kernel calls that stop anywhere go on as if they had not, and no word crosses from text to text."""
    data = np.frombuffer(b"".join(texts), dtype=np.uint8)
    stops = np.cumsum([len(text) for text in texts])
    ends = np.empty(room, dtype=np.int64)
    found: list[int] = []
    while not found or found[-1] < data.size:
        count = word_ends(data, found[-1] if found else 0, stops, character_classes(), ends)
        if count == 0:
            break
        found += ends[:count].tolist()
    words = [data[start:end].tobytes() for start, end in zip([0, *found], found)]
    assert words == [word for text in texts for word in words_of(text)]
