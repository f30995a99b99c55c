"""Links: submissions a second on one core beside plain Python, and the whole stage with two workers, in one run.

    python benchmarks/links.py                    # some minutes
    python benchmarks/links.py --rows 50000 --json figures.json

Parts:

    parse    reddit/submissions_2020-2022.ndjson.zst (about 79 fields and 2.4 kB a row) repeated to --rows rows, on one core in processor
             time. Plain Python is zstandard + json.loads + the same rules line by line, its results kept in memory: once with the URL
             parser by the book, once with ours, which has a short way for clean URLs. Ours is measured twice: what is asked of plain
             Python, and the whole task of the stage, with what is left out and what is kept written, hashed and synced. They take turns,
             and the best of --rounds counts: other work on the machine takes its caches from them.
    whole    `webtext links` over the 271,166 rows of reddit/top_2013_sample.ndjson.zst with --workers processes: time from start to end of
             the command, and peak memory (PSS of the process tree)
    shards   the same with 1 and with 8 shards: the links must be the same

Data are in $WEBTEXT_DATA (see README).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, cast

import orjson
import psutil
import zstandard

from webtext.core.config import LinksSection
from webtext.core.tables import read_table
from webtext.core.task import StageContext, TaskRun, run_task
from webtext.links import submissions, urls
from webtext.links.dumps import read_blocks
from webtext.links.judge import Judge
from webtext.links.phases import parse_dump
from webtext.links.scan import scan

DATA = Path(os.environ.get("WEBTEXT_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
SAMPLE = DATA / "reddit/submissions_2020-2022.ndjson.zst"
LOAD = DATA / "reddit/top_2013_sample.ndjson.zst"
SECTION = LinksSection(before=date(2100, 1, 1))
SHARDS = 16
Figures = dict[str, Any]


def repeated(rows: int, path: Path) -> int:
    """The sample's compressed frame as often as it takes; returns the rows of the file."""
    each = sum(block.count(b"\n") for block in read_blocks(SAMPLE))
    times = max(1, round(rows / each))
    with open(path, "wb") as file:
        for _ in range(times):
            file.write(SAMPLE.read_bytes())
    return each * times


def plain_python(path: Path) -> Counter[str]:
    """The peer: one line after another, and what becomes of it."""
    rules = submissions.Rules(SECTION, SHARDS)
    kept, reasons = [], Counter[str]()
    parser = vars(submissions)["orjson"]
    vars(submissions)["orjson"] = json
    try:
        with open(path, "rb") as file:
            stream = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(file, read_across_frames=True)
            for line in lines_of(stream):
                post = submissions.read_submission(line)
                url, shard, reason, _ = rules.judge(post.url, post.subreddit, post.created_utc, post.flags)
                reasons[reason] += 1
                if not reason:
                    kept.append((shard, url, post))
    finally:
        vars(submissions)["orjson"] = parser
    return reasons


def lines_of(stream: Any) -> Any:
    rest = b""
    while data := stream.read(2**20):
        *lines, rest = (rest + data).split(b"\n")
        yield from lines
    if rest:
        yield rest


def with_parser_by_the_book(path: Path) -> Counter[str]:
    vars(submissions)["canonical"] = urls.canonical_slowly
    try:
        return plain_python(path)
    finally:
        vars(submissions)["canonical"] = urls.canonical


class Unwritten:
    """In place of a task's log: counts and keeps what is left out, as plain Python does."""

    def __init__(self) -> None:
        self.records_in = 0
        self.reasons = Counter[str]()

    def reject(self, url: str, record_id: str, reason: str, detail: str = "") -> None:
        self.reasons[reason] += 1

    def progress(self, records: int) -> None:
        """Nobody watches."""


def ours_in_memory(path: Path) -> Counter[str]:
    log = Unwritten()
    judge = Judge(cast(TaskRun, log), str(path), submissions.Rules(SECTION, SHARDS))
    for block in read_blocks(path):
        judge.block(block)
    log.reasons[""] = len(judge.kept)
    return log.reasons


def ours(path: Path, build: Path) -> Counter[str]:
    report = run_task(StageContext(build, "links", "benchmark"), "parse-00000", parse_dump, 0, str(path), SECTION, SHARDS)
    reasons = Counter({name.removeprefix("rejected-"): count for name, count in report.counters.items()})
    reasons[""] = report.records_in - report.rejected
    return reasons


def timed(peer: Callable[[], Counter[str]]) -> tuple[float, Counter[str]]:
    start = time.process_time()
    result = peer()
    return time.process_time() - start, result


def parse(rows: int, rounds: int, work: Path) -> Figures:
    path = work / "RS.zst"
    rows = repeated(rows, path)
    list(scan(b'{"id":"a"}\n'))  # compiled or loaded: once in the life of an installation
    peers: dict[str, Callable[[], Counter[str]]] = {
        "this project": lambda: ours_in_memory(path),
        "this project, files written": lambda: ours(path, Path(tempfile.mkdtemp(dir=work))),
        "json.loads, parser by the book": lambda: with_parser_by_the_book(path),
        "json.loads, our URL parser": lambda: plain_python(path),
    }
    best = dict.fromkeys(peers, float("inf"))
    results = []
    for _ in range(rounds):
        for name, peer in peers.items():
            seconds, reasons = timed(peer)
            best[name] = min(best[name], seconds)
            results.append(reasons)
    if any(result != results[0] for result in results):
        raise SystemExit(f"the peers disagree: {results}")
    figures: Figures = {"rows": rows, "rounds": rounds}
    for name, seconds in best.items():
        figures[name] = {"seconds": round(seconds, 2), "rows_a_second": round(rows / seconds)}
        print(f"  {name:32} {rows / seconds:10,.0f} rows/s {seconds / rows * 1e6:7.2f} µs/row", flush=True)
    for name in list(peers)[2:]:
        for mine in list(peers)[:2]:
            times = round(figures[mine]["rows_a_second"] / figures[name]["rows_a_second"], 2)
            figures[name][f"times_slower_than_{mine}"] = times
            print(f"  {name:32} {times:10.2f} times slower than {mine}")
    return figures


def whole(work: Path, shards: int, workers: int) -> Figures:
    """The stage by its command; wall clock and memory of the process tree."""
    configuration = work / f"links-{shards}.toml"
    configuration.write_text(f'[build]\nshards = {shards}\n[run]\nworkers = {workers}\n[links]\ndumps = ["{LOAD}"]\n')
    out = work / f"links-{shards}"
    peak = [0]
    start = time.perf_counter()
    command = [sys.executable, "-m", "webtext.cli.main", "links", str(configuration), "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    watcher = threading.Thread(target=watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    if process.wait():
        raise SystemExit(f"{' '.join(command)} failed")
    seconds = time.perf_counter() - start
    figures = {"shards": shards, "workers": workers, "seconds": round(seconds, 1), "peak_mb": round(peak[0] / 1e6)}
    print(f"  {shards:3} shards, {workers} workers: {seconds:6.1f} s, {peak[0] / 1e6:5.0f} MB", flush=True)
    return figures


def watch(pid: int, peak: list[int]) -> None:
    """Keep the largest sum of the proportional set sizes of a process and its children."""
    try:
        process = psutil.Process(pid)
        while process.is_running():
            total = 0
            for one in [process, *process.children(recursive=True)]:
                try:
                    total += one.memory_full_info().pss
                except psutil.Error:
                    continue
            peak[0] = max(peak[0], total)
            time.sleep(0.1)
    except psutil.Error:
        return


def links_of(build: Path) -> bytes:
    rows = [row for path in sorted((build / "links").glob("shard-*.parquet")) for row in read_table(path)]
    return orjson.dumps(sorted(rows, key=lambda row: str(row["id"])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", choices=["parse", "whole"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures: Figures = {}
    work = Path(tempfile.mkdtemp(prefix="links-benchmark-"))
    try:
        if options.only != "whole":
            print("parse, one core")
            figures["parse"] = parse(options.rows, options.rounds, work)
        if options.only != "parse":
            print("whole stage, 271,166 rows")
            figures["whole"] = [whole(work, shards, options.workers) for shards in (16, 1, 8)]
            same = links_of(work / "links-1") == links_of(work / "links-8") == links_of(work / "links-16")
            figures["same_links_for_1_8_16_shards"] = same
            print(f"  links are the same for 1, 8 and 16 shards: {same}")
    finally:
        shutil.rmtree(work)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
