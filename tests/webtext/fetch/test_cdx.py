"""What indexes of web archives are asked, and what they answer."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webtext.fetch.cdx import Capture, captures, nearest, parse_timestamp, query, timestamp

NOON = datetime(2012, 3, 4, 12, tzinfo=timezone.utc)


def test_the_query() -> None:
    url = query("http://a.example/cdx", "http://b.example/?a=1&b=2#ü", NOON, 10)
    assert url.startswith("http://a.example/cdx?")
    assert parse_qs(urlsplit(url).query) == {
        "url": ["http://b.example/?a=1&b=2#ü"],
        "output": ["json"],
        "filter": ["statuscode:200"],
        "closest": ["20120304120000"],
        "sort": ["closest"],
        "limit": ["50"],
        "from": ["20120223120000"],
        "to": ["20120314120000"],
    }
    assert "from" not in query("http://a.example/cdx?key=1", "http://b.example/", NOON, 0)
    assert query("http://a.example/cdx?key=1", "http://b.example/", NOON, 0).startswith("http://a.example/cdx?key=1&url=")


def test_the_answer_of_the_wayback_machine() -> None:
    head = ["urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length"]
    rows = [
        ["k", "20120304050607", "http://a.example:80/", "text/html", "200", "D", "1415"],
        ["k", "20120304050608", "http://a.example/", "text/html", "302", "D", "1415"],
        ["k", "2012", "http://a.example/", "text/html", "200", "D", "1415"],
        ["k", "20120304050609", "http://a.example/", "warc/revisit", "-", "D", "1415"],
        [],
        ["resume+key"],
    ]
    found = captures(orjson.dumps([head, *rows]))
    assert [(one.url, one.timestamp, one.filename) for one in found] == [
        ("http://a.example:80/", "20120304050607", ""),
        ("http://a.example/", "20120304050609", ""),
    ]
    assert captures(b"") == captures(b"[]") == captures(b"\n") == []


def test_the_answer_of_pywb() -> None:
    row = {"timestamp": "20120304050607", "url": "http://a.example/", "status": "200", "mime": "text/html"}
    place = {"filename": "x/y.warc.gz", "offset": "17", "length": "1234"}
    others = [{"status": "404"}, {"mime": "warc/revisit"}, {"offset": "x"}]
    lines = [{**row, **place}, row, *({**row, **place, **other} for other in others)]
    found = captures(b"\n".join(map(orjson.dumps, lines)) + b"\n")
    assert [tuple(one[2:]) for one in found] == [("x/y.warc.gz", 17, 1234), ("", 0, 0), ("", 0, 0)]
    assert captures(b'{"message": "No Captures found for: x"}') == []


@given(st.binary(max_size=300) | st.recursive(st.none() | st.text() | st.integers(0, 9), st.lists).map(orjson.dumps))
def test_anything_else_is_no_answer(answer: bytes) -> None:
    try:
        found = captures(answer)
    except ValueError:
        return
    assert all(isinstance(one, Capture) for one in found)


@pytest.mark.parametrize("answer", [b"<html>busy</html>", b"1\n2\n", b"[1", b'{"a": 1}\nx'])
def test_a_page_of_html_is_no_answer(answer: bytes) -> None:
    with pytest.raises(ValueError):
        captures(answer)


def test_timestamps() -> None:
    assert parse_timestamp("20120304120000") == NOON
    assert timestamp(NOON.astimezone(timezone(timedelta(hours=5)))) == "20120304120000"
    assert parse_timestamp("20120230000000") is parse_timestamp("2012030412000") is parse_timestamp("２０１２0304120000") is None


moments = st.datetimes(datetime(2000, 1, 1), datetime(2020, 1, 1)).map(lambda when: when.replace(tzinfo=timezone.utc))


made = st.builds(Capture, st.sampled_from("ab"), moments, st.just(""), st.just(0), st.just(0))


@given(st.lists(made, max_size=8), moments, st.integers(0, 4000))
def test_the_nearest_come_first(found: list[Capture], when: datetime, days: int) -> None:
    ranked = nearest(found, when, days)
    assert ranked == nearest(list(reversed(found)), when, days)
    distances = [abs((one.when - when).total_seconds()) for one in ranked]
    assert distances == sorted(distances)
    left = [one for one in found if one not in ranked]
    assert all(abs((one.when - when).total_seconds()) > days * 86400 > 0 for one in left)
