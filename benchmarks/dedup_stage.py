"""Runs `dedup` over documents/ of a directory in worker processes, without Beam: `dedup_stage.py BUILD [--workers N]`.

Writes phases.json: of each phase the seconds, the processor seconds of its tasks and the highest memory of a worker so far.
NB: every worker imports this file, so it imports nothing that the stage does not.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from webtext.core.config import DedupSection
from webtext.core.task import StageContext, run_task
from webtext.dedup import phases

SECTION = DedupSection(partitions=8)


def run_stage(build: Path, workers: int) -> dict[str, Any]:
    """Run the phases, each over its tasks."""
    context = StageContext(build, "dedup", "benchmark")
    shards, partitions = len(list((build / "documents").glob("shard-*.parquet"))), SECTION.partitions
    steps = [
        ("sign", phases.sign_shard, shards),
        ("rank", phases.rank_documents, 1),
        ("join", phases.join_partition, partitions),
        ("verify", phases.verify_range, partitions),
        ("choose", phases.choose_all_survivors, 1),
        ("decide", phases.decide_shard, shards),
    ]
    found = {}
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        for name, function, tasks in steps:
            began = time.perf_counter()
            further = ("documents",) if name in ("sign", "decide") else ()
            futures = [
                pool.submit(run_task, context, f"{name}-{task:05d}", function, task, shards, SECTION, *further) for task in range(tasks)
            ]
            measured = [future.result().measured for future in futures]
            found[name] = {
                "seconds": time.perf_counter() - began,
                "cpu_seconds": sum(one["cpu_seconds"] for one in measured),
                "peak_bytes": max(one["peak_memory_bytes"] for one in measured),
            }
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    (options.build / "phases.json").write_text(json.dumps(run_stage(options.build, options.workers)))
