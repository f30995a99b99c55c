"""A shard: the same bytes whatever happens on the way, nothing lost, nothing fetched twice."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.checker import Checker

from tests.webtext.fetch.conftest import Builder, write_links
from tests.webtext.fetch.server import Connection, Server
from webtext.core.config import FetchSection
from webtext.core.errors import UsageError, WebtextError
from webtext.core.hashing import url_id
from webtext.core.tables import read_table
from webtext.core.task import StageContext, run_task
from webtext.fetch.crawl import BATCH
from webtext.fetch.shard import fetch_shard
from webtext.fetch.warc import pages_of_shard, read_page


def body(path: str) -> bytes:
    seed = random.Random(path)
    return f"<title>{path}</title>".encode() + b"".join(b"<p>%d</p>" % seed.randrange(10**9) for _ in range(seed.randrange(200)))


def some_pages(c: Connection, path: str) -> None:
    number = int(path[1:])
    if number % 10 == 3:
        c.page(b"no", "404 Not Found")
    elif number % 10 == 4:
        c.redirect(f"http://other{number % 3}.example/{number + 1}")
    elif number % 10 == 6:
        c.page(gzip.compress(body(path), mtime=0), headers="Content-Type: text/html\r\nContent-Encoding: gzip\r\n")
    else:
        c.page(body(path))


URLS = [f"http://host{n % 17}.example/{n}" for n in range(300)]


def contents(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and ".work" not in path.parts and path.suffix != ".partial"
    }


def test_the_same_bytes_whatever_the_concurrency(builder: Builder, server: Server) -> None:
    server.default = some_pages
    one = builder.fetch(URLS, "one", hosts_at_once=1)
    many = builder.fetch(URLS, "many", hosts_at_once=30)
    assert contents(one.build) == contents(many.build)
    assert one.report.counters == many.report.counters
    assert (one.report.records_out, one.report.rejected) == (270, 30)
    for row, page in pages_of_shard(one.build, 0):
        number = int(row["url"].rpartition("/")[2])
        assert page.body == body(f"/{number + (number % 10 == 4)}")
        assert page.url == row["final_url"]
        assert row["bytes"] == len(page.body)


def test_rotation_and_rejected(builder: Builder, server: Server) -> None:
    server.default = lambda c, path: c.page(random.Random(path).randbytes(300_000))
    urls = [f"http://a.example/{n}" for n in range(9)]
    server.handlers["/8"] = lambda c, _: c.page(b"", "410 Gone")
    fetched = builder.fetch(urls, warc_bytes=2**20)
    files = sorted(path.name for path in (fetched.build / "pages").glob("*.warc.gz"))
    assert files == ["shard-00000-000.warc.gz", "shard-00000-001.warc.gz"]
    assert [file.records for file in fetched.report.files if file.path.endswith(".gz")] == [4, 4]
    assert list(read_table(fetched.build / "stages/fetch/rejected/fetch-00000.parquet")) == [
        {"url": urls[8], "id": url_id(urls[8]), "reason": "http-410", "detail": ""}
    ]
    for url in urls[:8]:
        assert read_page(fetched.build, fetched.rows[url]).body == random.Random(f"/{url[-1]}").randbytes(300_000)


def test_warcio_reads_and_verifies_the_archive(builder: Builder, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.default = some_pages
    fetched = builder.fetch(URLS[:30])
    path = fetched.build / "pages/shard-00000-000.warc.gz"

    checker = Checker(SimpleNamespace(inputs=[str(path)], verbose=True))
    checker.process_all()
    assert checker.exit_value == 0
    assert "digest failed" not in capsys.readouterr().out

    found: dict[str, list[str]] = {}
    with open(path, "rb") as file:
        for record in ArchiveIterator(file):
            found.setdefault(record.rec_type, []).append(record.rec_headers.get_header("WARC-Target-URI"))
            assert record.format == "warc"
            assert record.rec_headers.protocol == "WARC/1.1"
            assert record.rec_headers.get_header("WARC-Date") == "2018-01-01T00:00:00Z"
            if record.rec_type == "request":
                assert record.http_headers.get_header("User-Agent") == "webtext/0.1"
    assert len(found["warcinfo"]) == 1
    assert sorted(found["request"]) == sorted(found["response"])
    redirected = [row for row in fetched.rows.values() if row["redirects"] and row["error"] is None]
    assert len(found["response"]) == fetched.report.records_out + len(redirected)
    with open(path, "rb") as file:
        for row in fetched.rows.values():
            if row["error"] is None:
                file.seek(row["offset"])
                record = next(iter(ArchiveIterator(io.BytesIO(file.read(row["length"])), check_digests="raise")))
                assert record.content_stream().read() == read_page(fetched.build, row).body
                assert record.rec_headers.get_header("WARC-Payload-Digest") == row["digest"]


def test_the_response_is_archived_as_it_came(builder: Builder, server: Server) -> None:
    answer = (
        b"HTTP/1.1 200 Very  OK\r\ncontent-TYPE:text/html\r\nX-Odd:  \xff\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n"
    )
    server.default = lambda c, _: c.send(answer)
    fetched = builder.fetch(["http://a.example/"])
    row = fetched.rows["http://a.example/"]
    data = (fetched.build / "pages" / row["warc"]).read_bytes()[row["offset"] : row["offset"] + row["length"]]
    assert gzip.decompress(data).partition(b"\r\n\r\n")[2] == answer + b"\r\n\r\n"
    assert read_page(fetched.build, row).body == b"abc"


CHILD = """
import sys
from pathlib import Path
from webtext.core.config import FetchSection
from webtext.fetch.crawl import BATCH
from webtext.fetch.shard import fetch_shard
from webtext.core.task import StageContext, run_task
shard = int(sys.argv[3])
section = FetchSection.model_validate_json(sys.argv[2])
run_task(StageContext(Path(sys.argv[1]), "fetch", "f"), f"fetch-{shard:05d}", fetch_shard, shard, section)
"""


def start(build: Path, section: FetchSection, shard: int = 0) -> subprocess.Popen[bytes]:
    """Fetch a shard in a process of its own."""
    return subprocess.Popen([sys.executable, "-c", CHILD, str(build), section.model_dump_json(), str(shard)], stderr=subprocess.DEVNULL)


@pytest.mark.parametrize(("pages", "kills"), [(600, 3), pytest.param(2000, 10, marks=pytest.mark.slow)])
def test_kill_9(builder: Builder, server: Server, tmp_path: Path, pages: int, kills: int) -> None:
    server.default = some_pages
    urls = [f"http://host{n % 40}.example/{n}" for n in range(pages)]
    whole = builder.fetch(urls, "whole", hosts_at_once=8)
    asked_once = len(server.asked)
    server.asked.clear()

    build = tmp_path / "killed"
    write_links(build, urls)
    section = builder.section(hosts_at_once=8)
    lines = build / "stages/fetch/.work/fetch-00000.journal.jsonl"
    seed = random.Random(1)
    for number in range(kills):
        process = start(build, section)
        goal = (number + 1) * pages * 9 // 10 // kills - seed.randrange(20)
        while process.poll() is None and (not lines.exists() or lines.read_bytes().count(b"\n") < goal):
            time.sleep(0.002)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert start(build, section).wait() == 0
    assert contents(build) == contents(whole.build)
    # what was under way at a kill, or waited for its sync, is asked for again; what was journalled is not
    assert len(server.asked) <= asked_once + kills * (8 * 3 + 2 * BATCH)


def test_a_journalled_page_is_never_asked_for_again(builder: Builder, server: Server, tmp_path: Path) -> None:
    """Stop a crawl at a page that never ends; what is journalled then does not appear at the server after."""
    urls = [f"http://a.example/{n}" for n in range(40)]
    last = max(urls, key=url_id)
    server.handlers[last[16:]] = lambda c, _: time.sleep(30)
    build = tmp_path / "build"
    write_links(build, urls)
    section = builder.section()
    process = start(build, section)
    lines = build / "stages/fetch/.work/fetch-00000.journal.jsonl"
    while not lines.exists() or lines.read_bytes().count(b"\n") < 40:
        time.sleep(0.01)
    process.kill()
    process.wait()
    # half a page and half a line, as a kill in the middle of a write leaves them
    with open(lines, "ab") as file:
        file.write(lines.read_bytes().splitlines(keepends=True)[1][:-20])
    with open(build / "stages/fetch/.work/fetch-00000.journal.warc.gz", "ab") as file:
        file.write(b"\x1f\x8b\x08half a record")
    server.asked.clear()
    del server.handlers[last[16:]]
    report = run_task(StageContext(build, "fetch", "f"), "fetch-00000", fetch_shard, 0, section)
    assert server.paths() == [last[16:]]
    assert report.records_out == 40
    assert contents(build) == contents(builder.fetch(urls, "fresh").build)


def test_killed_after_the_journal_is_dropped(builder: Builder, server: Server) -> None:
    """Between the end of the task function and its report: the shard's own files serve as journal."""
    server.default = some_pages
    fetched = builder.fetch(URLS, warc_bytes=2**20)
    before = contents(fetched.build)
    asked = len(server.asked)
    StageContext(fetched.build, "fetch", "f").report("fetch-00000").unlink()
    again = builder.fetch(URLS, warc_bytes=2**20)
    assert contents(again.build) == before
    assert len(server.asked) == asked
    # and where they are gone, everything is fetched anew
    StageContext(fetched.build, "fetch", "f").report("fetch-00000").unlink()
    (fetched.build / "pages/shard-00000-000.warc.gz").unlink()
    assert contents(builder.fetch(URLS, warc_bytes=2**20).build) == before
    assert len(server.asked) == 2 * asked


def test_a_journal_of_another_configuration_is_not_used(builder: Builder, server: Server) -> None:
    urls = URLS[:5]
    fetched = builder.fetch(urls)
    StageContext(fetched.build, "fetch", "f").report("fetch-00000").unlink()
    asked = len(server.asked)
    run_task(StageContext(fetched.build, "fetch", "other"), "fetch-00000", fetch_shard, 0, builder.section())
    assert len(server.asked) == 2 * asked


def test_damage_in_the_journal_is_told(builder: Builder, server: Server, tmp_path: Path) -> None:
    urls = [f"http://a.example/{n}" for n in range(5)]
    fetched = builder.fetch(urls)
    StageContext(fetched.build, "fetch", "f").report("fetch-00000").unlink()
    path = fetched.build / "pages/shard-00000-000.warc.gz"
    data = bytearray(path.read_bytes())
    data[-30] ^= 1
    path.write_bytes(data)
    with pytest.raises(WebtextError, match=r"shard-00000-000.warc.gz: damaged at byte \d+"):
        builder.fetch(urls)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    path = tmp_path / "small"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(path)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here: only root may")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def test_full_disk(builder: Builder, server: Server, small_disk: Path) -> None:
    server.default = lambda c, path: c.page(random.Random(path).randbytes(100_000))
    write_links(small_disk, [f"http://host{n}.example/{n}" for n in range(30)])
    context = StageContext(small_disk, "fetch", "f")
    with pytest.raises(WebtextError, match="the disk is full") as caught:
        run_task(context, "fetch-00000", fetch_shard, 0, builder.section(hosts_at_once=4))
    assert "fetch-00000.journal.warc.gz" in str(caught.value)
    done = (small_disk / "stages/fetch/.work/fetch-00000.journal.jsonl").read_bytes().count(b"\n") - 1
    assert 0 < done < 30
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    asked = len(server.paths())
    report = run_task(context, "fetch-00000", fetch_shard, 0, builder.section())
    assert report.records_out == 30
    assert len(set(server.paths()[asked:])) == 30 - done


def test_a_page_that_is_larger_than_the_disk(builder: Builder, server: Server, small_disk: Path) -> None:
    """It is our disk that is full, and not the page that failed."""
    server.handlers["/big"] = lambda c, path: c.page(random.Random(path).randbytes(4_000_000))
    write_links(small_disk, ["http://a.example/big", "http://b.example/small"])
    with pytest.raises(WebtextError, match="the disk is full"):
        run_task(StageContext(small_disk, "fetch", "f"), "fetch-00000", fetch_shard, 0, builder.section())
    assert b"big" not in (small_disk / "stages/fetch/.work/fetch-00000.journal.jsonl").read_bytes()


def test_a_thread_that_cannot_start_ends_the_crawl(builder: Builder, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's limit of threads: a sentence, no hanging, and what the other threads have fetched stays in the journal."""
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def limited(thread: threading.Thread) -> None:
        if "_work" in repr(getattr(thread, "_target", "")):
            if len(started) == 3:
                raise RuntimeError("can't start new thread")
            started.append(thread)
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", limited)
        with pytest.raises(WebtextError, match=r"can't start new thread after 3; lower fetch.hosts_at_once"):
            builder.fetch([f"http://h{number}.example/{page}" for number in range(10) for page in range(100)])
    assert not any(thread.is_alive() for thread in started)


def test_no_contact_no_request(builder: Builder, server: Server) -> None:
    for options in ({"connect_to": ""}, {"allow_private": False}):
        with pytest.raises(UsageError, match=r"fetch.contact: site owners must be able to reach you"):
            builder.fetch(["http://a.example/"], **options)
    assert server.asked == []
    builder.fetch(["http://a.example/"], contact="me@example.org")
    assert b"User-Agent: webtext/0.1 (+me@example.org)\r\n" in server.asked[0].head


def test_without_fixed_time_the_clock_is_written(builder: Builder, server: Server) -> None:
    server.handlers["/slow"] = lambda c, _: (time.sleep(0.3), c.page())[0]  # type: ignore[func-returns-value]
    before = time.time()
    row = builder.fetch(["http://a.example/slow"], fixed_time="").rows["http://a.example/slow"]
    assert before - 0.001 <= row["started"].timestamp() <= row["captured"].timestamp() <= time.time()
    assert 0.3 <= row["seconds"] <= time.time() - before


def test_a_shard_without_links(builder: Builder) -> None:
    fetched = builder.fetch([])
    assert fetched.rows == {}
    assert [file.path for file in fetched.report.files] == ["pages/ledger/shard-00000.parquet"]


def test_an_unexpected_error_ends_the_task(builder: Builder, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("webtext.fetch.page.redirect_target", broken)
    server.handlers["/3"] = lambda c, _: c.redirect("/4")
    with pytest.raises(RuntimeError, match="a defect"):
        builder.fetch([f"http://host{n}.example/{n}" for n in range(20)])
    assert server.asked
