"""Pages out of archives: real ones of other tools, broken ones, and the join with the links."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import random
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard
from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
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
from webtext.fetch.warc_records import Stored, Whole, records
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


def test_archive_compressed_as_a_whole_is_unpacked(data_dir: Path, tmp_path: Path) -> None:
    path = data_dir / "warc/example-bad-non-chunked.warc.gz"
    with pytest.raises(Whole, match=r"example-bad-non-chunked.warc.gz: compressed as a whole"):
        list(records(path))
    _, rows = build_from(tmp_path, [path])
    assert [(url, row["bytes"], row["warc"]) for url, row in rows.items()] == [("http://example.com/", 1270, "unpacked/00000.warc")]
    with Pages(tmp_path) as pages:
        assert b"</html>" in pages.read(rows["http://example.com/"]).body[-20:]


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
def test_an_archive_that_is_cut_anywhere_loses_one_record(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "a.warc"
    whole = some_archive(path, compressed=compressed)
    data = path.read_bytes()
    cut = tmp_path / "cut.warc"
    for length in [*range(1, len(data), 997), whole[-1].offset + 1, len(data) - 5]:
        cut.write_bytes(data[:length])
        left = [stored for stored in whole if stored.offset + stored.length <= length]
        if not left and (length < 3 or not compressed):  # too little to be known for an archive
            continue
        found = list(records(cut))
        assert found[: len(left)] == left
        rest = data[left[-1].offset + left[-1].length if left else 0 : length].strip(b"\r\n")
        assert [stored.data for stored in found[len(left) :]] == ([None] if rest else [])


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
        if name in "cd":
            assert [stored.data for stored in records(tmp_path / name)] == [None]
            with pytest.raises(WebtextError, match=rf"{name}: 1 damaged records, the first at byte 0"):
                build_from(tmp_path / "build", [tmp_path / name])
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


def test_a_few_damaged_records_are_named_and_many_end_the_run(data_dir: Path, tmp_path: Path) -> None:
    for name, pages in (("clipped_tail", 19), ("corrupt_middle", 19)):
        path = data_dir / "cases/fetch" / f"{name}.warc.gz"
        reports, rows = build_from(tmp_path / name, [path])
        assert len(rows) == pages
        assert counters(reports)["rejected-archive-damaged"] == counters(reports)["archive-damaged"] == 1
        assert reports[0].records_in == reports[0].rejected == 1
        with pytest.raises(WebtextError, match=rf"{name}.warc.gz: 1 damaged records, the first at byte [\d,]+; fetch.max_damaged = 0 in"):
            build_from(tmp_path / f"{name}-strict", [path], max_damaged=0)


def pages_of(build: Path, rows: dict[str, Record]) -> dict[str, bytes]:
    with Pages(build) as pages:
        return {url: pages.read(row).body for url, row in rows.items()}


def some_pages(path: Path) -> tuple[list[bytes], dict[str, bytes]]:
    """The bytes of forty records, uncompressed, and the pages in them."""
    pages = {f"http://host{n}.example/": b"<p>%d, " % n + b"as all the others say, " * n for n in range(40)}
    stored = list(records(archive(path, [(url, body, "2017-01-01T00:00:00Z") for url, body in pages.items()], compressed=False)))
    return [one.data + b"\r\n\r\n" for one in stored if one.data is not None], pages


@pytest.mark.parametrize("kind", ["plain", "dictionary", "packed", "whole"])
def test_zstd(tmp_path: Path, kind: str) -> None:
    parts, pages = some_pages(tmp_path / "a.warc")
    words = zstandard.train_dictionary(4096, parts * 8)
    coder = zstandard.ZstdCompressor(dict_data=words if kind in ("dictionary", "packed") else None)
    content = words.as_bytes() if kind == "dictionary" else zstandard.compress(words.as_bytes())
    frame = b"\x5d\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content if kind in ("dictionary", "packed") else b""
    path = tmp_path / "a.warc.zst"
    path.write_bytes(frame + b"".join(map(coder.compress, [b"".join(parts)] if kind == "whole" else parts)))
    _, rows = build_from(tmp_path / "build", [path])
    assert pages_of(tmp_path / "build", rows) == pages
    if kind != "whole":
        data = bytearray(path.read_bytes())
        seventh = list(records(path))[7]
        data[seventh.offset + 9 : seventh.offset + seventh.length] = bytes(seventh.length - 9)
        path.write_bytes(data)
        reports, rows = build_from(tmp_path / "damaged", [path])
        assert pages_of(tmp_path / "damaged", rows) == {url: body for url, body in pages.items() if "host7." not in url}
        assert counters(reports)["archive-damaged"] == 1


def test_wacz(tmp_path: Path) -> None:
    first = archive(tmp_path / "a.warc.gz", [(f"http://a{n}.example/", b"<p>%d" % n, "") for n in range(5)])
    second = archive(tmp_path / "b.warc", [("http://b.example/", b"<p>b", "")], compressed=False)
    path = tmp_path / "c.wacz"
    with zipfile.ZipFile(path, "w") as wacz:
        wacz.writestr("datapackage.json", b"{}")
        wacz.write(first, "archive/a.warc.gz")
        wacz.write(second, "archive/b.warc")
        wacz.writestr("indexes/index.cdx.gz", gzip.compress(b"x"), compress_type=zipfile.ZIP_DEFLATED)
    _, rows = build_from(tmp_path / "build", [path])
    assert pages_of(tmp_path / "build", rows) == {**{f"http://a{n}.example/": b"<p>%d" % n for n in range(5)}, "http://b.example/": b"<p>b"}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wacz:
        wacz.write(first, "archive/a.warc.gz")
    with pytest.raises(WebtextError, match=r"c.wacz: has no archives, or has them compressed once more; unzip it"):
        list(records(path))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(WebtextError, match=r"c.wacz: not a whole WACZ"):
        list(records(path))


def test_a_gzip_stream_that_is_cut_keeps_its_whole_records(tmp_path: Path) -> None:
    parts, pages = some_pages(tmp_path / "a.warc")
    path = tmp_path / "b.warc.gz"
    path.write_bytes(gzip.compress(b"".join(parts))[:-200])
    reports, rows = build_from(tmp_path / "build", [path])
    assert 30 < len(rows) < 40
    assert pages_of(tmp_path / "build", rows) == {url: pages[url] for url in rows}
    assert counters(reports)["archive-damaged"] >= 1


@pytest.mark.parametrize("compressed", [True, False])
def test_line_feeds_alone(tmp_path: Path, compressed: bool) -> None:
    texts = {f"http://host{n}.example/": b"<p>%d" % n for n in range(5)}
    parts = []
    for url, body in texts.items():
        message = b"HTTP/1.1 200 OK\nContent-Type: text/html\n\n" + body
        head = f"WARC/1.0\nWARC-Type: response\nWARC-Target-URI: {url}\nWARC-Date: 2017-01-01T00:00:00Z\nContent-Length: {len(message)}\n\n"
        parts.append(head.encode() + message + b"\n\n")
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(map(gzip.compress, parts) if compressed else parts))
    reports, rows = build_from(tmp_path / "build", [path])
    assert pages_of(tmp_path / "build", rows) == texts
    assert counters(reports) == {}


@pytest.mark.parametrize("compressed", [True, False])
def test_arc_header_lines_of_all_sorts(tmp_path: Path, compressed: bool) -> None:
    message = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>Hello"
    lines = {
        "http://plain.example/": "http://plain.example/ 1.2.3.4 20000101000000 text/html",
        "http://blank.example/a%20b": "http://blank.example/a b 1.2.3.4 20000101000000 text/html",
        "http://short.example/": "http://short.example/ 1.2.3.4 200001010000 text/html",
        "http://untyped.example/": "http://untyped.example/ 1.2.3.4 20000101000000 ",
        "http://charset.example/": "http://charset.example/ 1.2.3.4 20000101000000 text/html; charset=utf-8",
        "http://v6.example/": "http://v6.example/ 2001:db8::1 20000101000000 text/html",
        "http://nowhere.example/": "http://nowhere.example/ - 20000101000000 text/html",
        "http://two.example/": "http://two.example/ 1.2.3.4 20000101000000 text/html 200 - - 0 a.arc.gz",
        "http://capital.example/": "HTTP://Capital.example/ 1.2.3.4 20000101000000 text/html",
    }
    version = b"1 0 InternetArchive\nURL IP-address Archive-date Content-type Archive-length\n"
    parts = [f"filedesc://a.arc 0.0.0.0 20000101000000 text/plain {len(version)}\n".encode() + version + b"\n"]
    parts += [f"{line} {len(message)}\n".encode() + message + b"\n" for line in lines.values()]
    path = tmp_path / "a.arc"
    path.write_bytes(b"".join(map(gzip.compress, parts) if compressed else parts))
    reports, rows = build_from(tmp_path / "build", [path])
    assert pages_of(tmp_path / "build", rows) == dict.fromkeys(lines, b"<p>Hello")
    assert counters(reports) == {}


def test_revisits_and_resources(tmp_path: Path) -> None:
    """A revisit is what another record has, in another file and shard; one of nothing is told; a resource is a page as it is."""
    body, date = b"<p>The same again.", "2017-01-01T00:00:00Z"
    first = archive(tmp_path / "a.warc.gz", [("http://first.example/", body, date)])
    second = tmp_path / "b.warc.gz"
    digest = "sha1:" + base64.b32encode(hashlib.sha1(body).digest()).decode()
    with open(second, "wb") as file:
        writer = WARCWriter(file, gzip=True)
        ok = StatusAndHeaders("200 OK", HTML, protocol="HTTP/1.1")
        for url, refers in (("http://again.example/x", digest), ("http://lost.example/", "sha1:" + "A" * 32)):
            writer.write_record(writer.create_revisit_record(url, refers, "http://first.example/", date, http_headers=ok))
        resource = {"WARC-Date": date}
        for url, kind in (("http://resource.example/", "text/html; charset=utf-8"), ("http://picture.example/", "image/png")):
            writer.write_record(
                writer.create_warc_record(url, "resource", io.BytesIO(b"<p>R"), warc_content_type=kind, warc_headers_dict=resource)
            )
    reports, rows = build_from(tmp_path / "build", [first, second])
    assert rows.pop("http://lost.example/")["error"] == "revisit-of-nothing"
    assert rows["http://again.example/x"]["final_url"] == "http://again.example/x"
    assert rows["http://again.example/x"]["archive"] == "a.warc.gz"
    assert rows["http://resource.example/"]["content_type"] == "text/html"
    assert pages_of(tmp_path / "build", rows) == {
        "http://first.example/": body,
        "http://again.example/x": body,
        "http://resource.example/": b"<p>R",
    }
    assert counters(reports) == {"archive-not-text": 1, "rejected-revisit-of-nothing": 1}


def test_as_many_pages_as_warcio_finds(data_dir: Path, tmp_path: Path) -> None:
    """Of each archive of other tools at least as many answers with HTML as warcio reads."""
    for path in sorted((data_dir / "warc").iterdir()):
        if "bad-non-chunked" in path.name:  # warcio refuses it
            continue
        expected = set()
        with open(path, "rb") as file, suppress(ArchiveLoadFailed):  # which ends warcio, but not us
            for record in ArchiveIterator(file, arc2warc=True):
                http = record.http_headers if record.rec_type == "response" else None
                if http and http.get_statuscode() == "200" and "html" in (http.get_header("Content-Type") or ""):
                    expected.add(canonical(record.rec_headers.get_header("WARC-Target-URI")))
        _, rows = build_from(tmp_path / path.name, [path], noai=False)
        assert set(rows) >= expected, path.name
