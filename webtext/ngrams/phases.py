"""The phases of `webtext ngrams`: corpus shards to sorted hashes, hashes to a filter a partition."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from webtext.core.config import NgramsSection
from webtext.core.files import writing
from webtext.core.task import StageContext, TaskRun
from webtext.core.texts import read_texts
from webtext.ngrams.filters import filter_name, hashes_name
from webtext.ngrams.normalise import ngram_hashes
from webtext.ngrams.release import write_partition
from webtext.ngrams.runs import RunWriter, read_runs


def hash_shard(log: TaskRun, shard: int, section: NgramsSection, source: str) -> None:
    """Phase 1, a shard: the distinct n-grams of its training documents, as sorted runs in a scratch file of which every partition reads its
    range.

    Documents that are held out or have fewer words than an n-gram are rejected.
    """
    with writing(_runs_path(log.context, shard)) as output:
        runs = RunWriter(output.file)
        for document in read_texts(log.context.build, source, shard):
            log.records_in += 1
            log.progress()
            if document["split"] != "train":
                log.reject(document["url"], document["id"], "held-out", document["split"])
                continue
            hashes, words = ngram_hashes(document["text"], section.words)
            if not len(hashes):
                log.reject(document["url"], document["id"], "too-short", f"{words} words")
                continue
            runs.add(hashes)
            log.records_out += 1
            log.counters["words"] += words
            log.counters["n-grams"] += len(hashes)
        runs.flush()


def _runs_path(context: StageContext, shard: int) -> Path:
    return context.scratch_path(f"hashes-{shard:05d}.runs")


def build_filter(log: TaskRun, partition: int, shards: int, section: NgramsSection) -> None:
    """Phase 2, a partition: merge its range of all shards, count the distinct n-grams, and write a filter of that size.

    Memory: the filter (about 4.8 bytes an n-gram at 1e-8) and some 100 MB for the merge.
    """
    context = log.context
    runs = [run for shard in range(shards) for run in read_runs(_runs_path(context, shard))]
    distinct = context.scratch_path(f"distinct-{partition:05d}.u64")
    with (
        log.binary(f"{context.directory}/{filter_name(partition)}", lambda: header.count) as filter_file,
        (
            log.binary(f"{context.directory}/{hashes_name(partition)}", lambda: header.count) if section.keep_hashes else nullcontext()
        ) as hashes_file,
    ):
        kept = hashes_file.file if hashes_file else None
        header = write_partition(runs, partition, section, context.fingerprint, distinct, filter_file.file, kept)
    log.counters["distinct-n-grams"] += header.count
