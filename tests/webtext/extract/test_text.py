"""The form of a text, and the tree and title of a page."""

from __future__ import annotations

import re

import pytest
from ftfy import fix_text
from ftfy.badness import MOJIBAKE_CATEGORIES, is_bad
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree
from lxml.html import HTMLParser, document_fromstring

from webtext.extract import dom
from webtext.extract.text import FIXES, STEP, _sound, fixed, tidy


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


# Every character that mojibake is made of, and what ftfy's patterns look for beside them
TELLING = [chr(code) for code in range(0x80, 0x10000) if re.match(f"[{''.join(MOJIBAKE_CATEGORIES.values())}]", chr(code))]
LINES = st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(TELLING), st.sampled_from("aZ 1.?\n"), st.text(max_size=3))).map(
    "".join
)
MANGLED = st.tuples(st.text(max_size=6), st.sampled_from(["cp1252", "cp1251", "cp1250", "cp1253", "cp1257", "mac-roman", "cp437"])).map(
    lambda pair: f"so {pair[0].encode('utf-8', 'ignore').decode(pair[1], 'replace')} on"
)


@given(st.one_of(LINES, MANGLED))
@example("Ã la carte\nÃ la carte")
@example("l.\nÂ word")
@example("cœur œuvre, œ")
@example("x ГўВЂВ™ x")
@example("« Bonjour », dit-il — “oui”…")
def test_only_lines_that_ftfy_would_change_are_given_to_it(text: str) -> None:
    plain = text.replace("\r", "").translate(dict.fromkeys((0x0B, 0x0C, 0x85, 0x2028, 0x2029)))
    assert fixed(plain) == fix_text(plain, FIXES)


@pytest.mark.parametrize("frame", ["{}", "a{}a", "A{} ", " {}1"])
def test_every_two_neighbours_that_are_mojibake_to_ftfy_are_looked_at(frame: str) -> None:
    lines = [frame.format(first + second) for first in TELLING for second in TELLING]
    assert len(lines) > 100_000
    assert [line for line in lines if _sound(line) and is_bad(line)] == []


def test_a_line_longer_than_ftfy_reads_at_once_is_given_to_it() -> None:
    text = "x" * FIXES.max_decode_length + "Ã la carte"
    assert fixed(text) == fix_text(text, FIXES) != text


INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad\u200e\u200f\u202a-\u202e\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff]")
BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
SPACES = re.compile("[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")


def slow_tidy(text: str) -> str:
    """Every step on every line."""
    lines: list[str] = []
    last = 0
    for line in INVISIBLE.sub("", fix_text(BREAKS.sub("\n", text), FIXES)).split("\n"):
        words = SPACES.sub(" ", line).strip()
        if words:
            margin = line[: len(line) - len(line.lstrip(" \t"))]
            indent = len(margin.expandtabs(4))
            last = indent if lines and indent <= last + STEP else 0
            lines.append(" " * last + words)
    return "\n".join(lines)


BLANKS = "\t\n\x0b\x0c\r\x1c\x1f \x7f\x85\xa0\xad\u1680\u2003\u200a\u200b\u200c\u200e\u2028\u202a\u202f\u205f\u2060\u3000\ufdd0\ufeff\uffff"


@given(st.one_of(LINES, st.lists(st.sampled_from([*BLANKS, "  ", "\n    ", "a", "b c", "&nbsp;", "é"])).map("".join)))
def test_tidy_is_its_steps_one_after_the_other(text: str) -> None:
    assert tidy(text) == slow_tidy(text)


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


def slow_parse(html: str) -> dom.Tree | None:
    """By characters, with a parser of its own."""
    body = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]", "", dom._PROLOGUE.sub("", html, count=1))
    parser = HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, collect_ids=False, default_doctype=False)
    try:
        return document_fromstring(body.encode(), parser=parser)
    except etree.ParserError:
        return None


def slow_title(tree: dom.Tree) -> str:
    """By paths, each with a walk of its own."""
    given = [
        meta.get("content") or ""
        for path in ("@property='og:title'", "@name='twitter:title'")
        for meta in tree.iterfind(f".//meta[{path}]")
    ]
    given = [text for text in map(dom._clean, (*given, tree.findtext(".//title") or "")) if text]
    site = next((dom._clean(meta.get("content") or "") for meta in tree.iterfind(".//meta[@property='og:site_name']")), "").lower()
    known = set(re.findall(r"\w+", " ".join(given).lower()))
    best, most = "", 0.0
    for heading in tree.iterfind(".//h1"):
        text = dom._clean("".join(piece if isinstance(piece, str) else " " for piece in heading.xpath(".//text() | .//br")))
        words = re.findall(r"\w+", text.lower())
        confirmed = sum(word in known for word in words)
        if text.lower() != site and confirmed >= len(words) * dom.CONFIRMED and confirmed > most:
            best, most = text, confirmed
    return best or (dom._without_site(given[0], site) if given else "")


MARKUP = [
    "<?xml version='1.0'?>", "<!DOCTYPE html>", "<!-- c -->", "<html lang=en>", "<head>", "<body>", "<title>A story | Site</title>",
    "<svg><title>icon</title></svg>", "<meta property=og:title content='A story'>", "<meta name=twitter:title content='Told story'>",
    "<meta property=og:site_name content=Site>", "<meta property=og:title name=twitter:title>", "<h1>A<br>story</h1>", "<h1>", "</h1>",
    "<p>", "</p>", "<script>x < y</script>", "\x00", "\x1b", "\x7f", "\ud800", "\udfff", "\ufffe", "\uffff", "\ufffd", "\ufeff", "story",
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(MARKUP), st.text(max_size=4)), max_size=15).map("".join))
def test_a_page_is_parsed_and_named_as_by_characters_and_paths(html: str) -> None:
    tree, slow = dom.parse(html), slow_parse(html)
    assert (tree is None) == (slow is None)
    if tree is not None:
        assert etree.tostring(tree) == etree.tostring(slow)
        assert dom.title(tree) == slow_title(slow)


@pytest.mark.parametrize(("lang", "expected"), [("en", "en"), ("de-AT", "de"), ("PT_br", "pt"), ("", ""), ("eng", ""), ("e", "")])
def test_language_claimed(lang: str, expected: str) -> None:
    assert dom.language(dom.parse(f"<html lang='{lang}'><p>x</p></html>")) == expected
