"""Pages of an earlier build in the same place."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.webtext.fetch.conftest import Builder, write_links
from tests.webtext.fetch.server import Server
from tests.webtext.fetch.test_shard import URLS, body, contents, some_pages
from webtext.fetch.shard import fetch_shard
from webtext.fetch.warc import pages_of_shard
from webtext.task import Place, run_task


def again(builder: Builder, build: Path, urls: list[str], **options: object) -> int:
    """Fetch other links into a finished build, as a build does whose links have changed; returns the number of pages."""
    pages = build / "pages"
    shutil.rmtree(pages / ".work")
    shutil.rmtree(pages / "rejected", ignore_errors=True)
    previous = pages / ".previous"
    previous.mkdir()
    for path in [*pages.glob("*.warc.gz"), pages / "ledger"]:
        path.rename(previous / path.name)
    write_links(build, urls)
    report = run_task(Place(build, "pages", "other"), "fetch-00000", fetch_shard, 0, builder.section(**options))
    shutil.rmtree(previous)
    return report.records_out


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
    assert contents(build / "pages") == contents(builder.fetch(URLS[100:], "fresh").build / "pages")


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
