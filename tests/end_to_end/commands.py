"""The command line as a process, and what a build directory holds."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from pipelines.fork_server import ForkServer
from webtext.core.directories import DIRECTORIES, manifest_path, work_directory
from webtext.core.tables import read_table

ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def _server() -> ForkServer:
    """Imports what commands need once for all of this process's tests; some 300 commands would take 2 to 6 seconds each."""
    graphs = ("links", "fetch", "extract", "clean", "dedup", "ngrams", "overlap", "tokenizer", "tokenize")
    return ForkServer("webtext.cli.commands", "pipelines.engine", *(f"pipelines.{name}" for name in graphs))


def line_of(*arguments: object, main: str = "webtext.cli.main:main") -> list[str]:
    """The command line of `webtext` with these arguments, or of another function that takes a list of them."""
    return [*_server().command(main), *map(str, arguments)]


def webtext(*arguments: object, status: int = 0, timeout: float = 1500) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; its exit status must be `status`."""
    line = line_of(*arguments)
    ended = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
    assert ended.returncode == status, f"{line}\nstatus {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended


def manifests(build: Path) -> dict[str, dict[str, Any]]:
    """All manifests of a build without what was measured."""
    found = {}
    for stage in DIRECTORIES:
        path = build / manifest_path(stage)
        if path.exists():
            value = json.loads(path.read_text())
            del value["measured"]
            found[stage] = value
    return found


# SHA-256 of the corpus of two builds: of its rows as JSON, and of its files as the pinned Arrow writes them. A change of either changes
# what users get: it belongs in the changelog, and the version of the stage that causes it is raised.
ARROW = "25.0.1"
CORPUS = {
    "demo": (
        "f0cc094466f96b77d7edec4e404e95a24f8ac276b8d4a8011636898a25a08934",
        "68090d9a13d456d3759577f58384a13a0de98ba9d53e2413431e8ceb2e98e534",
    ),
    "wcxb": (
        "361224f83fb64b702eecd22712d37fe19d015992dcc92fb2e287796fdea9db15",
        "b7954647878848d89da788efefd41b6ce7be8d4e9a036afcd530b68610a98f8f",
    ),
}


def assert_corpus_is(name: str, build: Path) -> None:
    """The corpus of a build is the one that CORPUS has, row for row, and byte for byte where Arrow is the pinned one."""
    rows, files = hashlib.sha256(), hashlib.sha256()
    for path in sorted((build / "corpus").glob("shard-*.parquet")):
        files.update(path.read_bytes())
        for row in read_table(path):
            assert row.pop("meta") is None  # the hash of the rows is older than this column, which only records of one's own files fill
            rows.update(orjson.dumps(row, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))
    assert rows.hexdigest() == CORPUS[name][0]
    if pa.__version__ == ARROW:
        assert files.hexdigest() == CORPUS[name][1]


def kill_when(line: list[str], build: Path, stage: str, report: str, timeout: float = 900) -> bool:
    """Run a command and kill it (-9) as soon as a stage has a finished task that matches; False where it ended before."""
    work = build / work_directory(stage)
    running = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + timeout
    try:
        while running.poll() is None:
            if any(work.glob(report)):
                os.kill(running.pid, 9)
                return True
            assert time.monotonic() < end, f"{stage} has not begun after {timeout} s"
            time.sleep(0.002)
        return False
    finally:
        running.kill()
        running.wait()
