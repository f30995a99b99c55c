"""The documents that a stage reads: those of the last stage before it that a build has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from webtext.core.config import Config
from webtext.core.hashing import shard_name
from webtext.core.tables import Record, read_batches

AFTER_DOCUMENTS = ("corpus", "cleaned", "documents")  # where a build may have its texts, the last stage first
COLUMNS = ("id", "url", "text", "split")


def cleaned_directory(config: Config) -> str:
    """The directory that dedup reads."""
    return "cleaned" if config.clean.enabled else "documents"


def corpus_directory(config: Config) -> str:
    """The directory of the texts that all stages after dedup read."""
    return "corpus" if config.dedup.enabled else cleaned_directory(config)


def final_texts(build: Path) -> Path:
    """The directory of a finished build with the texts that its last stages read."""
    return next((build / name for name in AFTER_DOCUMENTS if any((build / name).glob("shard-*.parquet"))), build / AFTER_DOCUMENTS[0])


def read_texts(build: Path, directory: str, shard: int) -> Iterator[Record]:
    """The COLUMNS of a shard's documents. Where no dedup has parted them, all are training text."""
    for batch in text_batches(build, directory, shard):
        yield from batch.to_pylist()


def text_batches(build: Path, directory: str, shard: int) -> Iterator[pa.RecordBatch]:
    """The same as Arrow's batches."""
    columns = COLUMNS if directory == "corpus" else COLUMNS[:-1]
    for batch in read_batches(build / directory / f"{shard_name(shard)}.parquet", columns):
        yield batch if directory == "corpus" else batch.append_column("split", pa.array(["train"] * batch.num_rows))
