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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from webtext.core.hashing import shard_of_host
from webtext.core.tables import Record
from webtext.links.urls import BadUrl, canonical

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


class OptOut:
    """Hosts (with their subdomains) and URL prefixes that are never asked for.

    >>> list = OptOut(["example.org", "example.com/private/"])
    >>> list.has("https://www.example.org/"), list.has("http://example.com/private/x"), list.has("http://example.com/")
    (True, True, False)
    """

    def __init__(self, entries: Sequence[str]) -> None:
        entries = [entry.strip() for entry in entries if entry.strip()]
        bare = [entry.partition("://")[2] if "://" in entry else entry for entry in entries]
        self._hosts = frozenset(entry.lower().rstrip(".") for entry in bare if "/" not in entry)
        self._prefixes = tuple(sorted(_bare(f"http://{entry}") for entry in bare if "/" in entry))

    def __bool__(self) -> bool:
        return bool(self._hosts or self._prefixes)

    def has(self, url: str) -> bool:
        host = (urlsplit(url).hostname or "").rstrip(".")
        labels = host.split(".")
        if any(".".join(labels[start:]) in self._hosts for start in range(len(labels))):
            return True
        return bool(self._prefixes) and _bare(url).startswith(self._prefixes)

    def has_page(self, row: Record) -> bool:
        """Whether a page of the ledger is opted out: by its URL, the one that answered, or one on the way."""
        urls = {row["url"], row["final_url"] or row["url"], *row["redirects"]}
        return bool(self) and any(self.has(form) for url in urls for form in (url, _canonical(url)))


def _canonical(url: str) -> str:
    try:
        return canonical(url)
    except BadUrl:
        return url


def _bare(url: str) -> str:
    """A URL without scheme, user and default port, its host in lower case: what http and https have in common."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{(parts.hostname or '').rstrip('.')}{port}{parts.path or '/'}{query}"
