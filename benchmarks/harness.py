"""What the benchmarks share: their command line, the data directory, measuring, peers in turn, tables, `--json`.

A benchmark is a file with named parts, run as `python -m benchmarks.NAME`. A part is a function of the options that returns its figures.
Peers are measured in turn in one run, each round all of them, and the median of the rounds counts. Where memory is measured, each has a
process of its own. A peer that is not installed is named; `pip install -r requirements/benchmarks.txt` has them all.

Every benchmark takes --only PART, --quick (small sizes, to see that it runs), --rounds N, --work DIR (room for files) and --json FILE
(all figures). The exit status is 1 where a bar does not hold, except with --quick.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from webtext.core.memory import peak_memory

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("WEBTEXT_DATA", ROOT.parent / "shared" / "data"))
WEBTEXT = [sys.executable, "-m", "webtext.cli.main"]

Figures = dict[str, Any]
Part = Callable[[argparse.Namespace], Figures]
MISSING: list[str] = []  # peers that were asked for and are not installed


@dataclass(frozen=True)
class Timing:
    """The rounds of a peer in seconds, and what its last round returned."""

    rounds: list[float]
    result: Any

    @property
    def seconds(self) -> float:
        return statistics.median(self.rounds)


def in_turn(peers: Mapping[str, Callable[[], Any]], rounds: int, clock: Callable[[], float] = time.process_time) -> dict[str, Timing]:
    """Run every peer once a round, so that other work on the machine slows all of them. Processor time unless `clock` is another."""
    timings: dict[str, Timing] = {}
    for _ in range(rounds):
        for name, peer in peers.items():
            start = clock()
            result = peer()
            seconds = clock() - start
            timings[name] = Timing([*(timings[name].rounds if name in timings else []), seconds], result)
    return timings


def rates(timings: Mapping[str, Timing], count: float, ours: str = "webtext") -> Figures:
    """Of each peer: median seconds, `count` units a second, how many times as fast as it `ours` is, all rounds."""
    return {
        name: {
            "seconds": timing.seconds,
            "a_second": count / timing.seconds,
            "ours_is_times_as_fast": timing.seconds / timings[ours].seconds,
            "rounds": timing.rounds,
        }
        for name, timing in timings.items()
    }


def alone(prepare: Callable[..., Callable[[], Any]], *arguments: Any) -> Figures:
    """Run `prepare(*arguments)()` in a fresh process; the call of what `prepare` returned is measured.

    `start_*` is what the process took before it: imports and preparation. A function that the work returns is called after measuring.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_alone, prepare, *arguments).result()


def _alone(prepare: Callable[..., Callable[[], Any]], *arguments: Any) -> Figures:
    began = time.perf_counter()
    work = prepare(*arguments)
    before, start, processor = peak_memory(), time.perf_counter(), time.process_time()
    result = work()
    return {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - processor,
        "peak_bytes": peak_memory(),
        "start_seconds": start - began,
        "start_bytes": before,
        "result": result() if callable(result) else result,
    }


def run_command(command: Sequence[str], cwd: Path = ROOT, **environment: str) -> Figures:
    """Run a program: seconds, processor seconds and peak memory (bytes, proportional set size) of all its processes together.

    Raises SystemExit with the end of its output where it fails.
    """
    peak = 0
    processor: dict[tuple[int, float], float] = {}  # by process, as last seen: not every program waits for its children
    began = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        process = psutil.Popen(command, cwd=cwd, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **environment})
        ended = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not ended.wait(0.1):
                peak = max(peak, _look(process, processor))

        watcher = threading.Thread(target=watch)
        watcher.start()
        status = process.wait()
        ended.set()
        watcher.join()
        seconds = time.perf_counter() - began
        if status:
            log.seek(0)
            raise SystemExit(f"{' '.join(command)}: status {status}\n{log.read()[-3000:].decode(errors='replace')}")
    return {"seconds": seconds, "cpu_seconds": sum(processor.values()), "peak_bytes": peak}


def _look(root: psutil.Process, processor: dict[tuple[int, float], float]) -> int:
    """Note the processor time of a process and all below it; returns their memory in bytes."""
    size = 0
    try:
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for each in family:
        try:
            memory = each.memory_full_info()
            size += getattr(memory, "pss", memory.rss)
            used = each.cpu_times()
            processor[each.pid, each.create_time()] = used.user + used.system
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            continue
    return size


def installed(module: str, package: str = "", python: str | None = None) -> bool:
    """Whether a peer can be imported, here or by the Python of another environment; names it where it cannot."""
    if python is None:
        found = importlib.util.find_spec(module) is not None
    else:
        found = not subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode
    if not found and (package or module) not in MISSING:
        MISSING.append(package or module)
        print(f"missing: {package or module} (pip install {package or module})")
    return found


def bar(name: str, measured: float, *, least: float | None = None, most: float | None = None) -> Figures:
    """A promise beside what was measured."""
    holds = (least is None or measured >= least) and (most is None or measured <= most)
    return {"name": name, "measured": measured, "least": least, "most": most, "holds": bool(holds)}


def show(title: str, rows: Mapping[str, Any]) -> None:
    """Print a table: a row for each mapping among `rows`, a column for each plain value in them; other values one a line."""
    print(f"\n{title}")
    tables = {name: row for name, row in rows.items() if isinstance(row, Mapping)}
    for name, value in rows.items():
        if name not in tables and not isinstance(value, list):
            print(f"  {name.replace('_', ' ')}: {_cell(name, value)}")
    columns = list(dict.fromkeys(key for row in tables.values() for key, value in row.items() if not isinstance(value, (list, dict))))
    if columns:
        cells = [["", *(column.replace("_", " ") for column in columns)]]
        cells += [[name, *(_cell(column, row.get(column, "")) for column in columns)] for name, row in tables.items()]
        widths = [max(len(row[index]) for row in cells) for index in range(len(columns) + 1)]
        for row in cells:
            print("  " + row[0].ljust(widths[0]) + "".join("  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:])))
    sys.stdout.flush()


def _cell(name: str, value: Any) -> str:
    if name.endswith(("bytes", "memory")) and isinstance(value, (int, float)) and value >= 1e5:
        return f"{value / 1e6:,.1f} MB"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def run(
    doc: str | None,
    parts: Mapping[str, Part],
    options: Mapping[str, Mapping[str, Any]] | None = None,
    bars: Callable[[Figures], Iterable[Figures]] | None = None,
) -> None:
    """The command line of a benchmark. `options` are further arguments by flag; `bars` judges the figures of the parts that ran."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(parts), default=list(parts), help="run these parts alone")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it runs, not to measure")
    parser.add_argument("--rounds", type=int, help="rounds of each peer (3; with --quick 1)")
    parser.add_argument("--work", type=Path, help="where files go, instead of the system's temporary directory")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    for flag, keywords in (options or {}).items():
        parser.add_argument(flag, **keywords)
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 3)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, load {os.getloadavg()[0]:.1f}")
    figures: Figures = {"machine": machine, "quick": arguments.quick, "rounds": arguments.rounds}
    for name in arguments.only:
        with tempfile.TemporaryDirectory(dir=arguments.work, prefix="webtext-benchmark-") as directory:
            arguments.directory = Path(directory)
            figures[name] = parts[name](arguments)
            show(name, figures[name])
    figures["missing"] = MISSING
    figures["bars"] = list(bars(figures)) if bars else []
    for each in figures["bars"]:
        limit = f"at least {each['least']:,.4g}" if each["least"] is not None else f"at most {each['most']:,.4g}"
        print(f"{'holds' if each['holds'] else 'FAILS'}  {each['name']}: {_cell('', each['measured'])}, {limit}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2, default=str) + "\n")
    sys.exit(0 if arguments.quick or all(each["holds"] for each in figures["bars"]) else 1)
