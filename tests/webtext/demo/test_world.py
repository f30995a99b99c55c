"""The demo's world: whole, the same every time, and with all that the cases say of it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from urllib.parse import urlsplit

import pytest

from webtext.demo import Case, Response, World
from webtext.demo.cases import read_entries
from webtext.demo.submissions import Post, dump, escaped
from webtext.links.urls import canonical

EXPECTED = {  # by stage and outcome, the cases: so that none is lost or changed by an edit of data/*.toml
    ("corpus", "kept"): (
        "karma-at-three karma-one-of-many tracking-parameters spellings escaped-query moved-permanently moved-twice "
        "robots-is-html gzip chunked latin-1 windows-1252 utf-16 cut deeply-nested plain-text quotes-french original "
        "mirror-posted-first near-copied reworked-copy half-copy"
    ),
    ("links", "karma"): "karma-below karma-only-in-sum",
    ("links", "self-post"): "self-post",
    ("links", "over-18"): "over-18",
    ("links", "too-new"): "too-new",
    ("links", "blocked-subreddit"): "blocked-subreddit",
    ("links", "promoted"): "promoted",
    ("links", "removed"): "removed",
    ("links", "deleted"): "deleted",
    ("links", "broken-line"): "broken-line",
    ("links", "bad-url"): "not-a-url other-scheme",
    ("links", "reddit-host"): "reddit",
    ("links", "media-host"): "picture-host video-host",
    ("links", "blocked-host"): "social-network",
    ("links", "wikipedia-host"): "wikipedia wikipedia-mobile wikipedia-mirror wikipedia-cache",
    ("links", "not-text-type"): "picture-file pdf-file",
    ("fetch", "http-404"): "status-404",
    ("fetch", "soft-404"): "says-not-found empty",
    ("fetch", "http-410"): "status-410",
    ("fetch", "http-403"): "status-403",
    ("fetch", "http-500"): "status-500",
    ("fetch", "http-503"): "status-503",
    ("fetch", "page-timeout"): "hangs drips",
    ("fetch", "redirect-loop"): "redirect-loop",
    ("fetch", "too-many-redirects"): "redirects-on-and-on",
    ("fetch", "bad-scheme"): "redirect-to-ftp",
    ("fetch", "bad-redirect"): "redirect-nowhere",
    ("fetch", "connection-closed"): "closes",
    ("fetch", "short-body"): "ends-early",
    ("fetch", "invalid-response"): "not-http",
    ("fetch", "broken-chunking"): "broken-chunks",
    ("fetch", "broken-encoding"): "broken-gzip",
    ("fetch", "decompression-bomb"): "gzip-bomb",
    ("fetch", "bad-content-type"): "pdf picture",
    ("fetch", "robots"): "robots-path robots-by-name",
    ("fetch", "robots-unreachable"): "robots-unreachable",
    ("fetch", "crawl-delay"): "crawl-delay",
    ("fetch", "noai"): "noai-header noai-meta",
    ("fetch", "opt-out"): "opt-out",
    ("clean", "language"): "french german spanish",
    ("extract", "no-text"): "no-text",
    ("clean", "too-short"): "little-text",
    ("clean", "duplicate-lines"): "repeats-itself",
    ("clean", "error-page"): "asks-for-scripts",
    ("extract", "too-big"): "huge beyond-the-cap",
    ("extract", "pdf"): "pdf-in-disguise",
    ("extract", "wikipedia-text"): "wikipedia-copy",
    ("dedup", "exact-copy"): "mirror second-mirror original-posted-later",
    ("dedup", "near-copy"): "edited-copy edited-twice",
}

DIGEST = """
import hashlib
from webtext.demo import make_world
world = make_world()
pages = [(key, answer.status, answer.headers, answer.behavior, answer.body) for key, answer in world.pages.items()]
print(hashlib.sha256(repr((pages, world.lines, world.cases, world.ordinary, world.benchmark, world.quotes)).encode()).hexdigest())
"""


def page(world: World, url: str) -> Response:
    parts = urlsplit(url)
    return world.pages[parts.netloc, parts.path + (f"?{parts.query}" if parts.query else "")]


def words(response: Response) -> list[str]:
    text = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", response.body.decode(), flags=re.DOTALL)
    return re.findall(r"\w+", text.lower())


def runs(found: list[str], size: int) -> set[tuple[str, ...]]:
    return set(zip(*(found[start:] for start in range(size))))


def posted(world: World) -> dict[str, list[dict[str, object]]]:
    """The posts of each URL, in the spelling that they have, oldest first."""
    by_url: dict[str, list[dict[str, object]]] = defaultdict(list)
    for line in world.lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        by_url[str(record["url"]).replace("&amp;", "&")].append(record)
    return by_url


def case(world: World, name: str) -> Case:
    return next(case for case in world.cases if case.name == name)


def test_it_is_the_same_in_another_process(world: World) -> None:
    answers = [(key, answer.status, answer.headers, answer.behavior, answer.body) for key, answer in world.pages.items()]
    here = hashlib.sha256(repr((answers, world.lines, world.cases, world.ordinary, world.benchmark, world.quotes)).encode()).hexdigest()
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "TZ": "Pacific/Auckland", "LC_ALL": "C"}
    there = subprocess.run([sys.executable, "-c", DIGEST], env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


def test_its_size(world: World) -> None:
    assert 300 <= len(world.ordinary) <= 450
    assert 40 <= len(world.hosts) <= 60
    assert sum(len(answer.body) for answer in world.pages.values()) < 16 * 2**20
    assert all(host.endswith(".example") for host in world.hosts)  # RFC 2606: leads nowhere, should somebody really ask


def test_every_case_is_planted_once(world: World) -> None:
    expected = {name: key for key, names in EXPECTED.items() for name in names.split()}
    assert Counter(case.name for case in world.cases) == dict.fromkeys(expected, 1)
    assert {case.name: (case.stage, case.outcome) for case in world.cases} == expected
    assert len(expected) == 88
    urls = [case.url for case in world.cases if case.url]
    assert len(set(urls)) == len(urls)
    assert not set(urls) & set(world.ordinary)


def test_urls_are_canonical_and_posted(world: World) -> None:
    found = {canonical(url) if url.lower().startswith("http") and len(url) > 7 else url for url in posted(world)}
    for planted in world.cases:
        if planted.outcome not in ("bad-url", "broken-line"):
            assert canonical(planted.url) == planted.url
        if planted.name != "broken-line":
            assert planted.url in found, planted
    assert set(world.ordinary) <= found


def test_what_is_to_be_kept_is_there_with_its_text(world: World) -> None:
    for planted in world.cases:
        if planted.outcome != "kept":
            continue
        assert planted.text, planted
        response = page(world, planted.url)
        while response.status in (301, 302):
            target = dict(response.headers)["Location"]
            response = page(world, target if "://" in target else f"http://{urlsplit(planted.url).netloc}{target}")
        body = gzip.decompress(response.body) if ("Content-Encoding", "gzip") in response.headers else response.body
        charset = {"utf-16": "utf-16", "latin-1": "latin-1", "windows-1252": "windows-1252"}.get(planted.name, "utf-8")
        assert planted.text in " ".join(body.decode(charset).split()), planted


def test_karma(world: World) -> None:
    by_url = posted(world)
    karma = [case.name for case in world.cases if case.name.startswith("karma")]
    scores = {name: [post["score"] for post in by_url[case(world, name).url]] for name in karma}
    assert scores == {"karma-at-three": [3], "karma-below": [2], "karma-only-in-sum": [2, 1, 2], "karma-one-of-many": [0, 1, 57]}
    for url in world.ordinary:
        assert max(int(str(post["score"])) for post in by_url[url]) >= 3
    unpopular = [url for url, posts in by_url.items() if all(int(str(post["score"])) < 3 for post in posts)]
    assert len(unpopular) > 15


def test_copies(world: World) -> None:
    by_url = posted(world)

    def oldest(name: str) -> int:
        return min(int(str(post["created_utc"])) for post in by_url[case(world, name).url])

    def jaccard(one: str, other: str) -> float:
        a, b = (runs(words(page(world, case(world, name).url)), 5) for name in (one, other))
        return len(a & b) / len(a | b)

    for copy, original in (("mirror", "original"), ("second-mirror", "original"), ("original-posted-later", "mirror-posted-first")):
        assert page(world, case(world, copy).url) == page(world, case(world, original).url)
        assert oldest(copy) > oldest(original)
        assert case(world, copy).copy_of == case(world, original).url
    for copy in ("edited-copy", "edited-twice"):
        assert oldest(copy) > oldest("near-copied")
        assert 0.6 < jaccard(copy, "near-copied") < 1  # with all that the two sites wrap around it
    assert jaccard("reworked-copy", "near-copied") < 0.5
    assert jaccard("half-copy", "near-copied") < 0.5


def test_the_benchmark_quotes_what_it_says_and_nothing_else(world: World) -> None:
    assert len(world.benchmark) == 40
    assert len(world.quotes) == 16
    everywhere: set[tuple[str, ...]] = set()
    for url in world.ordinary:
        everywhere |= runs(words(page(world, url)), 8)
    for place, example in enumerate(world.benchmark):
        own = runs(re.findall(r"\w+", example["text"].lower()), 8)
        if place in world.quotes:
            assert own & runs(words(page(world, world.quotes[place])), 8), example
        else:
            assert own
            assert not own & everywhere, example


def test_pages_link_to_pages_that_are_there(world: World) -> None:
    for url in world.ordinary[::7]:
        host = urlsplit(url).netloc
        if host.startswith("etext"):
            continue
        targets = re.findall(r'href="(/[^"]+)"', page(world, url).body.decode(), re.IGNORECASE)
        assert sum((host, target.replace("&amp;", "&")) in world.pages for target in targets) >= 2, url


def test_the_dump_is_in_order_and_names_nobody(world: World) -> None:
    records = [json.loads(line) for line in world.lines if line.endswith(b"}")]
    assert len(records) == len(world.lines) - 1  # one line is broken
    times = [int(record["created_utc"]) for record in records]
    assert times == sorted(times)
    ids = [int(record["id"], 36) for record in records]
    assert ids == sorted(set(ids))
    assert {record["author"] for record in records} == {"[deleted]"}
    assert {record["created_utc"].__class__ for record in records} == {int, str}
    assert {2013, 2014, 2015, 2016, 2017} <= {1970 + time // 31_556_952 for time in times}
    assert all(record["is_self"] == record["domain"].startswith("self.") for record in records)


@pytest.mark.parametrize(
    ("year", "has", "lacks"),
    [
        ("2013", {"ups", "downs", "from_kind", "name"}, {"hide_score", "brand_safe"}),
        ("2017", {"brand_safe", "spoiler", "is_video"}, {"ups", "created"}),
    ],
)
def test_fields_are_those_of_the_year(year: str, has: set[str], lacks: set[str]) -> None:
    fields = set(dump([Post("http://a.example/", 3, f"{year}-05-05")])[0])
    assert has <= fields
    assert not lacks & fields


def test_strings_are_escaped_as_reddit_does() -> None:
    assert escaped("a?b=1&c=<2>") == "a?b=1&amp;c=&lt;2&gt;"
    assert dump([Post("http://a.example/?b&c", 3, "2016-05-05", title="A & B")])[0]["url"] == "http://a.example/?b&amp;c"


def test_templates_and_data_are_in_the_package() -> None:
    from webtext.demo.resources import DATA, TEMPLATES

    assert {path.suffix for path in TEMPLATES.iterdir()} == {".html", ".txt", ".css", ".toml"}
    assert {path.suffix for path in DATA.iterdir() if path.is_file()} == {".toml", ".md", ".txt", ".json", ".zst"}


def test_a_key_that_no_entry_has_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webtext.demo.cases.read_toml", lambda name: {"case": [{"name": "a", "urll": "http://a.example/"}]})
    with pytest.raises(TypeError, match="urll"):
        read_entries()
