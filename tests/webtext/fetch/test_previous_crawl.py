"""Pages of an earlier build in the same place."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.webtext.fetch.conftest import Builder, write_links
from tests.webtext.fetch.server import Connection, Server
from tests.webtext.fetch.test_shard import URLS, body, contents, some_pages, start
from webtext.core.hashing import url_id
from webtext.core.task import StageContext, run_task
from webtext.fetch.journal import read_journal
from webtext.fetch.shard import fetch_shard
from webtext.fetch.warc import pages_of_shard


def again(builder: Builder, build: Path, urls: list[str], posted: int | None = None, **options: object) -> int:
    """Fetch other links into a finished build, as a build does whose links have changed; returns the number of pages."""
    set_aside(build)
    write_links(build, urls, posted=posted)
    report = run_task(StageContext(build, "fetch", "other"), "fetch-00000", fetch_shard, 0, builder.section(**options))
    shutil.rmtree(build / "pages/.previous")
    return report.records_out


def set_aside(build: Path, number: int = 0) -> None:
    """As pipelines.stage.prepare does; the crawl before had the fingerprint `f`."""
    work, previous = build / "stages/fetch/.work", build / "pages/.previous"
    (work / "fingerprint").write_text("f")
    aside = previous / f"{number:05d}"
    aside.mkdir(parents=True)
    for path in [*(build / "pages").iterdir(), work]:
        if path != previous:
            path.rename(aside / path.name)


def test_only_what_is_new_is_asked_for(builder: Builder, server: Server) -> None:
    server.default = some_pages
    build = builder.fetch(URLS[:200], warc_bytes=2**20).build
    server.asked.clear()
    assert again(builder, build, URLS[100:]) == 180
    asked = {one.path for one in server.asked if one.path != "/robots.txt" and one.host.startswith("host")}
    # what failed before is asked for again
    assert asked == {f"/{n}" for n in range(200, 300)} | {f"/{n}" for n in range(103, 200, 10)}
    for row, page in pages_of_shard(build, 0):
        number = int(row["url"].rpartition("/")[2])
        assert page.body == body(f"/{number + (number % 10 == 4)}")
    assert contents(build) == contents(builder.fetch(URLS[100:], "fresh").build)


def test_what_the_configuration_would_not_keep_is_asked_for_again(builder: Builder, server: Server) -> None:
    server.handlers["/long"] = lambda c, _: c.page(b"x" * 5000)
    server.handlers["/text"] = lambda c, _: c.page(b"x", headers="Content-Type: text/plain\r\n")
    server.handlers["/noindex"] = lambda c, _: c.page(b"<meta name=robots content=noindex>")
    urls = [f"http://a.example/{name}" for name in ("long", "text", "noindex", "kept")] + ["http://b.example/"]
    build = builder.fetch(urls, max_bytes=4000).build
    server.asked.clear()
    assert again(builder, build, urls, noindex=True, content_types=["text/html"], opt_out=["b.example"]) == 2
    assert sorted(server.paths()) == ["/long", "/noindex", "/text"]


def test_a_damaged_archive_is_asked_for_again(builder: Builder, server: Server) -> None:
    urls = URLS[:10]
    build = builder.fetch(urls).build
    path = build / "pages/shard-00000-000.warc.gz"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    server.asked.clear()
    assert again(builder, build, urls) == 10
    assert 4 <= len(server.paths()) <= 6
    path.write_bytes(b"")
    assert again(builder, build, urls) == 10


def stopped(builder: Builder, server: Server, build: Path, urls: list[str], count: int) -> set[str]:
    """Begin to fetch, and kill it (-9) when so many are journalled; returns the paths that are."""
    write_links(build, urls)
    lines = build / "stages/fetch/.work/fetch-00000.journal.jsonl"
    process = start(build, builder.section(hosts_at_once=4))
    while process.poll() is None and (not lines.exists() or lines.read_bytes().count(b"\n") <= count):
        time.sleep(0.002)
    assert process.poll() is None
    process.kill()
    process.wait()
    found = read_journal(build / "stages/fetch/.work/fetch-00000")
    assert found is not None
    return {url[url.rindex("/") :] for url in urls if url_id(url) in found.entries}


def slowly(c: Connection, path: str) -> None:
    time.sleep(0.01)
    some_pages(c, path)


def test_an_unfinished_crawl_is_gone_on_with_under_another_configuration(builder: Builder, server: Server) -> None:
    """Twice: what two crawls that were killed had downloaded is not asked for again by the third."""
    server.default = slowly
    urls = [url for url in URLS if int(url.rpartition("/")[2]) % 10 not in (3, 4)]
    build = builder.path / "build"
    done = stopped(builder, server, build, urls, 40)
    set_aside(build, 0)
    more = stopped(builder, server, build, urls, len(done) + 30)
    assert done < more
    set_aside(build, 1)
    (build / "pages/.previous/00000/.work/fetch-00000.journal.jsonl").unlink()  # the second has all that the first had
    server.asked.clear()
    section = builder.section(max_redirects=3)
    report = run_task(StageContext(build, "fetch", "other"), "fetch-00000", fetch_shard, 0, section)
    assert report.records_out == len(urls)
    # as a set: a busy server may see the last requests of the crawl that was killed only now
    assert set(server.paths()) == {url[url.rindex("/") :] for url in urls} - more
    shutil.rmtree(build / "pages/.previous")
    assert contents(build) == contents(builder.fetch(urls, "fresh").build)


def test_pages_of_older_crawls_are_found_behind_newer_ones(builder: Builder, server: Server) -> None:
    server.default = some_pages
    build = builder.fetch(URLS[:40]).build
    set_aside(build, 0)
    builder.fetch(URLS[40:60])
    set_aside(build, 1)
    server.asked.clear()
    write_links(build, URLS[:80])
    report = run_task(StageContext(build, "fetch", "other"), "fetch-00000", fetch_shard, 0, builder.section())
    assert report.records_out == 72
    assert {one.path for one in server.asked if one.host.startswith("host") and one.path != "/robots.txt"} == {
        *(f"/{n}" for n in range(60, 80)),
        *(f"/{n}" for n in range(3, 60, 10)),
    }


FAILURES = {
    "http://a.example/404": ("http-404", {"failed"}),
    "http://b.example/500": ("http-500", {"failed", "5xx"}),
    "http://c.example/503": ("http-503", {"failed", "5xx"}),
    "http://d.example/slow": ("page-timeout", {"failed", "timeout"}),
    "http://robots500.example/": ("robots-unreachable", {"failed", "5xx"}),
    "http://robotsslow.example/": ("robots-unreachable", {"failed", "timeout"}),
    "http://e.example/closed": ("connection-closed", {"failed"}),
    "http://f.example/page": (None, set()),
    "http://g.example/short": ("short-body", {"failed"}),
}


def fail(server: Server) -> None:
    server.handlers.update(
        {
            "/404": lambda c, _: c.page(b"", "404 Not Found"),
            "/500": lambda c, _: c.page(b"", "500 Internal Server Error"),
            "/503": lambda c, _: c.page(b"", "503 Service Unavailable"),
            "/slow": lambda c, _: time.sleep(2),
            "/closed": lambda c, _: c.end(),
            "/short": lambda c, _: (c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx"), c.end())[0],  # type: ignore[func-returns-value]
            "robots500.example/robots.txt": lambda c, _: c.page(b"", "500 Internal Server Error"),
            "robotsslow.example/robots.txt": lambda c, _: time.sleep(2),
        }
    )


@pytest.mark.parametrize("again", [["failed"], ["timeout"], ["5xx"], ["5xx", "timeout"]])
def test_only_failures_of_the_classes_are_asked_for_again(builder: Builder, server: Server, again: list[str]) -> None:
    fail(server)
    first = builder.fetch(list(FAILURES), page_timeout=0.5)
    assert {url: row["error"] for url, row in first.rows.items()} == {url: error for url, (error, _) in FAILURES.items()}
    set_aside(first.build)
    work = first.build / "stages/fetch/.work"
    work.mkdir()
    (work / "retry").write_text(json.dumps(again))
    for name in list(server.handlers):
        if name != "/robots.txt":
            del server.handlers[name]
    server.asked.clear()
    second = builder.fetch(list(FAILURES), page_timeout=0.5)
    tried = {url for url, (_, classes) in FAILURES.items() if classes & set(again)}
    assert {one.host for one in server.asked} == {url.split("/")[2] for url in tried}
    for url, row in second.rows.items():
        if url in tried:
            assert row["error"] is None
        else:
            assert {**row, "warc": None, "offset": None} == {**first.rows[url], "warc": None, "offset": None}


def test_a_host_given_up_is_asked_again_for_the_reason_that_it_was(builder: Builder, server: Server) -> None:
    server.default = lambda c, _: c.page(b"", "503 Service Unavailable")
    urls = [f"http://a.example/{n}" for n in range(12)]
    first = builder.fetch(urls)
    assert {(row["error"], row["detail"]) for row in first.rows.values()} == {("http-503", ""), ("host-down", "http-503")}
    for number, (again, asked) in enumerate([("timeout", 0), ("5xx", 12)]):
        set_aside(first.build, number)
        work = first.build / "stages/fetch/.work"
        work.mkdir()
        (work / "retry").write_text(json.dumps([again]))
        server.asked.clear()
        server.default = lambda c, _: c.page(b"<p>up again</p>")
        second = builder.fetch(urls)
        assert len(server.paths()) == asked
    assert second.report.records_out == 12


def test_failures_of_another_configuration_are_asked_for_again_whatever_the_classes(builder: Builder, server: Server) -> None:
    fail(server)
    first = builder.fetch(["http://a.example/404", "http://f.example/page"])
    set_aside(first.build)
    work = first.build / "stages/fetch/.work"
    work.mkdir()
    (work / "retry").write_text('["timeout"]')
    server.asked.clear()
    run_task(StageContext(first.build, "fetch", "other"), "fetch-00000", fetch_shard, 0, builder.section())
    assert server.paths() == ["/404"]
