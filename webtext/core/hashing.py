"""Ids of URLs and shards of hosts, by hashes."""

from __future__ import annotations

from urllib.parse import urlsplit

import xxhash


def url_id(url: str) -> str:
    """The id of a canonical URL: XXH3-128 of its UTF-8 bytes, 32 hexadecimal digits.

    >>> url_id("http://example.org/")
    '13dab8d42ad2218070c0198247c2304a'
    """
    return xxhash.xxh3_128_hexdigest(url.encode("utf-8", "surrogatepass"))


def document_id(own: str | None, url: str | None, text: str) -> str:
    """The id of a document of anyone's files: of its own id and text, or else of its URL, or else of its text.

    NB: the text counts beside an own id, so that two documents which were given one id by mistake stay apart.
    """
    if own is None and url is not None:
        return url_id(url)
    return url_id(f"text:{text}" if own is None else f"id:{own}\0{text}")


def shard_of_host(host: str, shards: int) -> int:
    """The shard, 0 to `shards` - 1, that holds everything of a host."""
    return xxhash.xxh3_64_intdigest(host.encode("utf-8", "surrogatepass")) % shards


def shard_of_url(url: str, shards: int) -> int:
    """The shard of a canonical URL: that of its host (without port), so one worker can be polite to it."""
    return shard_of_host(urlsplit(url).hostname or "", shards)


def shard_name(index: int) -> str:
    """The stem of a shard's files.

    >>> shard_name(7)
    'shard-00007'
    """
    return f"shard-{index:05d}"
