"""Each format, small and as its libraries write it: read alike, whole or refused by name."""

from __future__ import annotations

import gzip
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tests.webtext.documents import files
from webtext.core.config import DocumentsSection
from webtext.core.errors import UsageError, WebtextError
from webtext.documents.fields import BrokenRow, SourceDocument
from webtext.documents.readers import read_documents, read_rows

RECORDS = [
    {"text": "Das ist\nein Text — \"mit\" Zeichen, 'ja'.", "id": "a", "url": "http://a.example/", "date": "2017-11-01", "source": "x"},
    {"text": "two", "id": "b", "url": "http://b.example/?q=1", "date": "2017-11-02T00:00:10+01:00", "source": "y"},
    {"text": "three\r\n\tlines\n", "id": "c", "url": "http://c.example/", "date": "1509494400", "source": "é"},
]
DOCUMENTS = [
    SourceDocument(record["text"], record["id"], record["url"], None, created, {"source": record["source"]}, "", row)
    for row, (record, created) in enumerate(zip(RECORDS, (1509494400, 1509577210, 1509494400)), 1)
]


def found(path: Path, **keys: Any) -> list[SourceDocument]:
    return [document._replace(file="") for document in read_documents(path, **keys)]


def rows_of(path: Path, **keys: Any) -> list[SourceDocument | BrokenRow]:
    return list(read_rows(str(path), "f", DocumentsSection(**keys))[1])


@pytest.mark.parametrize("name", files.FORMATS)
def test_each_format_has_the_same_documents(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(files.FORMATS[name](RECORDS))
    assert found(tmp_path / name) == DOCUMENTS
    (tmp_path / "data").write_bytes(files.FORMATS[name](RECORDS))  # by its content alone, or as it is told
    kind = {"json": "json", "csv": "csv", "tsv": "tsv"}.get(name[2:], "auto")
    assert found(tmp_path / "data", format=kind) == DOCUMENTS


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(st.lists(st.fixed_dictionaries({"text": TEXT, "id": TEXT, "title": TEXT, "kind": TEXT}), min_size=1, max_size=5))
def test_any_records_are_read_alike_from_every_format(records: list[dict[str, str]]) -> None:
    with TemporaryDirectory() as directory:
        for name, write in files.FORMATS.items():
            path = Path(directory) / name
            path.write_bytes(write(records))
            read = [(one.text, one.id, one.title, one.meta) for one in read_documents(path)]
            assert read == [(record["text"], record["id"], record["title"], {"kind": record["kind"]}) for record in records], name


@pytest.mark.parametrize("ending", files.COMPRESS)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_compressed_files_are_read_and_cut_ones_refused(tmp_path: Path, name: str, ending: str) -> None:
    path = tmp_path / f"{name}{ending}"
    data = files.COMPRESS[ending](files.FORMATS[name](RECORDS))
    path.write_bytes(data)
    assert found(path) == DOCUMENTS
    path.write_bytes(data[:-5])
    with pytest.raises(WebtextError, match=rf"{name}{ending}: the file is cut"):
        found(path)


@pytest.mark.parametrize("name", files.FORMATS)
def test_a_file_that_is_cut_anywhere_is_refused_or_its_last_record_is(tmp_path: Path, name: str) -> None:
    """TSV and CSV that end between two quoted fields or lines cannot be told from whole ones; nothing is read wrongly."""
    data = files.FORMATS[name](RECORDS)
    path = tmp_path / name
    for length in range(1, len(data) - 1, 7):
        path.write_bytes(data[:length])
        try:
            read = found(path, max_broken=1, text_field="text")
        except WebtextError:
            continue
        assert name[2:] in ("jsonl", "csv", "tsv"), length
        whole = [document for document in read if document in DOCUMENTS]
        assert whole == DOCUMENTS[: len(whole)]
        assert len(read) - len(whole) <= (name[2:] != "jsonl")


def test_damage_inside_parquet_and_arrow_is_refused(tmp_path: Path) -> None:
    table = pa.table({"text": ["some words " * 1000] * 10})
    pq.write_table(table, tmp_path / "a.parquet", write_page_checksum=True, use_dictionary=False)
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[len(data) // 4] ^= 0xFF
    (tmp_path / "a.parquet").write_bytes(data)
    with pytest.raises(WebtextError, match=r"a\.parquet: not a whole Parquet file"):
        found(tmp_path / "a.parquet")


def test_types_of_columns_become_json(tmp_path: Path) -> None:
    columns = {
        "content": pa.array(["a", "b"]),
        "created": pa.array([1509494400 * 10**9 + 1, None], pa.timestamp("ns", "UTC")),
        "day": [date(2017, 11, 1), None],
        "when": [datetime(2017, 11, 1, 12), None],
        "price": pa.array([Decimal("1.50"), None], pa.decimal128(5, 2)),
        "picture": [b"\x89PNG", None],
        "deep": [{"score": [1, 2]}, None],
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    first, second = found(tmp_path / "a.parquet")
    assert (first.text, first.created_utc, second.created_utc, second.meta) == ("a", 1509494400, None, {})
    assert first.meta == {
        "day": "2017-11-01",
        "when": "2017-11-01T12:00:00",
        "price": "1.50",
        "picture": "left out: 4 bytes",
        "deep": {"score": [1, 2]},
    }


def test_what_is_not_utf8_costs_its_own_row_in_a_table(tmp_path: Path) -> None:
    bad = pa.Array.from_buffers(pa.utf8(), 3, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"a\xffb")])
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pa.ipc.new_file(file, pa.schema([("text", pa.utf8())])) as writer:
        writer.write_batch(pa.record_batch([bad], names=["text"]))
    (tmp_path / "a.csv").write_bytes(b"text,n\na,1\n\xff,2\nb,3\n")
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a"}\n{"text": "\xff"}\n{"text": "b"}\n')
    for name in ("a.arrow", "a.csv", "a.jsonl"):
        first, broken, last = rows_of(tmp_path / name)
        assert isinstance(first, SourceDocument)
        assert isinstance(last, SourceDocument)
        assert isinstance(broken, BrokenRow)
        assert (first.text, last.text, broken.row) == ("a", "b", 2)
        assert "not UTF-8" in broken.reason


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("document", [(1, "\n one\r\ntwo\n\n \nthree")]),
        ("line", [(2, " one"), (3, "two"), (6, "three")]),
        ("paragraph", [(1, " one\ntwo"), (2, "three")]),
    ],
)
def test_units_of_a_text(tmp_path: Path, unit: str, expected: list[tuple[int, str]]) -> None:
    data = b"\xef\xbb\xbf\n one\r\ntwo\n\n \nthree"
    (tmp_path / "a.txt").write_bytes(data)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(data))
    (tmp_path / "noending").write_bytes(data)
    for name in ("a.txt", "a.txt.gz", "noending"):
        assert [(one.row, one.text) for one in found(tmp_path / name, unit=unit)] == expected
    (tmp_path / "a.tar").write_bytes(files.tar({"b/x.txt": data, "b/.hidden": b"\xff", "y": b"more"}))
    members = found(tmp_path / "a.tar", unit=unit)
    assert [one.text for one in members] == [*(text for _, text in expected), "more"]
    assert [one.meta["member"] for one in members] == ["b/x.txt"] * len(expected) + ["y"]


@pytest.mark.parametrize("name", ["a.warc.wet.gz", "a.wet", "a.warc.wet.zst"])
def test_wet(tmp_path: Path, name: str) -> None:
    texts = {"http://a.example/": "One — text\nmore", "http://b.example/": "Two"}
    data = files.wet(texts)
    plain = gzip.decompress(data)
    (tmp_path / name).write_bytes({".gz": data, ".wet": plain, ".zst": zstandard.compress(plain)}[Path(name).suffix])
    documents = found(tmp_path / name)
    assert [(one.url, one.text, one.created_utc, one.row) for one in documents] == [
        (url, text, 1510963200, row) for row, (url, text) in enumerate(texts.items(), 1)
    ]
    assert (documents[1].id, documents[1].meta) == ("<urn:uuid:1>", {"languages": "eng"})
    (tmp_path / "cut.wet").write_bytes(plain[:-8])
    with pytest.raises(WebtextError, match=r"cut\.wet: the file is cut"):
        found(tmp_path / "cut.wet")


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("a.txt", b"", "the file is empty"),
        ("a.jsonl", b"", "the file is empty"),
        ("a.jsonl.gz", gzip.compress(b""), "the file is empty"),
        ("a.pdf", b"%PDF-1.7\n\xe2\xe3\xcf\xd3\n\0", "neither text in UTF-8 nor records"),
        ("a.html", b"<!DOCTYPE html><p>x", "a page of HTML, not text; use `webtext extract`"),
        ("a.txt", b'{"text": "x"}\n{"text": "y"}\n', "its lines are JSON objects; set the format to jsonl"),
        ("a.warc", b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 0\r\n\r\n\r\n\r\n", "has pages, not texts"),
        ("a.csv", b"text,text\na,b\n", "two columns are named 'text'"),
        ("a.csv", b"just one line of words\nand more\n", "which field is the text"),
        ("a.csv", b'text,n\n"open,1\n', "not a whole table"),
        ("a.json", b'[{"text": "a"}, ', "not whole JSON"),
        ("a.tar", files.tar({"a.jsonl": b"{}"}), r"a\.tar, a\.jsonl: an archive is read as texts; unpack it"),
        ("a.tar", files.tar({"a.txt": b"words"})[:1024], "the archive is cut: its end is missing"),
        ("a.tar", files.tar({"a.txt": b"words" * 999})[:2000], "not a whole tar archive"),
        ("a.parquet", b"PAR1 nothing more PAR1", "not a whole Parquet file"),
        ("b.arrow", files.arrow(RECORDS, pa.ipc.new_stream)[:-8], "the file is cut: an Arrow stream has a mark at its end"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, name: str, data: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(WebtextError, match=sentence) as error:
        found(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)


def test_a_piece_that_is_too_large_to_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webtext.documents.tables.WHOLE", 2**20)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress((b"words " * 40 + b"\n") * 5_000))
    with pytest.raises(UsageError, match=r"a\.txt\.gz: more than 1 MiB in one piece; take a line or a paragraph as a document"):
        found(tmp_path / "a.txt.gz")
    assert len(found(tmp_path / "a.txt.gz", unit="line")) == 5_000
