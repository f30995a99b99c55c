"""robots.txt by RFC 9309 and the wishes about training, as a table of cases: a file, and what a crawler may ask for by it."""

from __future__ import annotations

import pytest

from tests.webtext.fetch.conftest import Builder
from tests.webtext.fetch.server import Connection, Server
from webtext.fetch.http_message import robots_directives
from webtext.fetch.robots import parse, parse_reservations

# id: (file, allowed paths, forbidden paths), for the crawler `webtext`.
CASES: dict[str, tuple[str, str, str]] = {
    # who is meant (2.2.1)
    "part": ("User-agent: web\nDisallow: /", "/x", ""),
    "part-behind": ("User-agent: text\nDisallow: /", "/x", ""),
    "longer": ("User-agent: webtexts\nDisallow: /", "/x", ""),
    "dashed": ("User-agent: webtext-news\nDisallow: /", "/x", ""),
    "version": ("User-agent: webtext/0.1\nDisallow: /", "", "/x"),
    "other-version": ("User-agent: WebText/9.9 (all of it)\nDisallow: /", "", "/x"),
    "case": ("USER-AGENT: WEBTEXT\nDISALLOW: /", "", "/x"),
    "star-behind": ("User-agent: webtext*\nDisallow: /", "", "/x"),
    "all": ("User-agent: *\nDisallow: /", "", "/x"),
    "all-and-more": ("User-agent: * everyone\nDisallow: /", "", "/x"),
    "star-glued": ("User-agent: *bot\nDisallow: /", "/x", ""),
    "own-before-all": ("User-agent: *\nDisallow: /\n\nUser-agent: webtext\nDisallow: /a", "/x", "/a"),
    "own-after-all": ("User-agent: webtext\nDisallow: /a\n\nUser-agent: *\nDisallow: /", "/x", "/a"),
    "own-empty": ("User-agent: webtext\nDisallow:\n\nUser-agent: *\nDisallow: /", "/x", ""),
    "own-without-rules": ("User-agent: *\nDisallow: /\n\nUser-agent: webtext\n", "/x", ""),
    "merged": ("User-agent: webtext\nDisallow: /a\nUser-agent: other\nDisallow: /b\nUser-agent: webtext\nDisallow: /c", "/b", "/a /c"),
    "merged-all": ("User-agent: *\nDisallow: /a\nUser-agent: other\nDisallow: /b\nUser-agent: *\nDisallow: /c", "/b", "/a /c"),
    "several": ("User-agent: other\nUser-agent: webtext\nDisallow: /a", "/x", "/a"),
    "several-apart": ("User-agent: webtext\n\n\nUser-agent: other\n\nDisallow: /a", "/x", "/a"),
    "several-delay": ("User-agent: webtext\nCrawl-delay: 1\nUser-agent: other\nDisallow: /a", "/x", "/a"),
    "several-sitemap": ("User-agent: webtext\nSitemap: http://a.example/s\nUser-agent: other\nDisallow: /a", "/x", "/a"),
    "no-agent": ("Disallow: /\nUser-agent: other\nDisallow: /x", "/x /y", ""),
    "none": ("", "/x", ""),
    # lines (2.2)
    "comment": ("User-agent: webtext # us\n# User-agent: other\nDisallow: /a # all below", "/x", "/a"),
    "blanks": (" \tUser-agent \t:\twebtext \n  Disallow : /a", "/x", "/a"),
    "no-colon": ("User-agent webtext\nDisallow /a", "/x", "/a"),
    "misspelt": ("useragent: webtext\ndissallow: /a\nDisalow: /b\ndisallaw: /c", "/x", "/a /b /c"),
    "unknown": ("User-agent: webtext\nForbid: /\nDisallow: /a\nhello\n: /x", "/x", "/a"),
    "carriage-returns": ("User-agent: webtext\rDisallow: /a\r\rDisallow: /b", "/x", "/a /b"),
    "form-feed": ("User-agent: webtext\nDisallow: /a\x0cDisallow: /b", "/b", ""),
    "bom": ("\ufeffUser-agent: webtext\nDisallow: /a", "/x", "/a"),
    "html": ("<html><body>Disallow: /</body></html>", "/x", ""),
    # which rule (2.2.2)
    "longest": ("User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /a/b/c", "/x /a/b /a/bc", "/a /a/x /a/b/c"),
    "longest-first": ("User-agent: *\nAllow: /a/b\nDisallow: /a", "/a/b", "/a/x"),
    "equal": ("User-agent: *\nDisallow: /a\nAllow: /a", "/a", ""),
    "path-case": ("User-agent: *\nDisallow: /A", "/a", "/A /Ab"),
    "root-file": ("User-agent: *\nDisallow: /", "/robots.txt", "/ /x"),
    "allow-root": ("User-agent: *\nDisallow: /\nAllow: /$", "/", "/x"),
    "star": ("User-agent: *\nDisallow: /*.php", "/php /a.ph", "/a.php /a/b.php?c /a.phpx"),
    "end": ("User-agent: *\nDisallow: /*.php$", "/a.php?c /a.phpx", "/a.php /a/b.php"),
    "star-in-the-middle": ("User-agent: *\nDisallow: /a/*/c", "/a/c", "/a/b/c /a/b/b/cd"),
    "query": ("User-agent: *\nDisallow: /*?", "/a", "/a?b"),
    "index": ("User-agent: *\nDisallow: /\nAllow: /a/index.html", "/a/index.html /a/", "/a/x /a"),
    # escapes (2.2.2)
    "utf-8": ("User-agent: *\nDisallow: /caf\u00e9", "/cafe", "/caf%C3%A9 /caf%c3%a9/x"),
    "escaped": ("User-agent: *\nDisallow: /%E3%83%84", "/x", "/%E3%83%84 /%e3%83%84"),
    "escaped-letters": ("User-agent: *\nDisallow: /%62%61%7A", "/x", "/baz"),
    "escaped-slash": ("User-agent: *\nDisallow: /a%2Fb", "/a/b", "/a%2Fb /a%2fb"),
}


@pytest.mark.parametrize("name", CASES)
def test_conformance(name: str) -> None:
    file, allowed, forbidden = CASES[name]
    rules = parse(file.encode(), "webtext")
    paths = [*allowed.split(), *forbidden.split()]
    assert {path for path in paths if rules.allows(f"http://a.example{path}")} == set(allowed.split())


def test_crawl_delay_of_the_own_group() -> None:
    text = b"User-agent: web\nCrawl-delay: 9\nDisallow: /\n\nUser-agent: webtext/0.1\nCrawl-delay: 2\nDisallow: /\n\n"
    text += b"User-agent: *\nCrawl-delay: 5\n"
    assert parse(text, "webtext").delay == 2
    assert parse(text, "another").delay == 5


# id: (file, paths that may be used for training, paths that may not); all of them may be crawled.
WISHES: dict[str, tuple[str, str, str]] = {
    "signal": ("User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /", "", "/ /x"),
    "signal-yes": ("User-agent: *\nContent-signal: ai-train=yes,search=no", "/x", ""),
    "signal-unset": ("User-agent: *\nContent-Signal: search=yes, ai-input=no", "/x", ""),
    "signal-path": ("User-agent: *\nContent-Signal: ai-train=yes\nContent-Signal: /a/ ai-train=no", "/x /a", "/a/b"),
    "signal-of-others": ("User-agent: other\nContent-Signal: ai-train=no\n\nUser-agent: *\nAllow: /", "/x", ""),
    "signal-own": ("User-agent: *\nContent-Signal: ai-train=no\n\nUser-agent: webtext\nAllow: /", "/x", ""),
    "usage": ("User-agent: *\nContent-Usage: train-ai=n\nAllow: /", "", "/x"),
    "usage-path": ("User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /open/ train-ai=y", "/open/x", "/x"),
    "usage-unset": ("User-agent: *\nContent-Usage: bots=y", "/x", ""),
    "both": ("User-agent: *\nContent-Signal: ai-train=yes\nContent-Usage: train-ai=n", "", "/x"),
}


@pytest.mark.parametrize("name", WISHES)
def test_wishes_in_robots(builder: Builder, server: Server, name: str) -> None:
    file, free, reserved = WISHES[name]
    server.handlers["/robots.txt"] = lambda c, _: c.page(file.encode(), headers="Content-Type: text/plain\r\n")
    urls = {path: f"http://a.example{path}" for path in [*free.split(), *reserved.split()]}
    fetched = builder.fetch(list(urls.values()))
    assert {path for path, url in urls.items() if fetched.error(url) is None} == set(free.split())
    reason = "content-usage" if "usage" in name or name == "both" else "content-signal"
    assert fetched.report.counters.get(f"rejected-{reason}", 0) == len(reserved.split())
    assert sorted(server.paths()) == sorted(free.split())  # what is not to be used is not asked for
    kept = builder.fetch(list(urls.values()), "kept", content_signal=False, content_usage=False)
    assert kept.report.records_out == len(urls)


def test_reservations_of_a_host(builder: Builder, server: Server) -> None:
    """By TDMRep: the page's own word comes before its host's, and the meta tag's before the header's."""
    path = "/.well-known/tdmrep.json"
    file = b'[{"location": "/open/", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1, "tdm-policy": "http://a.example/p"}]'
    server.handlers[f"all.example{path}"] = lambda c, _: c.page(file, headers="Content-Type: application/json\r\n")
    server.handlers[f"not.example{path}"] = lambda c, _: c.page(b"", "404 Not Found")
    server.handlers[f"broken.example{path}"] = lambda c, _: c.page(b"", "500 Internal Server Error")
    free = "Content-Type: text/html\r\ntdm-reservation: 0\r\n"
    server.handlers["/said"] = lambda c, _: c.page(headers=free)
    server.handlers["/meta"] = lambda c, _: c.page(b'<meta name="tdm-reservation" content="1"><p>x', headers=free)
    urls = [f"http://{host}.example/{page}" for host in ("all", "not", "broken", "page") for page in ("1", "2", "open/1", "said", "meta")]
    fetched = builder.fetch(urls, tdm_reservation=True)
    reserved = {url for url in urls if fetched.error(url) == "tdm-reservation"}
    assert reserved == {"http://all.example/1", "http://all.example/2", *(url for url in urls if url.endswith("meta"))}
    assert fetched.report.records_out == len(urls) - len(reserved) == 14
    assert [one.host for one in server.asked if one.path == path].count("all.example") == 1
    server.asked.clear()
    assert builder.fetch(urls, "kept").report.records_out == len(urls)
    assert path not in [one.path for one in server.asked]


def test_a_tdmrep_that_is_none(server: Server, builder: Builder) -> None:
    for content in (b"", b"<html>", b"[]", b"{}", b"[1, {}]", b'[{"location": 5}]', b'[{"location": "/\\n/x", "tdm-reservation": 1}]'):
        assert parse_reservations(content, "webtext").allows("http://a.example/x"), content
    assert not parse_reservations(b'{"location": "/*.html$", "tdm-reservation": "1"}', "webtext").allows("http://a.example/x.html")

    def forbidden(c: Connection, _: str) -> None:
        c.page(b"User-agent: *\nDisallow: /.well-known/", headers="Content-Type: text/plain\r\n")

    server.handlers["/robots.txt"] = forbidden
    assert builder.fetch(["http://a.example/1"], tdm_reservation=True).report.records_out == 1
    assert server.paths() == ["/1"]  # robots.txt is for that file too


def test_wishes_of_a_page() -> None:
    def of(start: bytes, **headers: str) -> set[str]:
        return robots_directives(tuple((name.replace("_", "-"), value) for name, value in headers.items()), start, "webtext")

    assert of(b"", Content_Signal="search=yes, AI-Train=no") == {"content-signal: ai-train=no"}
    assert of(b"", Content_Usage="train-ai=n") == of(b"", Content_Usage="bots=y, train-ai = n") == {"content-usage: train-ai=n"}
    assert of(b"", Content_Usage="train-ai=y", Content_Signal="ai-train=yes", TDM_Reservation="maybe") == set()
    assert of(b"<META CONTENT=0 NAME='TDM-Reservation'>", TDM_Reservation="1") == {"tdm-reservation: 0"}
    assert of(b"", X_Archive_Orig_TDM_Reservation="1") == {"tdm-reservation: 1"}
