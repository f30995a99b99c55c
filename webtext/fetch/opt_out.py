"""Hosts and URL prefixes whose owners asked not to be crawled (`fetch.opt_out`)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from webtext.core.tables import Record
from webtext.links.urls import BadUrl, canonical


class OptOut:
    """Hosts (with their subdomains) and URL prefixes that are never requested.

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
