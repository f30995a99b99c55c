"""Pages out of archives: real ones of other tools, broken ones, and the join with the links."""

from __future__ import annotations

import gzip
import io
import random
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from tests.webtext.fetch.conftest import write_links
from webtext.core.config import FetchSection
from webtext.core.errors import WebtextError
from webtext.core.hashing import shard_name, shard_of_url
from webtext.core.tables import Record, read_table
from webtext.core.task import Report, StageContext, run_task
from webtext.fetch.warc import Pages, pages_of_shard
from webtext.fetch.warc_import import index_warc, join_shard
from webtext.fetch.warc_records import Stored, records
from webtext.links.urls import canonical

HTML = [("Content-Type", "text/html")]


def archive(path: Path, pages: Sequence[tuple[str, bytes, str]], *, compressed: bool = True, status: str = "200 OK") -> Path:
    """Write (URL, body, date) as response records with warcio."""
    with open(path, "wb") as file:
        writer = WARCWriter(file, gzip=compressed)
        for url, body, date in pages:
            headers = StatusAndHeaders(status, HTML, protocol="HTTP/1.1")
            record = writer.create_warc_record(
                url, "response", io.BytesIO(body), http_headers=headers, warc_headers_dict={"WARC-Date": date} if date else {}
            )
            writer.write_record(record)
    return path


def build_from(
    build: Path, paths: Sequence[Path], shards: int = 3, links: Sequence[str] | None = None, **options: object
) -> tuple[list[Report], dict[str, Record]]:
    context = StageContext(build, "fetch", "f")
    section = FetchSection(**options)  # type: ignore[arg-type]
    reports = [
        run_task(context, f"index-{number:05d}", index_warc, number, str(path), shards, section) for number, path in enumerate(paths)
    ]
    rows = {}
    for shard in range(shards):
        if links is not None:
            write_links(build, [url for url in links if shard_of_url(url, shards) == shard], shard)
        report = run_task(context, f"join-{shard:05d}", join_shard, shard, len(paths), section, links is not None)
        assert report.records_in == report.records_out + report.rejected
        reports.append(report)
        ledger = list(read_table(build / "pages/ledger" / f"{shard_name(shard)}.parquet"))
        assert [row["id"] for row in ledger] == sorted(row["id"] for row in ledger)
        rows.update({row["url"]: row for row in ledger})
    return reports, rows


def counters(reports: Sequence[Report]) -> Counter[str]:
    total: Counter[str] = Counter()
    for report in reports:
        total.update(report.counters)
    return +total


@pytest.mark.parametrize("compressed", [True, False])
def test_join_with_links(tmp_path: Path, compressed: bool) -> None:
    pages = [(f"http://Host{n}.example/a?utm_source=x&n={n}", b"<p>%d" % n, "2017-01-01T00:00:00Z") for n in range(20)]
    path = archive(tmp_path / "a.warc", pages, compressed=compressed)
    links = [canonical(url) for url, _, _ in pages[:15]] + ["http://nowhere.example/"]
    reports, rows = build_from(tmp_path / "build", [path], links=links)
    assert set(rows) == set(links)
    assert rows["http://nowhere.example/"]["error"] == "not-in-archive"
    assert counters(reports) == {"page-without-link": 5, "rejected-not-in-archive": 1}
    with Pages(tmp_path / "build") as reader:
        for url, body, _ in pages[:15]:
            row = rows[canonical(url)]
            page = reader.read(row)
            assert (page.url, page.body, page.status, page.content_type) == (url, body, 200, "text/html")
            assert (row["final_url"], row["archive"], row["warc"], row["attempts"]) == (url, "a.warc", str(path), 0)
            assert row["captured"].isoformat() == "2017-01-01T00:00:00+00:00"


def test_the_first_capture_that_can_be_read_stays(tmp_path: Path) -> None:
    url = "http://a.example/"
    first = archive(tmp_path / "b.warc.gz", [(url, b"late", "2017-02-01T00:00:00Z"), (url, b"early", "2017-01-01T00:00:00Z")])
    second = archive(tmp_path / "a.warc.gz", [(url, b"same day, other name", "2017-01-01T00:00:00Z"), (url + "#x", b"undated", "never")])
    results = []
    for turn, paths in enumerate([[first, second], [second, first]]):
        reports, rows = build_from(tmp_path / f"build{turn}", paths, shards=1)
        results.append(rows)
        assert counters(reports)["other-capture"] == 3
        assert [page.body for _, page in pages_of_shard(tmp_path / f"build{turn}", 0)] == [b"same day, other name"]
    assert results[0] == results[1]


def test_without_links_all_pages_enter(tmp_path: Path) -> None:
    pages = [(f"http://host{n}.example/", b"<p>%d" % n, "2017-01-01T00:00:00Z") for n in range(9)]
    path = archive(tmp_path / "a.warc.gz", pages)
    other = archive(tmp_path / "b.warc.gz", [("http://gone.example/", b"", "2017-01-01T00:00:00Z")], status="404 Not Found")
    reports, rows = build_from(tmp_path / "build", [path, other])
    assert set(rows) == {url for url, _, _ in pages}
    assert sum(report.records_in for report in reports) == 9
    assert counters(reports) == {"archive-status": 1}


def test_what_the_configuration_leaves_out(tmp_path: Path) -> None:
    date = "2017-01-01T00:00:00Z"
    path = archive(
        tmp_path / "a.warc.gz",
        [
            ("http://no.example/", b"<meta name=robots content=noai>", date),
            ("http://optout.example/x", b"x", date),
            ("http://sub.optout.example/y", b"y", date),
            ("http://long.example/", b"z" * 5000, date),
        ],
    )
    reports, rows = build_from(tmp_path / "build", [path], opt_out=["*.optout.example", "never.example"], max_bytes=1024)
    assert counters(reports)["opt_out *.optout.example"] == 2
    assert any(report.counters.get("opt_out never.example") == 0 for report in reports)
    assert {url: row["error"] for url, row in rows.items()} == {
        "http://no.example/": "noai",
        "http://optout.example/x": "opt-out",
        "http://sub.optout.example/y": "opt-out",
        "http://long.example/": None,
    }
    assert rows["http://long.example/"]["truncated"]
    with Pages(tmp_path / "build") as pages:
        assert pages.read(rows["http://long.example/"]).body == b"z" * 1024
    _, rows = build_from(tmp_path / "build2", [path], noai=False, content_types=["text/plain"])
    assert {row["error"] for row in rows.values()} == {"bad-content-type"}


def test_directives_for_the_configured_crawler_count(tmp_path: Path) -> None:
    pages = [
        (f"http://{name}.example/", f"<meta name={name} content=noai>".encode(), "2017-01-01T00:00:00Z")
        for name in ("mycrawler", "webtext")
    ]
    path = archive(tmp_path / "a.warc.gz", pages)
    _, rows = build_from(tmp_path / "build", [path], user_agent="MyCrawler/2.0")
    assert {url: row["error"] for url, row in rows.items()} == {"http://mycrawler.example/": "noai", "http://webtext.example/": None}


# How long the body is after decoding, by a browser's or the other tool's account.
REAL = {
    "example-iana.org-chunked.warc": [("http://www.iana.org/", 7223)],
    "example-trunc.warc": [("http://example.com/", 1270)],
    "example-wrong-chunks.warc.gz": [("http://example.com/", 1270)],
    "example.arc": [("http://example.com/", 1270)],
    "example.warc.gz": [("http://example.com/", 1270)],
    "transfer_compression_brotli.warc.gz": [("http://tokemon.sb.statsbiblioteket.dk/", 246)],
    "transfer_compression_gzip.warc.gz": [("http://tokemon.sb.statsbiblioteket.dk/", 246)],
    "whirlwind.warc.gz": [("https://an.wikipedia.org/wiki/Escopete", 72848)],
}


@pytest.mark.parametrize("name", sorted(REAL))
def test_archives_of_other_tools(data_dir: Path, tmp_path: Path, name: str) -> None:
    _, rows = build_from(tmp_path, [data_dir / "warc" / name])
    assert sorted((url, row["bytes"]) for url, row in rows.items()) == REAL[name]
    with Pages(tmp_path) as pages:
        for row in rows.values():
            body = pages.read(row).body
            assert len(body) == row["bytes"]
            assert b"</html>" in body[-20:]


def test_archive_compressed_as_a_whole_is_refused(data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match=r"example-bad-non-chunked.warc.gz: compressed as a whole"):
        build_from(tmp_path, [data_dir / "warc/example-bad-non-chunked.warc.gz"])


@pytest.mark.parametrize("name", ["sample-0000.warc.gz", "sample-0001.warc.gz", "whirlwind.warc.gz", "example.warc.gz"])
def test_the_same_records_as_warcio(data_dir: Path, name: str) -> None:
    path = data_dir / "warc" / name
    expected = []
    with open(path, "rb") as file:
        iterator = ArchiveIterator(file)
        for _ in iterator:
            iterator.read_to_end()
            expected.append((iterator.get_record_offset(), iterator.get_record_length()))
    assert [(stored.offset, stored.length) for stored in records(path)] == expected


def some_archive(path: Path, *, compressed: bool) -> list[Stored]:
    """Twenty pages; returns what their records are."""
    seed = random.Random(7)
    pages = [(f"http://host{n}.example/", seed.randbytes(seed.randrange(3000)), "2017-01-01T00:00:00Z") for n in range(20)]
    return list(records(archive(path, pages, compressed=compressed)))


@pytest.mark.parametrize("compressed", [True, False])
def test_an_archive_that_is_cut_anywhere_is_refused(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "a.warc"
    whole = some_archive(path, compressed=compressed)
    data = path.read_bytes()
    cut = tmp_path / "cut.warc"
    ends = {stored.offset + stored.length for stored in whole}
    for length in [*range(1, len(data), 997), whole[-1].offset + 1, len(data) - 5]:
        cut.write_bytes(data[:length])
        if length in ends or not data[max(ends & set(range(length + 1)), default=0) : length].strip(b"\r\n"):
            assert len(list(records(cut))) <= len(whole)
        else:
            with pytest.raises(WebtextError, match=r"cut.warc: (ends within the record at byte [\d,]+|not a WARC or ARC)"):
                list(records(cut))


@pytest.mark.parametrize("compressed", [True, False])
def test_damage_costs_the_damaged_records_alone(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "a.warc"
    whole = some_archive(path, compressed=compressed)
    data = bytearray(path.read_bytes())
    for number in (4, 5, 11):
        start = whole[number].offset + (20 if compressed else 0)
        data[start : start + 30] = b"\xff" * 30
    path.write_bytes(data)
    found = list(records(path))
    good = [stored for stored in found if stored.data is not None]
    assert [(stored.offset, stored.data) for stored in good] == [
        (stored.offset, stored.data) for number, stored in enumerate(whole) if number not in (4, 5, 11)
    ]
    assert 1 <= len(found) - len(good) <= 3
    reports, rows = build_from(tmp_path / "build", [path])
    assert len(rows) == 17
    assert counters(reports)["archive-damaged"] == len(found) - len(good)


def test_no_archive(tmp_path: Path) -> None:
    for name, data in {"a": b"", "b": b"<html>", "c": gzip.compress(b"hello"), "d": b"\x28\xb5\x2f\xfd"}.items():
        (tmp_path / name).write_bytes(data)
        if name == "c":
            assert [stored.data for stored in records(tmp_path / name)] == [None]
        else:
            with pytest.raises(WebtextError, match="not a WARC or ARC file"):
                list(records(tmp_path / name))
    with pytest.raises(WebtextError, match=r"absent: cannot be read \(No such file"):
        list(records(tmp_path / "absent"))


def test_an_archive_that_changed_is_told(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.warc.gz", [("http://a.example/", b"x" * 100, "2017-01-01T00:00:00Z")])
    _, rows = build_from(tmp_path / "build", [path])
    row = rows["http://a.example/"]
    data = path.read_bytes()
    for cut in (10, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:cut])
        with Pages(tmp_path / "build") as pages, pytest.raises(WebtextError, match=r"a.warc.gz at 0: not the record that was indexed"):
            pages.read(row)
    path.write_bytes(zlib.compress(b"something else, as long as it takes to be read" * 9))
    with Pages(tmp_path / "build") as pages, pytest.raises(WebtextError, match=r"a.warc.gz at 0: not the record that was indexed"):
        pages.read(row)
    path.unlink()
    with Pages(tmp_path / "build") as pages, pytest.raises(WebtextError, match="cannot be read"):
        pages.read(row)


def test_all_real_pages_meet_their_links(data_dir: Path, tmp_path: Path) -> None:
    """Every page of the WCXB archive is found under its canonical URL, whatever the shards."""
    path = data_dir / "web/trafilatura-eval.warc.gz"
    reports, rows = build_from(tmp_path, [path], shards=4, noai=False)
    with open(path, "rb") as file:
        targets = {canonical(record.rec_headers.get_header("WARC-Target-URI")) for record in ArchiveIterator(file)}
    assert set(rows) == targets
    assert all(row["error"] is None for row in rows.values())
    assert sum(report.records_out for report in reports) + counters(reports)["other-capture"] == 990
