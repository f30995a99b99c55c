"""Reads the records of any WARC or ARC file with their offsets; a damaged record is not the same as a file that ends too early.

Supported are WARC 0.17 to 1.1 and ARC 1, plain or with one gzip member a record. zlib and the length fields decide where a record ends, so
offset and length are exact and a damaged record costs only itself.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from webtext.core.errors import WebtextError

BLOCK = 2**20
HELD = 2**26  # bytes of a record that are held; of a longer one the beginning is
HEADER_BYTES = 2**16
GZIP = b"\x1f\x8b\x08"

_WARC = re.compile(rb"WARC/\d\.\d+\r?\n")
_ARC = re.compile(rb"(?:[a-z][a-z0-9+.-]*):\S+ [0-9A-Fa-f.:]+ \d{14} [^\r\n]+ (\d+)\r?\n")
_LENGTH = re.compile(rb"^Content-Length:[ \t]*(\d+)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_BLANK = re.compile(rb"\r?\n\r?\n")


class Stored(NamedTuple):
    """A record: where it lies in the file, in bytes, and its first HELD bytes without compression. `data` None: it is damaged."""

    offset: int
    length: int
    data: bytes | None


def records(path: Path) -> Iterator[Stored]:
    """The records of an archive in order.

    Raises WebtextError for a file that is no archive, that ends within a record, or that is compressed as a whole.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(4096)
            file.seek(0)
            if start[:3] == GZIP:
                yield from _compressed(path, file)
            elif _record_bytes(start) is not None:
                yield from _plain(path, file)
            else:
                raise WebtextError(f"{path}: not a WARC or ARC file (plain or gzip); leave it out of fetch.warcs")
    except OSError as error:
        raise WebtextError(f"{path}: cannot be read ({error.strerror}); check fetch.warcs") from None


def _record_bytes(data: bytes) -> tuple[int, int] | None:
    """(bytes of the header block, bytes of the content) of the record at the start of `data`; None where there is none."""
    if _WARC.match(data):
        end = _BLANK.search(data, 0, HEADER_BYTES)
        if end is None:
            return None
        length = _LENGTH.search(data, 0, end.end())
        return None if length is None else (end.end(), int(length[1]))
    arc = _ARC.match(data)
    return None if arc is None else (arc.end(), int(arc[1]))


def _cut_off(path: Path, offset: int) -> WebtextError:
    return WebtextError(f"{path}: ends within the record at byte {offset:,}; get the whole archive again, or leave it out of fetch.warcs")


def _compressed(path: Path, file: IO[bytes]) -> Iterator[Stored]:
    size = file.seek(0, 2)
    offset = 0
    while offset < size:
        file.seek(offset)
        try:
            length, data = _member(file)
        except EOFError:
            raise _cut_off(path, offset) from None
        except zlib.error:
            rest = _next_member(file, offset + 1, size)
            if rest == size and _only_zeros(file, offset):
                return
            yield Stored(offset, rest - offset, None)
            offset = rest
            continue
        found = _record_bytes(data)
        if found is None:
            yield Stored(offset, length, None)
        else:
            if _record_bytes(data[sum(found) :].lstrip(b"\r\n")) is not None:
                raise WebtextError(
                    f"{path}: compressed as a whole, so no page of it can be reached; "
                    f"unpack it (gunzip), or compress it a record (warcio recompress)"
                )
            length, data = _with_rest(file, offset, length, data, sum(found))
            yield Stored(offset, length, data)
        offset += length


def _with_rest(file: IO[bytes], offset: int, length: int, data: bytes, size: int) -> tuple[int, bytes]:
    """A record of so many bytes, some writers put it into several gzip members: with those that follow, up to the next record."""
    while len(data) < min(size, HELD) and not _begins_record(file, offset + length):
        file.seek(offset + length)
        try:
            more, rest = _member(file)
        except (EOFError, zlib.error):
            break
        length, data = length + more, data + rest
    return length, data


def _member(file: IO[bytes]) -> tuple[int, bytes]:
    """Bytes and beginning of the content of the gzip member at the file's position. Raises zlib.error, EOFError."""
    engine = zlib.decompressobj(31)
    pieces: list[bytes] = []
    held = length = 0
    # NB: most records are small; a block of a megabyte a record would be read many times over
    block = 2**16
    while not engine.eof:
        data = file.read(block)
        if not data:
            raise EOFError
        length += len(data)
        block = BLOCK
        while data and not engine.eof:
            piece = engine.decompress(data, BLOCK)
            if held < HELD:
                pieces.append(piece)
            held += len(piece)
            data = engine.unconsumed_tail
    return length - len(engine.unused_data), b"".join(pieces)


def _next_member(file: IO[bytes], offset: int, size: int) -> int:
    """Where the next gzip member that holds a record begins, or the end of the file."""
    overlap = b""
    file.seek(offset)
    while data := file.read(BLOCK):
        window = overlap + data
        base = file.tell() - len(window)
        at = window.find(GZIP)
        while at >= 0:
            if _begins_record(file, base + at):
                return base + at
            at = window.find(GZIP, at + 1)
        overlap = window[-2:]
        file.seek(base + len(window))
    return size


def _begins_record(file: IO[bytes], offset: int) -> bool:
    file.seek(offset)
    try:
        start = zlib.decompressobj(31).decompress(file.read(4096), 4096)
    except zlib.error:
        return False
    return _record_bytes(start) is not None or _WARC.match(start) is not None


def _only_zeros(file: IO[bytes], offset: int) -> bool:
    file.seek(offset)
    return all(not data.strip(b"\0") for data in iter(lambda: file.read(BLOCK), b""))


def _plain(path: Path, file: IO[bytes]) -> Iterator[Stored]:
    size = file.seek(0, 2)
    offset = 0
    while offset < size:
        file.seek(offset)
        start = file.read(HEADER_BYTES)
        blank = len(start) - len(start.lstrip(b"\r\n\0"))
        if blank:
            offset += blank
            continue
        found = _record_bytes(start)
        if found is None:
            following = _next_plain(file, offset + 1, size)
            if following == size and (_WARC.match(start) or b"WARC/1.".startswith(start[:7])):
                raise _cut_off(path, offset)
            yield Stored(offset, following - offset, None)
            offset = following
            continue
        length = sum(found)
        if offset + length > size:
            raise _cut_off(path, offset)
        file.seek(offset)
        yield Stored(offset, length, file.read(min(length, HELD)))
        offset += length


_LINE = re.compile(rb"(?<=\n)(?:WARC/\d\.\d+\r?\n|[a-z][a-z0-9+.-]*:\S+ [0-9A-Fa-f.:]+ \d{14} )")


def _next_plain(file: IO[bytes], offset: int, size: int) -> int:
    """Where the next line that begins a record is, or the end of the file."""
    while offset < size:
        file.seek(offset)
        window = file.read(BLOCK)
        found = _LINE.search(window)
        if found:
            return offset + found.start()
        if offset + len(window) >= size:
            return size
        offset += len(window) - 4096
    return size
