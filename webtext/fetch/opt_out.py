"""Hosts and URL prefixes whose owners asked not to be crawled (`fetch.opt_out`)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from webtext.core.tables import Record
from webtext.links.host_patterns import parse_patterns
from webtext.links.urls import BadUrl, canonical


class OptOut:
    """Hosts (with their subdomains) and URL prefixes that are never requested. Raises UsageError for an entry that can match nothing.

    >>> list = OptOut(["example.org", "example.com/private/"])
    >>> list.entry("https://www.example.org/"), list.entry("http://example.com/private/x"), list.entry("http://example.com/")
    ('example.org', 'example.com/private/', None)
    """

    def __init__(self, entries: Sequence[str]) -> None:
        patterns = parse_patterns(entries, "fetch.opt_out")
        self.entries = [pattern.entry for pattern in patterns]
        self._hosts = {pattern.host: pattern.entry for pattern in reversed(patterns) if not pattern.prefix}
        self._prefixes = tuple(pattern.prefix for pattern in patterns if pattern.prefix)
        self._entry_of = {pattern.prefix: pattern.entry for pattern in reversed(patterns)}

    def __bool__(self) -> bool:
        return bool(self.entries)

    def entry(self, url: str) -> str | None:
        """The entry that a URL belongs to; None where it belongs to none."""
        labels = (urlsplit(url).hostname or "").rstrip(".").split(".")
        for start in range(len(labels)):
            if (found := self._hosts.get(".".join(labels[start:]))) is not None:
                return found
        if not self._prefixes or not (bare := _bare(url)).startswith(self._prefixes):
            return None
        return next(self._entry_of[prefix] for prefix in self._prefixes if bare.startswith(prefix))

    def counters(self, shard: int) -> dict[str, int]:
        """A counter of each entry at 0, for the first shard: the manifest names those that no URL belongs to."""
        return {counter_of(entry): 0 for entry in self.entries} if shard == 0 else {}

    def entry_of_page(self, row: Record) -> str | None:
        """The entry that a page of the ledger belongs to: by its URL, the one that answered, or one on the way."""
        urls = [row["url"], row["final_url"] or row["url"], *row["redirects"]] if self else []
        found = (self.entry(form) for url in urls for form in (url, _canonical(url)))
        return next((entry for entry in found if entry is not None), None)


def counter_of(entry: str) -> str:
    """The counter of the URLs that an entry kept out."""
    return f"opt_out {entry}"


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
