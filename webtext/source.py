"""From a token back to the document, its URL and its Reddit posts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from webtext.errors import UsageError
from webtext.hashing import shard_name, shard_of_url
from webtext.manifest import NAME, read_manifest


@dataclass(frozen=True)
class Source:
    """A document in the token shards: where it lies, and where it comes from."""

    url: str
    shard: str
    offset: int
    length: int
    split: str
    extractor: str
    title: str
    posts: list[dict[str, Any]]


def at_position(build: Path, shard: str, position: int) -> Source:
    """The document that holds a token, counted from the first token of a shard file. Raises UsageError outside of it."""
    index = build / "tokens" / "index" / f"{Path(shard).stem}.parquet"
    if not index.exists():
        known = ", ".join(sorted(path.name for path in (build / "tokens").glob("*.bin")))
        raise UsageError(f"{shard}: not a token shard of {build}; it has {known}")
    rows = pq.read_table(index, filters=(pc.field("offset") <= position) & (pc.field("offset") + pc.field("length") > position)).to_pylist()
    if not rows:
        raise UsageError(f"{shard}: has no token {position:,}")
    return _source(build, rows[0])


def with_text(build: Path, text: str) -> Iterator[Source]:
    """The documents of the corpus that hold a text, letter by letter."""
    for path in sorted((build / "corpus").glob("shard-*.parquet")):
        found = pq.read_table(path, columns=["id", "text"])
        ids = set(found.filter(pc.match_substring(found["text"], text))["id"].to_pylist())
        if ids:
            for index in sorted((build / "tokens" / "index").glob("*.parquet")):
                for row in pq.read_table(index, filters=pc.field("id").isin(sorted(ids))).to_pylist():
                    yield _source(build, row)


def _source(build: Path, row: dict[str, Any]) -> Source:
    manifest = read_manifest(build / "corpus" / NAME)
    if manifest is None:
        raise UsageError(f"{build}: corpus/ is not finished; run `webtext build` first")
    shard = shard_name(shard_of_url(row["url"], manifest.configuration["build"]["shards"]))
    document = _one(build / "corpus" / f"{shard}.parquet", row["id"], ["extractor", "title"])
    links = build / "links" / f"{shard}.parquet"
    posts = _one(links, row["id"], ["posts"])["posts"] if links.exists() else []
    return Source(row["url"], row["shard"], row["offset"], row["length"], row["split"], document["extractor"], document["title"], posts)


def _one(path: Path, record_id: str, columns: list[str]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = pq.read_table(path, columns=columns, filters=pc.field("id") == record_id).to_pylist()
    return rows[0]
