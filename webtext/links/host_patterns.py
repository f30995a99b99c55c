"""Hosts and URL prefixes as people write them in a list: one reader for opt-outs, blocked and allowed hosts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote

from webtext.core.errors import UsageError
from webtext.links.host_names import BadUrl, parse_host

_PARTS = re.compile(r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?P<host>\[[^\]]*\]|[^:/?#]*)(?::(?P<port>\d{1,5}))?(?P<rest>[/?].*)?")
# Characters of a path and query that browsers send as they are; all others, also blanks and letters beyond ASCII, are escaped.
_KEPT = "/%:@!$&'()*+,;=~?-._"


class HostPattern(NamedTuple):
    """A host with its subdomains, or where it has a port or a path, the URLs of this host alone that begin with these."""

    entry: str  # as it was written
    host: str  # in lower case ASCII; an IPv6 address without its brackets
    prefix: str  # host, port unless it is 80 or 443, and path as in a URL; empty: the host and all below it


def parse_pattern(entry: str, key: str) -> HostPattern:
    """Read an entry of the list `key`. Raises UsageError for one that no host or URL could match.

    `*.example.org`, `.example.org` and `https://example.org/` are the same as `example.org`.

    >>> parse_pattern("bücher.example", "links.block_hosts").host
    'xn--bcher-kva.example'
    >>> parse_pattern("https://example.org:8080/a b/", "fetch.opt_out").prefix
    'example.org:8080/a%20b/'
    """
    parts = _PARTS.fullmatch(entry.strip())
    if parts is None or (parts["scheme"] or "http").lower() not in ("http", "https"):
        raise UsageError(f"{key}: {entry!r} is neither a host, as example.org, nor the beginning of a URL, as https://example.org/private/")
    try:
        host = parse_host(re.sub(r"^(?:\*\.|\.)", "", parts["host"])).rstrip(".").strip("[]")
    except BadUrl as error:
        raise UsageError(f"{key}: {entry!r} is not a host ({error}); write example.org, which stands for its subdomains too") from None
    if not host or "*" in host:
        raise UsageError(f"{key}: {entry!r} is not a host; write example.org, which stands for its subdomains too")
    port = f":{int(parts['port'])}" if parts["port"] and int(parts["port"]) not in (80, 443) else ""
    rest = parts["rest"] or "/"
    path = quote(rest if rest.startswith("/") else f"/{rest}", safe=_KEPT)
    return HostPattern(entry, host, f"{host}{port}{path}" if port or path != "/" else "")


def parse_patterns(entries: Iterable[str], key: str) -> list[HostPattern]:
    """The patterns of a list; empty entries are left out."""
    return [parse_pattern(entry, key) for entry in entries if entry.strip()]


def parse_hosts(entries: Iterable[str], key: str) -> list[HostPattern]:
    """The patterns of a list of whole hosts. Raises UsageError for an entry with a port or a path."""
    patterns = parse_patterns(entries, key)
    for pattern in patterns:
        if pattern.prefix:
            raise UsageError(f"{key}: {pattern.entry!r} is a part of a host; write the host alone (fetch.opt_out takes parts)")
    return patterns
