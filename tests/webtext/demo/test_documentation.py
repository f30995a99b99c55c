"""Articles made of Python's own documentation."""

from __future__ import annotations

import doctest
import sys
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webtext.demo import documentation, markup, resources, submissions
from webtext.demo.documentation import LONGEST, PROSE_SHARE, SHORTEST, Article, articles, modules
from webtext.demo.markup import Block, inline, parse


@pytest.fixture(scope="module")
def found() -> tuple[Article, ...]:
    return articles()


def test_there_is_enough_to_read(found: tuple[Article, ...]) -> None:
    assert 300 <= len(found) <= 500
    assert sum(article.characters for article in found) > 2_200_000
    assert {article.name.split("-")[0] for article in found} == {"class", "functions", "language", "module", "notes", "type"}
    assert len({article.name for article in found}) == len(found)
    for article in found:
        assert article.characters >= SHORTEST
        assert article.prose >= PROSE_SHARE * article.characters
        assert all(block.text.strip() for block in article.blocks)
        paragraphs = [block.text for block in article.blocks if block.kind == "paragraph"]
        assert len(set(paragraphs)) == len(paragraphs)
    # A text is cut at paragraphs, so only one that consists of long paragraphs exceeds the bound.
    assert sum(article.characters > 1.5 * LONGEST for article in found) == 0


def test_no_two_are_near_copies_by_accident(found: tuple[Article, ...]) -> None:
    sets = [article.shingles() for article in found]
    holders: dict[tuple[str, ...], list[int]] = {}
    for place, shingles in enumerate(sets):
        for shingle in shingles:
            holders.setdefault(shingle, []).append(place)
    pairs = sorted((a, b) for places in holders.values() if len(places) < 50 for a in places for b in places if a < b)
    for (a, b), group in groupby(pairs):
        shared = sum(1 for _ in group)
        assert shared / (len(sets[a]) + len(sets[b]) - shared) < 0.5, (found[a].name, found[b].name)


def test_without_pydoc_data_there_are_articles_all_the_same(monkeypatch: pytest.MonkeyPatch, found: tuple[Article, ...]) -> None:
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)  # makes its import fail
    assert list(documentation._topics()) == []
    assert len([article for article in found if not article.name.startswith("language-")]) >= 300


def test_the_list_of_modules_is_sorted_and_has_none_twice() -> None:
    names = modules()
    assert names == sorted(set(names))


def test_sentences_are_plain_words(found: tuple[Article, ...]) -> None:
    for article in found[::10]:
        for sentence in article.sentences():
            assert sentence in article.plain
            assert 10 <= len(sentence.split()) <= 30
            assert inline(sentence) == sentence


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Title\n=====\n\nSome words of prose that are long enough.", ["heading", "paragraph"]),
        (
            "A line of prose that introduces code::\n\n    x = 1\n\n    y = 2\n\nAnd then it goes on with prose.",
            ["paragraph", "code", "paragraph"],
        ),
        (">>> 1 + 1\n2", ["code"]),
        ("* one thing\n* another\n  that goes on\n\n* a third", ["list"]),
        ("object.__new__(cls[, ...])\n\n   Called to create a new instance of the class.", ["signature", "paragraph"]),
        ("", []),
    ],
)
def test_blocks(text: str, kinds: list[str]) -> None:
    assert [block.kind for block in parse(text)] == kinds


def test_what_blocks_hold() -> None:
    assert parse("* one thing\n* another\n  that goes on\n\n* a third") == [Block("list", "one thing\nanother that goes on\na third")]
    assert parse("Like this, as you can see::\n\n    if x:\n        y\n\n    z") == [
        Block("paragraph", "Like this, as you can see:"),
        Block("code", "if x:\n    y\n\nz"),
    ]


@given(st.text(alphabet=st.sampled_from("ab .:\n=-*>(_\t<&`1")))
def test_no_word_is_lost_or_invented(text: str) -> None:
    def letters(value: str) -> str:
        return "".join(character for character in value if character.isalpha() or character in "<&")

    assert letters("".join(block.text for block in parse(text))) == letters(text)


@given(st.text())
def test_inline_leaves_no_raw_markup(text: str) -> None:
    html = inline(text)
    for element in ("code", "strong", "em"):
        html = html.replace(f"<{element}>", "").replace(f"</{element}>", "")
    assert "<" not in html


def test_examples_in_docstrings() -> None:
    for module in (markup, resources, submissions):
        result = doctest.testmod(module, globs={**vars(module)})
        assert result.failed == 0, module
