"""Articles made of Python's own documentation."""

from __future__ import annotations

import doctest
import re
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webtext.demo import markup, resources, submissions
from webtext.demo.articles import Article, articles
from webtext.demo.markup import Block, inline, parse

SHORTEST, LONGEST = 1_700, 12_000  # characters of an article
PROSE_SHARE = 0.45  # of an article's characters at least
SHINGLE = 5  # words


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


def shingles_of(article: Article) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", " ".join(block.text for block in article.blocks).lower())
    return set(zip(*(words[start:] for start in range(SHINGLE))))


def test_no_two_are_near_copies_by_accident(found: tuple[Article, ...]) -> None:
    sets = [shingles_of(article) for article in found]
    holders: dict[tuple[str, ...], list[int]] = {}
    for place, shingles in enumerate(sets):
        for shingle in shingles:
            holders.setdefault(shingle, []).append(place)
    pairs = sorted((a, b) for places in holders.values() if len(places) < 50 for a in places for b in places if a < b)
    for (a, b), group in groupby(pairs):
        shared = sum(1 for _ in group)
        assert shared / (len(sets[a]) + len(sets[b]) - shared) < 0.5, (found[a].name, found[b].name)


def test_sentences_are_plain_words(found: tuple[Article, ...]) -> None:
    for article in found[::10]:
        for sentence in article.sentences():
            assert any(sentence in block.text for block in article.blocks)
            assert 10 <= len(sentence.split()) <= 30
            assert inline(sentence) == sentence


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("# Title\n\nSome words of prose that are long enough.", ["heading", "paragraph"]),
        ("Prose that introduces code:\n\n```\nx = 1\n\n# y\n```\n\nAnd then it goes on.", ["paragraph", "code", "paragraph"]),
        ("- one thing\n- another\n\n- a third\n", ["list", "list"]),
        ("### object.__new__(cls[, ...])\n\nCalled to create a new instance.", ["signature", "paragraph"]),
        ("#hash\n\n-1 is a number", ["paragraph", "paragraph"]),
        ("", []),
        ("\n \n", []),
    ],
    ids=["heading", "code", "lists", "signature", "no-markers", "empty", "blank"],
)
def test_blocks(text: str, kinds: list[str]) -> None:
    assert [block.kind for block in parse(text)] == kinds


def test_what_blocks_hold() -> None:
    assert parse("- one thing\n- another - that goes on\n") == [Block("list", "one thing\nanother - that goes on")]
    assert parse("Like this,\nas you can see:\n\n```\n  if x:\n      y\n\n\n  z\n```\n\n## Two  words") == [
        Block("paragraph", "Like this, as you can see:"),
        Block("code", "  if x:\n      y\n\n\n  z"),
        Block("heading", "Two  words"),
    ]


@given(st.text(alphabet=st.sampled_from("ab .:\n#-*>(_\t<&`1\xa0")))
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
