"""A small corpus, and the tokenizer and tokenize stages run on it task by task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from webtext.core.config import TokenizerSection, TokenizeSection
from webtext.core.hashing import shard_name, shard_of_url, url_id
from webtext.core.records import CORPUS
from webtext.core.tables import writing_table
from webtext.core.task import Report, StageContext, run_task
from webtext.tokens.phases import encode_shard, lay_out, write_file
from webtext.tokens.vocabulary import count_shard, train_vocabulary

SHARDS = 3
TEXT = "The quick brown fox jumps over the lazy dog; the dog sleeps, and the fox goes on. "


def documents() -> list[dict[str, Any]]:
    rows = []
    for number in range(60):
        url = f"http://host{number % 7}.example/{number}"
        split = "val" if number % 10 == 3 else "test" if number % 20 == 5 else "train"
        text = TEXT * (1 + number % 5) + f"Number {number}, ünïcode ☃."
        row = {"id": url_id(url), "url": url, "title": f"Page {number}", "text": text, "language": "en", "extractor": "trafilatura"}
        rows.append({**row, "split": split, "subreddits": []})
    return sorted(rows, key=lambda row: str(row["id"]))


def write_corpus(build: Path, rows: list[dict[str, Any]]) -> None:
    """Every document in the shard of its host, as the dedup stage leaves them."""
    for shard in range(SHARDS):
        write_shard_of(build, shard, [row for row in rows if shard_of_url(row["url"], SHARDS) == shard])


def write_shard_of(build: Path, shard: int, rows: list[dict[str, Any]]) -> None:
    with writing_table(build / f"corpus/{shard_name(shard)}.parquet", CORPUS) as table:
        for row in rows:
            table.write({name: row.get(name) for name in CORPUS.names})


def learn(build: Path, vocabulary: int = 400) -> list[Report]:
    context = StageContext(build, "tokenizer", "key")
    counts = [run_task(context, f"count-{shard:05d}", count_shard, shard, "corpus") for shard in range(SHARDS)]
    spills = [report.outputs[0][1] for report in counts]
    return [*counts, run_task(context, "train-00000", train_vocabulary, 0, spills, TokenizerSection(vocabulary=vocabulary))]


def tokenize(build: Path, shard_tokens: int, **settings: Any) -> list[Report]:
    context, section = StageContext(build, "tokenize", "key"), TokenizeSection.model_construct(shard_tokens=shard_tokens, **settings)
    reports = [run_task(context, f"encode-{shard:05d}", encode_shard, shard, section, "corpus") for shard in range(SHARDS)]
    shards = [report.outputs[0][1] for report in reports]
    layout = run_task(context, "layout-00000", lay_out, 0, shards[::-1], section)
    return [
        *reports,
        layout,
        *(run_task(context, f"write-{index:05d}", write_file, index, name, pieces) for index, name, pieces in layout.outputs),
    ]
