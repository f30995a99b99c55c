"""The extract stage over real archives: every page ends as a document or with its reason, and the bytes are the same in any order."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.webtext.extract.pages import Response, article, paragraphs, write_pages
from webtext.core.config import ExtractSection
from webtext.core.hashing import url_id
from webtext.core.tables import Record, read_table
from webtext.core.task import Report, StageContext, run_task
from webtext.extract.budget import close_idle
from webtext.extract.phases import extract_shard


def good(number: int) -> Response:
    page = article(f"Story number {number}", paragraphs(number))
    return Response(f"http://example.org/story/{number}", page.encode(), posts=[("books", 5, 200), ("History", 40, 100)])


def run(build: Path, shard: int, section: ExtractSection) -> Report:
    return run_task(StageContext(build, "extract", "fingerprint"), f"extract-{shard:05d}", extract_shard, shard, section)


def documents(build: Path, shard: int = 0) -> list[Record]:
    return list(read_table(build / "documents" / f"shard-{shard:05d}.parquet"))


def rejected(build: Path, shard: int = 0) -> dict[str, tuple[str, str]]:
    path = build / "stages/extract/rejected" / f"extract-{shard:05d}.parquet"
    return {row["url"]: (row["reason"], row["detail"]) for row in read_table(path)} if path.exists() else {}


def test_a_page_becomes_a_document_with_its_posts(tmp_path: Path) -> None:
    write_pages(tmp_path, 0, [good(1)])
    report = run(tmp_path, 0, ExtractSection())
    [document] = documents(tmp_path)
    text = document.pop("text")
    assert document == {
        "id": url_id("http://example.org/story/1"),
        "url": "http://example.org/story/1",
        "title": "Story number 1",
        "extractor": "blocks",
        "score": 40,
        "subreddits": ["History", "books"],
        "created_utc": 100,
        "meta": None,
    }
    lines = text.split("\n")
    assert [line for line in lines if line != "Story number 1"] == paragraphs(1)
    assert (report.records_in, report.records_out, report.rejected) == (1, 1, 0)
    assert report.counters == {"engine-blocks": 1}


def test_a_build_without_links_has_no_posts(tmp_path: Path) -> None:
    write_pages(tmp_path, 0, [good(1)], links=False)
    run(tmp_path, 0, ExtractSection())
    [document] = documents(tmp_path)
    assert (document["score"], document["subreddits"], document["created_utc"]) == (None, [], None)


def case(name: str, body: str | bytes, content_type: str | None = "text/html; charset=utf-8") -> Response:
    return Response(f"http://example.org/{name}", body.encode() if isinstance(body, str) else body, content_type)


CASES = [
    (case("empty", b" \r\n"), "empty", ""),
    (case("pdf", b"%PDF-1.4 and so on", "application/pdf"), "pdf", ""),
    (case("pdf-in-disguise", b"%PDF-1.4 and so on"), "pdf", ""),
    (case("image", b"\x89PNG\r\n\x1a\n" + bytes(100)), "not-html", "png"),
    (case("json", b'{"a": 1}', "application/json"), "not-html", "application/json"),
    (case("frames", "<html><frameset cols='1,2'><frame src='a'><frame src='b'></frameset></html>"), "no-text", ""),
    (case("long", "<p>" + "long " * 50_000 + "</p>"), "too-big", "250007 bytes"),
    (
        case("mirror", article("Bridge", ["From Wikipedia, the free encyclopedia", *paragraphs(7)])),
        "wikipedia-text",
        "",
    ),
]


def test_every_page_ends_where_it_should(tmp_path: Path) -> None:
    lost = Response("http://example.org/lost", b"", error="dns")
    write_pages(tmp_path, 0, [good(1), *(response for response, _, _ in CASES), lost, good(2)])
    report = run(tmp_path, 0, ExtractSection(max_bytes=200_000))
    reasons = rejected(tmp_path)
    for response, reason, _ in CASES:
        assert reasons.pop(response.url)[0] == reason, response.url
    assert reasons == {}
    assert {document["url"] for document in documents(tmp_path)} == {good(1).url, good(2).url}
    assert (report.records_in, report.records_out, report.rejected) == (len(CASES) + 2, 2, len(CASES))
    assert report.counters["rejected-wikipedia-text"] == 1


def test_details_say_what_decided(tmp_path: Path) -> None:
    write_pages(tmp_path, 0, [response for response, _, _ in CASES])
    run(tmp_path, 0, ExtractSection(max_bytes=200_000))
    reasons = rejected(tmp_path)
    for response, reason, detail in CASES:
        if detail is not None:
            assert reasons[response.url] == (reason, detail)


def test_plain_text_is_text(tmp_path: Path) -> None:
    text = "\r\n\r\n".join(paragraphs(3))
    write_pages(tmp_path, 0, [case("a.txt", text, "text/plain")])
    run(tmp_path, 0, ExtractSection())
    [document] = documents(tmp_path)
    assert (document["text"], document["extractor"], document["title"]) == ("\n".join(paragraphs(3)), "text", "")


@pytest.mark.parametrize("name", ["blocks", "trafilatura", "newspaper3k"])
def test_a_page_that_takes_for_ever_and_one_that_nests_for_ever_cost_one_record_each(tmp_path: Path, name: str) -> None:
    endless = case("endless", "<html><body>" + "".join(f"<p>the and of {index} <p>" for index in range(100_000)) + "</body></html>")
    deep = case("deep", "<html><body>" + "<div><b>" * 200_000 + "text at the bottom of it all")
    write_pages(tmp_path, 0, [good(1), endless, deep, good(2)])
    report = run(tmp_path, 0, ExtractSection(page_seconds=0.6, engine=name))
    assert {document["url"] for document in documents(tmp_path)} == {good(1).url, good(2).url}
    reasons = rejected(tmp_path)
    assert reasons[endless.url] == ("timeout", "more than 0.6 s of processor time")
    assert reasons[deep.url][0] in ("no-text", "too-short", "timeout", "crashed")
    assert report.rejected == 2


def test_the_same_bytes_whatever_came_before(tmp_path: Path) -> None:
    """Shards in one order in one process, in the other order in a fresh one: no page may leave a trace in another's text."""
    copies = [case(f"copy/{index}", article("The same story", paragraphs(5))) for index in range(6)]
    digests = []
    for index, order in enumerate([(0, 1), (1, 0)]):
        close_idle()
        build = tmp_path / str(index)
        write_pages(build, 0, [good(1), *copies[:3], good(2)][:: 1 if index else -1])
        write_pages(build, 1, copies[3:])
        for shard in order:
            run(build, shard, ExtractSection())
        digests.append([hashlib.sha256((build / "documents" / f"shard-{shard:05d}.parquet").read_bytes()).hexdigest() for shard in (0, 1)])
        texts = {document["text"] for shard in (0, 1) for document in documents(build, shard) if "/copy/" in document["url"]}
        assert len(texts) == 1
    assert digests[0] == digests[1]
    assert [document["id"] for document in documents(tmp_path / "0")] == sorted(document["id"] for document in documents(tmp_path / "0"))


def test_an_empty_shard_is_written_too(tmp_path: Path) -> None:
    write_pages(tmp_path, 0, [])
    report = run(tmp_path, 0, ExtractSection())
    assert documents(tmp_path) == []
    assert report.records_in == 0
