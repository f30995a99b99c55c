"""Removes quotations of test sets: two phases, or four, before all others of dedup, where `dedup.decontaminate` names test sets.

    phase            a task for      reads                           writes
    index_test_set   each test set   its files                       scratch: its n-grams
    count, weigh     with `decontaminate_edits`: webtext.overlap.contamination
    find_quotations  each shard      cleaned/shard-N.parquet,        duplicates/quotations/shard-N.parquet: every quotation that was found;
                                     the n-grams of all test sets    rejected documents; scratch: the changed documents

They come first because what is left of two documents may be copies of one text, and because a copy without the quotation may be kept where
the other is rejected. The later phases read through `documents`, which applies the changes; unchanged text is not written again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from webtext.core.config import Benchmark, DedupSection
from webtext.core.hashing import shard_name
from webtext.core.records import QUOTATION
from webtext.core.tables import Record, read_table, writing_table
from webtext.core.task import StageContext, TaskRun
from webtext.overlap.contamination import edited_copies, parts_path
from webtext.overlap.decontaminate import Quotation, cut_quotations, quotations
from webtext.overlap.ngram_index import NgramIndex, index_set, join_sets, read_indexed, write_indexed
from webtext.overlap.part_index import index_parts, write_parts
from webtext.overlap.readers import Example, read_examples

REASON = "quotes-test-set"
CHANGED = pa.schema([("row", pa.int64()), ("text", pa.string())])  # null: rejected
MAX_SHOWN = 100  # characters of a quotation in the detail of a rejection


def index_test_set(log: TaskRun, index: int, benchmark: Benchmark, section: DedupSection) -> None:
    """Index a test set."""
    examples = list(_watched(log, benchmark))
    indexed = index_set(benchmark.name, examples, section.decontaminate_words)
    if section.decontaminate_edits:
        write_parts(parts_path(log.context, index), index_parts(benchmark.name, examples))
    write_indexed(_indexed(log.context, index), indexed)
    log.counters["test-set-examples"] += len(indexed.ids)


def _watched(log: TaskRun, benchmark: Benchmark) -> Iterator[Example]:
    for example in read_examples(benchmark):
        log.progress()
        yield example


def _indexed(context: StageContext, index: int) -> Path:
    return context.scratch_path(f"test-set-{index:05d}")


def _sets(context: StageContext, section: DedupSection) -> NgramIndex:
    return join_sets([read_indexed(_indexed(context, index)) for index in range(len(section.decontaminate))])


def find_quotations(log: TaskRun, shard: int, section: DedupSection, source: str) -> None:
    """Find the quotations of the documents of a shard, and reject or cut the documents."""
    sets, edits = _sets(log.context, section), section.decontaminate_edits
    search = edited_copies(log.context, len(section.decontaminate)) if edits else None
    with (
        log.table(f"duplicates/quotations/{shard_name(shard)}.parquet", QUOTATION) as table,
        writing_table(_changed(log.context, shard), CHANGED) as changed,
    ):
        for row, document in enumerate(read_table(_path(log.context, source, shard), ["id", "url", "text"])):
            log.progress()
            quoted = quotations(document["text"], sets, search, edits)
            if not quoted:
                continue
            by_cutting = section.decontaminate_by == "cut"
            left = cut_quotations(document["text"], quoted, sets, search, edits) if by_cutting else None
            changed.write({"row": row, "text": left})
            for record in _records(document, quoted, "dropped" if left is None else "cut"):
                table.write(record)
            if left is None:
                log.records_in += 1
                log.reject(document["url"], document["id"], REASON, _detail(quoted))
            else:
                log.counters["documents-cut"] += 1
            for name in {name for quotation in quoted for name, _ in quotation.of}:
                log.counters[f"documents-that-quote-{name}"] += 1


def _records(document: Record, quoted: Sequence[Quotation], outcome: str) -> Iterator[Record]:
    for quotation in quoted:
        for name, example in quotation.of:
            span = {"words": quotation.words, "start": quotation.start, "end": quotation.end, "text": quotation.text}
            yield {"id": document["id"], "url": document["url"], "outcome": outcome, "test_set": name, "example": example, **span}


def _detail(quoted: Sequence[Quotation]) -> str:
    """The longest quotation, for `rejected/`."""
    longest = max(quoted, key=lambda quotation: (quotation.words, -quotation.start))
    text = longest.text if len(longest.text) <= MAX_SHOWN else f"{longest.text[:MAX_SHOWN]}…"
    whose = "; ".join(f"{name} ({example})" for name, example in longest.of)
    return f"{longest.words} words of {whose}: {' '.join(text.split())}"


def _changed(context: StageContext, shard: int) -> Path:
    return context.scratch_path(f"decontaminated-{shard:05d}.parquet")


def _path(context: StageContext, source: str, shard: int) -> Path:
    return context.build / source / f"{shard_name(shard)}.parquet"


def documents(
    context: StageContext, source: str, shard: int, section: DedupSection, columns: Sequence[str] | None = None
) -> Iterator[Record]:
    """The documents of a shard of the directory `source`, decontaminated where it is configured."""
    records = read_table(_path(context, source, shard), columns)
    if not section.decontaminate:
        yield from records
        return
    changes = read_table(_changed(context, shard))
    change = next(changes, None)
    for row, document in enumerate(records):
        if change is None or change["row"] != row:
            yield document
            continue
        if change["text"] is not None:
            yield {**document, "text": change["text"]}
        change = next(changes, None)
