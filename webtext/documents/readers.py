"""One way to read documents from anyone's files, for every command, stage and program."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path, PurePosixPath

import orjson

from webtext.core.compression import LINE, SUFFIXES, Opener, decompressed, open_local
from webtext.core.config import DocumentFormat, DocumentsSection, DocumentUnit
from webtext.core.config_file import parse_config, source_files
from webtext.core.errors import UsageError, WebtextError
from webtext.core.plugins import is_reference, load_function
from webtext.documents.fields import CANONICAL, BrokenRow, Fields, SourceDocument, resolve_fields, to_document
from webtext.documents.files import Lister, document_files, relative_names
from webtext.documents.tables import Rows, read_arrow, read_csv, read_json, read_jsonl, read_parquet
from webtext.documents.texts import read_tar, read_text, read_wet

TABLES: dict[str, Callable[[str, Opener], Rows]] = {
    "jsonl": read_jsonl,
    "json": read_json,
    "parquet": read_parquet,
    "arrow": read_arrow,
    "csv": read_csv,
    "tsv": partial(read_csv, delimiter="\t"),
}
_TEXTS: dict[str, Callable[[str, Opener, str], Rows]] = {
    "text": read_text,
    "tar": read_tar,
    "wet": lambda path, opener, unit: read_wet(path, opener),
}
_ENDINGS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "text",
    ".text": "text",
    ".md": "text",
    ".tar": "tar",
    ".tgz": "tar",
    ".wet": "wet",
    ".warc": "wet",
}
_PEEKED = 16  # rows by which fields are guessed
_HTML = re.compile(rb"\s*<(?:!doctype html|html\b)", re.IGNORECASE)


def read_documents(
    paths: str | Path | Sequence[str | Path],
    *,
    text_field: str = "",
    id_field: str = "",
    url_field: str = "",
    date_field: str = "",
    title_field: str = "",
    format: DocumentFormat = "auto",  # noqa: A002 - the name of the key of the configuration
    unit: DocumentUnit = "document",
    max_broken: float = 0.001,
    opener: Opener = open_local,
    lister: Lister = source_files,
) -> Iterator[SourceDocument]:
    """The documents of files, globs, directories or builds, one after another; see SourceDocument for what each has.

    Formats are told by content and ending. Fields that are not named are guessed from the usual names; dots reach into objects. Broken
    records are skipped up to a share of `max_broken` of a file. Raises WebtextError that names a file which is cut or damaged, or the
    first broken record above that share; UsageError where nothing is found.

    >>> for document in webtext.read_documents("texts/*.jsonl.zst", text_field="body"): print(document.id, document.text)
    """
    keys = {
        "text_field": text_field, "id_field": id_field, "url_field": url_field, "date_field": date_field, "title_field": title_field,
        "format": format, "unit": unit, "max_broken": max_broken,
    }  # fmt: skip
    section = parse_config("", "read_documents", {f"documents.{key}": value for key, value in keys.items()}).documents
    files = document_files([paths] if isinstance(paths, (str, Path)) else paths, "read_documents", lister)
    return _sound(files, section, opener)


def _sound(files: Sequence[str], section: DocumentsSection, opener: Opener) -> Iterator[SourceDocument]:
    for path, name in zip(files, relative_names(files)):
        check = BrokenShare(path, section.max_broken)
        for row in read_rows(path, name, section, opener)[1]:
            check.add(row)
            if isinstance(row, SourceDocument):
                yield row
        check.end()


class BrokenShare:
    """Refuses a file of which more is broken than a share."""

    def __init__(self, path: str, most: float) -> None:
        self._path, self._most = path, most
        self._rows = self._broken = 0
        self._first: BrokenRow | None = None

    def add(self, row: SourceDocument | BrokenRow) -> None:
        self._rows += 1
        if isinstance(row, BrokenRow):
            self._broken += 1
            self._first = self._first or row

    def end(self) -> None:
        """Raises WebtextError that names the first broken record."""
        if self._first is not None and self._broken > self._most * self._rows:
            raise WebtextError(
                f"{self._path}, row {self._first.row}: {self._first.reason}; {self._broken:,} of {self._rows:,} records are broken: "
                "repair them, name the right field or format, or raise max_broken"
            )


def read_rows(
    path: str, name: str, section: DocumentsSection, opener: Opener = open_local
) -> tuple[Fields, Iterator[SourceDocument | BrokenRow]]:
    """The fields that are read from a file, and its documents and broken records in order, which call the file `name`.

    Raises WebtextError for a file that is cut or damaged, UsageError for one without text.
    """
    if not is_reference(section.format):  # a function of the user's own reads a file in its own way
        _head(path, opener)  # an empty file is refused, whatever its format
    format_ = detect_format(path, opener) if section.format == "auto" else section.format
    if format_ in _TEXTS:
        rows, fields = _TEXTS[format_](path, opener, section.unit), CANONICAL
    else:
        rows = own_rows(path, format_) if is_reference(format_) else TABLES[format_](path, opener)
        first = list(islice(rows, _PEEKED))
        rows = chain(first, rows)
        fields = resolve_fields(path, [row for _, row in first if isinstance(row, dict)], section, format_ in ("csv", "tsv"))
    return fields, (
        BrokenRow(name, number, row) if isinstance(row, str) else to_document(row, fields, name, number) for number, row in rows
    )


def own_rows(path: str, reference: str) -> Rows:
    """The records of a file by a function of the user's own. Raises WebtextError that names it where it fails."""
    number = 0
    try:
        for record in load_function(reference, "documents.format")(path):
            number += 1
            yield number, record if isinstance(record, dict) else f"{reference} gave {type(record).__name__}, not a dict"
    except Exception as error:
        raise WebtextError(f"{path}: {reference} failed after {number:,} records ({type(error).__name__}: {error})") from error


def detect_format(path: str, opener: Opener = open_local, name: str = "") -> str:
    """The format of a file by its first bytes and the ending of its name, or of another `name`.

    Raises UsageError where it is neither text nor records, or is empty.
    """
    head = _head(path, opener)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "arrow"
    if head.startswith(b"WARC/"):
        return "wet"
    if head[257:262] == b"ustar":
        return "tar"
    plain = PurePosixPath((name or path).lower())
    plain = plain.with_suffix("") if plain.suffix in SUFFIXES else plain
    named = _ENDINGS.get(plain.suffix)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if named == "json" or (named == "jsonl" and start == b"["):
        return "jsonl" if start == b"{" and _is_object(path, opener) else "json"
    if named not in (None, "text"):
        return named
    if b"\0" in head or not _is_utf8(head):
        known = ", ".join(_ENDINGS)
        raise UsageError(f"{path}: neither text in UTF-8 nor records of a known format ({known}); convert it with iconv, or leave it out")
    if _HTML.match(head):
        raise UsageError(f"{path}: a page of HTML, not text; use `webtext extract` on it")
    records = start == b"{" and _is_object(path, opener)
    if records and named == "text":
        raise UsageError(f"{path}: its lines are JSON objects; set the format to jsonl, or to text if they are the texts themselves")
    return "jsonl" if records else "text"


def _head(path: str, opener: Opener) -> bytes:
    head = next((piece for piece in decompressed(path, opener) if piece), b"")
    if not head:
        raise UsageError(f"{path}: the file is empty; leave it out")
    return head


def _is_object(path: str, opener: Opener) -> bool:
    """Whether the first line is a whole JSON object."""
    line = b""
    for piece in decompressed(path, opener):
        line = (line + piece).removeprefix(b"\xef\xbb\xbf").lstrip()
        if b"\n" in line or len(line) > LINE:
            break
    try:
        return isinstance(orjson.loads(line.partition(b"\n")[0]), dict)
    except orjson.JSONDecodeError:
        return False


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3 and error.reason == "unexpected end of data"  # a character that the block parts
    return True
