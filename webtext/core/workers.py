"""Worker processes of a build, and the wait for those whose launcher was killed.

A worker notices a little after its launcher that it is an orphan. Until then it may still write, so that the next build in the
directory waits for it.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path

import psutil

from webtext.core.errors import WebtextError

WORKERS_LOCK = ".workers"
LAUNCHER = "WEBTEXT_LAUNCHER"  # environment variable: process id
PATIENCE_SECONDS = 30.0
POLL_SECONDS = 0.1

_held: dict[Path, int] = {}
_launcher: psutil.Process | None = None  # in a worker


def announce_launcher() -> None:
    """Let the processes that this one starts know whose workers they are."""
    os.environ[LAUNCHER] = str(os.getpid())


def mark_worker(build: Path) -> None:
    """In a worker of this machine: say that it works in the build, until it ends; it ends with its launcher.

    In the launcher itself, and on an engine whose workers are not its children, there is nothing to say.
    """
    global _launcher
    pid = int(os.environ.get(LAUNCHER, "0"))
    if pid in (0, os.getpid()):
        return
    if build not in _held:
        _held[build] = os.open(build / WORKERS_LOCK, os.O_RDONLY | os.O_CREAT, 0o644)
        fcntl.flock(_held[build], fcntl.LOCK_SH)
    if _launcher is None:
        # NB: not the parent, which is a shell of the local runner's and stays.
        _launcher = psutil.Process(pid)
        threading.Thread(target=_end_with_launcher, daemon=True).start()


def _end_with_launcher() -> None:
    while True:
        end_if_orphaned()
        time.sleep(POLL_SECONDS)


def end_if_orphaned() -> None:
    """End a worker whose launcher is gone. Asked before something is put on record that the launcher's end may have caused."""
    if _launcher is not None and not (_launcher.is_running() and _launcher.status() != psutil.STATUS_ZOMBIE):
        os._exit(1)


def await_workers(build: Path) -> None:
    """Wait until no worker of an earlier run is left. Raises WebtextError if one stays."""
    descriptor = os.open(build / WORKERS_LOCK, os.O_RDONLY | os.O_CREAT, 0o644)
    end = time.monotonic() + PATIENCE_SECONDS
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > end:
                    raise WebtextError(f"{build}: a worker of an earlier build still runs here; end it and run again") from None
                time.sleep(0.05)
    finally:
        os.close(descriptor)
