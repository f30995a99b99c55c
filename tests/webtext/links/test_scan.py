"""The scanner against a full parser: it never takes what is not JSON, and reads no field otherwise. What it is not sure of it leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from webtext.links import scan_columns as columns
from webtext.links.dumps import read_blocks
from webtext.links.file_types import NOT_TEXT, file_type
from webtext.links.scan import scan
from webtext.links.scan_columns import CLEAN, QUERY, SLOW, TITLE_ESCAPED, URL_ESCAPED
from webtext.links.scan_url import KINDS
from webtext.links.submissions import Submission, read_submission, unescape
from webtext.links.urls import canonical, is_variant_host, may_track, parse

Row = list[int]


def rows_of(block: bytes) -> Iterator[tuple[bytes, Row]]:
    for rows in scan(block):
        for row in rows.tolist():
            yield block[row[columns.LINE] : row[columns.LINE_END]], row


def fast(block: bytes, row: Row) -> Submission:
    """What the stage makes of a row."""

    def text(start: int, end: int, escaped: int) -> str:
        raw = block[row[start] : row[end]]
        return str(orjson.loads(b'"' + raw + b'"')) if escaped else raw.decode("ascii")

    flags = row[columns.FLAGS]
    return Submission(
        text(columns.ID, columns.ID_END, 0),
        unescape(text(columns.URL, columns.URL_END, flags & URL_ESCAPED)),
        text(columns.SUBREDDIT, columns.SUBREDDIT_END, 0),
        unescape(text(columns.TITLE, columns.TITLE_END, flags & TITLE_ESCAPED)),
        row[columns.SCORE],
        row[columns.CREATED],
        flags & (columns.OVER_18 | columns.SELF | columns.PROMOTED | columns.DELETED | columns.REMOVED),
    )


def check(block: bytes) -> int:
    """Hold every line of a block against the parser; returns how many lines the scanner left."""
    left = 0
    lines = []
    for line, row in rows_of(block):
        lines.append(line)
        flags = row[columns.FLAGS]
        if flags & SLOW:
            left += 1
            continue
        submission = read_submission(line)
        assert fast(block, row) == submission, line
        if flags & CLEAN:
            url = submission.url
            assert flags & URL_ESCAPED == 0
            host = block[row[columns.HOST] : row[columns.HOST_END]].decode()
            assert parse(url).host == host
            assert bool(flags & QUERY) == (parse(url).query is not None)
            if not is_variant_host(host) and not may_track(url.partition("?")[2]):
                assert canonical(url) == url
            kind = file_type(url)
            assert row[columns.KIND] == (KINDS.index(kind) if kind in NOT_TEXT else -1)
    assert lines == block.split(b"\n")[:-1]
    return left


@pytest.mark.parametrize(
    ("name", "lines", "left"),
    [
        ("RS_2005-06.zst", 103, 0),
        ("RS_2005-07.zst", 1079, 0),
        ("submissions_2020-2022.ndjson.zst", 3326, 0),
        ("wcxb_submissions.ndjson.zst", 2006, 0),
    ],
)
def test_real_dumps(data_dir: Path, name: str, lines: int, left: int) -> None:
    blocks = list(read_blocks(data_dir / "reddit" / name))
    assert sum(block.count(b"\n") for block in blocks) == lines
    assert sum(map(check, blocks)) == left


POST = b'{"id":"a","url":"http://a.example/b.html","subreddit":"s","title":"t","score":3,"created_utc":1483228800}'


@pytest.mark.parametrize(
    "line",
    [
        POST,
        b" \t" + POST.replace(b":", b" : ").replace(b"http : ", b"http:").replace(b",", b"\t,\r") + b" \r",
        POST.replace(b"3,", b"-3.0,"),
        POST.replace(b"{", b'{"a":[[],{},[{"id":"x","b":[1,-2.5,null,true,false]}]],'),
        POST.replace(b'"t"', '"\\ud83d\\ude00 \\u00e9é😀 \\"\\\\/\\b\\f\\n\\r\\t"'.encode()),
        POST.replace(b'"t"', b'"[deleted by user]"'),
        POST.replace(b"{", b'{"selftext":"[removed]","over_18":true,"is_self":null,"promoted":false,'),
        POST.replace(b"{", b'{"removed_by_category":"moderator","url_overridden_by_dest":"https://b.example/?q=1",'),
        POST.replace(b"{", b'{"removed_by_category":"author","url_overridden_by_dest":null,'),
        POST.replace(b"{", b'{"removed_by_category":"","url_overridden_by_dest":"",'),
        POST.replace(b'"a"', b'"zz"').replace(b"{", b'{"id":"first",'),
        POST.replace(b"http://a.example/b.html", b"http:\\/\\/a.example\\/b"),
        POST.replace(b"http://a.example/b.html", b""),
        POST.replace(b"3,", b"999999999999999999,"),
        POST.replace(b"{", b'{"":1,"i":2,"idd":3,"urk":4,"url_overridden_by_desz":5,"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx":6,'),
    ],
)
def test_the_usual_is_read(line: bytes) -> None:
    assert check(line + b"\n") == 0
    assert check((line + b"\n") * 5000) == 0


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"  ",
        b"{}",
        b"null",
        b"[]",
        POST[:-1],
        POST[:50],
        POST + b"x",
        POST + POST,
        POST + b"]",
        POST.replace(b"}", b"]"),
        POST.replace(b"}", b",}"),
        POST.replace(b"{", b"{,"),
        POST.replace(b"3,", b"03,"),
        POST.replace(b"3,", b"3.,"),
        POST.replace(b"3,", b"-,"),
        POST.replace(b"3,", b"3e2,"),
        POST.replace(b"3,", b"3.5,"),
        POST.replace(b"3,", b"null,"),
        POST.replace(b"3,", b"tru,"),
        POST.replace(b"3,", b"1234567890123456789,"),
        POST.replace(b"1483228800", b'"1483228800"'),
        POST.replace(b'"t"', b'"\t"'),
        POST.replace(b'"t"', b'"\\x"'),
        POST.replace(b'"t"', b'"\\u12g4"'),
        POST.replace(b'"t"', b'"\\ud83d"'),
        POST.replace(b'"t"', b'"\\ude00"'),
        POST.replace(b'"t"', b'"\\ud83d\\u0041"'),
        POST.replace(b'"t"', b'"\xff"'),
        POST.replace(b'"t"', b'"\xc0\x80"'),
        POST.replace(b'"t"', b'"\xed\xa0\x80"'),
        POST.replace(b'"t"', b'"\xf4\x90\x80\x80"'),
        POST.replace(b'"t"', b'"\xe9"'),
        POST.replace(b'"t"', b"[]"),
        POST.replace(b'"a"', b'""'),
        POST.replace(b'"a"', b"7"),
        POST.replace(b'"id"', b'"\\u0069d"'),
        POST.replace(b"{", b'{"a":{"b":1]},'),
        POST.replace(b"{", b'{"a":' + b"[" * 100 + b"]" * 100 + b","),
        POST.replace(b"{", b'{"over_18":"yes",'),
        POST.replace(b"{", b'{"url_overridden_by_dest":7,'),
    ],
)
def test_the_unusual_is_left(line: bytes) -> None:
    assert check(line + b"\n") == 1
    assert check(POST + b"\n" + line + b"\n" + POST + b"\n") == 1


TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["[deleted]", "[removed]", "[deleted by user]", "moderator", "deleted", "author", "http://a.example/b?c=1", "/r/x", "&amp;<"]
    ),
    st.builds(
        "".join,
        st.lists(
            st.sampled_from(
                "http :// xn-- b1 .org .jpg %41 %20 %3A %2F %e9 %E9 %2E % www.google.com m.imdb.com utm_a=1 amp; é \u2028".split(" ")
                + list("/.?&=#aZ:;~%_-+,!@'[]")
            ),
            max_size=9,
        ),
    ),
)
SCALAR = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False), TEXT)
ANYTHING = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6)
USUAL = {
    "id": st.text("abc019", min_size=1, max_size=7),
    "url": TEXT,
    "subreddit": st.text("abc_", max_size=5),
    "title": TEXT,
    "score": st.integers(-100, 10**6) | st.integers(0, 9).map(float),
    "created_utc": st.integers(0, 2 * 10**9) | st.integers(0, 2 * 10**9).map(float),
}
OPTIONAL = {
    "url_overridden_by_dest": TEXT | st.none(),
    "over_18": st.booleans() | st.none(),
    "is_self": st.booleans(),
    "selftext": TEXT,
    "removed_by_category": TEXT | st.none(),
    "promoted": st.booleans(),
}
POSTS = st.builds(
    lambda post, others, order: dict(order.sample(items := list({**others, **post}.items()), len(items))),
    st.fixed_dictionaries(USUAL, optional=OPTIONAL),
    st.dictionaries(TEXT | st.sampled_from([*USUAL, *OPTIONAL]), ANYTHING, max_size=5),
    st.randoms(use_true_random=False),
)
LINES = st.builds(
    lambda post, ascii_only, blanks: json.dumps(post, ensure_ascii=ascii_only, separators=(", ", ": ") if blanks else (",", ":")),
    POSTS,
    st.booleans(),
    st.booleans(),
).map(lambda line: line.encode("utf-8", "surrogatepass"))


@given(st.lists(LINES, min_size=1, max_size=4))
@settings(max_examples=100)
def test_whatever_json(lines: list[bytes]) -> None:
    check(b"".join(line + b"\n" for line in lines))


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.integers()), st.fixed_dictionaries(USUAL, optional=OPTIONAL))
@settings(max_examples=100)
def test_usual_posts_are_not_left(others: dict[str, int], post: dict[str, object]) -> None:
    short = {key: value for key, value in others.items() if abs(value) < 10**18}
    left = check(json.dumps({**post, **short}).encode() + b"\n")
    assert left == ("\\" in json.dumps(post.get("removed_by_category")))


@given(
    LINES,
    st.integers(0, 10**6),
    st.sampled_from([bytes([byte]) for byte in b'"\\{}[],:0-.eEut \t\r\0\x1f\x7f\x80\xc3\xff'] + [b"", b"\\u", b"\\ud800"]),
)
@settings(max_examples=100)
@example(POST, 0, b"")
def test_whatever_is_no_json_any_more(line: bytes, place: int, damage: bytes) -> None:
    place %= len(line)
    for damaged in (line[:place] + damage + line[place:], line[:place] + damage + line[place + 1 :], line[:place]):
        check(damaged.replace(b"\n", b"") + b"\n")
