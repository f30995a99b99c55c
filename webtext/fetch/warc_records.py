"""Reads the records of any WARC or ARC file with their offsets; a damaged record costs only itself.

Supported are WARC 0.17 to 1.1 and ARC 1 and 2, plain, with one gzip member or zstd frame a record (also with a dictionary, as the
specification of .warc.zst has it), and such files in a WACZ. The coding and the length fields decide where a record ends, so offset and
length are exact.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import zstandard

from webtext.core.errors import WebtextError

BLOCK = 2**20
HELD = 2**26  # bytes of a record that are held; of a longer one the beginning is
HEADER_BYTES = 2**16
GZIP = b"\x1f\x8b\x08"
ZSTD = b"\x28\xb5\x2f\xfd"
DICTIONARY = b"\x5d\x2a\x4d\x18"  # opens the frame with the dictionary of a .warc.zst
ZIP = b"PK\x03\x04"
ZSTD_WINDOW = 2**27
ZSTD_PIECE = 2**11  # bytes of zstd that are decompressed at once: 4 of them can become 128 KiB

_WARC = re.compile(rb"WARC/\d\.\d+\r?\n")
# URL, address, date, whatever else, length. NB: real ones have blanks in the URL, dates of twelve digits, no type or two, no address.
ARC = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]*:[^\r\n]*?) (?:([^ \r\n]*) )?(\d{12}|\d{14}) ([^\r\n]*?) ?(?<= )(\d+)\r?\n")
_LENGTH = re.compile(rb"^Content-Length:[ \t]*(\d+)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_BLANK = re.compile(rb"\r?\n\r?\n")


class Stored(NamedTuple):
    """A record: where it lies in the file, in bytes, and its first HELD bytes without compression. `data` None: it is damaged."""

    offset: int
    length: int
    data: bytes | None


def records(path: Path) -> Iterator[Stored]:
    """The records of an archive in order; a last one that is cut is a damaged one.

    Raises WebtextError for a file that is no archive, Whole for one that is compressed as a whole.
    """
    try:
        with open(path, "rb") as file:
            if file.read(4) == ZIP:
                for begin, end in _members_of_zip(path, file):
                    yield from _archive(path, file, begin, end)
            else:
                yield from _archive(path, file, 0, file.seek(0, 2))
    except OSError as error:
        raise WebtextError(f"{path}: cannot be read ({error.strerror}); check fetch.warcs") from None


class Whole(WebtextError):
    """Records that are compressed together: none can be reached alone."""


def _members_of_zip(path: Path, file: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Where the archives of a WACZ begin and end: they are stored in it as they are."""
    try:
        with zipfile.ZipFile(file) as wacz:
            members = [info for info in wacz.infolist() if re.search(r"\.w?arc(\.gz)?$", info.filename, re.IGNORECASE)]
    except zipfile.BadZipFile as error:
        raise WebtextError(f"{path}: not a whole WACZ ({error}); get it again, or leave it out of fetch.warcs") from None
    if not members or any(info.compress_type != zipfile.ZIP_STORED for info in members):
        raise WebtextError(f"{path}: has no archives, or has them compressed once more; unzip it, and give its WARC files")
    for info in members:
        file.seek(info.header_offset + 26)
        begin = info.header_offset + 30 + sum(struct.unpack("<HH", file.read(4)))
        yield begin, begin + info.file_size


def _archive(path: Path, file: IO[bytes], begin: int, end: int) -> Iterator[Stored]:
    file.seek(begin)
    start = file.read(4096)
    if start[:3] == GZIP:
        yield from _compressed(path, file, begin, end, _Coding(GZIP, gunzipper))
    elif start[:4] in (ZSTD, DICTIONARY):
        dictionary = read_dictionary(file, begin)
        yield from _compressed(path, file, begin, end, _Coding(ZSTD, lambda: ZstdFrame(dictionary)))
    elif _record_bytes(start) is not None:
        yield from _plain(file, begin, end)
    else:
        raise WebtextError(f"{path}: not a WARC or ARC file (plain, gzip or zstd); leave it out of fetch.warcs")


def gunzipper() -> Any:
    return zlib.decompressobj(31)


class ZstdFrame:
    """Unpacks a zstd frame as zlib.decompressobj unpacks a gzip member. Raises zlib.error."""

    def __init__(self, dictionary: bytes = b"") -> None:
        words = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
        self._frame = zstandard.ZstdDecompressor(dict_data=words, max_window_size=ZSTD_WINDOW).decompressobj()
        self.eof = False
        self.unused_data = b""
        self.unconsumed_tail: bytes | memoryview = b""

    def decompress(self, data: bytes | memoryview, most: int) -> bytes:
        """Some of the content; of more than `most` bytes a piece of the data can become, the rest waits in `unconsumed_tail`."""
        view, pieces, size = memoryview(data), [], 0
        while view and size < most and not self.eof:
            piece, view = view[:ZSTD_PIECE], view[ZSTD_PIECE:]
            try:
                pieces.append(self._frame.decompress(piece))
            except zstandard.ZstdError as error:
                raise zlib.error(str(error)) from error
            size += len(pieces[-1])
            self.eof = self._frame.eof
        self.unused_data = self._frame.unused_data + bytes(view) if self.eof else b""
        self.unconsumed_tail = b"" if self.eof else view
        return b"".join(pieces)


def read_dictionary(file: IO[bytes], begin: int = 0) -> bytes:
    """The dictionary of a .warc.zst that begins there; empty where it has none."""
    file.seek(begin)
    head = file.read(8)
    if head[:4] != DICTIONARY:
        return b""
    data = file.read(min(int.from_bytes(head[4:], "little"), HELD))
    return zstandard.ZstdDecompressor().decompress(data, HELD) if data[:4] == ZSTD else data


class _Coding(NamedTuple):
    """A compression of records one by one: how a record begins, and what unpacks it."""

    magic: bytes
    unpacker: Callable[[], Any]


def _record_bytes(data: bytes) -> tuple[int, int] | None:
    """(bytes of the header block, bytes of the content) of the record at the start of `data`; None where there is none."""
    blank = len(data[:64]) - len(data[:64].lstrip(b"\r\n"))  # some writers end a record with the line feed before the next one
    if blank:
        found = _record_bytes(data[blank:])
        return None if found is None else (found[0] + blank, found[1])
    if _WARC.match(data):
        end = _BLANK.search(data, 0, HEADER_BYTES)
        if end is None:
            return None
        length = _LENGTH.search(data, 0, end.end())
        return None if length is None else (end.end(), int(length[1]))
    arc = ARC.match(data)
    return None if arc is None else (arc.end(), int(arc[5]))


def _compressed(path: Path, file: IO[bytes], begin: int, size: int, coding: _Coding) -> Iterator[Stored]:
    offset = begin
    while offset < size:
        file.seek(offset)
        start = file.read(8)
        if start[:4] == DICTIONARY:
            offset += 8 + int.from_bytes(start[4:], "little")
            continue
        file.seek(offset)
        try:
            length, data = _member(file, coding)
        except (zlib.error, EOFError):
            _refuse_whole(path, _start(file, offset, coding))
            rest = _next_member(file, offset + 1, size, coding)
            if rest == size and _only_zeros(file, offset):
                return
            yield Stored(offset, rest - offset, None)
            offset = rest
            continue
        found = _record_bytes(data)
        if found is None:
            yield Stored(offset, length, None)
        else:
            _refuse_whole(path, data)
            length, data = _with_rest(file, offset, length, data, sum(found), coding)
            yield Stored(offset, length, data)
        offset += length


def _refuse_whole(path: Path, data: bytes) -> None:
    """Raise Whole where one member has two records."""
    found = _record_bytes(data)
    if found is not None and _record_bytes(data[sum(found) :].lstrip(b"\r\n")) is not None:
        raise Whole(f"{path}: compressed as a whole, so no page of it can be reached; unpack it")


def _start(file: IO[bytes], offset: int, coding: _Coding) -> bytes:
    """What the first bytes at an offset unpack to; empty where they are not compressed."""
    file.seek(offset)
    try:
        start: bytes = coding.unpacker().decompress(file.read(BLOCK), BLOCK)
    except zlib.error:
        return b""
    return start


def unpack(path: Path, output: IO[bytes]) -> bool:
    """Unpack a file of gzip members or zstd frames as far as it can be, and say whether that was to its end."""
    with open(path, "rb") as file:
        unpacker = gunzipper if file.read(3) == GZIP else ZstdFrame
        file.seek(0)
        engine, ended = unpacker(), True
        while block := file.read(BLOCK):
            data: Any = block
            while data:
                try:
                    output.write(engine.decompress(data, BLOCK))
                except zlib.error:
                    return False
                ended = engine.eof
                data = engine.unused_data if ended else engine.unconsumed_tail
                engine = unpacker() if ended else engine
        return ended


def _with_rest(file: IO[bytes], offset: int, length: int, data: bytes, size: int, coding: _Coding) -> tuple[int, bytes]:
    """A record of so many bytes, some writers put it into several gzip members: with those that follow, up to the next record."""
    while len(data) < min(size, HELD) and not _begins_record(file, offset + length, coding):
        file.seek(offset + length)
        try:
            more, rest = _member(file, coding)
        except (EOFError, zlib.error):
            break
        length, data = length + more, data + rest
    return length, data


def _member(file: IO[bytes], coding: _Coding) -> tuple[int, bytes]:
    """Bytes and beginning of the content of the member or frame at the file's position. Raises zlib.error, EOFError."""
    engine = coding.unpacker()
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


def _next_member(file: IO[bytes], offset: int, size: int, coding: _Coding) -> int:
    """Where the next member or frame that holds a record begins, or the end of the archive."""
    overlap = b""
    file.seek(offset)
    while file.tell() < size and (data := file.read(BLOCK)):
        window = overlap + data
        base = file.tell() - len(window)
        at = window.find(coding.magic)
        while at >= 0:
            if base + at < size and _begins_record(file, base + at, coding):
                return base + at
            at = window.find(coding.magic, at + 1)
        overlap = window[-3:]
        file.seek(base + len(window))
    return size


def _begins_record(file: IO[bytes], offset: int, coding: _Coding) -> bool:
    start = _start(file, offset, coding)
    return _record_bytes(start) is not None or _WARC.match(start.lstrip(b"\r\n")) is not None


def _only_zeros(file: IO[bytes], offset: int) -> bool:
    file.seek(offset)
    return all(not data.strip(b"\0") for data in iter(lambda: file.read(BLOCK), b""))


def _plain(file: IO[bytes], begin: int, size: int) -> Iterator[Stored]:
    offset = begin
    while offset < size:
        file.seek(offset)
        start = file.read(HEADER_BYTES)
        blank = len(start) - len(start.lstrip(b"\r\n\0"))
        if blank:
            offset += blank
            continue
        found = _record_bytes(start)
        length = sum(found) if found is not None else 0
        if found is None or offset + length > size:
            following = _next_plain(file, offset + 1, size)
            yield Stored(offset, following - offset, None)
            offset = following
            continue
        file.seek(offset)
        yield Stored(offset, length, file.read(min(length, HELD)))
        offset += length


_LINE = re.compile(rb"(?<=\n)(?:WARC/\d\.\d+\r?\n|[a-z][a-z0-9+.-]*:\S+ [0-9A-Fa-f.:]+ (?:\d{12}|\d{14}) )")


def _next_plain(file: IO[bytes], offset: int, size: int) -> int:
    """Where the next line that begins a record is, or the end of the file."""
    while offset < size:
        file.seek(offset)
        window = file.read(min(BLOCK, size - offset))
        found = _LINE.search(window)
        if found:
            return offset + found.start()
        if not window or offset + len(window) >= size:
            return size
        offset += len(window) - 4096
    return size
