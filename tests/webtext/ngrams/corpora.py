"""Small corpora in a build directory, and stages run one task after another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from webtext.core.config import NgramsSection, OverlapSection
from webtext.core.hashing import shard_name, shard_of_url, url_id
from webtext.core.records import CORPUS
from webtext.core.tables import writing_table
from webtext.core.task import Report, StageContext, run_task
from webtext.ngrams.phases import build_filter, hash_shard
from webtext.overlap.contamination import count_seeds, sum_counts
from webtext.overlap.phases import locate, measure_benchmark, write_report


def write_corpus(build: Path, documents: dict[str, str], shards: int, held_out: Sequence[str] = ()) -> None:
    """Documents by URL, each in the shard of its host."""
    for shard in range(shards):
        with writing_table(build / "corpus" / f"{shard_name(shard)}.parquet", CORPUS) as table:
            for url, text in documents.items():
                if shard_of_url(url, shards) == shard:
                    split = "val" if url in held_out else "train"
                    record = {"id": url_id(url), "url": url, "title": "", "text": text, "language": "en", "extractor": "test", "score": 3}
                    table.write({**record, "subreddits": [], "created_utc": 0, "meta": None, "split": split})


def run_ngrams(build: Path, shards: int, section: NgramsSection, *, backwards: bool = False) -> list[Report]:
    """The ngrams stage; backwards does shards and partitions in the opposite order."""
    context = StageContext(build, "ngrams", "0" * 64)
    turn = -1 if backwards else 1
    reports = [run_task(context, f"hash-{shard:05d}", hash_shard, shard, section, "corpus") for shard in [*range(shards)][::turn]]
    filters = [(f"filter-{partition:05d}", build_filter, partition, shards, section) for partition in range(section.partitions)]
    return reports + [run_task(context, *task) for task in filters[::turn]]


def run_overlap(build: Path, shards: int, section: OverlapSection) -> list[Report]:
    """The overlap stage."""
    context = StageContext(build, "overlap", "1" * 64)
    reports = [
        run_task(context, f"measure-{index:05d}", measure_benchmark, index, benchmark, section)
        for index, benchmark in enumerate(section.benchmarks)
    ]
    if section.edits and shards:
        sets = len(section.benchmarks)
        reports += [run_task(context, f"count-{shard:05d}", count_seeds, shard, sets, "corpus") for shard in range(shards)]
        reports.append(run_task(context, "weigh-00000", sum_counts, 0, shards))
    reports += [run_task(context, f"locate-{shard:05d}", locate, shard, section, "corpus") for shard in range(shards)]
    return [*reports, run_task(context, "report", write_report, shards, section)]
