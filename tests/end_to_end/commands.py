"""The command line as a process, and what a build directory holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from webtext.core.directories import DIRECTORIES

ROOT = Path(__file__).resolve().parents[2]
WEBTEXT = [sys.executable, "-m", "webtext.cli.main"]


def webtext(*arguments: object, status: int = 0, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; its exit status must be `status`."""
    line = [*WEBTEXT, *map(str, arguments)]
    ended = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
    assert ended.returncode == status, f"{line}\nstatus {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended


def manifests(build: Path) -> dict[str, dict[str, Any]]:
    """All manifests of a build without what was measured."""
    found = {}
    for stage, directory in DIRECTORIES.items():
        path = build / directory / "manifest.json"
        if path.exists():
            value = json.loads(path.read_text())
            del value["measured"]
            found[stage] = value
    return found


def kill_when(line: list[str], build: Path, stage: str, report: str, timeout: float = 120) -> bool:
    """Run a command and kill it (-9) as soon as a stage has a finished task that matches; False where it ended before."""
    work = build / DIRECTORIES[stage] / ".work"
    running = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + timeout
    try:
        while running.poll() is None:
            if any(work.glob(report)):
                os.kill(running.pid, 9)
                return True
            assert time.monotonic() < end, f"{stage} has not begun after {timeout} s"
            time.sleep(0.005)
        return False
    finally:
        running.kill()
        running.wait()
