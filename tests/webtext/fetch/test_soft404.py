"""Soft 404s: a labelled set of answers, live and dead, and what the crawl makes of them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from tests.webtext.fetch.conftest import Builder
from tests.webtext.fetch.server import Connection, Server
from webtext.demo.world import make_world
from webtext.fetch.soft404 import certain, misdirected, probe_url, refresh_target, shown
from webtext.fetch.warc import read_page

# What a page that is gone says in its title, heading and text; one part may be empty.
GONE = """
404 Not Found|Not Found|The requested URL /a/b.html was not found on this server.
Page not found - Example News|Page not found|Sorry, the page you were looking for could not be found. Try a search instead.
Example||We're sorry, but we can't find the page that you asked for. It may have moved.
Error 404|Error 404|Nothing here.
Oops! | Example Shop|Oops!|That page seems to be missing. Go back to the shop.
Example Blog|Nothing found|It seems that nothing was found at this location. Maybe try a search?
Example|This page isn't available|The link you followed may be broken, or the page may have been removed.
Article no longer available|Article no longer available|Articles are kept for thirty days.
Seite nicht gefunden - Beispiel|Seite nicht gefunden|Die gesuchte Seite wurde leider nicht gefunden.
Fehler 404|Fehler 404|Diese Seite existiert nicht mehr.
Page introuvable|Page introuvable|La page demandée est introuvable.
Página no encontrada|Página no encontrada|No se ha podido encontrar la página.
Страница не найдена|404|Запрошенная страница не найдена.
Example||This content is no longer available.
Video unavailable - Example||The video you requested is private. This content has been removed by its owner.
HTTP 404||The page cannot be found
Example Forum||The post you are looking for does not exist.
Document has been moved or deleted|Sorry|The document has been deleted.
"""
PARKED = """
example.com||This domain is for sale! Buy this domain today. Related searches: Loans, Flights, Insurance.
example.com is parked||The domain example.com is parked. Sponsored listings: Cheap hotels, Credit cards.
Welcome to nginx!|Welcome to nginx!|If you see this page, the nginx web server is successfully installed and working.
Apache2 Ubuntu Default Page|It works|This is the default page of the Apache2 server after installation.
Account Suspended|Account Suspended|This account has been suspended. Contact your hosting provider for more information.
Domain expired||This domain has expired. Is this your domain? Renew it now.
example.org|Future home of something quite cool|If you are the owner, log in to launch this site.
Site not found|Site not found|There isn't a GitHub Pages site here. If you are trying to publish one, read the documentation.
example.net||The domain name example.net is for sale. Make an offer for this domain.
IIS Windows Server||Internet Information Services
"""
# What reads like one and is not.
ALIVE = """
How to design a 404 page|How to design a 404 page|A visitor who follows a dead link meets your error page first. Ours tells a small story.
The page that was never written|The page that was never written|A poem of a book with an empty last leaf, and the child who filled it.
Missing: one cat|Missing: one cat|Our cat left on Tuesday evening. She is grey with white paws and answers to no name at all. Please call.
Found and lost|Found and lost|He had found the letters in the attic and lost them again on the train, as one loses gloves.
House for sale|House for sale|Three rooms, a garden, a view of the river. The owner can be seen on Sundays; bring your own ladder.
Domain modelling|Domain modelling|The domain of a program is what its users talk about. Buy the book, or read the first chapter here.
Parked cars|Parked cars|The city counted its parked cars for the first time in ten years and found that every third one never moves.
Expired milk|Expired milk|Milk that is two days over its date is mostly good. Smell it, then make pancakes.
Photo of the day|Photo of the day|Fog over the harbour, taken from the bridge at six in the morning.
Release 2.1|Release 2.1|Fixes the crash when a file has no name. Thanks to everyone who reported it.
Gone fishing|Gone fishing|The shop is closed until Monday. We will answer all mail when we are back, with or without fish.
Error handling in C|Error handling in C|Return codes are honest: they tell the caller what went wrong and leave the rest to her.
Unavailable light|Unavailable light|Photographers speak of available light; this is about the other kind, and how to work without it.
Meeting notes|Meeting notes|Six people came. We agreed on the colour of the door and postponed the rest.
"""
LAYOUTS = (
    "<html><head><title>{title}</title></head><body><h1>{head}</h1><p>{text}</p></body></html>",
    "<!DOCTYPE html><title>{title}</title><div class=nav><a href=/>Home</a> <a href=/about>About</a></div><h1>{head}</h1><p>{text}</p>"
    "<script>var x = '<p>words</p>';</script><div id=footer>Copyright 2016 Example</div>",
    "<html><head><style>p {{ color: red }}</style><title>\n {title}\n</title></head><body><!-- x --><table><tr><td><h2>{head}</h2>{text}"
    "</td></tr></table></body></html>",
    "<html><head><title>{title}</title><meta name=viewport content=x></head><body><img src=logo.png alt=logo><p><b>{head}</b></p>"
    "<h1>{head}</h1><p>{text}</p><form action=/search><input name=q></form></body></html>",
)
LONG = "<p>" + "The river rises in the hills, and every spring the village counts its boats again. " * 40
REDIRECTS = [  # asked, answered, dead
    ("http://a.example/2012/05/story.html", "http://a.example/", True),
    ("http://a.example/2012/05/story.html", "http://www.a.example/", True),
    ("http://a.example/story?id=5", "https://a.example/index.php", True),
    ("http://a.example/de/story", "http://a.example/en/", True),
    ("http://a.example/story", "http://other.example/", True),
    ("http://a.example/story", "http://a.example/404.html", True),
    ("http://a.example/story", "http://a.example/page-not-found?from=story", True),
    ("http://a.example/story", "http://a.example/error/notfound", True),
    ("http://a.example/", "http://www.a.example/", False),
    ("http://a.example/", "http://a.example/en/", False),
    ("http://a.example/index.html", "http://a.example/", False),
    ("http://a.example/story", "https://a.example/story/", False),
    ("http://a.example/?p=5", "http://a.example/2012/a-story/", False),
    ("http://bit.ly/x5", "http://a.example/", False),
    ("http://a.example/ann", "http://ann.a.example/", False),
    ("http://a.example/story", "http://a.example/?id=5", False),
    ("http://a.example/404-not-found-art", "https://a.example/404-not-found-art/", False),
    ("http://a.example/story", "http://b.example/2012/story", False),
]


def lines(text: str) -> list[list[str]]:
    return [line.rsplit("|", 2) for line in text.strip().split("\n")]


def labelled() -> list[tuple[bytes, bool]]:
    """Pages and whether they are dead: made of the lines above in every layout, and the pages of the demo."""
    pages = []
    for (title, head, text), layout in itertools.product(lines(GONE) + lines(PARKED), LAYOUTS):
        pages.append((layout.format(title=title, head=head, text=text).encode(), True))
    for (title, head, text), layout in itertools.product(lines(ALIVE), LAYOUTS):
        pages.append((layout.format(title=title, head=head, text=text).encode(), False))
    pages += [(b, True) for b in (b"", b" \n", b"<html><body></body></html>", b"<!-- nothing -->")]
    pages += [(f"<title>404 Not Found, or the web's missing pages</title>{LONG}".encode(), False)]
    served = [page for page in make_world().pages.values() if page.status == 200]
    pages += [(page.body, False) for page in served if page.body.lstrip()[:1] == b"<"][:150]
    return pages


def measured(found: list[tuple[bool, bool]]) -> tuple[float, float]:
    """Precision and recall of pairs of (said to be dead, dead)."""
    right = sum(said and dead for said, dead in found)
    return right / sum(said for said, _ in found), right / sum(dead for _, dead in found)


def test_precision_and_recall() -> None:
    pages = labelled()
    assert len(pages) >= 200
    found = [(bool(certain(shown(page))), dead) for page, dead in pages]
    found += [(bool(misdirected(asked, final)), dead) for asked, final, dead in REDIRECTS]
    precision, recall = measured(found)
    assert precision >= 0.98, [page for (page, dead), (said, _) in zip(pages, found) if said and not dead]
    assert recall >= 0.9, [page for (page, dead), (said, _) in zip(pages, found) if dead and not said]


@pytest.mark.parametrize(("asked", "final", "dead"), REDIRECTS)
def test_redirects(asked: str, final: str, dead: bool) -> None:
    assert bool(misdirected(asked, final)) == dead


def test_real_pages_are_alive(data_dir: Path) -> None:
    """Of 990 real pages with text that people marked, at most a few in a thousand may be taken for dead."""
    dead: list[str] = []
    with open(data_dir / "web/trafilatura-eval.warc.gz", "rb") as file:
        dead += (
            record.rec_headers.get_header("WARC-Target-URI")
            for record in ArchiveIterator(file)
            if record.rec_type == "response" and certain(shown(record.content_stream().read()))
        )
    assert len(dead) <= 5, dead


@pytest.mark.parametrize(
    ("markup", "target"),
    [
        ('<meta http-equiv="refresh" content="0; url=/next">', "/next"),
        ("<META HTTP-EQUIV=Refresh CONTENT='5;URL=http://b.example/'>", "http://b.example/"),
        ("<meta content=\"0;url='/quoted'\" http-equiv=refresh>", "/quoted"),
        ('<meta http-equiv="refresh" content="0.5, /bare">', "/bare"),
        ('<meta http-equiv="refresh" content="0; url=/a?b=1&amp;c=2">', "/a?b=1&c=2"),
        ('<meta http-equiv="refresh" content="300; url=/later">', None),
        ('<meta http-equiv="refresh" content="5">', None),
        ('<meta http-equiv="refresh" content="0; url=#top">', None),
        ('<noscript><meta http-equiv="refresh" content="0; url=/nojs"></noscript>', None),
        ('<!-- <meta http-equiv="refresh" content="0; url=/old"> -->', None),
        ('<meta name="refresh" content="0; url=/no">', None),
    ],
)
def test_refreshes(markup: str, target: str | None) -> None:
    assert refresh_target("http://a.example/x", f"<html><head>{markup}</head></html>".encode()) == target


def refresh(target: str) -> bytes:
    return f'<meta http-equiv="refresh" content="0; url={target}">'.encode()


def test_the_crawl_follows_refreshes_and_tells_soft_404s(builder: Builder, server: Server) -> None:
    page = f"<title>A story</title>{LONG}".encode()
    answers = {
        "/refresh": refresh("/story"),
        "/loop": refresh("/loop2"),
        "/loop2": refresh("/loop"),
        "/story": page,
        "/": page,
        "/empty": b"",
    }
    for path, body in answers.items():
        server.handlers[path] = lambda c, _, body=body: c.page(body)  # type: ignore[misc]
    server.handlers["/moved"] = lambda c, _: c.redirect("/")
    server.handlers["/gone"] = lambda c, _: c.page(b"<title>Page not found</title><p>Sorry.")
    fetched = builder.fetch(
        [f"http://a.example{path}" for path in ("/refresh", "/loop", "/story", "/", "/empty", "/moved", "/gone")], soft_404=True
    )
    errors = {url.removeprefix("http://a.example"): (row["error"], row["detail"]) for url, row in fetched.rows.items()}
    assert errors == {
        "/refresh": (None, ""),
        "/story": (None, ""),
        "/": (None, ""),
        "/loop": ("redirect-loop", "http://a.example/loop"),
        "/empty": ("soft-404", "empty"),
        "/moved": ("soft-404", "redirected to a front page"),
        "/gone": ("soft-404", "says that it is not there"),
    }
    row = fetched.rows["http://a.example/refresh"]
    assert (row["final_url"], row["redirects"]) == ("http://a.example/story", ["http://a.example/refresh"])
    assert read_page(fetched.build, row).body == page
    assert fetched.report.counters["rejected-soft-404"] == 3


def test_a_host_is_probed_once_and_only_in_doubt(builder: Builder, server: Server) -> None:
    """A host that answers anything with the same long page, one whose pages differ, and one without any doubt."""
    doubtful = f"<title>Things that do not exist: not found</title>{LONG}"
    server.default = lambda c, path: c.page(f"{doubtful}<p>{path}".encode())
    server.handlers["real.example/1"] = lambda c, _: c.page(doubtful.encode())
    calm = f"<title>A calm page</title>{LONG}".encode()
    probes = {host: probe_url(f"http://{host}.example") for host in ("same", "real", "calm")}

    def not_found(c: Connection, _: str) -> None:
        c.page(b"<p>No.", "404 Not Found")

    server.handlers["real.example" + probes["real"].removeprefix("http://real.example")] = not_found
    server.handlers["calm.example/1"] = lambda c, _: c.page(calm)
    urls = ["http://same.example/1", "http://same.example/2", "http://real.example/1", "http://calm.example/1"]
    fetched = builder.fetch(urls, soft_404=True)
    assert {url: fetched.error(url) for url in urls} == {urls[0]: "soft-404", urls[1]: "soft-404", urls[2]: None, urls[3]: None}
    assert fetched.rows[urls[0]]["detail"] == "the same as any other path"
    asked = [f"http://{one.host}{one.path}" for one in server.asked]
    assert [asked.count(probe) for probe in probes.values()] == [1, 1, 0]
    assert builder.fetch(urls, "kept").report.records_out == 4
