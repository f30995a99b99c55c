"""Documents to try a vocabulary on, with their languages: of a build, or of files as they come."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from webtext.core.compression import read_blocks
from webtext.core.errors import UsageError, WebtextError
from webtext.core.tables import read_table

_COMPRESSED = (".zst", ".gz", ".bz2", ".xz")
_LINES = (".jsonl", ".ndjson")
_KNOWN = (".parquet", ".txt", ".tar", *_LINES)
_WINDOW = 2**31  # bytes; the largest, which `zstd --long=31` needs


class Document(NamedTuple):
    """A text, and the language that its record or the name of its file states."""

    language: str
    text: str


def documents_of(path: Path) -> Iterator[Document]:
    """The documents of a file, or of all files of a directory with a known extension, except those a build rejected.

    Parquet and JSON lines have a record a document with `text` and, unless the name of the file states it, `language`. A `.txt`
    file is one document in the language of its name (`de.txt`), and so is each in a `.tar`. All but Parquet may be compressed.
    Raises WebtextError that names a file of another kind or a damaged one.
    """
    if not path.exists():
        raise UsageError(f"{path}: there is no such file or directory")
    files = sorted(_files(path)) if path.is_dir() else [path]
    if not files:
        raise UsageError(f"{path}: holds no file of documents ({', '.join(_KNOWN)}, the last four also compressed)")
    for file in files:
        kind = _bare(file).suffix
        if kind == ".parquet":
            yield from _table(file)
        elif kind in _LINES:
            yield from _lines(file)
        elif kind == ".tar":
            yield from _archive(file)
        else:
            data = b"".join(read_blocks(file, json=False)) if file.suffix in _COMPRESSED else file.read_bytes()
            yield Document(_bare(file).stem, _decoded(data, str(file)))


def _files(directory: Path) -> Iterator[Path]:
    for path in directory.rglob("*"):
        inner = path.relative_to(directory).parts
        if _bare(path).suffix in _KNOWN and path.is_file() and "rejected" not in inner and not any(part.startswith(".") for part in inner):
            yield path


def _bare(path: Path) -> Path:
    """The path without the extension of a compressed file."""
    return path.with_suffix("") if path.suffix in _COMPRESSED else path


def _table(path: Path) -> Iterator[Document]:
    try:
        columns = [name for name in pq.read_schema(path).names if name in ("text", "language")]
    except (pa.ArrowInvalid, OSError) as error:
        raise WebtextError(f"{path}: not a Parquet file ({error})") from None
    if "text" not in columns:
        raise WebtextError(f"{path}: has no column `text`; give Parquet files of documents, such as corpus/ of a build")
    for row in read_table(path, columns):
        yield Document(row.get("language") or _bare(path).stem, row["text"] or "")


def _lines(path: Path) -> Iterator[Document]:
    number = 0
    for block in read_blocks(path, json=False):
        for line in block.splitlines():
            number += 1
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise WebtextError(f"{path}, line {number}: not JSON ({error})") from None
            if not isinstance(record, dict) or not isinstance(record.get("text"), str):
                raise WebtextError(f"{path}, line {number}: not an object with a string `text`")
            yield Document(str(record.get("language") or _bare(path).stem), record["text"])


def _archive(path: Path) -> Iterator[Document]:
    try:
        with open(path, "rb") as file, tarfile.open(fileobj=_unpacked(path, file), mode="r|*") as members:
            for member in members:
                content = members.extractfile(member) if member.isfile() else None
                if content is not None:
                    yield Document(Path(member.name).stem, _decoded(content.read(), f"{path}, {member.name}"))
    except (tarfile.TarError, zstandard.ZstdError, EOFError, OSError) as error:
        raise WebtextError(f"{path}: not a whole tar archive ({error})") from None


def _unpacked(path: Path, file: IO[bytes]) -> IO[bytes]:
    """tarfile unpacks the other compressions itself."""
    if path.suffix != ".zst":
        return file
    return io.BufferedReader(zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(file))


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WebtextError(f"{where}: not UTF-8 at byte {error.start:,}; convert it with iconv") from None
