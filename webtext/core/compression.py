"""Bytes and lines of files: .zst with windows up to 2 GiB, .xz, .bz2, .gz, or plain; a file that is cut is refused, by name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, cast

import orjson
import zstandard

from webtext.core.errors import WebtextError

BLOCK = 2**20  # bytes of lines handed out at once, roughly: they stay in the processor's cache
_READ = 32 * 2**10  # bytes read at once from a compressed file
_PIECE = 2**11  # bytes of zstd that are decompressed at once: 4 bytes can become 128 KiB, so 32 KiB could become a gigabyte
LINE = 64 * 2**20  # bytes of the longest line: a hundred times the longest of Reddit's; without line feeds a file would fill the memory
_ZSTD_WINDOW = 2**31  # Pushshift compresses with `zstd --long=31`; the library refuses such windows unless told

SUFFIXES = {".zst": "zstd", ".zstd": "zstd", ".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".lzma": "xz"}
_MAGIC = {b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x5d\0\0": "xz"}  # the last: .lzma


Opener = Callable[[str], IO[bytes]]  # opens a path, or a URL of some file system, for reading; the file can seek


def open_local(path: str) -> IO[bytes]:
    """A file of this machine."""
    return open(path, "rb")


def read_blocks(path: str | Path, opener: Opener = open_local, *, json: bool = True) -> Iterator[bytes]:
    """Whole lines of a dump, about 1 MiB at a time; each block ends in a line feed.

    Raises WebtextError that names a file that is absent, cut, damaged, or not what its name says. What the compression is, is seen
    from the content: dumps are renamed and wrongly named in the wild; only a name that claims one that is not there is refused.
    A last line may lack its line feed, but one that is not JSON either was cut; `json` is False for lines of another kind.
    """
    kept: list[bytes] = []
    size = 0
    for data in decompressed(str(path), opener):
        end = data.rfind(b"\n") + 1
        if size + len(data) < BLOCK or not end:
            kept.append(data)
            size += len(data)
            if json and size > LINE + BLOCK:
                raise WebtextError(
                    f"{path}: a line of more than {LINE // 2**20} MiB; a dump has a JSON object a line, is this another file?"
                )
            continue
        yield from _cut(b"".join([*kept, memoryview(data)[:end]]))
        kept, size = [data[end:]], len(data) - end
    rest = b"".join(kept)
    end = rest.rfind(b"\n") + 1
    if rest[:end]:
        yield from _cut(rest[:end])
    if rest[end:]:
        if json:
            _check_last(str(path), rest[end:])
        yield rest[end:] + b"\n"


def _check_last(path: str, line: bytes) -> None:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        if line.strip():
            raise WebtextError(f"{path}: the file is cut: it ends in the middle of a line; fetch it again") from None


def _cut(lines: bytes) -> Iterator[bytes]:
    """Hand out lines in pieces of BLOCK bytes: a well compressed input comes as much more at once."""
    start = 0
    while len(lines) - start > 2 * BLOCK:
        end = lines.find(b"\n", start + BLOCK) + 1
        yield lines[start:end]
        start = end
    if start < len(lines):
        yield lines[start:] if start else lines


def decompressed(path: str, opener: Opener = open_local) -> Iterator[bytes]:
    """The content of a file in pieces. Raises WebtextError as `read_blocks` does."""
    try:
        with opener(path) as file:
            kind = _kind(path, file)
            if kind == "zstd":
                yield from _zstd(file)
            elif kind == "plain":
                yield from _plain(file)
            elif kind == "xz":
                yield from _xz(file)
            else:
                yield from _stream(kind, file)
    except FileNotFoundError:
        raise WebtextError(f"{path}: there is no such file") from None
    except EOFError:
        raise WebtextError(f"{path}: the file is cut: it ends before its content does; fetch it again") from None
    except (zstandard.ZstdError, lzma.LZMAError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise WebtextError(f"{path}: damaged ({str(error).strip()}); fetch it again") from None
    except OSError as error:
        raise WebtextError(f"{path}: cannot be read ({error.strerror or error}); fetch it again if it is damaged") from None


def _kind(path: str, file: IO[bytes]) -> str:
    head = file.read(6)
    file.seek(0)
    # 0x184D2A50..5F: a zstd frame that is to be skipped, with which pzstd and others begin
    skippable = head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F
    kind = "zstd" if skippable else next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "plain")
    claimed = SUFFIXES.get(PurePosixPath(path).suffix)
    if claimed is not None and kind == "plain":
        state = "empty" if not head else "not"
        raise WebtextError(f"{path}: the file is {state}{'' if state == 'empty' else f' {claimed}, as its name says'}; fetch it again")
    return kind


def _zstd(file: IO[bytes]) -> Iterator[bytes]:
    """Frame after frame. NB: the library's own stream reader takes the end of the file for the end of a frame."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    frame = None
    while data := file.read(_READ):
        rest = memoryview(data)
        while rest:
            frame = frame or decompressor.decompressobj()
            piece, rest = rest[:_PIECE], rest[_PIECE:]
            yield frame.decompress(piece)
            if frame.eof:
                unused = len(frame.unused_data)
                rest = memoryview(data)[len(data) - len(rest) - unused :]
                frame = None
    if frame is not None:
        raise EOFError


def _plain(file: IO[bytes]) -> Iterator[bytes]:
    """NB: nothing in plain text tells its end, so a reader over a network that ends early is known by the size alone."""
    left = file.seek(0, io.SEEK_END)
    file.seek(0)
    while data := file.read(BLOCK // 2):
        yield data
        left -= len(data)
    if left > 0:
        raise EOFError


def _xz(file: IO[bytes]) -> Iterator[bytes]:
    """Stream after stream. NB: the standard library's reader takes the padding between and behind them for a stream that is cut."""
    engine = None
    while data := file.read(_READ):
        while data or (engine is not None and not engine.needs_input):
            if engine is None:
                data = data.lstrip(b"\0")
                if not data:
                    break
                engine = lzma.LZMADecompressor()
            yield engine.decompress(data, BLOCK // 2)
            data = engine.unused_data
            engine = None if engine.eof else engine
    if engine is not None:
        raise EOFError


def _stream(kind: str, file: IO[bytes]) -> Iterator[bytes]:
    """The standard library's readers go from stream to stream and raise EOFError where the last has no end."""
    openers: dict[str, Callable[[IO[bytes]], object]] = {"gzip": gzip.open, "bzip2": bz2.open}
    stream = cast(IO[bytes], openers[kind](file))
    while data := stream.read(BLOCK // 2):
        yield data


class DecompressedFile(io.RawIOBase):
    """The content of a file as one that is read from its beginning to its end. `tail` is the end of what was read."""

    def __init__(self, path: str, opener: Opener = open_local) -> None:
        self._pieces = decompressed(path, opener)
        self._rest = memoryview(b"")
        self.tail = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
            self.tail = (self.tail + piece[-512:])[-512:]
        size = min(len(view), len(self._rest))
        view[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
