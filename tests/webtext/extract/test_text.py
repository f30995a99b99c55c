"""The form of a text, and the tree and title of a page."""

from __future__ import annotations

import pytest
from ftfy import fix_text
from hypothesis import given
from hypothesis import strategies as st

from webtext.extract import dom
from webtext.extract.text import FIXES, fixed, tidy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One.\r\n\r\n\r\nTwo. \rThree.\u2028Four.", "One.\nTwo.\nThree.\nFour."),
        ("a\u00a0 b\t c\u3000d", "a b c d"),
        ("CafÃ© â€œquotedâ€\x9d", "Café “quoted”"),
        ("co\u00adoperate zero\u200bwidth \ufeffmark", "cooperate zerowidth mark"),
        ("e\u0301te\u0301", "été"),
        ("“It’s ﬁne” － Ｆｕｌｌ", "“It’s fine” － Ｆｕｌｌ"),  # quotes and full width stay as they were written
        ("AT&amp;T", "AT&T"),
        ("def f():\n    if x:\n\treturn  1\n\nend", "def f():\n    if x:\n    return 1\nend"),
        ("- a\n  - b", "- a\n  - b"),
        ("Title\n                       far to the right", "Title\nfar to the right"),
        ("   first", "first"),
        (" \n\t\n", ""),
    ],
)
def test_tidy(text: str, expected: str) -> None:
    assert tidy(text) == expected


PIECES = [
    "Ã©",
    "â€œ",
    "â€\x9d",
    "’",
    "“",
    "”",
    "–",
    "…",
    "é",
    "&amp;",
    "&#10;",
    "<",
    ">",
    "\n",
    " ",
    "\x1b[31m",
    "\u00a0",
    "ﬁ",
    "e\u0301",
    "•",
    "\ufffd",
    "Õ",
    "word",
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3))).map("".join))
def test_only_lines_that_ftfy_would_change_are_given_to_it(text: str) -> None:
    plain = text.replace("\r", "").translate(dict.fromkeys((0x0B, 0x0C, 0x85, 0x2028, 0x2029)))
    assert fixed(plain) == fix_text(plain, FIXES)


@given(st.text(max_size=200))
def test_tidy_text_is_tidy(text: str) -> None:
    lines = tidy(text).split("\n")
    assert lines == [""] or all(line.strip() and line == line.rstrip() for line in lines)
    assert not lines[0].startswith(" ")


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        ("<title>A story | The Site</title>", "<h1>A story</h1>", "A story"),
        ("<title>A story | The Site</title><meta property=og:site_name content='The Site'>", "<h1>The Site</h1>", "A story"),
        ("<title>The Site: A story</title><meta property=og:site_name content='The Site'>", "", "A story"),
        ("<meta property=og:title content='Told to friends'><title>T</title>", "", "Told to friends"),
        ("<meta property=og:title content='Told to friends'><title>T</title>", "<h1>Subscribe now please</h1>", "Told to friends"),
        ("<title>Two  lines</title>", "<h1>Two<br>lines</h1>", "Two lines"),
        ("", "<h1>Nobody confirms</h1>", ""),
        ("<title>Logo A story told</title>", "<h1>Logo</h1><h1>A story <i>to</i>ld</h1>", "A story told"),
        ("", "", ""),
    ],
)
def test_title(head: str, body: str, title: str) -> None:
    tree = dom.parse(f"<html><head>{head}</head><body>{body}<p>Text.</p></body></html>")
    assert dom.title(tree) == title


@pytest.mark.parametrize(
    "html",
    [
        "<p>text</p>",
        "text",
        '<?xml version="1.0" encoding="iso-8859-1"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML" "x.dtd"><html><body>text</body></html>',
        "<!-- generated --><!DOCTYPE html><html><body><!-- c -->text</body></html>",
        "<body>te\x01xt</body>",
        "<script>var text = '<p>no</p>'</script><style>p {}</style>text<noscript>no</noscript>",
    ],
)
def test_parse_takes_documents_and_fragments(html: str) -> None:
    assert dom.visible_text(dom.parse(html)) == "text"


@pytest.mark.parametrize("html", ["", " \n", "<!DOCTYPE html>"])
def test_nothing_has_no_tree(html: str) -> None:
    assert dom.parse(html) is None


def test_a_page_that_never_closes_its_tags_is_read_to_the_end() -> None:
    html = "".join(f"<font><b>word{index} " for index in range(800)) + "the end"
    assert dom.visible_text(dom.parse(html)).endswith("word799 the end")


@pytest.mark.parametrize(("lang", "expected"), [("en", "en"), ("de-AT", "de"), ("PT_br", "pt"), ("", ""), ("eng", ""), ("e", "")])
def test_language_claimed(lang: str, expected: str) -> None:
    assert dom.language(dom.parse(f"<html lang='{lang}'><p>x</p></html>")) == expected
