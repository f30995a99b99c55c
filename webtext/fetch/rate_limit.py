"""Rate limits by host: one request at a time and a delay between two, over all threads and processes of the machine.

A redirect may lead to a host that another worker is crawling at the same moment. So a request holds the lock of its host's slot, a small
file that all workers of the stage share and that stores when the next request may start. The kernel drops the lock when a process ends.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webtext.core.hashing import shard_of_host

SLOTS = 65536  # files at most; two hosts that share one wait for each other, which is slower but still polite
POLL = 0.01  # seconds between two tries for a lock: flock has no time-out, and a blocking wait could not be stopped


class Stopped(Exception):
    """The task is being ended."""


class HostRateLimiter:
    """One request at a time to a host. `longest` bounds every wait, in seconds."""

    def __init__(self, directory: Path, longest: float) -> None:
        self._directory = directory
        self._longest = longest
        self.stop = threading.Event()
        directory.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def acquire(self, host: str, delay: float) -> Iterator[None]:
        """Wait until the host may be asked; no other request starts during the block or for `delay` seconds after it. Raises Stopped."""
        with self._locked(host) as slot:
            # NB: the stored time may be from before a reboot, when the clock was another; no wait can be longer than the longest one.
            self.pause(min(_next(slot) - time.monotonic(), max(self._longest, delay)))
            _set_next(slot, time.monotonic() + delay)
            try:
                yield
            finally:
                _set_next(slot, time.monotonic() + delay)

    def block(self, host: str, seconds: float) -> None:
        """Start no request to the host for so many seconds: its Retry-After."""
        with self._locked(host) as slot:
            _set_next(slot, max(_next(slot), time.monotonic() + seconds))

    def pause(self, seconds: float) -> None:
        """Sleep, unless the task is being ended."""
        if seconds > 0:
            self.stop.wait(seconds)
        if self.stop.is_set():
            raise Stopped

    @contextmanager
    def _locked(self, host: str) -> Iterator[int]:
        # NB: flock belongs to the open file, so it holds between the threads of a process as well.
        slot = os.open(self._directory / f"{shard_of_host(host, SLOTS):04x}", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            while True:
                try:
                    fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    self.pause(POLL)
            yield slot
        finally:
            os.close(slot)


def _next(slot: int) -> float:
    data = os.pread(slot, 8, 0)
    return float(struct.unpack("<d", data)[0]) if len(data) == 8 else 0.0


def _set_next(slot: int, when: float) -> None:
    os.pwrite(slot, struct.pack("<d", when), 0)
