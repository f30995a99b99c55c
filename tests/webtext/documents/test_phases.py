"""The task of the stage: every record is in a shard or rejected, every shard is there, and the bytes follow from the files."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.webtext.documents import files
from webtext.core.config import DocumentsSection
from webtext.core.errors import WebtextError
from webtext.core.hashing import document_id, shard_name, url_id
from webtext.core.records import DOCUMENT
from webtext.core.task import Report, StageContext, run_task
from webtext.documents import phases
from webtext.documents.fields import SourceDocument
from webtext.documents.phases import read_files
from webtext.documents.readers import read_rows


def run(build: Path, paths: list[Path], shards: int, **keys: object) -> list[Report]:
    context = StageContext(build, "documents", "key")
    names = [str(path) for path in paths]
    section = DocumentsSection(**keys)
    return [run_task(context, f"read-{group:05d}", read_files, group, names, shards, section) for group in range(min(len(paths), shards))]


def shards_of(build: Path, shards: int) -> list[list[dict[str, object]]]:
    return [pq.read_table(build / "documents" / f"{shard_name(shard)}.parquet").to_pylist() for shard in range(shards)]


@pytest.mark.parametrize(("count", "shards"), [(1, 1), (1, 4), (2, 5), (5, 2), (3, 3)])
def test_every_record_is_in_one_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, shards: int) -> None:
    monkeypatch.setattr(phases, "BLOCK_DOCUMENTS", 3)
    paths = [tmp_path / f"{file}.jsonl" for file in range(count)]
    for file, path in enumerate(paths):
        path.write_bytes(files.jsonl([{"text": f"{file} {row}" if row else "", "id": row} for row in range(20)]))
    reports = run(tmp_path / "one", paths, shards)
    assert sum(report.records_in for report in reports) == 20 * count
    assert sum(report.records_out for report in reports) == 19 * count
    assert sum(report.counters["rejected-empty"] for report in reports) == count
    found = shards_of(tmp_path / "one", shards)
    expected = [f"{file} {row}" for file in range(count) for row in range(1, 20)]
    assert sorted(str(record["text"]) for shard in found for record in shard) == sorted(expected)
    assert pq.read_schema(tmp_path / "one" / "documents" / "shard-00000.parquet").equals(DOCUMENT)
    # a slow twin: blocks of three, to the task's shards in turn
    groups = min(count, shards)
    for group in range(groups):
        texts = [f"{file} {row}" for file in range(group, count, groups) for row in range(1, 20)]
        mine = list(range(group, shards, groups))
        for place, shard in enumerate(mine):
            assert [record["text"] for record in found[shard]] == [text for at, text in enumerate(texts) if at // 3 % len(mine) == place]
    run(tmp_path / "two", paths, shards)
    for shard in range(shards):
        path = f"documents/{shard_name(shard)}.parquet"
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


def test_a_block_is_a_row_group_and_bounded_by_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phases, "BLOCK_BYTES", 1000)
    (tmp_path / "a.txt").write_text("x" * 399 + "\n" + "\n".join("y" * 399 for _ in range(8)))
    run(tmp_path / "b", [tmp_path / "a.txt"], 2, unit="line")
    groups = [pq.read_metadata(tmp_path / "b" / "documents" / f"{shard_name(shard)}.parquet") for shard in (0, 1)]
    assert [[one.row_group(group).num_rows for group in range(one.num_row_groups)] for one in groups] == [[3, 3], [3]]


def test_ids_and_what_travels(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    records = [
        {"text": "a", "doc_id": 5, "url": "http://a.example/", "title": "T", "date": "2017-11-01", "z": 1, "b": [2]},
        {"text": "b", "url": "http://b.example/"},
        {"text": "c"},
        {"text": "d", "doc_id": 5},
    ]
    path.write_bytes(files.jsonl(records))
    run(tmp_path / "b", [path], 1)
    ((first, second, third, fourth),) = shards_of(tmp_path / "b", 1)
    assert first == {
        "id": document_id("5", None, "a"),
        "url": "http://a.example/",
        "title": "T",
        "text": "a",
        "extractor": "file",
        "score": None,
        "subreddits": [],
        "created_utc": 1509494400,
        "meta": '{"b":[2],"doc_id":"5","z":1}',
    }
    assert (second["id"], second["url"], second["meta"]) == (url_id("http://b.example/"), "http://b.example/", None)
    assert (third["id"], third["url"]) == (document_id(None, None, "c"), "a.jsonl#3")
    assert (fourth["url"], json.loads(str(fourth["meta"]))) == ("a.jsonl#4", {"doc_id": "5"})
    assert fourth["id"] != first["id"]  # one id, two texts: both stay
    assert all(len(str(record["id"])) == 32 for record in (first, second, third, fourth))


def test_broken_records_are_rejected_up_to_a_share(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(files.jsonl([{"text": "x"}, {"text": 1}, {"text": "y"}]))
    with pytest.raises(WebtextError, match=r"a\.jsonl, row 2: field 'text' is a number, not text; 1 of 3 records are broken"):
        run(tmp_path / "b", [path], 1)
    (report,) = run(tmp_path / "b", [path], 1, max_broken=0.4)
    assert (report.records_in, report.records_out, report.rejected) == (3, 2, 1)
    place = next(file.path for file in report.files if "rejected" in file.path)
    (rejected,) = pq.read_table(tmp_path / "b" / place).to_pylist()
    assert rejected == {"url": "a.jsonl#2", "id": "", "reason": "broken-row", "detail": "field 'text' is a number, not text"}


def test_a_reader_of_ones_own(tmp_path: Path) -> None:
    """A function of a path that gives records; what it raises names it and the file."""
    code, file = tmp_path / "my_reader.py", tmp_path / "riddles.bin"
    code.write_text(
        "def riddles(path):\n"
        "    for line in open(path):\n"
        "        question, answer = line.split('|')\n"
        "        yield {'text': question, 'answer': answer.strip()}\n"
    )
    file.write_text("What is it?|A riddle.\nWho is it?|Nobody.\n")
    section = DocumentsSection(format=f"{code}:riddles")
    _, rows = read_rows(str(file), "riddles.bin", section)
    assert [(row.text, row.meta) for row in rows if isinstance(row, SourceDocument)] == [
        ("What is it?", {"answer": "A riddle."}),
        ("Who is it?", {"answer": "Nobody."}),
    ]
    file.write_text("What is it?|A riddle.\nno answer\n")
    with pytest.raises(WebtextError, match=r"riddles\.bin: .*my_reader\.py:riddles failed after 1 records \(ValueError"):
        list(read_rows(str(file), "riddles.bin", section)[1])


@pytest.mark.parametrize("own_id", ["0" * 32, "d1"])
def test_columns_named_like_a_builds_do_not_make_one(tmp_path: Path, own_id: str) -> None:
    """A document of a build keeps its id and meta; one of another's file has an id of its own, which dedup can read."""
    row = {"id": own_id, "url": "http://a.example/", "text": "A text.", "extractor": "theirs", "subreddits": ["x"], "meta": '{"a": 1}'}
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n")
    run(tmp_path / "build", [tmp_path / "a.jsonl"], 1)
    [[found]] = shards_of(tmp_path / "build", 1)
    if own_id == "0" * 32:
        assert (found["id"], found["meta"], found["extractor"]) == (own_id, '{"a": 1}', "theirs")
    else:
        assert found["id"] == document_id("d1", "http://a.example/", "A text.")
        assert (json.loads(str(found["meta"]))["id"], found["extractor"]) == ("d1", "file")
