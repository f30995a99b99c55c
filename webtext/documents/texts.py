"""Readers of texts: plain files, WET records and tar archives. They make the records themselves, with the fields text, id, url and date."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import IO

from webtext.core.compression import LINE, DecompressedFile, Opener, read_blocks
from webtext.core.errors import UsageError, WebtextError
from webtext.documents.tables import WHOLE, Rows, whole

_WET_TYPES = {b"warcinfo", b"metadata"}  # records between the texts


def read_text(path: str, opener: Opener, unit: str) -> Rows:
    """The file as one document, or one a line or a paragraph. Numbers are those of the lines or paragraphs; empty ones are none."""
    if unit == "document":
        data = whole(path, opener, "take a line or a paragraph as a document")
        yield 1, _decoded(data.removeprefix(b"\xef\xbb\xbf"))
    else:
        lines = (line for block in read_blocks(path, opener, json=False) for line in block.removesuffix(b"\n").split(b"\n"))
        yield from _parts(lines, unit)


def _parts(lines: Iterable[bytes], unit: str) -> Rows:
    paragraph: list[bytes] = []
    count = 0
    for number, line in enumerate(lines, 1):
        line = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).rstrip(b"\r")
        if unit == "line":
            if line.strip():
                yield number, _decoded(line)
        elif line.strip():
            paragraph.append(line)
        elif paragraph:
            count += 1
            yield count, _decoded(b"\n".join(paragraph))
            paragraph = []
    if paragraph:
        yield count + 1, _decoded(b"\n".join(paragraph))


def _decoded(data: bytes) -> dict[str, str] | str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start:,}; convert the file with iconv"
    return "a NUL byte: not text" if "\0" in text else {"text": text}


def read_tar(path: str, opener: Opener, unit: str, is_text: Iterable[str] = (".txt", ".text", ".md", "")) -> Rows:
    """The members of an archive as texts, each with its name as `member`; numbers count what the archive has of documents."""
    source = DecompressedFile(path, opener)
    number = 0
    try:
        with tarfile.open(fileobj=io.BufferedReader(source), mode="r|") as members:
            for member in members:
                name = PurePosixPath(member.name)
                if not member.isfile() or name.name.startswith((".", "_")):
                    continue
                if name.suffix.lower() not in is_text and name.suffix[1:].isalpha():
                    raise UsageError(f"{path}, {member.name}: an archive is read as texts; unpack it, and give the directory")
                content = members.extractfile(member)
                if content is None or member.size > WHOLE:
                    raise UsageError(f"{path}, {member.name}: more than {WHOLE // 2**20} MiB in one piece; unpack it, and take lines")
                data = content.read()
                found = _parts(data.split(b"\n"), unit) if unit != "document" else iter([(1, _decoded(data.removeprefix(b"\xef\xbb\xbf")))])
                for _, row in found:
                    number += 1
                    yield number, {"member": member.name, **row} if isinstance(row, dict) else f"{member.name}: {row}"
        while source.read(2**20):
            pass
    except tarfile.TarError as error:
        raise WebtextError(f"{path}: not a whole tar archive ({error}); fetch it again") from None
    if source.tail.strip(b"\0"):  # blocks of zeros end an archive
        raise WebtextError(f"{path}: the archive is cut: its end is missing; fetch it again")


def read_wet(path: str, opener: Opener) -> Rows:
    """The texts of Common Crawl's WET files: each conversion record, with its URL, date and id."""
    file = io.BufferedReader(DecompressedFile(path, opener))
    number = 0
    for kind, headers, data in _records(path, file):
        if kind == b"conversion":
            number += 1
            row = _decoded(data) if data is not None else f"a record of more than {LINE // 2**20} MiB"
            own = {"id": headers.get("warc-record-id"), "url": headers.get("warc-target-uri"), "date": headers.get("warc-date")}
            language = {"languages": value} if (value := headers.get("warc-identified-content-language")) else {}
            yield number, {**row, **own, **language} if isinstance(row, dict) else row
        elif kind not in _WET_TYPES:
            raise UsageError(f"{path}: has pages, not texts (a record of type {kind.decode('latin-1')!r}); use `webtext extract` on it")


def _records(path: str, file: IO[bytes]) -> Iterator[tuple[bytes, dict[str, str], bytes | None]]:
    """Type, headers (names in lower case) and content of each record; None for content that is too long to hold."""
    while line := file.readline(LINE):
        if not line.strip():
            continue
        if not line.startswith(b"WARC/"):
            raise WebtextError(f"{path}: not a WARC file: a record begins with {line[:20]!r}; fetch it again")
        headers: dict[str, str] = {}
        while (line := file.readline(LINE)).strip():
            name, _, value = line.decode("utf-8", "replace").partition(":")
            headers[name.strip().lower()] = value.strip()
        length = headers.get("content-length", "")
        if not line or not length.isdigit():
            raise WebtextError(f"{path}: the file is cut or damaged: a record without its length; fetch it again")
        left, pieces = int(length), []
        keep = left <= LINE
        while left and (piece := file.read(min(left, 2**20))):
            left -= len(piece)
            if keep:
                pieces.append(piece)
        if left:
            raise WebtextError(f"{path}: the file is cut: it ends within a record; fetch it again")
        yield headers.get("warc-type", "").lower().encode(), headers, b"".join(pieces) if keep else None
