"""Submissions of every year, and each rule by its name."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson
import pytest

from webtext.core.config import LinksSection
from webtext.core.hashing import shard_of_url
from webtext.links.file_types import file_type
from webtext.links.rules import Rules
from webtext.links.submissions import DELETED, OVER_18, PROMOTED, REMOVED, SELF, BrokenLine, Submission, read_submission

POST = {"id": "a1", "url": "http://a.example/b", "subreddit": "s", "title": "t", "score": 3, "created_utc": 1483228800}


def post(*without: str, **fields: Any) -> Submission:
    return read_submission(orjson.dumps({key: value for key, value in {**POST, **fields}.items() if key not in without}))


def test_a_plain_post() -> None:
    assert post() == Submission("a1", "http://a.example/b", "s", "t", 3, 1483228800, 0)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"created_utc": 1483228800.0}, {"created_utc": 1483228800}),
        ({"created_utc": 1483228800.9}, {"created_utc": 1483228800}),
        ({"created_utc": "1483228800"}, {"created_utc": 1483228800}),  # Pushshift 2016-17
        ({"created_utc": "1483228800.0"}, {"created_utc": 1483228800}),
        ({"score": None, "ups": 9, "downs": 4}, {"score": 5}),
        ({"score": None, "ups": 9, "downs": None}, {"score": 9}),
        ({"score": 0, "ups": 9}, {"score": 0}),
        ({"score": -2}, {"score": -2}),
        ({"id": None, "name": "t3_zz"}, {"id": "zz"}),
        ({"url_overridden_by_dest": "http://b.example/"}, {"url": "http://b.example/"}),
        ({"url_overridden_by_dest": ""}, {"url": "http://a.example/b"}),
        ({"url_overridden_by_dest": None}, {"url": "http://a.example/b"}),
        ({"url": None}, {"url": ""}),
        ({"url": "http://a.example/?b=1&amp;c=&lt;"}, {"url": "http://a.example/?b=1&c=<"}),
        ({"title": "a &amp;amp; b &gt; c"}, {"title": "a &amp; b > c"}),
        ({"title": None, "subreddit": None}, {"title": "", "subreddit": ""}),
        ({"over_18": True}, {"flags": OVER_18}),
        ({"over_18": None}, {"flags": 0}),
        ({"is_self": True, "selftext": "words"}, {"flags": SELF}),
        ({"is_self": False, "domain": "self.com"}, {"flags": 0}),
        ({"promoted": True}, {"flags": PROMOTED}),
        ({"selftext": "[deleted]"}, {"flags": DELETED}),
        ({"selftext": "[removed]"}, {"flags": REMOVED}),
        ({"title": "[deleted by user]"}, {"title": "[deleted by user]", "flags": DELETED}),
        ({"removed_by_category": "deleted"}, {"flags": DELETED}),
        ({"removed_by_category": "author"}, {"flags": DELETED}),
        ({"removed_by_category": "moderator"}, {"flags": REMOVED}),
        ({"removed_by_category": "copyright_takedown"}, {"flags": REMOVED}),
        ({"removed_by_category": None}, {"flags": 0}),
        ({"crosspost_parent_list": [{**POST, "id": "other", "is_self": True}]}, {"id": "a1", "flags": 0}),
        ({"_meta": {"retrieved_2nd_on": 1}, "retrieved_on": 5}, {"flags": 0}),  # Arctic Shift
    ],
)
def test_fields_as_the_years_had_them(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert post(**fields) == post()._replace(**expected)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"", "not JSON"),
        (b'{"id": "a"', "not JSON"),
        (b'{"id": "\xff"}', "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "no id"),
        (b'{"id": 5}', "no id"),
        (b'{"id": "a"}', "no created_utc"),
        (b'{"id": "a", "created_utc": "soon"}', "no created_utc"),
        (b'{"id": "a", "created_utc": true}', "no created_utc"),
        (b'{"id": "a", "created_utc": 1e300}', "no created_utc"),
        (b'{"id": "a", "created_utc": "-"}', "no created_utc"),
        (b'{"id": "a", "created_utc": 5}', "no score"),
        (b'{"id": "a", "created_utc": 5, "score": "many"}', "no score"),
    ],
)
def test_broken_lines(line: bytes, problem: str) -> None:
    with pytest.raises(BrokenLine, match=problem):
        read_submission(line)


def verdict(section: LinksSection | None = None, **fields: Any) -> tuple[str, str, str]:
    submission = post(**fields)
    url, shard, reason, detail = Rules(section or LinksSection(), 16).judge(submission)
    assert reason or shard == shard_of_url(url, 16)
    return url, reason, detail


def test_a_post_that_stays() -> None:
    assert verdict(url="HTTP://A.example/b?utm_source=c#d") == ("http://a.example/b", "", "")
    assert verdict(url="http://127.0.0.1:8080/x") == ("http://127.0.0.1:8080/x", "", "")
    assert verdict(url="http://[::1]:8080/x") == ("http://[::1]:8080/x", "", "")
    assert verdict(score=-5)[1] == ""  # karma is judged when all posts of a URL are known


@pytest.mark.parametrize(
    ("fields", "reason", "detail"),
    [
        ({"promoted": True}, "promoted", ""),
        ({"is_self": True}, "self-post", ""),
        ({"selftext": "[removed]"}, "removed", ""),
        ({"selftext": "[deleted]"}, "deleted", ""),
        ({"url": "ftp://a.example/"}, "bad-url", "scheme ftp is not http or https"),
        ({"url": ""}, "bad-url", "no scheme"),
        ({"url": "/r/pics/comments/5/x/"}, "reddit-host", "www.reddit.com"),
        ({"url": "https://i.redd.it/x"}, "reddit-host", "i.redd.it"),
        ({"url": "http://i.imgur.com/a.jpg"}, "media-host", "i.imgur.com"),
        ({"url": "http://de.wikipedia.org/wiki/A"}, "wikipedia-host", "de.wikipedia.org"),
        ({"url": "http://web.archive.org/web/2016/http://de.wikipedia.org/wiki/A"}, "wikipedia-host", "web.archive.org"),
        ({"url": "http://9.9.9.9/search?q=cache:x:en.wikipedia.org/wiki/A"}, "wikipedia-host", "9.9.9.9"),
        ({"url": "https://twitter.com/a/status/1"}, "blocked-host", "twitter.com"),
        ({"url": "http://a.example/b.PDF?c"}, "not-text-type", "pdf"),
        ({"over_18": True}, "over-18", ""),
        ({"created_utc": 1514764800}, "too-new", "2018-01-01"),
        ({"created_utc": 10**15}, "too-new", str(10**15)),
    ],
)
def test_each_rule(fields: dict[str, Any], reason: str, detail: str) -> None:
    assert verdict(**fields)[1:] == (reason, detail)


def test_the_second_before_a_day_is_before_it() -> None:
    assert verdict(created_utc=1514764799)[1] == ""
    section = LinksSection(after=date(2017, 12, 31))
    assert verdict(section, created_utc=1514678400)[1] == ""
    assert verdict(section, created_utc=1514678399)[1:] == ("too-old", "2017-12-30")


def test_rules_that_a_configuration_changes() -> None:
    assert verdict(LinksSection(over_18=True), over_18=True)[1] == ""
    assert verdict(LinksSection(removed=True), removed_by_category="reddit", selftext="[deleted]")[1] == ""
    assert verdict(LinksSection(block_subreddits=["r/Pics", "s"]), subreddit="S")[1:] == ("blocked-subreddit", "S")
    assert verdict(LinksSection(block_subreddits=["r/Pics", "s"]), subreddit="pics")[1] == "blocked-subreddit"
    assert verdict(LinksSection(block_hosts=["a.example"]))[1:] == ("blocked-host", "a.example")
    assert verdict(LinksSection(allow_hosts=["imgur.com"]), url="http://i.imgur.com/gallery")[1] == ""


def test_rejected_posts_have_their_canonical_url() -> None:
    assert verdict(is_self=True, url="HTTP://A.example:80")[0] == "http://a.example/"
    assert verdict(is_self=True, url="nothing") == ("nothing", "self-post", "")
    assert verdict(url="nothing") == ("nothing", "bad-url", "no scheme")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.example/", ""),
        ("http://a.mov/", ""),
        ("http://a.example/b.jpg", "jpg"),
        ("http://a.example/b.jpg/c", ""),
        ("http://a.example/b.tar.GZ", "gz"),
        ("http://a.example/b?c=d.jpg", ""),
        ("http://a.example/b.html?c=d.jpg", "html"),
        ("http://a.example/#!/b.jpg", ""),
        ("http://a.example/wiki/File:B.jpg", ""),
        ("http://a.example/wiki/File%3AB.jpg", ""),
        ("http://a.example/x:y/b.jpg", "jpg"),
    ],
)
def test_file_types(url: str, expected: str) -> None:
    assert file_type(url) == expected
