"""Worker processes of a build, and the wait for those whose launcher was killed.

A worker ends shortly after its launcher. Until then it may still write, so the next build in the directory waits for it.
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

_lock_descriptors: dict[Path, int] = {}
_launcher: psutil.Process | None = None  # in a worker


def announce_launcher() -> None:
    """Set the environment variable by which the workers of this process find their launcher."""
    os.environ[LAUNCHER] = str(os.getpid())


def mark_worker(build: Path) -> None:
    """In a worker of this machine: hold the shared lock of the build's workers until the process ends, and end with the launcher.

    Does nothing in the launcher itself, and on an engine whose workers are not the launcher's children.
    """
    global _launcher
    pid = int(os.environ.get(LAUNCHER, "0"))
    if pid in (0, os.getpid()):
        return
    if build not in _lock_descriptors:
        _lock_descriptors[build] = os.open(build / WORKERS_LOCK, os.O_RDONLY | os.O_CREAT, 0o644)
        fcntl.flock(_lock_descriptors[build], fcntl.LOCK_SH)
    if _launcher is None:
        # NB: not the parent, which is a shell of the local runner and survives.
        _launcher = psutil.Process(pid)
        threading.Thread(target=_end_with_launcher, daemon=True).start()


def _end_with_launcher() -> None:
    while True:
        end_if_orphaned()
        time.sleep(POLL_SECONDS)


def end_if_orphaned() -> None:
    """End a worker whose launcher is gone. Called before recording a failure that the launcher's end may have caused."""
    if _launcher is not None and not (_launcher.is_running() and _launcher.status() != psutil.STATUS_ZOMBIE):
        os._exit(1)


def await_workers(build: Path) -> None:
    """Wait until all workers of an earlier run have ended. Raises WebtextError if one has not after PATIENCE_SECONDS."""
    descriptor = os.open(build / WORKERS_LOCK, os.O_RDONLY | os.O_CREAT, 0o644)
    end = time.monotonic() + PATIENCE_SECONDS
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > end:
                    raise WebtextError(
                        f"{build}: a worker of an earlier run still writes to this directory; end it and run again"
                    ) from None
                time.sleep(0.05)
    finally:
        os.close(descriptor)
