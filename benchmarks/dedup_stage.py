"""Runs `dedup` over documents/ of a directory in worker processes, without Beam: `dedup_stage.py BUILD [--workers N] [--shuffle SEED]`.

Writes phases.json: of each phase the seconds, the processor seconds of its tasks and the highest memory of a worker so far.
NB: every worker imports this file, so it imports nothing that the stage does not.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from webtext.core.config import DedupSection
from webtext.core.task import StageContext, run_task
from webtext.dedup import phases

SECTION = DedupSection(partitions=8)


def place_of(build: Path) -> StageContext:
    return StageContext(build, "duplicates", "benchmark")


def run_stage(build: Path, workers: int, shuffle: int | None) -> dict[str, dict[str, float]]:
    """Run the phases, each over its tasks in order, or in an order by the seed `shuffle`."""
    context = place_of(build)
    shards = len(list((build / "documents").glob("shard-*.parquet")))
    parts, stage, partitions = range(shards), range(1), range(SECTION.partitions)
    steps: list[tuple[str, Callable[..., Any], range]] = [
        ("sign", phases.sign_shard, parts),
        ("rank", phases.rank_documents, stage),
        ("join", phases.join_partition, partitions),
        ("verify", phases.verify_range, partitions),
        ("settle", phases.settle_stage, stage),
        ("decide", phases.decide_shard, parts),
    ]
    found = {}
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        for name, function, tasks in steps:
            order = list(tasks) if shuffle is None else random.Random(shuffle).sample(tasks, len(tasks))
            began = time.perf_counter()
            futures = [pool.submit(run_task, context, f"{name}-{task:05d}", function, task, shards, SECTION) for task in order]
            measured = [future.result().measured for future in futures]
            found[name] = {
                "seconds": round(time.perf_counter() - began, 2),
                "cpu_seconds": round(sum(one["cpu_seconds"] for one in measured), 2),
                "worker_mb": round(max(one["peak_memory_bytes"] for one in measured) / 1e6),
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shuffle", type=int, metavar="SEED")
    options = parser.parse_args()
    found = run_stage(options.build, options.workers, options.shuffle)
    (options.build / "phases.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
