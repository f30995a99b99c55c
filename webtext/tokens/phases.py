"""The phases of the tokenize stage: encode every document, lay out the files, write them.

Documents keep the order of the corpus (shard, then id), each ended by <|endoftext|>; a file ends where the next document
would lead beyond its size, so that a document lies in one file and the index can say where.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from tokenizer import ByteBPE
from webtext.config import TokenizeSection
from webtext.files import writing
from webtext.hashing import shard_name
from webtext.records import SPLITS, TOKENS
from webtext.shards import header, token_dtype
from webtext.tables import read_table, writing_table
from webtext.task import TaskLog

CONTEXT = 1024  # of GPT-2; documents above it are counted

ENCODED = pa.schema([("id", pa.string()), ("url", pa.string()), ("split", pa.string()), ("length", pa.int64())])


def encode_shard(log: TaskLog, shard: int) -> list[Any]:
    """Encode the documents of a shard: their tokens, and a row each that says how many."""
    bpe = ByteBPE.load(log.place.build / "tokenizer")
    dtype = token_dtype(bpe.vocab_size)
    end = np.array([bpe.eot], dtype=dtype)
    with writing(log.place.spill(f"{log.name}.tokens")) as tokens, writing_table(log.place.spill(f"{log.name}.parquet"), ENCODED) as table:
        for document in read_table(log.place.build / f"corpus/{shard_name(shard)}.parquet", ["id", "url", "text", "split"]):
            ids = np.append(bpe.encode_to_numpy(document["text"]).astype(dtype), end)
            tokens.file.write(ids.tobytes())
            table.write({"id": document["id"], "url": document["url"], "split": document["split"], "length": len(ids)})
            log.records_in += 1
            log.counters["tokens"] += len(ids)
            log.counters["text-bytes"] += len(document["text"].encode("utf-8", "surrogatepass"))
            log.counters["documents-above-1024-tokens"] += len(ids) - 1 > CONTEXT
            log.progress()
    return [[0, shard]]


def lay_out(log: TaskLog, _: int, shards: list[int], section: TokenizeSection) -> list[Any]:
    """The files to write: `[index, name, [[shard, first document, documents], ...]]`, documents counted within shard and split.

    Every split has one file at least, so that a reader finds it also where it is empty.
    """
    files: list[list[Any]] = []
    for split in SPLITS:
        number, tokens = 0, 0
        pieces: list[list[int]] = []
        for shard in sorted(shards):
            lengths = [row["length"] for row in _rows(log, shard) if row["split"] == split]
            first = 0
            for document, length in enumerate(lengths):
                if tokens and tokens + length > section.shard_tokens:
                    pieces.append([shard, first, document - first])
                    files.append([len(files), f"{split}-{number:05d}", pieces])
                    number, tokens, first, pieces = number + 1, 0, document, []
                tokens += length
            pieces.append([shard, first, len(lengths) - first])
        files.append([len(files), f"{split}-{number:05d}", pieces])
    return files


def _rows(log: TaskLog, shard: int) -> Any:
    return read_table(log.place.spill(f"encode-{shard:05d}.parquet"))


def write_file(log: TaskLog, _: int, name: str, pieces: list[list[int]]) -> None:
    """Write a token file and its part of the index."""
    split = name.rpartition("-")[0]
    vocabulary = ByteBPE.load(log.place.build / "tokenizer").vocab_size
    dtype = token_dtype(vocabulary)
    chosen = [list(_documents(log, shard, split, first, count)) for shard, first, count in pieces]
    total = sum(row["length"] for rows in chosen for row, _ in rows)
    offset = 0
    with (
        log.binary(f"tokens/{name}.bin", lambda: total) as output,
        log.table(f"tokens/index/{name}.parquet", TOKENS) as index,
    ):
        output.file.write(header(total, vocabulary))
        for (shard, _first, _count), rows in zip(pieces, chosen):
            path = log.place.spill(f"encode-{shard:05d}.tokens")
            tokens = np.memmap(path, dtype=dtype, mode="r") if path.stat().st_size else np.empty(0, dtype)
            for row, start in rows:
                output.file.write(tokens[start : start + row["length"]].tobytes())
                index.write({**row, "shard": f"{name}.bin", "offset": offset})
                offset += row["length"]
                log.records_out += 1
                log.progress()


def _documents(log: TaskLog, shard: int, split: str, first: int, count: int) -> Any:
    """Rows `first` to `first + count` of a split in a shard, each with the place of its first token in the shard's tokens."""
    start, number = 0, 0
    for row in _rows(log, shard):
        if row["split"] == split:
            if first <= number < first + count:
                yield row, start
            number += 1
        start += row["length"]
