"""The phases of the tokenize stage: encode every document, plan the token shards, write them (`write_file`).

Documents keep the order of the corpus (shard, then id), each ended by <|endoftext|>; a file ends where the next document
would exceed its size, so that a document lies in one file and the index can give its offset.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from tokenizer.utf8 import to_utf8
from webtext.core.config import TokenizeSection
from webtext.core.files import writing
from webtext.core.records import SPLITS, TOKENS
from webtext.core.tables import read_table, writing_table
from webtext.core.task import TaskRun
from webtext.core.texts import read_texts
from webtext.tokens.shards import Tokens, token_dtype, write_tokens
from webtext.tokens.vocabulary import vocabulary_of

CONTEXT = 1024  # tokens GPT-2 reads at once; documents above it are counted, as each window sees only a part of them

ENCODED = pa.schema([("id", pa.string()), ("url", pa.string()), ("split", pa.string()), ("length", pa.int64())])


def encode_shard(log: TaskRun, shard: int, source: str) -> list[Any]:
    """Encode the documents of a corpus shard: one file of all tokens, and a table with the length of each document."""
    bpe = vocabulary_of(log.context.build)
    dtype = token_dtype(bpe.vocab_size)
    end = np.array([bpe.eot], dtype=dtype).tobytes()
    with (
        writing(log.context.scratch_path(f"{log.name}.tokens")) as tokens,
        writing_table(log.context.scratch_path(f"{log.name}.parquet"), ENCODED) as table,
    ):
        for document in read_texts(log.context.build, source, shard):
            ids = bpe.encode_to_numpy(document["text"])
            tokens.file.write(ids.astype(dtype).tobytes() + end)
            table.write({"id": document["id"], "url": document["url"], "split": document["split"], "length": ids.size + 1})
            log.records_in += 1
            log.counters["tokens"] += ids.size + 1
            log.counters["text-bytes"] += len(to_utf8(document["text"]))
            log.counters["documents-above-1024-tokens"] += ids.size > CONTEXT
            log.progress()
    return [[0, shard]]


def lay_out(log: TaskRun, _: int, shards: list[int], section: TokenizeSection) -> list[Any]:
    """The files to write: `[index, name, [[shard, first document, documents], ...]]`, documents counted within shard and split.

    Every split has at least one file, so that a reader finds it even if it is empty.
    """
    files: list[list[Any]] = []
    for split in SPLITS:
        number, tokens = 0, 0
        pieces: list[list[int]] = []
        for shard in sorted(shards):
            lengths = [row["length"] for row in _rows(log, shard) if row["split"] == split]
            log.counters[f"documents-{split}"] += len(lengths)
            log.counters[f"tokens-{split}"] += sum(lengths)
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


def _rows(log: TaskRun, shard: int) -> Any:
    return read_table(log.context.scratch_path(f"encode-{shard:05d}.parquet"))


def write_file(log: TaskRun, _: int, name: str, pieces: list[list[int]]) -> None:
    """Write a token shard `tokens/{name}.bin` and its part of the index. The count is in the header, so it is summed first."""
    split = name.rpartition("-")[0]
    vocabulary = vocabulary_of(log.context.build).vocab_size
    chosen = [(shard, list(_documents(log, shard, split, first, count))) for shard, first, count in pieces]
    total = sum(row["length"] for _, rows in chosen for row, _ in rows)
    with log.binary(f"tokens/{name}.bin", lambda: total) as output:
        write_tokens(output.file, _tokens(log, chosen, token_dtype(vocabulary)), total, vocabulary)
    offset = 0
    with log.table(f"tokens/index/{name}.parquet", TOKENS) as index:
        for row, _ in (document for _, rows in chosen for document in rows):
            index.write({**row, "shard": f"{name}.bin", "offset": offset})
            offset += row["length"]
            log.records_out += 1


def _tokens(log: TaskRun, chosen: list[tuple[int, list[tuple[Any, int]]]], dtype: Any) -> Iterator[Tokens]:
    """The tokens of one document after another."""
    for shard, rows in chosen:
        path = log.context.scratch_path(f"encode-{shard:05d}.tokens")
        if rows:  # an empty file cannot be mapped
            tokens = np.memmap(path, dtype=dtype, mode="r")
            for row, start in rows:
                yield tokens[start : start + row["length"]]
                log.progress()


def _documents(log: TaskRun, shard: int, split: str, first: int, count: int) -> Iterator[tuple[Any, int]]:
    """Rows `first` to `first + count` of a split in a shard, each with the offset of its first token in the shard's tokens."""
    start, number = 0, 0
    for row in _rows(log, shard):
        if row["split"] == split:
            if first <= number < first + count:
                yield row, start
            number += 1
        start += row["length"]
