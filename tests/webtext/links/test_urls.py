"""URLs: the web platform's conformance cases, and what `canonical` folds, keeps and must never do twice."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from webtext.links.urls import BadUrl, Url, canonical, canonical_slowly, parse


def test_conformance_with_the_web_platform_tests(data_dir: Path) -> None:
    """Every case whose result is an http or https URL or a failure is met; of the others none is, because nothing of them is fetched here.

    These end in the schemes below and are refused. A base of another scheme counts as none: nothing of http is relative to it.
    """
    cases = [case for case in json.loads((data_dir / "url/urltestdata.json").read_text()) if isinstance(case, dict)]
    met = 0
    refused = Counter[str]()
    for case in cases:
        expected = None if case.get("failure") else case["href"]
        actual = browse(case["input"], case.get("base"))
        if expected is not None and not expected.startswith(("http:", "https:")):
            assert actual is None, case
            scheme = expected.partition(":")[0]
            refused[scheme if scheme in ("file", "ftp", "ws", "wss") else "not special"] += 1
            continue
        assert (actual and actual.href) == expected, case
        if actual is not None:
            port = "" if actual.port is None else str(actual.port)
            parts = actual.host, port, actual.path, actual.username, actual.password
            assert parts == (case["hostname"], case["port"], case["pathname"], case["username"], case["password"])
        met += 1
    assert (len(cases), met) == (869, 502)
    assert refused == {"file": 122, "ftp": 7, "ws": 9, "wss": 14, "not special": 215}


def browse(text: str, base: str | None) -> Url | None:
    try:
        parsed = parse(base) if base else None
    except BadUrl:
        parsed = None
    try:
        return parse(text, parsed)
    except BadUrl:
        return None


FOLDED = [
    ("http://example.org", "http://example.org/"),
    ("HTTP://Example.ORG:80/", "http://example.org/"),
    ("https://example.org:443/a", "https://example.org/a"),
    ("http://example.org:8080/a", "http://example.org:8080/a"),
    ("  http://example.org/a\n", "http://example.org/a"),
    ("http://example.org./a", "http://example.org/a"),
    ("http://user:secret@example.org/a", "http://example.org/a"),
    ("http://example.org/a/./b/../c", "http://example.org/a/c"),
    ("http://example.org/a/%2e%2E/c", "http://example.org/c"),
    ("http://example.org\\a", "http://example.org/a"),
    ("http://example.org/%7Euser/%41%2f%c3%a9", "http://example.org/~user/A%2F%C3%A9"),
    ("http://example.org/é x", "http://example.org/%C3%A9%20x"),
    ("http://bücher.example/", "http://xn--bcher-kva.example/"),
    ("http://BÜCHER.example/", "http://xn--bcher-kva.example/"),
    ("http://0x7f.1:8000/a", "http://127.0.0.1:8000/a"),
    ("http://[0:0::1]/", "http://[::1]/"),
    ("http://name.example/page?id=1", "http://name.example/page?id=1"),
    ("http://example.org/a?", "http://example.org/a"),
    ("http://example.org/a#part", "http://example.org/a"),
    ("http://example.org/#!/route", "http://example.org/#!/route"),
    ("http://example.org/a?utm_source=x&id=3&UTM_medium=y&fbclid=z", "http://example.org/a?id=3"),
    ("http://example.org/a?gclid=1", "http://example.org/a"),
    ("http://example.org/a?utm%5Fsource=1", "http://example.org/a"),
    ("http://example.org/a?id=utm_source=1", "http://example.org/a?id=utm_source=1"),
    ("http://example.org/a?ref=front&b=2&a=1", "http://example.org/a?ref=front&b=2&a=1"),
    ("https://www.nytimes.com/a.html?smid=re-share&b", "https://www.nytimes.com/a.html?b"),
    ("https://example.org/a.html?smid=re-share&b", "https://example.org/a.html?smid=re-share&b"),
    ("https://mobile.nytimes.com/a.html?smid=x", "https://www.nytimes.com/a.html"),
    ("https://en.m.wikipedia.org/wiki/A", "https://en.wikipedia.org/wiki/A"),
    ("https://m.example.org/a", "https://m.example.org/a"),
    ("https://www.google.com/amp/s/example.org/a/amp/?usqp=1&amp_js_v=2&p=1", "https://example.org/a/amp/?p=1"),
    ("https://www.google.com/amp/example.org/a", "http://example.org/a"),
    ("https://example-org.cdn.ampproject.org/c/s/EXAMPLE.org/a?amp_js_v=0.1", "https://example.org/a"),
    ("https://www.google.com/amp/s/www.google.com/amp/s/example.org/", "https://example.org/"),
    ("https://www.google.com/amp/s/exa mple.org/", "https://www.google.com/amp/s/exa%20mple.org/"),
]


@pytest.mark.parametrize(("url", "expected"), FOLDED)
def test_folded(url: str, expected: str) -> None:
    assert canonical(url) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.org/a", "scheme ftp is not http or https"),
        ("mailto:a@example.org", "scheme mailto"),
        ("//example.org/a", "no scheme"),
        ("/r/programming", "no scheme"),
        ("", "no scheme"),
        ("http://", "no host"),
        ("http://exa mple.org/", "host"),
        ("http://example..org/", "empty label"),
        ("http://example.org:99999/", "port 99999"),
        ("http://example.org:8a/", "port 8a"),
        ("http://1.2.3.256/", "too large"),
        ("http://[::1%25eth0]/", "host"),
        ("http://xn--a/", "host"),
    ],
)
def test_refused(url: str, reason: str) -> None:
    with pytest.raises(BadUrl, match=reason):
        canonical(url)


PIECES = st.sampled_from(
    "\t \n \0 \ud800 \u200d : / \\ @ ? # % . a b Z 0 & = ; [ ] ! ~ * ' | ^ ` { } + , é ü ß ﬁ א 。 ".split(" ")
    + "http https HTTP // %2e %2E .. example.org www.nytimes.com mobile.nytimes.com m.imdb.com en.m.wikipedia.org utm_source=x".split()
    + "utm%5Fsource fbclid smid xn-- xn--bcher-kva %c3%bc %41 0x 127.1 ::1 [::1] %7E %zz %25 :80 :443 :99 www.google.com /amp/s/".split()
    + "cdn.ampproject.org /c/ ..org a.b .jpg #! amp_x=1".split()
)
ANY_URL = st.builds(
    lambda start, parts: start + "".join(parts),
    st.sampled_from(["", "http://", "https://example.org/", "http://a.example?"]),
    st.lists(PIECES),
)


@given(ANY_URL)
@settings(max_examples=500)
@example("http://a..")
@example("http://1.2.3.4../")
@example("http://\0\u200d")
@example("http://example.org/?&utm_source=1&")
def test_fast_is_slow_and_twice_is_once(url: str) -> None:
    try:
        expected = canonical_slowly(url)
    except BadUrl:
        with pytest.raises(BadUrl):
            canonical(url)
        return
    assert canonical(url) == expected
    assert canonical(expected) == canonical_slowly(expected) == expected
    assert expected.isascii()
    assert parse(expected).href == expected


PATHS = st.text("abcXYZ019-._~/", max_size=20)


@given(PATHS, st.lists(st.sampled_from(["a=1", "b", "c=x%20y"]), max_size=3), st.data())
def test_spellings_of_one_page_are_equal(path: str, parameters: list[str], data: st.DataObject) -> None:
    def spelling() -> str:
        scheme = data.draw(st.sampled_from(["http", "HTTP", "hTTp"]))
        host = data.draw(st.sampled_from(["example.org", "EXAMPLE.org", "example.org.", "ex%61mple.org", "x:y@example.org"]))
        port = data.draw(st.sampled_from(["", ":80", ":"]))
        spelled = "".join(f"%{ord(c):02x}" if c.isalpha() and data.draw(st.booleans()) else c for c in path)
        tracked = list(parameters)
        for extra in data.draw(st.lists(st.sampled_from(["utm_medium=a&utm_x", "gclid=b", "MC_CID=1"]), max_size=2)):
            tracked.insert(data.draw(st.integers(0, len(tracked))), extra)
        query = "?" + "&".join(tracked) if tracked else data.draw(st.sampled_from(["", "?"]))
        return f"{scheme}://{host}{port}/{spelled}{query}{data.draw(st.sampled_from(['', '#', '#top']))}"

    assert canonical(spelling()) == canonical(spelling())


@given(st.text(st.characters(exclude_characters="%#&=?", exclude_categories=["Cs"]), min_size=1), st.text("ab", min_size=1))
def test_other_parameters_stay(name: str, value: str) -> None:
    kept = canonical(f"http://example.org/?q1{name}={value}&utm_source=1")
    assert kept.startswith("http://example.org/?q1")
    assert kept.endswith(value)


@pytest.mark.parametrize(
    "text", ["/a" * 50_000, "a" * 100_000, "?" + "a=&" * 50_000, "?" + "a" * 100_000 + "'", "." * 50_000 + "'", "/" * 90_000 + "'"]
)
def test_long_urls_take_no_longer_a_character(text: str) -> None:
    start = time.process_time()
    canonical("http://example.org/" + text)
    assert time.process_time() - start < 2
