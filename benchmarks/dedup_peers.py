"""The peers of benchmarks/dedup.py, and the measure of a command: what is run is the peer's own program, in a Python of its own."""

from __future__ import annotations

import gzip
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
from dedup_corpus import SHARDS

Figures = dict[str, Any]

DATATROVE = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter
base, workers, shards = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
config, work = MinhashConfig(n_grams=5), base + "/datatrove"
def run(tasks, *steps):
    logs = f"{work}/logs/{type(steps[-1]).__name__}"  # a directory for each: datatrove takes what one says of finished tasks for its own
    LocalPipelineExecutor(pipeline=list(steps), tasks=tasks, workers=workers, logging_dir=logs).run()
if __name__ == "__main__":
    reader = JsonlReader(base + "/jsonl")
    run(shards, reader, MinhashDedupSignature(output_folder=work + "/signatures", config=config, skip_existing_sigs=False))
    run(config.num_buckets, MinhashDedupBuckets(input_folder=work + "/signatures", output_folder=work + "/buckets", config=config))
    run(1, MinhashDedupCluster(input_folder=work + "/buckets", output_folder=work + "/remove", config=config))
    run(shards, reader, MinhashDedupFilter(input_folder=work + "/remove"), JsonlWriter(work + "/out"))
"""


def datatrove(python: str, peers: Path, workers: int) -> tuple[list[str], Callable[[], int]]:
    """The command, and what counts the documents that it kept."""
    script = peers / "run_datatrove.py"
    script.write_text(DATATROVE)

    def kept() -> int:
        return sum(sum(1 for _ in gzip.open(path)) for path in (peers / "datatrove" / "out").glob("*.jsonl.gz"))

    return [python, str(script), str(peers), str(workers), str(SHARDS)], kept


def text_dedup(python: str, peers: Path, workers: int) -> tuple[list[str], Callable[[], int]]:
    out = peers / "text-dedup"
    options = {
        "path": "parquet",
        "data_files": str(peers / "parquet" / "*.parquet"),
        "split": "train",
        "cache_dir": str(peers / "cache"),
        "output": str(out),
        "column": "text",
        "batch_size": "10000",
        "num_proc": str(workers),
        "ngram": "5",
        "num_perm": "128",
        "threshold": "0.8",
        "min_length": "1",
        "hash_func": "xxh3",
        "hash_bits": "32",
    }
    command = [python, "-m", "text_dedup.minhash", *(part for name, value in options.items() for part in (f"--{name}", value))]

    def kept() -> int:
        return sum(pa.ipc.open_stream(pa.memory_map(str(path))).read_all().num_rows for path in out.glob("*.arrow"))

    return command, kept


def measured(command: list[str]) -> Figures:
    """Run a command. Returns its seconds, processor seconds, and the peak of the proportional set sizes of its process tree in MB."""
    peak = 0
    processor: dict[tuple[int, float], float] = {}  # by process, as last seen: not every peer waits for its workers
    began = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "HF_HUB_OFFLINE": "1"})
        ended = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not ended.wait(0.2):
                size = 0
                try:
                    family = [root := psutil.Process(process.pid), *root.children(recursive=True)]
                except psutil.NoSuchProcess:
                    return
                for one in family:
                    try:
                        size += one.memory_full_info().pss
                        used = one.cpu_times()
                        processor[one.pid, one.create_time()] = used.user + used.system
                    except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
                        continue
                peak = max(peak, size)

        watcher = threading.Thread(target=watch)
        watcher.start()
        status = process.wait()
        ended.set()
        watcher.join()
        seconds = time.perf_counter() - began
        if status:
            log.seek(0)
            raise SystemExit(f"{' '.join(command[:3])} ended with {status}:\n{log.read()[-3000:].decode(errors='replace')}")
    return {"seconds": round(seconds, 1), "cpu_seconds": round(sum(processor.values()), 1), "peak_mb": round(peak / 1e6)}
