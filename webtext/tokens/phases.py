"""The phases of the tokenize stage: encode every document, plan the token shards, write them (`write_file`), convert them (`convert`).

A document's place in its split is given by the hash of its id and the seed, or by the order of the corpus where nothing is shuffled. The
files of a split are equally long but for the length of a document, so that none is too short for a reader, and a document lies in one
file, whose part of the index gives its offset. A file begins with <|endoftext|>, and one ends each document: every document stands
between two, whether a reader looks for what begins it or what ends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from webtext.core.config import TokenizeSection
from webtext.core.files import explain_os_errors
from webtext.core.records import SPLITS, TOKENS
from webtext.core.task import TaskRun
from webtext.core.texts import text_batches
from webtext.tokens.formats import WRITERS, Split
from webtext.tokens.shards import Tokens, token_dtype, write_tokens
from webtext.tokens.vocabulary import vocabulary_of

CONTEXT = 1024  # tokens GPT-2 reads at once; documents above it are counted, as each window sees only a part of them
ENCODED = pa.schema([("id", pa.string()), ("url", pa.string()), ("split", pa.int8()), ("key", pa.uint64()), ("length", pa.int64())])
_AT_ONCE = 1 << 20  # tokens that are copied together


def encode_shard(log: TaskRun, shard: int, section: TokenizeSection, source: str) -> list[Any]:
    """Encode the documents of a corpus shard: one file of all tokens and a table of the documents, both by split and by key."""
    bpe = vocabulary_of(log.context.build)
    dtype = token_dtype(bpe.vocab_size)
    end = np.array([bpe.eot], dtype=dtype)
    unsorted, path = (log.context.scratch_path(f"{log.name}.{kind}") for kind in ("unsorted", "tokens"))
    tables: list[pa.Table] = []
    with explain_os_errors(unsorted), unsorted.open("wb") as tokens:
        for batch in text_batches(log.context.build, source, shard):
            parts: list[Tokens] = []
            lengths = []
            # NB: as bytes, because a Python string would be made of UTF-8 here and into UTF-8 again by the encoder.
            for text in batch.column("text").cast(pa.binary()).to_pylist():
                ids = bpe.encode_to_numpy(text)
                parts += [ids.astype(dtype), end]
                lengths.append(ids.size + 1)
            tokens.write(np.concatenate(parts).data if parts else b"")
            first = (shard << 32) + log.records_in
            log.records_in += batch.num_rows
            log.progress(batch.num_rows)
            log.counters["tokens"] += sum(lengths)
            log.counters["text-bytes"] += pc.sum(pc.binary_length(batch.column("text"))).as_py() or 0
            log.counters["documents-above-1024-tokens"] += sum(length > CONTEXT + 1 for length in lengths)
            ids_of, splits = batch.column("id"), pc.index_in(batch.column("split"), pa.array(SPLITS)).cast(pa.int8())
            keys = list(range(first, first + batch.num_rows))
            if section.shuffle:
                keys = [xxhash.xxh3_64_intdigest(name, section.seed) for name in ids_of.cast(pa.binary()).to_pylist()]
            tables.append(pa.table([ids_of, batch.column("url"), splits, pa.array(keys, pa.uint64()), pa.array(lengths)], schema=ENCODED))
    rows = pa.concat_tables(tables) if tables else ENCODED.empty_table()
    order = np.lexsort((rows.column("key").to_numpy(), rows.column("split").to_numpy()))
    # NB: an Arrow file instead of Parquet, because every file of tokens takes a part of every table.
    with explain_os_errors(path), pa.OSFile(str(_table_of(log, shard)), "wb") as file, pa.ipc.new_file(file, ENCODED) as table:
        table.write_table(rows.take(order).combine_chunks())
    with explain_os_errors(path), path.open("wb") as output:
        lengths_of = rows.column("length").to_numpy()
        starts = np.cumsum(lengths_of) - lengths_of
        for chunk in _gathered([_mapped(unsorted, dtype)], np.zeros(order.size, np.int64), starts[order], lengths_of[order]):
            output.write(chunk.data)
    unsorted.unlink()
    return [[0, shard]]


def lay_out(log: TaskRun, _: int, shards: list[int], section: TokenizeSection) -> list[Any]:
    """The files to write: `[index, name, [[shard, first document, documents], ...]]`, documents counted in the tables of `encode_shard`.

    Every split has at least one file, so that a reader finds it even if it is empty. Memory: 40 bytes a document of the largest split.
    """
    files: list[list[Any]] = []
    # Documents of a split in a shard, and those before them, as a table is in the order of splits.
    for code, split in enumerate(SPLITS):
        columns: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = []
        firsts: list[int] = []
        for shard in sorted(shards):
            table = _documents(log, shard)
            first, last = np.searchsorted(table.column("split").to_numpy(), [code, code + 1]).tolist()
            part = table.slice(first, last - first)
            columns.append((part.column("key").to_numpy(), part.column("length").to_numpy().astype(np.int64)))
            firsts.append(first)
        keys, lengths = (np.concatenate(column) for column in zip(*columns))
        of_shard = np.repeat(np.arange(len(columns), dtype=np.int32), [len(key) for key, _ in columns])
        order = np.argsort(keys, kind="stable")
        total = int(lengths.sum())
        log.counters[f"documents-{split}"] += keys.size
        log.counters[f"tokens-{split}"] += total
        count = max(1, -(-total // section.shard_tokens))
        lengths, of_shard = lengths[order], of_shard[order]
        # A document belongs to the file in which its first token would lie if all files were equally long.
        bounds = np.searchsorted(np.cumsum(lengths) - lengths, -(-np.arange(1, count) * total // count))
        number = 0
        for chosen in np.split(of_shard, bounds):
            if not chosen.size and total:
                continue  # a document longer than a file
            pieces = []
            for position, documents in enumerate(np.bincount(chosen, minlength=len(firsts)).tolist()):
                if documents:
                    pieces.append([sorted(shards)[position], firsts[position], documents])
                    firsts[position] += documents
            files.append([len(files), f"{split}-{number:05d}", pieces])
            number += 1
    return files


def _table_of(log: TaskRun, shard: int) -> Path:
    return log.context.scratch_path(f"encode-{shard:05d}.arrow")


def _documents(log: TaskRun, shard: int) -> pa.Table:
    """What `encode_shard` wrote about the documents of a shard, mapped: only what is used is read."""
    return pa.ipc.open_file(pa.memory_map(str(_table_of(log, shard)))).read_all()


def write_file(log: TaskRun, _: int, name: str, pieces: list[list[int]]) -> None:
    """Write a token shard `tokens/{name}.bin` and its part of the index. The count is in the header, so it is summed first."""
    bpe = vocabulary_of(log.context.build)
    tables, starts, sources = [ENCODED.empty_table()], [np.empty(0, np.int64)], []
    dtype = token_dtype(bpe.vocab_size)
    for shard, first, count in pieces:
        table = _documents(log, shard)
        lengths = table.column("length").to_numpy()
        starts.append((np.cumsum(lengths) - lengths)[first : first + count])
        tables.append(table.slice(first, count))
        sources.append(_mapped(log.context.scratch_path(f"encode-{shard:05d}.tokens"), dtype))
    rows = pa.concat_tables(tables)
    of_source = np.repeat(np.arange(len(pieces)), [count for _, _, count in pieces])
    order = np.argsort(rows.column("key").to_numpy(), kind="stable")
    rows = rows.take(order)
    lengths = rows.column("length").to_numpy().astype(np.int64)
    total = int(lengths.sum()) + 1 if lengths.size else 0
    documents = _gathered(sources, of_source[order], np.concatenate(starts)[order], lengths)
    with log.binary(f"tokens/{name}.bin", lambda: total) as output:
        write_tokens(output.file, _announced(log, bpe.eot, documents, dtype), total, bpe.vocab_size)
    split = pa.array([name.rpartition("-")[0]] * lengths.size, pa.string())
    shards = pa.array([f"{name}.bin"] * lengths.size, pa.string())
    offsets = pa.array(np.cumsum(lengths) - lengths + 1)
    with log.table(f"tokens/index/{name}.parquet", TOKENS) as index:
        index.write_table(pa.table([rows.column("id"), rows.column("url"), split, shards, offsets, pa.array(lengths)], schema=TOKENS))
    log.records_out += lengths.size


def _announced(log: TaskRun, eot: int, documents: Iterator[Tokens], dtype: Any) -> Iterator[Tokens]:
    """The token between documents, and the documents if there are any."""
    for number, chunk in enumerate(documents):
        if number == 0:
            yield np.array([eot], dtype)
        yield chunk
        log.progress(int(np.count_nonzero(chunk == eot)))


def _mapped(path: Path, dtype: Any) -> Tokens:
    """NB: as a plain array, because each slice of a np.memmap costs more than the tokens of a document."""
    return np.memmap(path, dtype=dtype, mode="r").view(np.ndarray) if path.stat().st_size else np.empty(0, dtype)


def _gathered(sources: list[Tokens], of_source: Any, starts: Any, lengths: Any) -> Iterator[Tokens]:
    """The tokens of documents, each given by its source, first token and length; memory holds `_AT_ONCE` tokens or a document."""
    parts: list[Tokens] = []
    size = 0
    for source, start, length in zip(of_source.tolist(), starts.tolist(), lengths.tolist()):
        parts.append(sources[source][start : start + length])
        size += length
        if size >= _AT_ONCE:
            yield np.concatenate(parts)
            parts, size = [], 0
    if parts:
        yield np.concatenate(parts)


def convert(log: TaskRun, index: int, formats: list[str]) -> None:
    """Write a split once more, as another program reads it, to `tokens/{format}/`."""
    name, split = formats[index // len(SPLITS)], SPLITS[index % len(SPLITS)]
    source = Split(split, log.context.path, vocabulary_of(log.context.build))
    for path in WRITERS[name](source, log.context.path / name):
        log.register_file(path.relative_to(log.context.build).as_posix())
