"""Texts of a build as files that other programs read: a shard a file, by split where the build has splits.

jsonl.zst   SPLIT-NNNNN.jsonl.zst            one object a line, `meta` as an object
parquet     data/SPLIT-NNNNN.parquet         with a README.md that says which files are which split
datasets    SPLIT/data-NNNNN.arrow           as `datasets.DatasetDict.save_to_disk` lays it out
txt         SPLIT-NNNNN.txt                  the texts alone, a line with a separator after each
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard

from webtext.core.errors import UsageError, WebtextError
from webtext.core.files import Written, to_json, write_bytes, writing
from webtext.core.records import SPLITS

Batches = Iterator[pa.RecordBatch]
WHOLE = "train"  # the one split of texts that no dedup has parted
SEPARATOR = "<|endoftext|>"
ROWS = 1000  # documents in memory at once


def export(directory: Path, kind: str, out: Path, separator: str = SEPARATOR) -> list[Written]:
    """Write the Parquet shards of `directory`, a build's documents/, cleaned/ or corpus/, to `out` in the form `kind`.

    Raises UsageError where there is nothing to export, the form is not known, or `out` is not empty.
    """
    if kind not in KINDS:
        raise UsageError(f"--to {kind}: not a form of export; choose among {', '.join(KINDS)}")
    shards = sorted(directory.glob("shard-*.parquet"))
    if not shards:
        raise UsageError(f"{directory}: holds no documents; give a finished build, or documents/, cleaned/ or corpus/ of one")
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out}: not empty; choose another --out")
    with _explained(shards[0]):
        schema = pq.read_schema(shards[0])
    splits = SPLITS if "split" in schema.names else (WHOLE,)
    written: dict[str, list[Written]] = {}
    for split in splits:
        for number, shard in enumerate(shards):
            batches = _batches(shard, split if "split" in schema.names else None)
            first = next(batches, None)
            if first is None:  # a shard may have no document of a split
                continue
            with writing(out / KINDS[kind].format(split=split, number=number)) as output:
                _WRITERS[kind](output.file, schema, chain([first], batches), separator)
            if output.written is not None:
                written.setdefault(split, []).append(output.written)
    if not written:
        raise UsageError(f"{directory}: has no document left to export; see the stages' rejected records, or `webtext why`")
    _write_index(kind, out, written)
    return [file for files in written.values() for file in files]


KINDS = {
    "jsonl.zst": "{split}-{number:05d}.jsonl.zst",
    "parquet": "data/{split}-{number:05d}.parquet",
    "datasets": "{split}/data-{number:05d}.arrow",
    "txt": "{split}-{number:05d}.txt",
}


@contextmanager
def _explained(shard: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        raise WebtextError(f"{shard}: not a whole Parquet file ({error}); delete it and run its stage again") from None


def _batches(shard: Path, split: str | None) -> Batches:
    with _explained(shard):
        for batch in pq.ParquetFile(shard).iter_batches(batch_size=ROWS):
            part = batch if split is None else batch.filter(pc.equal(batch.column("split"), split))
            if part.num_rows:
                yield part


def _jsonl(file: Any, schema: pa.Schema, batches: Batches, separator: str) -> None:
    with zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False) as stream:
        for batch in batches:
            for row in batch.to_pylist():
                if row.get("meta") is not None:
                    row["meta"] = orjson.loads(row["meta"])
                stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def _parquet(file: Any, schema: pa.Schema, batches: Batches, separator: str) -> None:
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


def _arrow(file: Any, schema: pa.Schema, batches: Batches, separator: str) -> None:
    with pa.ipc.new_stream(file, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _text(file: Any, schema: pa.Schema, batches: Batches, separator: str) -> None:
    for batch in batches:
        for text in batch.column("text").to_pylist():
            file.write(f"{text}\n{separator}\n".encode())


_WRITERS: dict[str, Callable[[Any, pa.Schema, Batches, str], None]] = {
    "jsonl.zst": _jsonl,
    "parquet": _parquet,
    "datasets": _arrow,
    "txt": _text,
}


def _write_index(kind: str, out: Path, written: dict[str, list[Written]]) -> None:
    """What tells other programs which files belong together: those `written`, by split."""
    if kind == "parquet":
        paths = "".join(f"  - split: {split}\n    path: data/{split}-*.parquet\n" for split in written)
        write_bytes(out / "README.md", f"---\nconfigs:\n- config_name: default\n  data_files:\n{paths}---\n".encode())
    elif kind == "datasets":
        for split, files in written.items():
            content = hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest()  # `datasets` names its caches after it
            names = [{"filename": file.path.name} for file in files]
            state: dict[str, Any] = {"_data_files": names, "_fingerprint": content[:16], "_format_columns": None, "_format_kwargs": {}}
            state |= {"_format_type": None, "_output_all_columns": False, "_split": split}
            write_bytes(out / split / "state.json", to_json(state))
            write_bytes(out / split / "dataset_info.json", to_json({}))  # the columns are taken from the Arrow files
        write_bytes(out / "dataset_dict.json", to_json({"splits": list(written)}))
