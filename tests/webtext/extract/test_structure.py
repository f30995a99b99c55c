"""What a text looks like: tables, lists, code, formulas and all else that a reader sees, as text and as Markdown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import webtext
from benchmarks.structure import faults, snippets
from tests.webtext.extract.test_blocks import read
from webtext.core.config import ExtractSection
from webtext.extract.blocks.inline import inline, raised, verbatim
from webtext.extract.blocks.render import render
from webtext.extract.engines import Extraction
from webtext.extract.page import extract_page
from webtext.extract.result import Text


def both(html: str) -> tuple[str, str]:
    """All blocks of a page as text and as Markdown."""
    page = read(html)
    assert page is not None
    every = np.ones(len(page.node), np.bool_)
    return render(page, every), render(page, every, markdown=True)


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_most_small_pages_read_as_a_person_would_have_them(form: str) -> None:
    every = snippets()
    assert len(every) >= 120
    wrong = {each["name"]: found for each in every if (found := faults(each, getattr(webtext.extract(each["page"]), form)))}
    assert len(wrong) <= 0.05 * len(every), wrong  # captions of pictures, which WCXB's gold leaves out


def test_pages_that_broke_other_tools(data_dir: Path) -> None:
    """Each line that has to be there is there once; with "note" begins what is for people."""
    paths = sorted((data_dir / "cases" / "extract").glob("*.html"))
    assert len(paths) >= 17
    for path in paths:
        expected = path.with_name(f"{path.stem}.expected.txt").read_text(encoding="utf-8").split("--- note")[0]
        there, _, absent = expected.partition("--- must not be there:")
        text = webtext.extract(path.read_bytes()).text
        assert {line: text.count(line) for line in there.split("\n") if line} == {line: 1 for line in there.split("\n") if line}, path.stem
        assert [line for line in absent.split("\n") if line and line in text] == [], path.stem


RENDERED = {
    "lists": (
        "<h2>Head</h2><ol start=3><li>one<ul><li>two</ul></li><li><p>three</p><p>still three</p></li></ol><ol reversed><li>a<li>b</ol>",
        ["Head", "3. one", "  - two", "4. three", "still three", "2. a", "1. b"],
        ["## Head", "", "3. one", "    - two", "4. three", "", "   still three", "2. a", "1. b"],
    ),
    "table": (
        "<table><tr><th>a<th colspan=2>b<tr><td><p>x<p>y<td rowspan=2>z<td>w|<tr><td><td>v</table>",
        ["a | b", "x y | z | w|", "|  | v"],
        ["| a | b |  |", "| --- | --- | --- |", "| x y | z | w\\| |", "|  |  | v |"],
    ),
    "code": (
        "<ul><li>run<pre>\n\tif x:\n\n    y  = 1 \n</pre></ul>",
        ["- run", "\tif x:", "", "    y  = 1"],
        ["- run", "", "   ```", "   \tif x:", "", "       y  = 1", "   ```"],
    ),
    "quotation": (
        "<blockquote><p>one<p>two<br>three</blockquote><p>four &lt;b&gt; <code>&lt;i&gt;</code><p>1986. five",
        ["one", "two", "three", "four <b> <i>", "1986. five"],
        ["> one", ">", "> two  ", "> three", "", "four \\<b> `<i>`", "", "1986\\. five"],
    ),
}


@pytest.mark.parametrize("name", RENDERED)
def test_text_and_markdown_of_the_same_blocks(name: str) -> None:
    html, text, markdown = RENDERED[name]
    assert [form.split("\n") for form in both(html)] == [text, markdown]


@given(
    st.lists(
        st.sampled_from(["word ", " zwei", "<b>c</b> ", " <i> d</i>", "&amp;", "中文", "\u00a0", "\n", "<img/>", " <a href='x'>e</a> "])
    )
)
def test_inline_markup_without_marks_is_the_text_that_the_scanner_saw(pieces: list[str]) -> None:
    page = read(f"<p>{''.join(pieces)}</p>")
    for block in range(len(page.node) if page else 0):
        assert page is not None
        assert inline(page.markup[page.opens[block] : page.closes[block]].tobytes().decode()) == page.block(block)


@pytest.mark.parametrize(
    ("above", "before", "seen"),
    [
        ("8", "10", "⁸"),
        ("st", "1", "st"),
        ("n+1", "2", "ⁿ⁺¹"),
        ("iπ", "e", "^(iπ)"),
        ("[1]", "end.", "[1]"),
        ("me", "M", "me"),
        ("x", "", "x"),
    ],
)
def test_what_stands_above_the_line(above: str, before: str, seen: str) -> None:
    assert raised(above, before) == seen


def test_numbers_before_all_lines_are_not_code_but_steps_of_ten_are() -> None:
    assert verbatim("<pre>1 a\n2   b\n3 c</pre>") == "a\n  b\nc"
    assert verbatim("<pre>10 PRINT\n20 GOTO 10\n30 END</pre>") == "10 PRINT\n20 GOTO 10\n30 END"


def test_documents_hold_markdown_where_the_configuration_says_so() -> None:
    body = b"<article><h2>A heading</h2><p>Some words that are long enough to be the text of a page, as here.</p><p>And more.</p></article>"
    found = extract_page(body, "text/html", "http://example.org/", ExtractSection(markdown=True))
    assert isinstance(found, Text)
    assert found.text == webtext.extract(body).markdown
    assert "\n\n" in found.text


def test_an_engine_that_knows_lines_only_has_them_as_paragraphs() -> None:
    assert Extraction("", "one\ntwo\n- a\n  - b", 1.0, "own").markdown == "one\n\ntwo\n- a\n  - b"
