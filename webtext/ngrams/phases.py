"""The phases of `webtext ngrams`: corpus shards to sorted hashes, hashes to a filter a partition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import xxhash

from webtext.config import NgramsSection
from webtext.files import writing
from webtext.hashing import shard_name
from webtext.ngrams.bloom import built
from webtext.ngrams.filters import HASHES, Head, filter_name, hashes_name, write_filter
from webtext.ngrams.normalise import NAME, Hashes, ngram_hashes
from webtext.ngrams.runs import MERGED, RunWriter, bound, merge, read_runs
from webtext.tables import read_table
from webtext.task import TaskLog


def hash_shard(log: TaskLog, shard: int, section: NgramsSection) -> list[tuple[int, str]]:
    """Phase 1, a shard: the distinct n-grams of its training documents, as sorted runs in a spill that every partition reads its range of.

    Documents that are held out or have fewer words than an n-gram are rejected.
    """
    spill = log.place.spill(f"hashes-{shard:05d}.runs")
    with writing(spill) as output:
        runs = RunWriter(output.file)
        for document in read_table(log.place.build / "corpus" / f"{shard_name(shard)}.parquet", ["id", "url", "text", "split"]):
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
    path = str(spill.relative_to(log.place.build))
    return [(partition, path) for partition in range(section.partitions)]


def build_filter(log: TaskLog, partition: int, spills: Sequence[str], section: NgramsSection) -> None:
    """Phase 2, a partition: merge its range of all spills, count the distinct n-grams, and write a filter of the size that they need.

    Memory: the filter (about 4.8 bytes an n-gram at 1e-8) and some 100 MB for the merge.
    """
    place = log.place
    runs = [run for spill in sorted(spills) for run in read_runs(place.build / spill)]
    distinct = place.spill(f"distinct-{partition:05d}.u64")
    digest, count = xxhash.xxh3_128(), 0
    with writing(distinct) as output:
        for block in merge(runs, bound(partition, section.partitions), bound(partition + 1, section.partitions)):
            data = block.astype("<u8").tobytes()
            output.file.write(data)
            digest.update(data)
            count += len(block)
            log.progress(len(block))
    filter_, rate = built(lambda: _blocks(distinct, count), count, section.error_rate)
    log.counters["distinct-n-grams"] += count
    about = (section.words, section.partitions, partition, count, NAME, digest.hexdigest(), place.fingerprint)
    head = Head(*about, section.error_rate, rate, filter_.num_slices, filter_.bits_per_slice)
    with log.binary(f"{place.directory}/{filter_name(partition)}", lambda: count) as output:
        write_filter(output.file, head, filter_)
    if section.keep_hashes:
        with log.binary(f"{place.directory}/{hashes_name(partition)}", lambda: count) as output:
            output.file.write(Head(*about).pack(HASHES))
            for block in _blocks(distinct, count):
                output.file.write(block.astype("<u8").tobytes())
    distinct.unlink()


def _blocks(path: Path, count: int) -> Iterator[Hashes]:
    """The hashes of a file that holds nothing else, some million at a time."""
    for first in range(0, count, MERGED):
        yield np.fromfile(path, "<u8", min(MERGED, count - first), offset=8 * first)
