"""Arrow IPC files of columns, read by row from numpy code.

Every Arrow library opens them: `pyarrow.ipc.open_file(path).read_all()`. They are not compressed, so a few rows of a file are read through
a memory map without the rest. The schema's metadata has `kind`, what the file holds, and `facts`, a JSON object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from webtext.core.errors import WebtextError
from webtext.core.files import writing
from webtext.core.task import StageContext

Array = npt.NDArray[Any]
I64 = npt.NDArray[np.int64]

# The files of a part (a shard of documents or of an earlier corpus); webtext.dedup.signatures says what is in them.
SIGNATURES, SHINGLES, RANKED, BANDS, SKETCHES = "signatures", "shingles", "ranked", "bands", "sketches"


def part_path(context: StageContext, part: int, kind: str) -> Path:
    """A scratch file of a part; it is deleted at the end of the stage."""
    return context.scratch_path(f"part-{part:05d}.{kind}")


class ArrowWriter:
    """Writes record batches to `file`, which is only appended to. The first batch sets the schema; at least one must be written."""

    def __init__(self, file: IO[bytes], kind: str, facts: dict[str, Any]) -> None:
        self._file = file
        self._metadata = {"kind": kind, "facts": orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)}
        self._writer: Any = None

    def write(self, columns: Mapping[str, Array | pa.Array]) -> None:
        """Append a batch of columns of equal length."""
        arrays = [to_arrow(column) for column in columns.values()]
        batch = pa.RecordBatch.from_arrays(arrays, list(columns), metadata=self._metadata)
        if self._writer is None:
            self._writer = pa.ipc.new_file(self._file, batch.schema)
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()


@contextmanager
def writing_arrow(path: Path, kind: str, **facts: Any) -> Iterator[ArrowWriter]:
    """Write a file that appears under its name only when it is complete.

    >>> with writing_arrow(Path("a.arrow"), "example") as output: output.write({"row": np.arange(3)})
    """
    with writing(path) as output:
        writer = ArrowWriter(output.file, kind, facts)
        yield writer
        writer.close()


class ArrowFile:
    """A file as ArrowWriter writes it. NB: pages that were read count as memory of the process as long as this object lives.

    Raises WebtextError that names the file where it is absent, cut or of another kind.
    """

    def __init__(self, path: Path, kind: str) -> None:
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
            self.table = reader.read_all()
        except FileNotFoundError:
            raise WebtextError(f"{path}: there is no such file; run its stage again") from None
        except (pa.ArrowInvalid, OSError) as error:
            raise WebtextError(f"{path}: not a whole Arrow file ({error}); delete it and run its stage again") from None
        metadata = reader.schema.metadata or {}
        if metadata.get(b"kind") != kind.encode():
            raise WebtextError(f"{path}: holds {metadata.get(b'kind', b'something else').decode()}, not {kind}; run its stage again")
        self.facts: dict[str, Any] = orjson.loads(metadata[b"facts"])

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def read(self, name: str, start: int = 0, stop: int | None = None) -> Array:
        """Rows start:stop of a column without nulls, in memory of their own."""
        length = None if stop is None else stop - start
        return to_numpy(self.table.column(name).slice(start, length).combine_chunks())

    def take(self, name: str, rows: I64) -> pa.Array:
        """The values of a column at some rows, which must ascend. Only their pages are read."""
        chunks = self.table.column(name).chunks  # one by one: Arrow's own take first joins the chunks, which reads the whole column
        starts = offsets_of(np.array([len(chunk) for chunk in chunks], np.int64))
        cuts = np.searchsorted(rows, starts)
        pieces = [
            chunk.take(pa.array(rows[first:last] - start))
            for chunk, start, first, last in zip(chunks, starts, cuts, cuts[1:])
            if first < last
        ]
        return pa.concat_arrays(pieces) if pieces else pa.array([], self.table.schema.field(name).type)


def to_arrow(column: Array | pa.Array) -> pa.Array:
    """A numpy array as a column: rows of bytes become binary of a fixed width, other rows lists of a fixed length."""
    if not isinstance(column, np.ndarray):
        return column
    if column.ndim == 1:
        return pa.array(column)
    count, width = column.shape
    if column.dtype == np.uint8:
        return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), count, [None, pa.py_buffer(np.ascontiguousarray(column))])
    return pa.FixedSizeListArray.from_arrays(pa.array(column.ravel()), width)


def to_numpy(column: pa.Array) -> Array:
    """The inverse of `to_arrow`: a writable copy, as compiled kernels take no other."""
    if pa.types.is_fixed_size_list(column.type):
        return np.array(column.flatten()).reshape(len(column), column.type.list_size)
    if pa.types.is_fixed_size_binary(column.type):
        width = column.type.byte_width
        data = np.frombuffer(column.buffers()[1] or b"", np.uint8)[column.offset * width :]
        return data[: len(column) * width].reshape(-1, width).copy()
    return np.array(column)


def offsets_of(lengths: Array) -> I64:
    """Where each of some consecutive runs begins, and the end of the last: (n + 1,)."""
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
