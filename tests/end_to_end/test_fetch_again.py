"""Fetching once more: after a failure, after another configuration, after an owner's wish, from an archive; and what follows notices."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.commands import ROOT, line_of, manifests, webtext
from tests.webtext.fetch.server import Connection, Server
from tests.webtext.fetch.web_archive import OPTIONS, WebArchive
from webtext.cli.build import run_build
from webtext.cli.progress import ProgressDisplay
from webtext.core.config_file import parse_config
from webtext.core.directories import DIRECTORIES, bookkeeping_directory
from webtext.core.hashing import url_id
from webtext.core.tables import read_table
from webtext.report.why import why

TEXT = "The lighthouse keeper wrote the weather into his book before breakfast every day, and nobody in the village knew why he did. " * 5


def page(path: str) -> bytes:
    return f"<html><title>Page {path}</title><body><article><p>{TEXT}</p><p>This was page {path}.</p></article></body></html>".encode()


@dataclass
class Case:
    """A build of links to one server, and what its configuration says at the moment."""

    directory: Path
    server: Server
    urls: list[str]
    fetch: str = ""

    @property
    def build(self) -> Path:
        return self.directory / "build"

    @property
    def toml(self) -> Path:
        text = f"""
[build]
shards = 2
[run]
workers = 1
[links]
dumps = ["{self.directory}/posts.ndjson"]
[fetch]
connect_to = "{self.server.address}"
allow_private = true
per_host_delay = 0.0
retries = 0
page_timeout = 1.0
fixed_time = "2017-12-01T00:00:00Z"
soft_404 = false  # its pages are alike, also those of paths that nobody has made
tdm_reservation = false
{self.fetch}
"""
        path = self.directory / "build.toml"
        path.write_text(text)
        return path

    def run(self, *stages: str, retry: tuple[str, ...] = ()) -> dict[str, bool]:
        """Run stages; which of them had something to do."""
        ran = {}
        for stage in stages:
            config = parse_config(self.toml.read_text(), "build.toml")
            [done] = run_build(config, self.build, only=[stage], retry=retry, display=ProgressDisplay())
            ran[stage] = done.ran
        return ran

    def ledger(self) -> dict[str, dict[str, object]]:
        rows = [row for path in sorted((self.build / "pages/ledger").glob("*.parquet")) for row in read_table(path)]
        return {row["url"]: row for row in rows}

    def documents(self) -> set[str]:
        return {row["url"] for path in (self.build / "documents").glob("*.parquet") for row in read_table(path)}


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    running.default = lambda c, path: c.page(page(path))
    yield running
    running.close()


@contextmanager
def case(directory: Path, server: Server, urls: list[str]) -> Iterator[Case]:
    with open(directory / "posts.ndjson", "w") as file:
        for number, url in enumerate(urls):
            post = {"id": f"p{number}", "subreddit": "books", "score": 9, "created_utc": 1_338_508_800, "over_18": False, "title": "t"}
            file.write(json.dumps({**post, "url": url, "is_self": False, "domain": url.split("/")[2]}) + "\n")
    yield Case(directory, server, urls)


def test_failed_links_are_tried_again_and_what_follows_notices(tmp_path: Path, server: Server) -> None:
    slow, broken, lost, good = (f"http://{name}.example/{name}" for name in ("slow", "broken", "lost", "good"))
    server.handlers["/slow"] = lambda c, _: time.sleep(3)
    server.handlers["/broken"] = lambda c, _: c.page(b"", "502 Bad Gateway")
    server.handlers["/lost"] = lambda c, _: c.page(b"", "404 Not Found")
    with case(tmp_path, server, [slow, broken, lost, good]) as one:
        assert one.run("links", "fetch", "extract") == {"links": True, "fetch": True, "extract": True}
        assert {url: row["error"] for url, row in one.ledger().items()} == {
            slow: "page-timeout",
            broken: "http-502",
            lost: "http-404",
            good: None,
        }
        before = manifests(one.build)
        for retry, asked in (("timeout", {slow}), ("5xx", {broken}), ("failed", {slow, broken, lost})):
            server.asked.clear()
            webtext("fetch", one.toml, "--out", one.build, "--retry", retry)
            assert {f"http://{item.host}{item.path}" for item in server.asked if item.path != "/robots.txt"} == asked
        # nothing has changed at the server, so the pages are the same, and nothing has to follow
        assert manifests(one.build) == before
        assert one.run("fetch", "extract") == {"fetch": False, "extract": False}

        del server.handlers["/slow"], server.handlers["/broken"]
        webtext("fetch", one.toml, "--out", one.build, "--retry", "timeout")
        assert one.ledger()[slow]["error"] is None
        assert one.ledger()[broken]["error"] == "http-502"
        assert one.run("fetch", "extract") == {"fetch": False, "extract": True}
        assert one.documents() == {slow, good}
        assert not (one.build / "pages/.previous").exists()

        wrong = webtext("fetch", one.toml, "--out", one.build, "--retry", "slow", status=2)
        assert wrong.stderr == "webtext: --retry slow: not a class of failures; choose among failed, timeout, 5xx\n"


def test_a_page_that_is_opted_out_later_disappears(tmp_path: Path, server: Server) -> None:
    urls = ["http://stays.example/1", "http://goes.example/2", "http://leads.example/3"]
    server.handlers["/3"] = lambda c, _: c.redirect("http://goes.example/4")
    with case(tmp_path, server, urls) as one:
        one.run("links", "fetch", "extract")
        assert one.documents() == set(urls)
        server.asked.clear()
        one.fetch = 'opt_out = ["goes.example"]'
        # where fetch is not run again, extract leaves it out
        assert one.run("extract") == {"extract": True}
        assert one.documents() == {urls[0]}
        for url in urls[1:]:
            told = {event.stage: event for event in why(one.build, url)}
            assert told["fetch"].kept
            assert (told["extract"].kept, told["extract"].text) == (False, "opt-out (goes.example)")
        assert manifests(one.build)["extract"]["configuration"]["fetch"] == {"opt_out": ["goes.example"]}
        assert manifests(one.build)["extract"]["counters"]["rejected-opt-out"] == 2
        # and where it is, its page is gone from the archive
        assert one.run("fetch", "extract") == {"fetch": True, "extract": True}
        assert [event.text for event in why(one.build, urls[1]) if event.stage != "links"] == ["opt-out (goes.example)"]
        assert one.documents() == {urls[0]}
        assert {item.host for item in server.asked} == {"leads.example"}


def test_a_crawl_that_is_killed_and_configured_anew_keeps_its_pages(tmp_path: Path, server: Server) -> None:
    def slowly(c: Connection, path: str) -> None:
        time.sleep(0.02)
        c.page(page(path))

    server.default = slowly
    urls = [f"http://host{n % 6}.example/{n}" for n in range(120)]
    with case(tmp_path, server, urls) as one:
        one.run("links")
        line = line_of("fetch", one.toml, "--out", one.build)
        running = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        work = one.build / "stages/fetch/.work"
        while running.poll() is None and sum(path.read_bytes().count(b'"row"') for path in work.glob("*.jsonl")) < 20:
            time.sleep(0.005)
        assert running.poll() is None
        running.kill()
        running.wait()
        kept = {url for url in urls if any(url_id(url).encode() in path.read_bytes() for path in work.glob("*.jsonl"))}
        assert 20 <= len(kept) < 120
        time.sleep(0.5)
        server.asked.clear()
        one.fetch = "max_redirects = 3"
        assert one.run("fetch") == {"fetch": True}
        assert {row["error"] for row in one.ledger().values()} == {None}
        asked = {f"http://{item.host}{item.path}" for item in server.asked if item.path != "/robots.txt"}
        assert asked == set(urls) - kept
        assert not (one.build / "pages/.previous").exists()


def test_a_build_of_an_earlier_version_keeps_its_pages(tmp_path: Path, server: Server) -> None:
    """Manifests, rejected records and scratch files lay beside the data."""
    server.default = lambda c, path: c.page(page(path))
    urls = [f"http://host{n}.example/{n}" for n in range(5)]
    stages = ("links", "fetch", "extract")
    with case(tmp_path, server, urls) as one:
        one.run(*stages)
        before = manifests(one.build)
        for stage in stages:
            for path in (one.build / bookkeeping_directory(stage)).iterdir():
                path.rename(one.build / DIRECTORIES[stage] / path.name)
        shutil.rmtree(one.build / "stages")
        told = webtext("why", urls[0], "--out", one.build, status=2).stderr
        assert "an earlier version made its links/; run `webtext build` with its configuration" in " ".join(told.split())
        server.asked.clear()
        assert one.run(*stages) == dict.fromkeys(stages, True)
        assert not [item for item in server.asked if item.path != "/robots.txt"]
        assert manifests(one.build) == before
        assert {path.suffix for name in ("links", "documents") for path in (one.build / name).iterdir()} == {".parquet"}
        assert {path.suffix for path in (one.build / "pages").rglob("*") if path.is_file()} == {".gz", ".parquet"}


def test_dead_links_from_an_archive_are_documents_like_others(tmp_path: Path, server: Server) -> None:
    urls = ["http://gone.example/1", "http://never.example/2"]
    archive = WebArchive(server, {(urls[0], "20120701000000"): page("/1")})
    archive.serve()
    settings = "\n".join(f"{key} = {json.dumps(value)}" for key, value in OPTIONS.items())
    with case(tmp_path, server, urls) as one:
        one.fetch = f"[fetch.archive]\n{settings}"
        one.run("links", "fetch", "extract")
        assert one.documents() == {urls[0]}
        assert manifests(one.build)["fetch"]["counters"]["from-archive"] == 1
        assert manifests(one.build)["fetch"]["records"] == {"unit": "URLs", "in": 2, "out": 1, "rejected": 1}
        told = webtext("why", urls[0], "--out", one.build).stdout
        assert "from wayback.example, captured 2012-07-01, the live site: http-404" in " ".join(told.split())
        assert "http-404 (in no archive)" in webtext("why", urls[1], "--out", one.build).stdout
