"""Worker processes of a build, and the wait for those whose launcher was killed.

A worker notices a little after its launcher that it is an orphan. Until then it may still write, so that the next build in the
directory waits for it.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from webtext.errors import WebtextError

NAME = ".workers"
PATIENCE_SECONDS = 30.0

_held: dict[Path, int] = {}


def mark_worker(build: Path) -> None:
    """Say that this process works in the build, until it ends."""
    if build not in _held:
        _held[build] = os.open(build / NAME, os.O_RDONLY | os.O_CREAT, 0o644)
        fcntl.flock(_held[build], fcntl.LOCK_SH)


def await_workers(build: Path) -> None:
    """Wait until no worker of an earlier run is left. Raises WebtextError if one stays."""
    descriptor = os.open(build / NAME, os.O_RDONLY | os.O_CREAT, 0o644)
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
