"""robots.txt (RFC 9309): fetched once a host and obeyed.

4xx allows everything (2.3.1.3); 5xx, 429 and time-outs allow nothing (2.3.1.4); five redirects are followed (2.3.1.2); of a long file
the first 512 KiB count (2.5). A host that cannot be reached has no robots.txt to read: its pages fail for the reason that this did.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from protego import Protego

from webtext.fetch.failure import Failure

MAX_BYTES = 512 * 1024
REDIRECTS = 5
CACHED = 32 * 2**20  # bytes of robots.txt whose rules are kept; a parsed file takes a few times as much


@dataclass(frozen=True)
class Rules:
    """What a robots.txt says to one crawler. `file` None: nothing is forbidden. `delay` is its Crawl-delay in seconds."""

    file: Protego | None
    agent: str
    size: int = 0

    def allows(self, url: str) -> bool:
        return self.file is None or bool(self.file.can_fetch(url, self.agent))

    @property
    def delay(self) -> float | None:
        return None if self.file is None else self.file.crawl_delay(self.agent)


def parse(content: bytes, agent: str) -> Rules:
    """The rules of a robots.txt for a crawler. Any bytes are a robots.txt: lines that are no rule are passed over (RFC 9309 2.2)."""
    if len(content) > MAX_BYTES:
        content = content[:MAX_BYTES]
        content = content[: max(content.rfind(b"\n"), content.rfind(b"\r")) + 1]
    text = content.decode("utf-8-sig", "replace").replace("\0", "")
    return Rules(Protego.parse(text), agent, len(content))


class Robots:
    """Cache of the rules of a task's hosts, shared by its threads: the first thread fetches them, the others wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking: dict[str, threading.Lock] = {}
        self._known: OrderedDict[str, Rules | Failure] = OrderedDict()
        self._bytes = 0

    def rules(self, origin: str, ask: Callable[[], Rules]) -> Rules:
        """The rules of `http://host:port`, by `ask()` where they are not known yet. Raises the Failure that `ask` ended in, each time."""
        with self._lock:
            asking = self._asking.setdefault(origin, threading.Lock())
        with asking:
            known = self._known.get(origin)
            if known is None:
                try:
                    known = ask()
                except Failure as failure:
                    known = failure
                self._keep(origin, known)
        if isinstance(known, Failure):
            raise Failure(known.error, known.detail, status=known.status, final=True)
        return known

    def _keep(self, origin: str, known: Rules | Failure) -> None:
        with self._lock:
            self._known[origin] = known
            self._bytes += _weight(known)
            while self._bytes > CACHED and len(self._known) > 1:
                gone, rules = self._known.popitem(last=False)
                self._bytes -= _weight(rules)
                self._asking.pop(gone, None)


def _weight(known: Rules | Failure) -> int:
    return 500 + (known.size if isinstance(known, Rules) else 0)
