"""Markup nested deeper than the parser goes: nothing of the text is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webtext.core.config import ExtractSection
from webtext.extract import dom
from webtext.extract.flatten import flatten
from webtext.extract.page import extract_page
from webtext.extract.result import Text


@pytest.mark.parametrize("tag", ["div", "font", "b", "blockquote", "ul><li", "table><tr><td", "section"])
@pytest.mark.parametrize("closed", [True, False])
def test_deep_nesting_loses_no_word(tag: str, closed: bool) -> None:
    names = tag.split("><")
    end = "".join(f"</{name}>" for name in reversed(names)) if closed else ""
    html = "<body>" + "".join(f"<{tag}>w{number} " for number in range(4000)) + end * 4000 + "<p>the end</p>"
    before = dom.FLATTENED["pages"]
    tree = dom.parse(html)
    assert tree is not None
    assert tree.text_content().split() == [f"w{number}" for number in range(4000)] + ["the", "end"]
    assert dom.FLATTENED["pages"] == before + 1


def test_a_page_that_was_flattened_is_counted() -> None:
    sentence = "The lighthouse keeper wrote down the weather every morning, and nobody in the village knew why he did it. "
    body = ("<div>" * 3000 + f"<p>{sentence * 4}</p>" + "</div>" * 3000 + f"<p>{sentence[:50] * 4}</p>").encode()
    found = extract_page(body, "text/html", "", ExtractSection())
    assert isinstance(found, Text)
    assert found.extractor.endswith("+flattened")
    assert "The lighthouse keeper" in found.text
    plain = extract_page(body.replace(b"<div>" * 1000, b"").replace(b"</div>" * 1000, b""), "text/html", "", ExtractSection())
    assert isinstance(plain, Text)
    assert not plain.extractor.endswith("+flattened")


def test_a_break_stands_where_a_box_was() -> None:
    assert flatten("<p>a<b>b</b>c<div>d</div>e</p>", 1) == "<p>abc<br>d<br>e</p>"
    assert flatten("<p>a<p>b<br>c<script>if (a<b) {}</script>", 1) == "<p>a<p>b<br>c<script>if (a<b) {}</script>"


TAGS = st.sampled_from(["<div>", "</div>", "<b>", "</b>", "<p>", "</p>", "<li>", "<br>", "x", " y", "<!-- <p> -->", "<"])


@given(st.lists(TAGS, max_size=40).map("".join))
def test_shallow_markup_stays_as_it_is(html: str) -> None:
    assert flatten(html, 100) == html


@given(st.lists(TAGS, max_size=40).map("".join), st.integers(0, 3))
def test_text_stays_in_order(html: str, depth: int) -> None:
    def words(markup: str) -> list[str]:
        tree = dom.parse(f"<body>{markup}</body>")
        return [] if tree is None else [letter for letter in tree.text_content() if letter in "xy"]

    assert words(flatten(html, depth)) == words(html)
