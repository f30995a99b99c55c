from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

WORKER = """
import sys, time
from pathlib import Path
from webtext.core.workers import mark_worker
mark_worker(Path(sys.argv[1]))
print("up", flush=True)
time.sleep(60)
"""
# Through a shell, as the local runner starts its workers, and with something left to do for the shell.
LAUNCHER = """
import subprocess, sys
from webtext.core.workers import announce_launcher
announce_launcher()
subprocess.run(f"{sys.executable} {sys.argv[1]} {sys.argv[2]}; true", shell=True)
"""


def test_a_worker_ends_with_its_launcher_and_the_next_build_waits_for_it(tmp_path: Path) -> None:
    from webtext.core.workers import WORKERS_LOCK, await_workers

    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    launcher = subprocess.Popen([sys.executable, "-c", LAUNCHER, str(script), str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert launcher.stdout is not None
    assert launcher.stdout.readline() == "up\n"
    # Workers share the lock, so that several work in a build; the next build needs it for itself alone.
    with open(tmp_path / WORKERS_LOCK) as lock:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(lock, fcntl.LOCK_UN)
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.kill(launcher.pid, 9)
    launcher.wait()
    start = time.monotonic()
    await_workers(tmp_path)
    assert time.monotonic() - start < 20  # the worker itself would have slept for a minute
