"""Parquet files of records, written in row groups of bounded size and read in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from webtext.core.errors import WebtextError
from webtext.core.files import Output, writing

Record = dict[str, Any]

ROWS = 10_000  # a row group's records at the most
BYTES = 32 * 2**20  # a row group's text at the most, roughly


class TableOutput:
    """Takes records one by one and writes them as row groups. Their bounds follow from the records alone, so the bytes do."""

    def __init__(self, output: Output, schema: pa.Schema) -> None:
        self.output = output
        self.records = 0
        self._schema = schema
        self._texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_binary(field.type)]
        self._rows: list[Record] = []
        self._bytes = 0
        self._writer = pq.ParquetWriter(output.file, schema, compression="zstd", compression_level=3)

    def write(self, record: Record) -> None:
        self._rows.append(record)
        for name in self._texts:  # NB: a generator here costs a tenth of the links stage
            self._bytes += len(record[name] or "")
        self.records += 1
        if len(self._rows) >= ROWS or self._bytes >= BYTES:
            self.flush()

    def write_table(self, table: pa.Table) -> None:
        """Write many records at once, as row groups of `ROWS`."""
        self.flush()
        self.records += table.num_rows
        self._writer.write_table(table, row_group_size=ROWS)

    def flush(self) -> None:
        """End the row group."""
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows, self._bytes = [], 0

    def close(self) -> None:
        self.flush()
        self._writer.close()

    def abandon(self) -> None:
        """Leave the file as it is: the writer would otherwise end it when it is collected, long after the file is closed."""
        self._writer.is_open = False


@contextmanager
def writing_table(path: Path, schema: pa.Schema) -> Iterator[TableOutput]:
    """Write a Parquet file (zstd) of records that are dicts with a key a column.

    >>> with writing_table(Path("a.parquet"), REJECTED) as table: table.write(record)
    """
    with writing(path) as output:
        table = TableOutput(output, schema)
        try:
            yield table
            table.close()
        except BaseException:
            table.abandon()
            raise


def read_table(path: Path, columns: Sequence[str] | None = None) -> Iterator[Record]:
    """The records of a Parquet file in order, some thousand in memory at a time. Raises WebtextError that names a broken file."""
    for batch in read_batches(path, columns):
        yield from batch.to_pylist()


def read_batches(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The same as Arrow's batches."""
    try:
        yield from pq.ParquetFile(path).iter_batches(batch_size=1000, columns=list(columns) if columns else None)
    except FileNotFoundError:
        raise WebtextError(f"{path}: there is no such file") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise WebtextError(f"{path}: not a whole Parquet file ({error}); delete it and run its stage again") from None
