"""Planted cases that end in the stage `fetch`: dead links, hosts that do not answer, pages that are not for crawlers."""

from __future__ import annotations

import gzip

from webtext.demo.builder import Behaviour, Builder, Response, sentence
from webtext.demo.looks import render_notice
from webtext.demo.sites import COURIER, GATES, RUINS

WITHDRAWN = f"{GATES.host}/withdrawn/"  # what the configuration's opt-out list has
UNRULY: tuple[tuple[str, str, Behaviour, str], ...] = (
    ("hangs", "hangs.example", "hang", "takes the request and says nothing"),
    ("drips", "drips.example", "drip", "a byte now and then, for ever"),
    ("closes", "closes.example", "close", "closes the connection before it answers"),
    ("ends-early", "ends-early.example", "short", "promises more bytes than it sends"),
    ("not-http", "not-http.example", "garbage", "an SSH server where a web server should be"),
    ("broken-chunks", "broken-chunks.example", "broken-chunks", "chunks whose sizes are no numbers"),
)
PLAIN = (("Content-Type", "text/plain"),)


def plant_fetch(builder: Builder) -> None:
    _statuses(builder)
    _redirects(builder)
    _transport(builder)
    _contents(builder)
    _robots(builder)
    _wishes(builder)


def _at(host: str, path: str) -> str:
    return f"http://{host}{path}"


def _statuses(builder: Builder) -> None:
    for name, status, words in (
        ("status-404", 404, "Not Found"),
        ("status-410", 410, "Gone"),
        ("status-403", 403, "Forbidden"),
        ("status-500", 500, "Internal Server Error"),
    ):
        body = render_notice(f"{status} {words}", "What you are looking for is not here.").encode()
        url = builder.answer(_at(RUINS.host, f"/2014/05/{name}/"), Response(body, status))
        builder.planted(name, url, f"answers {status} {words}")
    body = render_notice("503 Service Unavailable", "Down for maintenance. Come back tomorrow.").encode()
    response = Response(body, 503, (("Content-Type", "text/html"), ("Retry-After", "86400")))
    url = builder.answer(_at("busy.example", "/"), response)
    builder.planted("status-503", url, "asks to come back in a day")


def _redirect(builder: Builder, host: str, path: str, target: str, status: int = 302) -> str:
    headers = (("Content-Type", "text/html"),) + ((("Location", target),) if target else ())
    return builder.answer(_at(host, path), Response(b"Moved.\n", status, headers))


def _redirects(builder: Builder) -> None:
    host = "turnstile.example"
    first = _redirect(builder, host, "/ping", _at(host, "/pong"))
    _redirect(builder, host, "/pong", _at(host, "/ping"))
    builder.planted("redirect-loop", first, "/ping leads to /pong and /pong to /ping")

    urls = [_redirect(builder, host, f"/floor/{floor}", _at(host, f"/floor/{floor + 1}")) for floor in range(25)]
    builder.planted("redirects-on-and-on", urls[0], "25 redirects, one after another")
    builder.planted("redirect-to-ftp", _redirect(builder, host, "/files", "ftp://ftp.turnstile.example/pub/"), "leads to ftp:")
    builder.planted("redirect-nowhere", _redirect(builder, host, "/nowhere", ""), "a redirect without a Location")

    article = builder.take()
    target = builder.article(COURIER, "/archive/2016/moved-for-good.html", article)
    url = _redirect(builder, "old-name.example", "/moved-for-good.html", target, 301)
    builder.planted("moved-permanently", url, "the site has a new name; known by the URL that was posted", text=sentence(article))

    article = builder.take()
    target = builder.article(COURIER, "/archive/2016/moved-and-moved.html", article)
    _redirect(builder, "old-name.example", "/in-between", target, 302)
    url = _redirect(builder, "old-name.example", "/moved-and-moved.html", "/in-between", 301)
    builder.planted("moved-twice", url, "two redirects, the first relative", text=sentence(article))


def _transport(builder: Builder) -> None:
    """Connections that go wrong; each on a host of its own, for a host that fails too often is not asked any more."""
    page = render_notice("Almost there", "This page never comes whole.").encode()
    for name, host, behaviour, note in UNRULY:
        builder.planted(name, builder.answer(_at(host, "/page.html"), Response(page, behaviour=behaviour)), note)


def _contents(builder: Builder) -> None:
    packed = (("Content-Type", "text/html"), ("Content-Encoding", "gzip"))
    for name, path, response, note in (
        ("broken-gzip", "/packed-badly.html", Response(b"\x1f\x8b\x08\x00 this is no gzip at all", headers=packed), "says gzip and is not"),
        ("gzip-bomb", "/small-at-first.html", Response(_bomb(), headers=packed), "16 kB that grow to 16 MiB"),
        (
            "pdf",
            "/catalogue",
            Response(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", headers=(("Content-Type", "application/pdf"),)),
            "a PDF without saying so",
        ),
        ("picture", "/portrait", Response(b"\x89PNG\r\n\x1a\n", headers=(("Content-Type", "image/png"),)), "a picture without saying so"),
    ):
        builder.planted(name, builder.answer(_at(RUINS.host, path), response), note)


def _bomb() -> bytes:
    return gzip.compress(b"<p>" + b" " * (16 * 2**20), 9, mtime=0)


def _robots(builder: Builder) -> None:
    rules = "User-agent: *\nDisallow: /members/\nAllow: /\n"
    builder.answer(_at(GATES.host, "/robots.txt"), Response(rules.encode(), headers=PLAIN))
    url = builder.article(GATES, "/members/minutes.html", builder.take())
    builder.planted("robots-path", url, "robots.txt forbids /members/")

    rules = "User-agent: *\nDisallow:\n\nUser-agent: webtext\nDisallow: /\n"
    builder.answer(_at("not-for-you.example", "/robots.txt"), Response(rules.encode(), headers=PLAIN))
    builder.planted("robots-by-name", _at("not-for-you.example", "/"), "robots.txt forbids all to crawlers named webtext")

    builder.answer(_at("robots-broken.example", "/robots.txt"), Response(b"oops\n", 500, PLAIN))
    builder.planted("robots-unreachable", _at("robots-broken.example", "/"), "robots.txt answers 500: nothing is allowed")

    builder.answer(_at("patience.example", "/robots.txt"), Response(b"User-agent: *\nCrawl-delay: 86400\n", headers=PLAIN))
    builder.planted("crawl-delay", _at("patience.example", "/"), "asks for a day between two requests")

    article = builder.take()
    page = render_notice("Welcome", "There is no robots.txt here, but we have a nice page for that.").encode()
    builder.answer(_at(COURIER.host, "/robots.txt"), Response(page))
    url = builder.article(COURIER, "/tech/robots-welcome.html", article)
    builder.planted("robots-is-html", url, "robots.txt is an HTML page with status 200", text=sentence(article))


def _wishes(builder: Builder) -> None:
    article = builder.take()
    url = builder.page(GATES, "/essay.html", article.title, article.blocks, headers=(("X-Robots-Tag", "noai, noimageai"),))
    builder.planted("noai-header", url, "X-Robots-Tag says noai")

    article = builder.take()
    url = builder.article(GATES, "/poem.html", article)
    response = builder.pages.pop((GATES.host, "/poem.html"))
    body = response.body.replace(b"<title>", b'<meta name="robots" content="noai">\n<title>', 1)
    builder.planted("noai-meta", builder.answer(url, Response(body)), "a meta element says noai")

    url = builder.article(GATES, "/withdrawn/story.html", builder.take())
    builder.planted("opt-out", url, "[fetch] opt_out has its directory")
