from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
import zstandard

from tests.webtext.tokens.corpus import documents, write_corpus
from webtext.cli.tokenizer_inspect import Document, documents_of
from webtext.core.errors import UsageError, WebtextError
from webtext.core.records import REJECTED
from webtext.core.tables import writing_table

ENGLISH, GERMAN = Document("en", "one\n two"), Document("de", "eins zwei — drei")
LINES = b"".join(json.dumps({"text": text, "language": language}).encode() + b"\n" for language, text in (ENGLISH, GERMAN))


def archive() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as members:
        members.addfile(tarfile.TarInfo("sentences"))
        for language, text in (ENGLISH, GERMAN):
            member = tarfile.TarInfo(f"sentences/{language}.txt")
            member.size = len(text.encode())
            members.addfile(member, io.BytesIO(text.encode()))
    return held.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", LINES),
        ("a.ndjson", LINES[:-1]),
        ("a.jsonl.gz", gzip.compress(LINES, mtime=0)),
        ("a.jsonl.zst", zstandard.compress(LINES)),
        ("a.tar.gz", gzip.compress(archive(), mtime=0)),
        ("a.tar.zst", zstandard.compress(archive())),
    ],
)
def test_formats(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    found = list(documents_of([tmp_path / name]))
    assert [document for document in found if document.language != "sentences"] == [ENGLISH, GERMAN]


def test_a_text_file_is_in_the_language_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "de.txt").write_text(GERMAN.text)
    (tmp_path / "en.txt.zst").write_bytes(zstandard.compress(ENGLISH.text.encode()))
    (tmp_path / "en.jsonl").write_text('{"text": "three"}')
    (tmp_path / ".hidden.txt").write_text("x")
    assert [tuple(document) for document in documents_of([tmp_path])] == [
        ("de", GERMAN.text),
        ("en", "three"),
        ("en", ENGLISH.text),
    ]


def test_the_corpus_of_a_build(tmp_path: Path) -> None:
    rows = documents()
    write_corpus(tmp_path, rows)
    with writing_table(tmp_path / "corpus" / "rejected" / "decide-00000.parquet", REJECTED) as table:
        table.write({"url": "http://a.example/", "id": "", "reason": "near-copy", "detail": ""})
    (tmp_path / "corpus" / "manifest.json").write_text("{}")
    assert sorted(documents_of([tmp_path / "corpus"])) == sorted(Document("en", row["text"]) for row in rows)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"text": "x"}\n{"text": 5}', "row 2: field 'text' is a number, not text"),
        ("a.jsonl", b'{"text": "x"}\n[', "the file is cut"),
        ("a.jsonl", b"[]x", "not whole JSON"),
        ("a.txt", b"ab\xff", "neither text in UTF-8"),
        ("a.tar.zst", zstandard.compress(archive())[:-50], "the file is cut"),
        ("a.tar.gz", b"no", "not gzip, as its name says"),
        ("a.parquet", b"no", "not a whole Parquet file"),
        ("a.jsonl.gz", gzip.compress(LINES, mtime=0)[:-9], "cut"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WebtextError, match=message) as caught:
        list(documents_of([tmp_path / name]))
    assert str(tmp_path / name) in str(caught.value)


def test_other_tables_and_places_are_refused(tmp_path: Path) -> None:
    with writing_table(tmp_path / "a.parquet", REJECTED) as table:
        table.write({"url": "", "id": "", "reason": "", "detail": ""})
    with pytest.raises(WebtextError, match=r"which field is the text\? Its fields are: url, id, reason, detail"):
        list(documents_of([tmp_path / "a.parquet"]))
    with pytest.raises(UsageError, match="there is no file"):
        list(documents_of([tmp_path / "absent"]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no file of documents"):
        list(documents_of([tmp_path / "empty"]))
