"""A build of WebText's shape, simulated and sampled by partition: does any step need memory that grows with the corpus?

    python benchmarks/scale.py [--scale 1.0] [--shards 256] [--json FILE] [--place DIR]

Whole (`--scale 1`): 45 M URLs with 58 M posts, 8 M documents, 6.5 G distinct 8-grams. It takes some 15 minutes, 9 GB of disk and 2 GB of
memory on two processors; `--scale 0.01` some 40 seconds. Every step runs twice in a process of its own: for a quarter of the corpus and for
all of it, with four times as many shards and partitions, so that a partition is as large in both. `--shards` cuts the same corpus into
more of them: what depends on their number shows there. The real functions of the phases do the work; made up is what lies on the disk
before them:

    links group    one shard                              its posts in the batches of spills as `parse` writes them, other shards' empty
    dedup rank     all documents                          times, scores and URLs at random
    dedup join     one partition of 64                    every twentieth document has a near copy; all signatures are there, 512 bytes each
    dedup verify   all ranges                             the candidates of those copies; every fifth copy is doubtful: shingles decide
    dedup settle   all documents
    ngrams filter  one partition of 64                    hashes at random, in as many sorted runs as shards of that size write
    manifest       the launcher's part of dedup           reports of all tasks; each shard has three files

Memory: `own` is the highest anonymous resident memory (RssAnon, looked at every 5 ms), `all` the highest resident memory with the pages of
mapped files that the system may drop at any time (VmHWM). `grew` compares `own`, above what the process had before the step, with that at a
quarter of the corpus.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from webtext.core.config import DedupSection, LinksSection, NgramsSection
from webtext.core.files import writing
from webtext.core.manifest import close
from webtext.core.task import OutputFile, Report, StageContext, TaskRun, run_task
from webtext.dedup.packed import PackedWriter, offsets_of, writing_packed
from webtext.dedup.phases import CANDIDATES, _candidates, join_partition, rank_documents, settle_stage, verify_range
from webtext.dedup.rank import Order
from webtext.dedup.settle import CROWDED, range_bounds
from webtext.dedup.signed import BANDS, RANKED, SHINGLES, SIGNATURES, scratch_path, signature_path
from webtext.links.phases import ROUND_POSTS, ROUND_SHARD, SPILL, group_shard
from webtext.ngrams.phases import build_filter
from webtext.ngrams.runs import RUN

URLS, POSTS, DOCUMENTS, NGRAMS = 45_000_000, 58_000_000, 8_000_000, 6_500_000_000
SHARDS, PARTITIONS, DUMPS = 256, 64, 12  # of the whole
TWIN_EVERY = 20  # documents
SHINGLES_EACH = 20
BAND_COUNT = 18


@dataclass(frozen=True)
class Size:
    """A corpus: a share of WebText, cut so that a shard and a partition are as large for each `part` of one scale."""

    scale: float
    part: float
    all_shards: int = SHARDS

    def of(self, whole: int) -> int:
        return max(int(whole * self.scale * self.part), 1)

    @property
    def shards(self) -> int:
        return max(int(self.all_shards * self.part), 1)

    @property
    def partitions(self) -> int:
        return max(int(PARTITIONS * self.part), 1)

    @property
    def dumps(self) -> int:
        return max(int(DUMPS * self.part), 1)

    @property
    def part_documents(self) -> int:
        return max(self.of(DOCUMENTS) // self.shards // TWIN_EVERY, 1) * TWIN_EVERY

    @property
    def dedup(self) -> DedupSection:
        return DedupSection(partitions=self.partitions)


def status(name: str) -> int:
    found = re.search(rf"^{name}:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


class Watch:
    """The highest anonymous memory while a block runs, processor and clock seconds."""

    def __enter__(self) -> Watch:
        self.before = self.own = status("RssAnon")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        self._cpu, self._clock = time.process_time(), time.perf_counter()
        return self

    def _look(self) -> None:
        while not self._stop.wait(0.005):
            self.own = max(self.own, status("RssAnon"))

    def __exit__(self, *_: object) -> None:
        self.cpu, self.clock = time.process_time() - self._cpu, time.perf_counter() - self._clock
        self._stop.set()
        self._thread.join()
        self.own = max(self.own, status("RssAnon"))


def make_links(context: StageContext, size: Size) -> None:
    rng = np.random.default_rng(1)
    shard_posts = size.of(POSTS) // size.shards
    each = max(ROUND_POSTS // size.shards, ROUND_SHARD)
    rounds = -(-shard_posts // (each * size.dumps))
    empty = pa.RecordBatch.from_pylist([], schema=SPILL)
    urls = size.of(URLS) // size.shards
    for dump in range(size.dumps):
        schema = SPILL.with_metadata({"shards": str(size.shards)})
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with (
            writing(context.scratch_path(f"parse-{dump:05d}.arrow")) as output,
            pa.ipc.new_file(output.file, schema, options=options) as writer,
        ):
            for _ in range(rounds):
                numbers = rng.integers(0, urls, each)
                ids = rng.integers(0, 2**40, each)
                columns = [
                    [f"http://host-{number % 997}.example/articles/2017/{number:012d}/some-words-of-a-title" for number in numbers],
                    [f"{number:x}" for number in ids],
                    ["subreddit"] * each,
                    rng.integers(3, 5000, each),
                    rng.integers(1_150_000_000, 1_514_000_000, each),
                    [False] * each,
                    [f"A title as posts have it, {number} and some sixty characters long" for number in numbers],
                ]
                arrays = [pa.array(column, field.type) for column, field in zip(columns, SPILL)]
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=SPILL))
                for _ in range(size.shards - 1):
                    writer.write_batch(empty)


def links(log: TaskRun, size: Size) -> None:
    group_shard(log, 0, size.dumps, LinksSection())


def mixed(numbers: np.ndarray) -> np.ndarray:
    """splitmix64's finaliser: numbers that look random."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(numbers ^ (numbers >> np.uint64(31)))


def make_dedup(context: StageContext, size: Size) -> None:
    """The files of sign, for all parts; of the band keys those of partition 0 alone."""
    count = size.part_documents
    rows = np.arange(count, dtype=np.int64)
    twins = rows[1::TWIN_EVERY]  # each a copy of the document before it
    doubtful = twins[::5]
    for part in range(size.shards):
        rng = np.random.default_rng(part)
        signatures = rng.integers(0, 2**32, (count, 128), np.uint32)
        signatures[twins] = signatures[twins - 1]
        signatures[doubtful, ::5] += np.uint32(1)
        sets = np.sort(rng.integers(0, 2**32, (count, SHINGLES_EACH), np.uint32), axis=1)
        sets[twins] = sets[twins - 1]
        path = context.build / signature_path(part)
        path.parent.mkdir(parents=True, exist_ok=True)
        hashes = rng.integers(0, 256, (count, 16), np.uint8)
        with open(path, "wb") as file:
            packed = PackedWriter(file, SIGNATURES)
            packed.count = count
            packed.add("signatures", signatures)
            packed.add("text_hashes", hashes)
            packed.close()
        with writing_packed(scratch_path(context, part, SHINGLES), SHINGLES) as packed:
            packed.count = count
            packed.add("shingles", sets.ravel())
            packed.add("offsets", offsets_of(np.full(count, SHINGLES_EACH)))
        with writing_packed(scratch_path(context, part, RANKED), RANKED) as packed:
            packed.count = count
            urls = "".join(f"http://host-{part:05d}.example/articles/2017/{row:012d}/some-words".ljust(64, "-") for row in range(count))
            packed.add("created_utc", np.sort(rng.integers(1_150_000_000, 1_514_000_000, count)))
            packed.add("minus_score", -rng.integers(3, 5000, count))
            packed.add("text_hashes", hashes)
            packed.add("rows", rows)
            packed.add("places", rows)
            packed.add("urls", np.frombuffer(urls.encode(), np.uint8))
            packed.add("url_offsets", offsets_of(np.full(count, 64)))
        cluster = rows.copy()
        cluster[twins] -= 1
        numbers = (cluster + part * count).astype(np.uint64)[:, None] * np.uint64(BAND_COUNT) + np.arange(BAND_COUNT, dtype=np.uint64)
        keys = mixed(numbers)
        row, band = np.nonzero(keys % np.uint64(size.partitions) == 0)
        with writing_packed(scratch_path(context, part, BANDS), BANDS) as packed:
            packed.count = len(row)
            packed.add("keys", keys[row, band])
            packed.add("rows", row)
            packed.add("starts", np.array([0] + [len(row)] * size.partitions, np.int64))


def rank(log: TaskRun, size: Size) -> None:
    rank_documents(log, 0, size.shards, size.dedup)


def join(log: TaskRun, size: Size) -> None:
    join_partition(log, 0, size.shards, size.dedup)


def make_candidates(context: StageContext, size: Size) -> None:
    """What the other partitions would have found: a pair meets in about as many of them as it has bands there."""
    order = Order(context)
    rows = np.arange(size.part_documents, dtype=np.int64)[1::TWIN_EVERY]
    numbers = (np.arange(size.shards, dtype=np.int64)[:, None] * size.part_documents + rows).ravel()
    equal = np.where(np.arange(len(rows)) % 5 == 0, 128 - 26, 128)
    pairs = np.stack((order.ordinals(numbers), order.ordinals(numbers - 1)))
    found = np.stack((pairs.max(0), pairs.min(0), np.tile(equal, size.shards), np.zeros(len(numbers), np.int64)), axis=1)
    found = found[np.argsort(found[:, 0])]
    for partition in range(1, size.partitions):
        met = mixed(found[:, 0].astype(np.uint64) * np.uint64(4099) + np.uint64(partition)) % np.uint64(size.partitions) < BAND_COUNT
        with writing_packed(_candidates(context, partition), CANDIDATES) as packed:
            packed.count = int(met.sum())
            packed.add("pairs", found[met])
            packed.add("starts", np.searchsorted(found[met][:, 0], range_bounds(order.documents, size.partitions)))
        with writing_packed(context.scratch_path(f"crowded-{partition:05d}"), CROWDED) as packed:
            for name in ("members", "leading", "bounds"):
                packed.add(name, np.empty(0, np.int64))


def verify(log: TaskRun, size: Size) -> None:
    for index in range(size.partitions):
        verify_range(log, index, size.shards, size.dedup)


def settle(log: TaskRun, size: Size) -> None:
    settle_stage(log, 0, size.shards, size.dedup)


def make_ngrams(context: StageContext, size: Size) -> None:
    """Of each shard's runs the hashes of partition 0."""
    rng = np.random.default_rng(2)
    in_shard = size.of(NGRAMS) // size.shards
    runs = max(-(-in_shard // RUN), 1)
    each = in_shard // runs // size.partitions
    for shard in range(size.shards):
        with open(context.scratch_path(f"hashes-{shard:05d}.runs"), "wb") as file:
            for _ in range(runs):
                hashes = np.unique(rng.integers(0, 2**64 // size.partitions, each, np.uint64))
                file.write(np.uint64(len(hashes)).tobytes() + hashes.tobytes())


def ngrams(log: TaskRun, size: Size) -> None:
    build_filter(log, 0, size.shards, NgramsSection(partitions=size.partitions))


def manifest(log: TaskRun, size: Size) -> None:
    """Reports of dedup: signatures when a shard is signed, its corpus and its pairs when it is decided."""
    reports = [
        Report(
            f"{phase}-{task:05d}",
            files=[OutputFile(f"{phase}-{file}/shard-{task:05d}.parquet", 1, 1, f"{task:064x}") for file in range(files)],
            measured={"seconds": 1.0, "cpu_seconds": 1.0, "peak_memory_bytes": 2**20, "seen": 0},
        )
        for phase, files, tasks in (("sign", 1, size.shards), ("join", 0, size.partitions), ("decide", 2, size.shards))
        for task in range(tasks)
    ]
    facts: dict[str, Any] = {"fingerprint": "", "configuration": {}, "inputs": {}, "sources": []}
    close("dedup", "documents", reports, **facts).write(log.context.scratch_path("manifest.json"))


Make = Callable[[StageContext, Size], None]
STEPS: dict[str, tuple[Make | None, Callable[[TaskRun, Size], None], str]] = {
    "links group": (make_links, links, "links"),
    "dedup rank": (make_dedup, rank, "corpus"),
    "dedup join": (None, join, "corpus"),
    "dedup verify": (make_candidates, verify, "corpus"),
    "dedup settle": (None, settle, "corpus"),
    "ngrams filter": (make_ngrams, ngrams, "ngrams"),
    "manifest": (None, manifest, "links"),
}


def run_step(step: str, build: Path, size: Size) -> dict[str, Any]:
    """Run a step in this process on what lies in the directory."""
    _, function, directory = STEPS[step]
    with Watch() as watch:
        run_task(StageContext(build, directory, "scale"), step.replace(" ", "-"), function, size)
    return {"own": watch.own, "above": watch.own - watch.before, "all": status("VmHWM"), "cpu": watch.cpu, "seconds": watch.clock}


def measure(size: Size, context: Path) -> dict[str, dict[str, Any]]:
    """All steps for a part of the corpus, one after another on the same directory."""
    figures = {}
    with tempfile.TemporaryDirectory(dir=context, prefix="webtext-scale-") as directory:
        build = Path(directory)
        for step, (make, _, name) in STEPS.items():
            here = StageContext(build, name, "scale")
            here.scratch_path("x").parent.mkdir(parents=True, exist_ok=True)
            if make is not None:
                make(here, size)
            command = [sys.executable, __file__, "--step", step, "--scale", str(size.scale), "--part", str(size.part)]
            command += ["--shards", str(size.all_shards), "--place", directory]
            done = subprocess.run(
                command, stdout=subprocess.PIPE, check=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
            )
            figures[step] = json.loads(done.stdout)
            if step in ("links group", "ngrams filter"):
                for path in here.scratch_path("x").parent.iterdir():
                    path.unlink()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="of WebText; 1 is all of it")
    parser.add_argument("--shards", type=int, default=SHARDS, help="of the whole")
    parser.add_argument("--place", type=Path, help="directory with room for the files")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--part", type=float, default=1.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(run_step(options.step, options.place, Size(options.scale, options.part, options.shards))))
        return
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    whole, part = Size(options.scale, 1.0, options.shards), Size(options.scale, 0.25, options.shards)
    rows = f"{whole.of(URLS):,} URLs, {whole.of(DOCUMENTS):,} documents, {whole.of(NGRAMS):,} 8-grams"
    print(f"{machine}; {rows}; {whole.shards:,} shards, {PARTITIONS} partitions")
    quarter, all_ = measure(part, options.place), measure(whole, options.place)
    print(f"{'':<14} {'CPU s':>8} {'own MB':>8} {'all MB':>8}   quarter: {'own MB':>8} {'all MB':>8} {'grew':>6}")
    for step in STEPS:
        few, many = quarter[step], all_[step]
        grew = many["above"] / max(few["above"], 2**20)
        print(
            f"{step:<14} {many['cpu']:>8.1f} {many['own'] / 1e6:>8,.0f} {many['all'] / 1e6:>8,.0f}"
            f"            {few['own'] / 1e6:>8,.0f} {few['all'] / 1e6:>8,.0f} {grew:>5.2f}x"
        )
    if options.json:
        figures = {"machine": machine, "scale": options.scale, "shards": options.shards, "quarter": quarter, "whole": all_}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
