"""A build of WebText's shape, simulated and sampled by partition: does any step need memory that grows with the corpus?

    python -m benchmarks.scale [--scale 1.0] [--shards 256] [--json FILE] [--work DIR]

Whole (`--scale 1`): 45 M URLs with 58 M posts, 8 M documents, 6.5 G distinct 8-grams. It takes some 20 minutes, 12 GB of disk and 2 GB of
memory on two processors; `--quick` is a hundredth. Every step runs twice in a process of its own: for a quarter of the corpus and for all
of it, with four times as many shards and partitions, so that a partition is as large in both. `--shards` cuts the same corpus into
more of them: what depends on their number shows there. The real functions of the phases do the work; made up are the files that they read:

    links group    one shard                  its posts in the batches of spills as `parse` writes them, other shards' empty
    dedup rank     all documents              times, scores and URLs at random
    dedup join     one partition of 64        22 keys a document, of 21 bands and its text; every twentieth has a near copy
    dedup verify   all ranges                 the candidates of those copies; every fifth copy is doubtful: its 800 shingles decide
    dedup settle   all documents
    ngrams filter  one partition of 64        hashes at random, in as many sorted runs as shards of that size write
    manifest       the launcher's part        reports of all tasks of dedup; each shard has three files

All signatures are on disk, 512 bytes each; of the shingles those of documents that have a copy, as no other's are read.
Memory: `own` is the highest anonymous resident memory (RssAnon, read every 5 ms), `peak` the highest resident memory with the pages of
mapped files that the system may drop at any time (VmHWM). `grew` compares `own`, above what the process had before the step, with that at a
quarter of the corpus. Expected: at most 1.05 for all; own 90 to 800 MB.
"""

from __future__ import annotations

import argparse
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.harness import Figures, alone, run
from webtext.core.config import DedupSection, LinksSection, NgramsSection
from webtext.core.files import writing
from webtext.core.manifest import build_manifest
from webtext.core.splitmix import splitmix64
from webtext.core.task import OutputFile, Report, StageContext, TaskRun, run_task
from webtext.dedup.arrow_files import BANDS, RANKED, SHINGLES, SIGNATURES, ArrowWriter, offsets_of, part_path, writing_arrow
from webtext.dedup.phases import choose_all_survivors, join_partition, rank_documents, verify_range, write_candidates
from webtext.dedup.rank import RankIndex
from webtext.dedup.signatures import signature_path
from webtext.dedup.survivors import LARGE_BUCKETS, range_bounds
from webtext.links.phases import ROUND_POSTS, ROUND_SHARD, SPILL, group_shard
from webtext.ngrams.phases import build_filter
from webtext.ngrams.runs import RUN

URLS, POSTS, DOCUMENTS, NGRAMS = 45_000_000, 58_000_000, 8_000_000, 6_500_000_000
SHARDS, PARTITIONS, DUMPS = 256, 64, 12  # of the whole
COPY_EVERY = 20  # documents
SHINGLE_COUNT = 800  # of a document: WebText's have 810 distinct 8-grams in the mean
BAND_COUNT = 21  # of 6 rows each, for 128 permutations and a threshold of 0.8
KEY_COUNT = BAND_COUNT + 1  # with the hash of the text


@dataclass(frozen=True)
class Size:
    """A corpus: a share of WebText, cut so that a shard and a partition are as large for each `part` of one scale."""

    scale: float
    part: float
    all_shards: int

    def of(self, whole: int, least: int = 1) -> int:
        return max(int(whole * self.scale * self.part), least)

    def pieces(self, whole: int) -> int:
        return max(int(whole * self.part), 1)

    @property
    def shards(self) -> int:
        return self.pieces(self.all_shards)

    @property
    def partitions(self) -> int:
        return self.pieces(PARTITIONS)

    @property
    def shard_documents(self) -> int:
        return max(self.of(DOCUMENTS) // self.shards // COPY_EVERY, 1) * COPY_EVERY

    @property
    def dedup(self) -> DedupSection:
        return DedupSection(partitions=self.partitions)

    @property
    def ngrams(self) -> NgramsSection:
        return NgramsSection(partitions=self.partitions)


def make_links(context: StageContext, size: Size) -> None:
    rng = np.random.default_rng(1)
    posts, urls = size.of(POSTS) // size.shards, size.of(URLS) // size.shards
    dumps, count = size.pieces(DUMPS), max(ROUND_POSTS // size.shards, ROUND_SHARD)
    empty = pa.RecordBatch.from_pylist([], schema=SPILL)
    schema, options = SPILL.with_metadata({"shards": str(size.shards)}), pa.ipc.IpcWriteOptions(compression="lz4")
    for dump in range(dumps):
        path = context.scratch_path(f"parse-{dump:05d}.arrow")
        with writing(path) as output, pa.ipc.new_file(output.file, schema, options=options) as writer:
            for _ in range(-(-posts // (count * dumps))):
                numbers, ids = rng.integers(0, urls, count), rng.integers(0, 2**40, count)
                columns = {
                    "url": [f"http://host-{number % 997}.example/articles/2017/{number:012d}/some-words-of-a-title" for number in numbers],
                    "id": [f"{number:x}" for number in ids],
                    "subreddit": ["subreddit"] * count,
                    "score": rng.integers(3, 5000, count),
                    "created_utc": rng.integers(1_150_000_000, 1_514_000_000, count),
                    "over_18": [False] * count,
                    "title": [f"A title as posts have it, {number} and some sixty characters long" for number in numbers],
                }
                arrays = [pa.array(columns[field.name], field.type) for field in SPILL]
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=SPILL))
                for _ in range(size.shards - 1):
                    writer.write_batch(empty)


def make_dedup(context: StageContext, size: Size) -> None:
    """The files of sign, for all shards; of the band keys those of partition 0 alone."""
    for shard in range(size.shards):
        make_signed(context, size, shard, np.random.default_rng(shard))


def make_signed(context: StageContext, size: Size, shard: int, rng: np.random.Generator) -> None:
    count = size.shard_documents
    rows = np.arange(count, dtype=np.int64)
    copies = rows[1::COPY_EVERY]  # each of the document before it
    signatures, hashes = rng.integers(0, 2**32, (count, 128), np.uint32), rng.integers(0, 256, (count, 16), np.uint8)
    signatures[copies] = signatures[copies - 1]
    signatures[copies[::5], ::5] += np.uint32(1)  # 26 of 128 differ: an estimate of 0.8
    path = context.build / signature_path(shard)
    path.parent.mkdir(parents=True, exist_ok=True)
    lengths = np.zeros(count, np.int64)
    lengths[copies] = lengths[copies - 1] = SHINGLE_COUNT
    with open(path, "wb") as file:
        output = ArrowWriter(file, SIGNATURES, {})
        output.write({"text_hash": hashes, "shingles": lengths, "signature": signatures})
        output.close()
    with writing_arrow(part_path(context, shard, SHINGLES), SHINGLES) as output:
        sets = np.sort(rng.integers(0, 2**32, (len(copies), SHINGLE_COUNT), np.uint32), axis=1)
        flat = np.repeat(sets, 2, axis=0).ravel()
        output.write({"shingles": pa.ListArray.from_arrays(pa.array(offsets_of(lengths), pa.int32()), pa.array(flat))})
    with writing_arrow(part_path(context, shard, RANKED), RANKED) as output:
        urls = [f"http://host-{shard:05d}.example/articles/2017/{row:012d}/some-words".ljust(64, "-") for row in range(count)]
        times, scores = np.sort(rng.integers(1_150_000_000, 1_514_000_000, count)), rng.integers(3, 5000, count)
        output.write({"created_utc": times, "score": scores, "url": pa.array(urls), "text_hash": hashes, "row": rows})
    clusters = np.repeat(rows[:, None], KEY_COUNT, axis=1)
    clusters[copies, :BAND_COUNT] -= 1  # a copy has the bands of its original, and a text of its own
    keys = splitmix64((clusters + shard * count).astype(np.uint64) * np.uint64(KEY_COUNT) + np.arange(KEY_COUNT, dtype=np.uint64))
    row, band = np.nonzero(keys % np.uint64(size.partitions) == 0)
    with writing_arrow(part_path(context, shard, BANDS), BANDS, starts=[0] + [len(row)] * size.partitions) as output:
        output.write({"key": keys[row, band], "row": row.astype(np.uint32)})


def make_candidates(context: StageContext, size: Size) -> None:
    """What the other partitions would have found: a pair meets in about as many of them as it has bands there."""
    ranks = RankIndex(context)
    rows = np.arange(size.shard_documents, dtype=np.int64)[1::COPY_EVERY]
    numbers = (np.arange(size.shards, dtype=np.int64)[:, None] * size.shard_documents + rows).ravel()
    equal = np.where(np.arange(len(rows)) % 5 == 0, 128 - 26, 128)
    pairs = np.stack((ranks.ordinals(numbers), ranks.ordinals(numbers - 1)))
    found = np.stack((pairs.max(0), pairs.min(0), np.tile(equal, size.shards), np.zeros(len(numbers), np.int64)), axis=1)
    found = found[np.argsort(found[:, 0])]
    for partition in range(1, size.partitions):
        met = splitmix64(found[:, 0].astype(np.uint64) * np.uint64(4099) + np.uint64(partition)) % np.uint64(size.partitions) < BAND_COUNT
        write_candidates(context, partition, found[met], range_bounds(ranks.documents, size.partitions))
        with writing_arrow(context.scratch_path(f"large-buckets-{partition:05d}"), LARGE_BUCKETS) as output:
            output.write(dict.fromkeys(("bucket", "member", "is_leader"), np.empty(0, np.int64)))


def verify(log: TaskRun, size: Size) -> None:
    for index in range(size.partitions):
        verify_range(log, index, size.shards, size.dedup)


def make_ngrams(context: StageContext, size: Size) -> None:
    """Of each shard's runs the hashes of partition 0."""
    rng, in_shard = np.random.default_rng(2), size.of(NGRAMS) // size.shards
    runs = max(-(-in_shard // RUN), 1)
    for shard in range(size.shards):
        with open(context.scratch_path(f"hashes-{shard:05d}.runs"), "wb") as file:
            for _ in range(runs):
                hashes = np.unique(rng.integers(0, 2**64 // size.partitions, in_shard // runs // size.partitions, np.uint64))
                file.write(np.uint64(len(hashes)).tobytes() + hashes.tobytes())


def manifest(log: TaskRun, size: Size) -> None:
    """Reports of dedup: signatures when a shard is signed, its corpus and its pairs when it is decided."""
    measured = {"seconds": 1.0, "cpu_seconds": 1.0, "peak_memory_bytes": 2**20, "seen": 0}
    reports = []
    for phase, files, tasks in (("sign", 1, size.shards), ("join", 0, size.partitions), ("decide", 2, size.shards)):
        for task in range(tasks):
            outputs = [OutputFile(f"{phase}-{file}/shard-{task:05d}.parquet", 1, 1, f"{task:064x}") for file in range(files)]
            reports.append(Report(f"{phase}-{task:05d}", files=outputs, measured=dict(measured)))
    facts: dict[str, Any] = {"fingerprint": "", "configuration": {}, "inputs": {}, "sources": []}
    build_manifest("dedup", "documents", reports, **facts).write(log.context.scratch_path("manifest.json"))


Make = Callable[[StageContext, Size], None]
STEPS: dict[str, tuple[Make | None, Callable[[TaskRun, Size], None], str]] = {
    "links group": (make_links, lambda log, size: group_shard(log, 0, size.pieces(DUMPS), LinksSection()), "links"),
    "dedup rank": (make_dedup, lambda log, size: rank_documents(log, 0, size.shards, size.dedup), "dedup"),
    "dedup join": (None, lambda log, size: join_partition(log, 0, size.shards, size.dedup), "dedup"),
    "dedup verify": (make_candidates, verify, "dedup"),
    "dedup settle": (None, lambda log, size: choose_all_survivors(log, 0, size.shards, size.dedup), "dedup"),
    "ngrams filter": (
        make_ngrams,
        lambda log, size: build_filter(log, 0, size.shards, size.ngrams),
        "ngrams",
    ),
    "manifest": (None, manifest, "links"),
}


def anonymous_memory() -> int:
    found = re.search(r"^RssAnon:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def step_in(step: str, build: Path, size: Size) -> Callable[[], tuple[int, int]]:
    """Runs a step on what lies in the directory; returns the anonymous memory before and at its highest."""

    def run_step() -> tuple[int, int]:
        before = anonymous_memory()
        highest, ended = [before], threading.Event()

        def watch() -> None:
            while not ended.wait(0.005):
                highest.append(max(highest.pop(), anonymous_memory()))

        watcher = threading.Thread(target=watch)
        watcher.start()
        run_task(StageContext(build, STEPS[step][2], "scale"), step.replace(" ", "-"), STEPS[step][1], size)
        ended.set()
        watcher.join()
        return before, max(highest[0], anonymous_memory())

    return run_step


def measure(size: Size, build: Path) -> dict[str, Figures]:
    """All steps for a part of the corpus, one after another on the same directory."""
    figures = {}
    for step, (make, _, name) in STEPS.items():
        context = StageContext(build, name, "scale")
        context.scratch_path("x").parent.mkdir(parents=True, exist_ok=True)
        if make is not None:
            make(context, size)
        found = alone(step_in, step, build, size)
        before, own = found["result"]
        figures[step] = {"cpu_seconds": found["cpu_seconds"], "own_bytes": own, "peak_bytes": found["peak_bytes"], "above": own - before}
        if step in ("links group", "ngrams filter"):
            for path in context.scratch_path("x").parent.iterdir():
                path.unlink()
    return figures


def steps(options: argparse.Namespace) -> Figures:
    scale, began = 0.01 if options.quick else options.scale, time.perf_counter()
    few, many = (measure(Size(scale, part, options.shards), options.directory / str(part)) for part in (0.25, 1.0))
    rows: Figures = {"scale": scale, "shards": options.shards, "seconds": time.perf_counter() - began}
    for step, row in many.items():
        quarter = {f"quarter_{key}": value for key, value in few[step].items() if key != "above"}
        rows[step] = {**row, **quarter, "grew": row.pop("above") / max(few[step]["above"], 2**20)}
    return rows


OPTIONS = {
    "--scale": {"type": float, "default": 1.0, "help": "of WebText; 1 is all of it"},
    "--shards": {"type": int, "default": SHARDS, "help": "of the whole"},
}

if __name__ == "__main__":
    run(__doc__, {"steps": steps}, OPTIONS)
