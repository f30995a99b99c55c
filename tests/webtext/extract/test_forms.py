"""From bytes to text, the whole way of a page: what a reader sees as lines is lines, and how a page was sent leaves no trace."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

import brotli
import pytest
import zstandard
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from tests.webtext.extract.pages import Response, article, paragraphs, write_pages
from webtext.clean.verdict import judge
from webtext.core.config import CleanSection, ExtractSection
from webtext.core.hashing import url_id
from webtext.core.records import LEDGER
from webtext.core.tables import read_table, writing_table
from webtext.core.task import StageContext, run_task
from webtext.extract.page import extract_page
from webtext.extract.phases import extract_shard
from webtext.extract.result import Rejection, Text

URL = "http://example.org/story"
PARAGRAPHS = paragraphs(1)
COOKIES = (
    '<div id="cookie-consent" class="cookie-banner"><p>We use cookies to give you the best experience on our site. '
    "By continuing to use this site you agree to our use of cookies.</p><button>Accept all cookies</button></div>"
)


def story(inserted: str = "", around: str = "") -> str:
    """The article with something between its paragraphs, and something before all else."""
    return article("A lighthouse story", PARAGRAPHS).replace(f"<p>{PARAGRAPHS[3]}</p>", inserted + f"<p>{PARAGRAPHS[3]}</p>").replace(
        "<body>", "<body>" + around
    )  # fmt: skip


def text_of(body: str | bytes, content_type: str | None = "text/html; charset=utf-8", **keys: object) -> str:
    section = ExtractSection(**keys)  # type: ignore[arg-type]
    found = extract_page(body.encode() if isinstance(body, str) else body, content_type, URL, section)
    assert isinstance(found, Text), found
    text = judge(found.title, found.text, CleanSection(languages=[])).text
    assert text is not None
    return text


def body_lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line != "A lighthouse story"]


@pytest.mark.parametrize("engine", ["combined", "trafilatura"])
@pytest.mark.parametrize(
    ("inserted", "lines"),
    [
        ("<h2>How it was  built</h2>", ["How it was built"]),
        ("<ul><li>first the stones</li><li>then the <b>lamp</b> itself</li></ul>", ["- first the stones", "- then the lamp itself"]),
        ("<table><tr><th>Year</th><th>Height</th></tr><tr><td>1820</td><td>40 m</td></tr></table>", ["Year | Height", "1820 | 40 m"]),
        (
            "<pre><code>def light(hour):\n    if hour &gt; 18:\n        return True\n    return False</code></pre>",
            ["def light(hour):", "    if hour > 18:", "        return True", "    return False"],
        ),
        (
            '<div class="highlight"><pre><span class="k">for</span> ship <span>in</span> sea:\n    <span>greet</span>(ship)\n</pre></div>',
            ["for ship in sea:", "    greet(ship)"],
        ),
        ("<p>The wind was red<br>and the sea was blue that day.</p>", ["The wind was red", "and the sea was blue that day."]),
        ("<blockquote><p>Nothing is known about the matter at all.</p></blockquote>", ["Nothing is known about the matter at all."]),
        ("<p>A caf&eacute; &amp; a bar &mdash; 5&nbsp;&lt;&nbsp;6, in all.</p>", ["A café & a bar — 5 < 6, in all."]),
        ("<p>The keeperâ€™s <i>old</i> cafÃ© by the sea.</p>", ["The keeper’s old café by the sea."]),
        ("<p>co&shy;oper&#8203;ation<!-- no --> of them all<script>no()</script>.</p>", ["cooperation of them all."]),
    ],
)
def test_what_a_reader_sees_as_lines(inserted: str, lines: list[str], engine: str) -> None:
    expected = [*PARAGRAPHS[:3], *lines, *PARAGRAPHS[3:]]
    assert body_lines(text_of(story(inserted), engine=engine)) == expected


@pytest.mark.parametrize("engine", ["combined", "trafilatura"])
def test_no_cookie_notice(engine: str) -> None:
    assert body_lines(text_of(story(around=COOKIES), engine=engine)) == PARAGRAPHS
    within = story(COOKIES.replace('id="cookie-consent" class="cookie-banner"', 'class="box"'))
    assert "ookies" not in text_of(within, engine=engine)


FORMS = {
    "XHTML": ('<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x.dtd">\n'
              '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en">{head}{body}</html>', "application/xhtml+xml"),
    "XHTML as XML": ('<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">{head}{body}</html>', "text/xml; charset=utf-8"),
    "upper case": ("<HTML><HEAD><TITLE>A lighthouse story</TITLE></HEAD>{body}</HTML>", "TEXT/HTML"),
    "without a type": ("<html>{head}{body}</html>", None),
    "a fragment": ("<div><h1>A lighthouse story</h1>{paragraphs}</div>", "text/html"),
    "nothing closed": ("<html><title>A lighthouse story</title><body><h1>A lighthouse story</h1>{open}", "text/html"),
    "noframes": ("<html>{head}<frameset><frame src='a'><noframes>{body}</noframes></frameset></html>", "text/html"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_pages_of_every_form(name: str) -> None:
    markup, content_type = FORMS[name]
    inner = "".join(f"<p>{text}</p>\n" for text in PARAGRAPHS)
    html = markup.format(
        head="<head><title>A lighthouse story</title></head>",
        body=f"<body><h1>A lighthouse story</h1>{inner}</body>",
        paragraphs=inner,
        open="".join(f"<p>{text}\n" for text in PARAGRAPHS),
    )
    assert body_lines(text_of(html, content_type)) == PARAGRAPHS


@pytest.mark.parametrize(
    ("body", "content_type", "reason", "detail"),
    [
        (b"%PDF-1.5 ...", "application/pdf", "pdf", ""),
        (b"%PDF-1.5 ...", "text/html", "pdf", ""),
        (b"{}", "application/json", "not-html", "application/json"),
        (b"<rss/>", "application/rss+xml", "not-html", "application/rss+xml"),
        (b"PK\x03\x04", "application/octet-stream", "not-html", "zip"),
        (b"\x89PNG\r\n\x1a\n", "text/html", "not-html", "png"),
        (b"<frameset cols='1,2'><frame src='a'><frame src='b'></frameset>", "text/html", "no-text", ""),
        (b" \n", "text/html", "empty", ""),
    ],
)
def test_what_is_no_page_is_named(body: bytes, content_type: str, reason: str, detail: str) -> None:
    assert extract_page(body, content_type, URL, ExtractSection()) == Rejection(reason, detail)


def in_chunks(body: bytes) -> bytes:
    pieces = [body[start : start + 700] for start in range(0, len(body), 700)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


CODINGS = {
    "gzip": ([("Content-Encoding", "gzip")], lambda body: gzip.compress(body, mtime=0)),
    "deflate": ([("Content-Encoding", "deflate")], zlib.compress),
    "brotli": ([("Content-Encoding", "br")], brotli.compress),
    "zstd": ([("Content-Encoding", "zstd")], zstandard.compress),
    "chunked": ([("Transfer-Encoding", "chunked")], in_chunks),
    "gzip, chunked": (
        [("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")],
        lambda body: in_chunks(gzip.compress(body, mtime=0)),
    ),
}


def test_content_and_transfer_codings_of_warc_records(tmp_path: Path) -> None:
    """The same page in all of them, as a crawl of others may have stored it."""
    page = story().encode("cp1252")
    write_pages(tmp_path, 0, [Response("http://example.org/plain", page, "text/html; charset=windows-1252")], links=False)
    ledger = tmp_path / "pages" / "ledger" / "shard-00000.parquet"
    rows = list(read_table(ledger))
    with open(tmp_path / "pages" / "coded.warc.gz", "wb") as file:
        writer = WARCWriter(file, gzip=True)
        for name, (headers, encode) in CODINGS.items():
            url = f"http://example.org/{name}"
            http = StatusAndHeaders("200 OK", [("Content-Type", "text/html; charset=windows-1252"), *headers], protocol="HTTP/1.1")
            offset = file.tell()
            writer.write_record(writer.create_warc_record(url, "response", payload=io.BytesIO(encode(page)), http_headers=http))
            place = {"warc": "coded.warc.gz", "offset": offset, "length": file.tell() - offset}
            rows.append(rows[0] | {"id": url_id(url), "url": url, "final_url": url, "bytes": len(page)} | place)
    with writing_table(ledger, LEDGER) as table:
        for row in rows:
            table.write(row)
    report = run_task(StageContext(tmp_path, "extract", "fingerprint"), "extract-00000", extract_shard, 0, ExtractSection())
    texts = {row["url"].rsplit("/", 1)[1]: body_lines(row["text"]) for row in read_table(tmp_path / "documents" / "shard-00000.parquet")}
    assert texts == dict.fromkeys(("plain", *CODINGS), PARAGRAPHS)
    assert report.rejected == 0
