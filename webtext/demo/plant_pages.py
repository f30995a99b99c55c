"""Planted cases that come as pages: odd encodings, broken markup, other languages, too little text, too much, copies of copies."""

from __future__ import annotations

import gzip

from webtext.demo import languages
from webtext.demo.builder import HTML, Builder, Response, edited, sentence
from webtext.demo.looks import Page, Site, render, render_notice
from webtext.demo.markup import Block, parse
from webtext.demo.sites import ATTIC, CARNET, COPYCAT, CUADERNO, GALLERY, NOTIZEN, ORIGINAL, REPOSTS
from webtext.demo.texts import Article

HUGE, BEYOND = 1_300_000, 2_600_000  # bytes: above the cap of `extract`, and above that of `fetch`, in settings.py
CAFE = "The café on the corner – the one with the “open” sign – serves crème brûlée for 4 £ on Sundays."
# Long enough that the page is left out for what it says; of fewer words that are no text nothing is taken
WALL = (
    "Please enable JavaScript to run this application. It needs a modern browser, and yours does not run scripts or has been told not to. "
    "Open the settings of the browser, look for the section on content and permissions, allow scripts for this address, and load the page "
    "once more. If that does not help, try another browser, or write to those who look after this application and tell them what you see."
)


def plant_pages(builder: Builder) -> None:
    _codings(builder)
    _markup(builder)
    _languages(builder)
    _nothing(builder)
    _too_much(builder)
    _exact(builder)
    _near(builder)


def _rendered(site: Site, article: Article, *more: Block, path: str = "/", charset: str = "utf-8") -> str:
    return render(Page(site, path, article.title, (*article.blocks[:3], *more, *article.blocks[3:]), charset=charset))


def _odd(builder: Builder, name: str, path: str, response: Response, note: str, text: str = "", site: Site = GALLERY) -> None:
    builder.planted(name, builder.answer(f"http://{site.host}{path}", response), note, text=text)


def _codings(builder: Builder) -> None:
    article = builder.take()
    packed = gzip.compress(_rendered(GALLERY, article).encode(), mtime=0)
    response = Response(packed, headers=(("Content-Type", HTML), ("Content-Encoding", "gzip")))
    _odd(builder, "gzip", "/packed.html", response, "gzip as content coding", sentence(article))

    article = builder.take()
    response = Response(_rendered(GALLERY, article).encode(), behaviour="chunked")
    _odd(builder, "chunked", "/in-pieces.html", response, "chunked transfer coding", sentence(article))

    cafe = Block("paragraph", CAFE)
    latin = Block("paragraph", CAFE.replace("–", "-").replace("“", "«").replace("”", "»"))
    for name, block, charset, kind, note in (
        ("latin-1", latin, "iso-8859-1", "text/html; charset=ISO-8859-1", "ISO 8859-1, says its header"),
        ("windows-1252", cafe, "windows-1252", "text/html", "windows-1252, says its meta element alone"),
        ("utf-16", cafe, "utf-16", "text/html", "UTF-16 with a byte order mark"),
    ):
        html = _rendered(ATTIC, builder.take(), block, charset=charset)
        # NB: the codec utf-16 follows the byte order of the machine.
        body = b"\xff\xfe" + html.encode("utf-16-le") if charset == "utf-16" else html.encode(charset, "xmlcharrefreplace")
        _odd(builder, name, f"/{name}.htm", Response(body, headers=(("Content-Type", kind),)), note, block.text, ATTIC)


def _markup(builder: Builder) -> None:
    article = builder.take()
    html, text = _rendered(GALLERY, article), sentence(article)
    response = Response(html[: html.index(text) + len(text) + 300].encode())
    _odd(builder, "cut", "/cut-off.html", response, "ends in the middle of its text, nothing is closed", text)

    article = builder.take()
    html = _rendered(GALLERY, article).replace("</article>", "</article>" + "<div><span><b>" * 3000 + "deep down", 1)
    _odd(
        builder,
        "deeply-nested",
        "/rabbit-hole.html",
        Response(html.encode()),
        "9,000 elements inside one another below the text",
        sentence(article),
    )

    article = builder.take()
    text = render(Page(Site("", "plain", "", ""), "/", article.title, article.blocks))
    response = Response(text.encode(), headers=(("Content-Type", "text/plain"),))
    _odd(builder, "plain-text", "/read.me", response, "plain text", sentence(article))

    article = builder.take()
    html = _rendered(GALLERY, article, Block("paragraph", languages.FRENCH_QUOTATION))
    _odd(builder, "quotes-french", "/as-they-say.html", Response(html.encode()), "English, with a sentence in French", sentence(article))


def _languages(builder: Builder) -> None:
    for name, site, path, language, title, text in (
        ("french", CARNET, "/2015/le-boulanger/", "fr", languages.FRENCH_TITLE, languages.FRENCH),
        ("german", NOTIZEN, "/ein-jahr-ohne-wetterbericht", "de", languages.GERMAN_TITLE, languages.GERMAN),
        ("spanish", CUADERNO, "/cultura/la-biblioteca-que-viajaba.html", "es", languages.SPANISH_TITLE, languages.SPANISH),
    ):
        url = builder.page(site, path, title, parse(text.strip()), language=language, related=((title, path),))
        builder.planted(name, url, f"not English: {language}")


def _nothing(builder: Builder) -> None:
    shell = (
        '<!DOCTYPE html>\n<html><head><title>{}</title><script src="/app.js"></script></head><body><div id="app"></div>{}</body></html>\n'
    )
    for name, path, body, note in (
        ("empty", "/void.html", "", "status 200 and not a byte"),
        ("no-text", "/shell.html", shell.format("App", ""), "markup without a word"),
        (
            "little-text",
            "/short.html",
            render_notice("A short note", "Gone fishing. Back on Monday, if the fish allow it."),
            "two sentences",
        ),
        (
            "asks-for-scripts",
            "/app.html",
            shell.format("App", f"<p>{WALL}</p>"),
            "asks to enable JavaScript",
        ),
        (
            "says-not-found",
            "/lost.html",
            render_notice(
                "Page not found", "The page you are looking for might have been removed, had its name changed, or is away for now."
            ),
            "status 200 for a page that is not there",
        ),
    ):
        _odd(builder, name, path, Response(body.encode()), note)

    line = Block(
        "paragraph", "Thank you for calling. All our operators are busy at the moment, so please hold the line until one of them is free."
    )
    other = Block(
        "paragraph", "Your call is important to us and may be recorded to train the people who will not answer it the next time either."
    )
    url = builder.page(GALLERY, "/on-hold.html", "On hold", [line, other] * 12)
    builder.planted("repeats-itself", url, "two paragraphs, twelve times each")


def _too_much(builder: Builder) -> None:
    for name, path, size, note in (
        ("huge", "/everything.html", HUGE, "more bytes than extraction takes"),
        ("beyond-the-cap", "/and-more.html", BEYOND, "more bytes than are fetched: cut, and still too many"),
    ):
        rows = "".join(f"<tr><td>{row:06}</td><td>measured value of day {row}</td></tr>\n" for row in range(size // 62))
        html = f"<!DOCTYPE html>\n<html><head><title>Measurements</title></head><body><table>\n{rows}</table></body></html>\n"
        _odd(builder, name, path, Response(html.encode()), note)

    _odd(
        builder,
        "pdf-in-disguise",
        "/report.html",
        Response(b"%PDF-1.5\n%\xd0\xd4\xc5\xd8\n1 0 obj\n<<>>\nendobj\n"),
        "a PDF that claims to be HTML",
    )

    article = builder.take()
    html = render(
        Page(Site("encyclopedia-copy.example", "wiki", "Wikipedia, the free encyclopedia", ""), "/", article.title, article.blocks)
    )
    builder.planted(
        "wikipedia-copy",
        builder.answer("http://encyclopedia-copy.example/off-by-one", Response(html.encode())),
        "a mirror that kept Wikipedia's tagline",
    )


def _exact(builder: Builder) -> None:
    article = builder.take()
    text = sentence(article)
    url = builder.article(ORIGINAL, "/2014/02/read-it-here-first/", article)
    builder.post(url, 8, "2014-02-11")
    builder.case("original", url, "posted before its two mirrors, with the lowest score", text=text)
    for name, host, score, day in (("mirror", COPYCAT.host, 500, "2014-02-12"), ("second-mirror", "cache.example", 40, "2017-08-01")):
        copy = builder.mirror(url, host)
        builder.post(copy, score, day)
        builder.case(name, copy, "the same bytes on another host, posted later", copy_of=url)

    article = builder.take()
    url = builder.article(ORIGINAL, "/2015/07/read-it-there-first/", article)
    first = builder.mirror(url, COPYCAT.host)
    builder.post(first, 4, "2013-03-03")
    builder.post(url, 2500, "2015-07-20")
    builder.case("mirror-posted-first", first, "a mirror with the older post stays", text=sentence(article))
    builder.case("original-posted-later", url, "its mirror was posted two years before", copy_of=first)


def _near(builder: Builder) -> None:
    article = builder.take()
    url = builder.article(ORIGINAL, "/2013/09/much-imitated/", article)
    builder.post(url, 30, "2013-09-09")
    builder.case("near-copied", url, "posted before those who took it over", text=sentence(article))
    for name, site, path, blocks, day, note in (
        (
            "edited-copy",
            REPOSTS,
            "/tech/much-imitated.html",
            edited(article.blocks, 120),
            "2014-01-01",
            "another look, a word in 120 left out",
        ),
        (
            "edited-twice",
            COPYCAT,
            "/much-imitated.html",
            edited(edited(article.blocks, 120), 150, 40),
            "2016-01-01",
            "a copy of the copy, edited once more",
        ),
    ):
        copy = builder.page(site, path, article.title, blocks)
        builder.post(copy, 100, day)
        builder.case(name, copy, note, copy_of=url)
    reworked = builder.page(
        REPOSTS, "/tech/after-much-imitated.html", f"After {article.title}", [*edited(article.blocks, 8), Block("paragraph", CAFE)]
    )
    note = "a word in 8 left out: too far from the original to be a near copy"
    builder.planted("reworked-copy", reworked, note, text=CAFE)

    other = builder.take()
    half = [*other.blocks, *article.blocks[: len(article.blocks) // 3]]
    builder.planted(
        "half-copy",
        builder.page(REPOSTS, "/tech/a-mixed-bag.html", other.title, half),
        "another text that quotes a third of it",
        text=sentence(other),
    )
