"""Readers of records: JSONL, JSON, CSV, Parquet and Arrow. Each gives (number from 1, record or why there is none) for each row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from webtext.core.compression import LINE, DecompressedFile, Opener, decompressed, read_blocks
from webtext.core.errors import UsageError, WebtextError

Rows = Iterator[tuple[int, "dict[str, Any] | str"]]

WHOLE = 256 * 2**20  # bytes of a JSON array, or of a text that is one document: they are read at once
_BATCH = 256  # rows of Parquet decoded at once
_STREAM_END = b"\xff\xff\xff\xff\0\0\0\0"


def read_jsonl(path: str, opener: Opener) -> Rows:
    """A JSON object a line."""
    number = 0
    for block in read_blocks(path, opener):
        for line in block.removesuffix(b"\n").split(b"\n"):
            number += 1
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield number, _object(line)


def _object(line: bytes) -> dict[str, Any] | str:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        try:
            line.decode()
        except UnicodeDecodeError as undecoded:
            return f"not UTF-8 at byte {undecoded.start:,} of the line"
        return f"not JSON ({error})"
    return record if isinstance(record, dict) else f"not a JSON object but {type(record).__name__}"


def read_json(path: str, opener: Opener) -> Rows:
    """An array of objects, or a single object."""
    data = whole(path, opener, "convert it to JSON lines (jq -c '.[]')")
    try:
        value = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise WebtextError(f"{path}: not whole JSON ({error}); fetch it again, or name it .jsonl if it has an object a line") from None
    for number, record in enumerate(value if isinstance(value, list) else [value], 1):
        yield number, record if isinstance(record, dict) else f"not a JSON object but {type(record).__name__}"


def whole(path: str, opener: Opener, remedy: str) -> bytes:
    """All of a file. Raises UsageError with a remedy for one of more than WHOLE bytes."""
    pieces: list[bytes] = []
    size = 0
    for piece in decompressed(path, opener):
        pieces.append(piece)
        size += len(piece)
        if size > WHOLE:
            raise UsageError(f"{path}: more than {WHOLE // 2**20} MiB in one piece; {remedy}")
    return b"".join(pieces)


def read_csv(path: str, opener: Opener, delimiter: str = ",") -> Rows:
    """A record a row under a header."""
    csv.field_size_limit(LINE)
    # NB: what is not UTF-8 becomes lone surrogates, which no UTF-8 has, so that it costs its own row only.
    text = io.TextIOWrapper(io.BufferedReader(DecompressedFile(path, opener)), encoding="utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
        twice = next((name for name in header if header.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"{path}: two columns are named {twice!r}; a table needs a header with a name a column")
        for number, row in enumerate((row for row in reader if row), 1):
            if len(row) != len(header):
                yield number, f"{len(row)} columns, and the header has {len(header)}"
            elif any("\udc80" <= character <= "\udcff" for value in row if not value.isascii() for character in value):
                yield number, "not UTF-8"
            else:
                yield number, dict(zip(header, row))
    except csv.Error as error:
        raise WebtextError(f"{path}, line {reader.line_num}: not a whole table ({error})") from None


def read_parquet(path: str, opener: Opener) -> Rows:
    """A record a row; a few hundred rows are in memory at a time."""
    try:
        with opener(path) as file:
            # NB: buffer_size makes pages come one by one, not a column of a row group at once
            table = pq.ParquetFile(file, buffer_size=2**20, page_checksum_verification=True)
            yield from _numbered(table.iter_batches(batch_size=_BATCH))
    except FileNotFoundError:
        raise WebtextError(f"{path}: there is no such file") from None
    except (pa.ArrowException, OSError) as error:
        raise WebtextError(f"{path}: not a whole Parquet file ({_brief(error)}); fetch it again") from None


def read_arrow(path: str, opener: Opener) -> Rows:
    """A record a row of an Arrow IPC file or stream, such as `datasets` saves."""
    try:
        with opener(path) as file:
            if file.read(6) == b"ARROW1":
                table = pa.ipc.open_file(pa.PythonFile(file, "r"))
                yield from _numbered(table.get_batch(number) for number in range(table.num_record_batches))
                return
            # NB: Arrow takes a stream that ends between two batches for a whole one.
            file.seek(max(0, file.seek(0, io.SEEK_END) - len(_STREAM_END)))
            if file.read() != _STREAM_END:
                raise WebtextError(f"{path}: the file is cut: an Arrow stream has a mark at its end; fetch it again")
            file.seek(0)
            yield from _numbered(pa.ipc.open_stream(pa.PythonFile(file, "r")))
    except FileNotFoundError:
        raise WebtextError(f"{path}: there is no such file") from None
    except (pa.ArrowException, OSError) as error:
        raise WebtextError(f"{path}: not a whole Arrow file ({_brief(error)}); fetch it again") from None


def _brief(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")


def _numbered(batches: Iterator[pa.RecordBatch]) -> Rows:
    number = 0
    for large in batches:
        for start in range(0, large.num_rows, _BATCH):
            batch = _microseconds(large.slice(start, _BATCH))
            try:
                rows: list[dict[str, Any] | str] = batch.to_pylist()
            except (ValueError, OverflowError):  # of one value; pa.ArrowInvalid is a ValueError too
                rows = [_row(batch.slice(row, 1)) for row in range(batch.num_rows)]
            for row in rows:
                number += 1
                yield number, row


def _row(batch: pa.RecordBatch) -> dict[str, Any] | str:
    try:
        row: dict[str, Any] = batch.to_pylist()[0]
    except UnicodeDecodeError:
        return "not UTF-8"
    except (ValueError, OverflowError) as error:
        return f"a value that cannot be read ({_brief(error)})"
    return row


def _microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Nanoseconds cut to microseconds: Python has no finer times."""
    for index, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            kind = pa.timestamp("us", field.type.tz)
            batch = batch.set_column(index, pa.field(field.name, kind), pc.cast(batch.column(index), kind, safe=False))
    return batch
