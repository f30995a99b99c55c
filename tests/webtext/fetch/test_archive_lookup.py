"""Links that the web has no more, asked of archives."""

from __future__ import annotations

import gzip
import re
import signal
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator

from tests.webtext.fetch.conftest import Builder, Fetched, write_links
from tests.webtext.fetch.server import Connection, Server
from tests.webtext.fetch.test_polite import gaps
from tests.webtext.fetch.test_previous_crawl import again
from tests.webtext.fetch.test_shard import contents, start
from tests.webtext.fetch.web_archive import CRAWL, DATA, INDEX, OPTIONS, WAYBACK, WebArchive
from webtext.core.config import ArchiveSection
from webtext.core.task import StageContext, run_task
from webtext.fetch.shard import fetch_shard
from webtext.fetch.warc import read_page
from webtext.report.why import why

URL = "http://gone.example/page?a=1"
POSTED = int(datetime(2012, 6, 1, tzinfo=timezone.utc).timestamp())


@pytest.fixture
def archive(server: Server) -> WebArchive:
    made = WebArchive(server)
    made.serve()
    return made


def fetch(builder: Builder, urls: list[str], options: dict[str, Any] = OPTIONS, name: str = "build", **more: Any) -> Fetched:
    return builder.fetch(urls, name, posted=POSTED, archive=ArchiveSection(**options), **more)


def hosts(server: Server) -> set[str]:
    return {one.host for one in server.asked}


def warc_records(fetched: Fetched) -> list[tuple[str, dict[str, str], bytes]]:
    with open(fetched.build / "pages/shard-00000-000.warc.gz", "rb") as file:
        return [(one.rec_type, dict(one.rec_headers.headers), one.content_stream().read()) for one in ArchiveIterator(file)]


@pytest.mark.parametrize(("options", "source"), [(OPTIONS, WAYBACK), (CRAWL, DATA)], ids=["playback", "WARC"])
def test_the_nearest_capture_is_taken(builder: Builder, archive: WebArchive, server: Server, options: dict[str, Any], source: str) -> None:
    times = ["20110801000000", "20120520000000", "20120615000000", "20130601000000"]
    archive.captures = {(URL, when): f"<p>As it was in {when}.</p>".encode() for when in times}
    server.handlers["alive.example/"] = lambda c, _: c.page(b"<p>alive</p>")
    fetched = fetch(builder, [URL, "http://alive.example/", "http://lost.example/"], options)
    row = fetched.rows[URL]
    assert (row["error"], row["detail"], row["status"], row["archive"]) == (None, "http-404", 200, source)
    assert row["captured"] == datetime(2012, 5, 20, tzinfo=timezone.utc)
    assert (row["final_url"], row["bytes"], row["content_type"]) == (URL, len("<p>As it was in 20120520000000.</p>"), "text/html")
    page = read_page(fetched.build, row)
    assert (page.url, page.status, page.body) == (URL, 200, b"<p>As it was in 20120520000000.</p>")
    assert fetched.rows["http://alive.example/"]["archive"] is None
    lost = fetched.rows["http://lost.example/"]
    assert (lost["error"], lost["detail"], lost["archive"]) == ("http-404", "in no archive", None)
    assert (fetched.report.records_out, fetched.report.counters["from-archive"]) == (2, 1)

    [told] = [event for event in why(fetched.build, URL) if event.stage == "fetch"]
    assert told.kept
    assert f"35 bytes, HTTP 200 from {source}, captured 2012-05-20, the live site: http-404, in shard-" in told.text

    dated = [record for record in warc_records(fetched) if record[1].get("WARC-Target-URI") == URL]
    assert [kind for kind, _, _ in dated] == (["request", "response"] if source == WAYBACK else ["response"])
    for _, fields, _ in dated:
        assert fields["WARC-Date"] == "2012-05-20T00:00:00Z"
        assert fields["WARC-Creation-Date"] == "2018-01-01T00:00:00Z"
        path = f"/web/20120520000000id_/{URL}" if source == WAYBACK else "/crawl.warc.gz"
        assert fields["WARC-Source-URI"] == f"http://{source}{path}"
    assert dated[-1][2] == page.body
    assert archive.queries[0]["closest"] == "20120601000000"


def test_archives_are_asked_politely(builder: Builder, archive: WebArchive, server: Server) -> None:
    urls = [f"http://gone{n}.example/" for n in range(4)]
    archive.captures = {(url, "20120601000000"): url.encode() for url in urls}
    fetched = fetch(builder, urls, {**OPTIONS, "indexes": [*OPTIONS["indexes"], *CRAWL["indexes"]]}, per_host_delay=0.15)
    assert fetched.report.records_out == 4
    there = [one for one in server.asked if one.host in (WAYBACK, INDEX, DATA)]
    assert len(there) == 4 * 3
    assert min(gaps(there)) >= 0.15
    assert len({one.connection for one in there}) <= 3
    assert all(b"User-Agent: webtext/0.1" in one.head for one in there)


def test_the_archives_robots_txt_is_a_choice(builder: Builder, archive: WebArchive, server: Server) -> None:
    archive.captures = {(URL, "20120601000000"): b"<p>then</p>"}
    assert fetch(builder, [URL]).error(URL) is None
    row = fetch(builder, [URL], {**OPTIONS, "robots": True}, "obeyed").rows[URL]
    assert (row["error"], row["detail"]) == ("http-404", f"{WAYBACK}: robots")


def test_only_dead_links_are_looked_for(builder: Builder, archive: WebArchive, server: Server) -> None:
    answers: dict[str, Callable[[Connection, str], None]] = {
        "noai.example/": lambda c, _: c.page(headers="Content-Type: text/html\r\nX-Robots-Tag: noai\r\n"),
        "pdf.example/": lambda c, _: c.page(b"%PDF", headers="Content-Type: application/pdf\r\n"),
        "forbidden.example/": lambda c, _: c.page(b"", "403 Forbidden"),
        "shut.example/robots.txt": lambda c, _: c.page(b"User-agent: *\nDisallow: /"),
        "broken.example/": lambda c, _: c.page(b"", "500 Internal Server Error"),
    }
    server.handlers.update(answers)
    urls = [f"http://{name.partition('/')[0]}/" for name in answers] + ["http://out.example/"]
    archive.captures = {(url, "20120601000000"): b"<p>then</p>" for url in urls}
    fetched = fetch(builder, urls, opt_out=["out.example"])
    assert {query["url"] for query in archive.queries} == {"http://broken.example/"}
    assert [row["error"] for row in fetched.rows.values()].count(None) == 1


def test_a_capture_is_held_to_what_a_page_is(builder: Builder, archive: WebArchive, server: Server) -> None:
    """The nearest capture that passes; as many are tried as three."""
    body = {n: f"<p>capture {n}</p>".encode() for n in range(6)}
    archive.captures = {(URL, f"2012060{n + 1}000000"): body[n] for n in range(5)}
    archive.headers[body[0]] = "Content-Type: text/html\r\nX-Archive-Orig-X-Robots-Tag: noai\r\n"
    archive.headers[body[1]] = "Content-Type: image/png\r\n"
    assert read_page((first := fetch(builder, [URL])).build, first.rows[URL]).body == body[2]
    archive.headers[body[2]] = "Content-Type: text/html\r\nContent-Encoding: gzip\r\nX: \x1f\r\n"
    archive.captures[URL, "20120603000000"] = gzip.compress(bytes(50_000_000))
    archive.headers[archive.captures[URL, "20120603000000"]] = "Content-Type: text/html\r\nContent-Encoding: gzip\r\n"
    row = fetch(builder, [URL], OPTIONS, "bomb", max_bytes=100_000).rows[URL]
    assert (row["error"], row["detail"]) == ("http-404", f"{WAYBACK}: decompression-bomb")
    assert f"/web/20120604000000id_/{URL}" not in [one.path for one in server.asked if one.host == WAYBACK]


def test_a_long_capture_is_cut_and_marked(builder: Builder, archive: WebArchive) -> None:
    text = b"".join(b"<p>%d</p>" % (n * 7919) for n in range(20_000))
    archive.captures = {(URL, "20120601000000"): text}
    for name, options in (("playback", OPTIONS), ("warc", CRAWL)):
        fetched = fetch(builder, [URL], options, name, max_bytes=50_000)
        row = fetched.rows[URL]
        assert (row["truncated"], row["bytes"]) == (True, 50_000)
        assert read_page(fetched.build, row).body == text[:50_000]
        assert warc_records(fetched)[-1][1]["WARC-Truncated"] == "length"


def test_a_capture_too_far_from_the_post_is_not_taken(builder: Builder, archive: WebArchive) -> None:
    archive.captures = {(URL, "20150601000000"): b"<p>a parked domain</p>"}
    assert fetch(builder, [URL]).error(URL) == "http-404"
    assert fetch(builder, [URL], {**OPTIONS, "days": 0}, "any").error(URL) is None
    assert fetch(builder, [URL], {**OPTIONS, "days": 1100}, "wide").error(URL) is None


def test_without_a_post_the_earliest_capture_is_taken(builder: Builder, archive: WebArchive) -> None:
    archive.captures = {(URL, when): when.encode() for when in ("20150601000000", "20090601000000")}
    fetched = builder.fetch([URL], archive=ArchiveSection(**OPTIONS))
    assert read_page(fetched.build, fetched.rows[URL]).body == b"20090601000000"


def test_playback_may_lead_to_another_capture_but_to_no_other_page(builder: Builder, archive: WebArchive, server: Server) -> None:
    archive.captures = {(URL, "20120601000000"): b"here", (URL, "20120701000000"): b"there"}
    server.handlers[f"{WAYBACK}/web/20120601000000id_/{URL}"] = lambda c, _: c.redirect(f"/web/20120701000000id_/{URL}")
    fetched = fetch(builder, [URL])
    row = fetched.rows[URL]
    assert read_page(fetched.build, row).body == b"there"
    assert row["captured"] == datetime(2012, 7, 1, tzinfo=timezone.utc)
    for number, target in enumerate(["http://elsewhere.example/", f"http://{WAYBACK}/web/20120701000000id_/http://other.example/"]):
        archive.captures = {(URL, "20120601000000"): b"here"}
        server.handlers[f"{WAYBACK}/web/20120601000000id_/{URL}"] = lambda c, _, target=target: c.redirect(target)  # type: ignore[misc]
        row = fetch(builder, [URL], OPTIONS, f"away{number}").rows[URL]
        assert (row["error"], row["detail"]) == ("http-404", f"{WAYBACK}: bad-redirect")
    assert "elsewhere.example" not in hosts(server)


def test_the_archive_says_when_it_captured(builder: Builder, archive: WebArchive) -> None:
    archive.captures = {(URL, "20120601000000"): b"<p>then</p>"}
    head = "Content-Type: text/html\r\nMemento-Datetime: Sat, 02 Jun 2012 03:04:05 GMT\r\n"
    archive.headers[b"<p>then</p>"] = head
    assert fetch(builder, [URL]).rows[URL]["captured"] == datetime(2012, 6, 2, 3, 4, 5, tzinfo=timezone.utc)
    archive.headers[b"<p>then</p>"] = head.replace("2012", "2022")
    assert fetch(builder, [URL], OPTIONS, "far").error(URL) == "http-404"


INDEX_ANSWERS: dict[str, tuple[Callable[[Connection, str], None], str]] = {
    "busy": (lambda c, _: c.page(b"", "503 Service Unavailable"), "http-503"),
    "html": (lambda c, _: c.page(b"<html>maintenance"), "invalid-response"),
    "wrong": (lambda c, _: c.page(b"<html>no such thing", "404 Not Found"), "http-404"),
    "closed": (lambda c, _: c.end(), "connection-closed"),
    "endless": (lambda c, _: c.page(b"[" * 2_000_000), "invalid-response"),
}


@pytest.mark.parametrize("name", INDEX_ANSWERS)
def test_an_index_that_does_not_answer_is_told(builder: Builder, archive: WebArchive, server: Server, name: str) -> None:
    handler, error = INDEX_ANSWERS[name]
    serve = server.default
    server.default = lambda c, path: handler(c, path) if path.startswith("/cdx") else serve(c, path)
    row = fetch(builder, [URL]).rows[URL]
    assert (row["error"], row["detail"]) == ("http-404", f"{WAYBACK}: {error}")


def warc_answer(data: bytes, status: str = "206 Partial Content") -> Callable[[Connection, str], None]:
    return lambda c, _: c.page(data, status, "Content-Type: application/gzip\r\n")


def other_record() -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nother"
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://other.example/\r\nContent-Length: {len(block)}\r\n\r\n"
    return gzip.compress(head.encode() + block + b"\r\n\r\n")


@pytest.mark.parametrize(
    "handler",
    [
        warc_answer(b"not a record"),
        warc_answer(gzip.compress(b"not a record")),
        warc_answer(gzip.compress(b"WARC/1.0\r\n")[:-9]),
        warc_answer(other_record()),
        warc_answer(b"the whole file", "200 OK"),
    ],
    ids=["garbage", "gzip", "cut", "other", "whole"],
)
def test_a_broken_record_is_told(builder: Builder, archive: WebArchive, server: Server, handler: Callable[[Connection, str], None]) -> None:
    archive.captures = {(URL, "20120601000000"): b"<p>then</p>"}
    server.handlers[f"{DATA}/crawl.warc.gz"] = handler
    row = fetch(builder, [URL], CRAWL).rows[URL]
    assert (row["error"], row["detail"]) == ("http-404", f"{DATA}: invalid-response")


def test_an_archive_that_is_down_is_left_alone(builder: Builder, archive: WebArchive, server: Server) -> None:
    server.handlers.update({f"{WAYBACK}/cdx": lambda c, _: c.end()})
    serve = server.default
    server.default = lambda c, path: c.page(b"", "429 Too Many Requests") if path.startswith("/cdx") else serve(c, path)
    urls = [f"http://gone{n}.example/" for n in range(12)]
    fetched = fetch(builder, urls)
    assert len([one for one in server.asked if one.host == WAYBACK]) == 5
    details = [row["detail"] for row in fetched.rows.values()]
    assert (details.count(f"{WAYBACK}: http-429"), details.count(f"{WAYBACK}: host-down")) == (5, 7)


def test_killed_while_archives_are_asked(builder: Builder, archive: WebArchive, server: Server, tmp_path: Path) -> None:
    urls = [f"http://gone{n}.example/" for n in range(30)]
    archive.captures = {(url, "20120601000000"): url.encode() * 50 for url in urls[::2]}
    whole = fetch(builder, urls, OPTIONS, "whole")
    server.asked.clear()
    archive.queries.clear()
    build = tmp_path / "killed"
    write_links(build, urls, posted=POSTED)
    section = builder.section(archive=ArchiveSection(**OPTIONS))
    lines = build / "stages/fetch/.work/fetch-00000.journal.jsonl"
    for goal in (5, 20):
        process = start(build, section)
        while process.poll() is None and (not lines.exists() or lines.read_bytes().count(b'"settled":true') < goal):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        archives_checked = {url for url in urls if re.search(f'"url":"{url}".*"settled":true'.encode(), lines.read_bytes())}
        assert len(archives_checked) >= goal
        archive.queries.clear()
    assert start(build, section).wait() == 0
    assert contents(build) == contents(whole.build)
    assert len(server.paths("gone0.example")) == 1
    assert archives_checked.isdisjoint(query["url"] for query in archive.queries)


def test_captures_are_taken_over(builder: Builder, archive: WebArchive, server: Server) -> None:
    urls = [f"http://gone{n}.example/" for n in range(6)]
    archive.captures = {(url, "20120601000000"): url.encode() for url in urls[:4]}
    build = fetch(builder, urls).build
    before = contents(build)
    server.asked.clear()
    assert again(builder, build, urls, posted=POSTED, archive=ArchiveSection(**OPTIONS)) == 4
    assert {one.host for one in server.asked if one.path != "/robots.txt"} == {"gone4.example", "gone5.example", WAYBACK}
    assert contents(build) == before
    # without archives in the configuration their pages are none of the build's
    assert again(builder, build, urls) == 0


def test_archives_are_not_asked_again(builder: Builder, archive: WebArchive) -> None:
    """The task ended, its report was lost: archives are not asked again."""
    archive.captures = {(URL, "20120601000000"): b"<p>then</p>"}
    fetched = fetch(builder, [URL, "http://lost.example/"])
    asked = len(archive.queries)
    StageContext(fetched.build, "fetch", "f").report("fetch-00000").unlink()
    section = builder.section(archive=ArchiveSection(**OPTIONS))
    report = run_task(StageContext(fetched.build, "fetch", "f"), "fetch-00000", fetch_shard, 0, section)
    assert (report.records_out, len(archive.queries)) == (1, asked)
