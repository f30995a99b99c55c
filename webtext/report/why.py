"""What each stage of a build did with one URL, joined from the files that the stages wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from webtext.core.directories import DIRECTORIES, rejected_directory
from webtext.core.hashing import url_id
from webtext.core.manifest import manifest_of
from webtext.links.urls import canonical

COPIES = 20  # copies that are listed one by one: boilerplate pages have a hundred thousand


@dataclass(frozen=True)
class Event:
    """What a stage did with the URL: kept it (`kept`) with some facts, or rejected it for a reason."""

    stage: str
    kept: bool
    text: str


def why(build: Path, url: str) -> list[Event]:
    """Everything the build knows about a URL, stage by stage. Empty if no stage has seen it.

    The URL may be written as it was posted; it is looked up as given and in its canonical form.
    """
    forms = _forms(url)
    ids = {url_id(form) for form in forms}
    if manifest_of(build, "documents") is not None:  # of documents that came with ids of their own, the id does not follow from the URL
        ids |= {row["id"] for row in _rows(build / "documents", "url", forms, ["id"])}
    events: list[Event] = []
    for stage in DIRECTORIES:
        rejected = [Event(stage, False, _rejection(row)) for row in _rows(build / rejected_directory(stage), "url", forms)]
        # NB: dedup tells of the cluster of a document that it removed too.
        kept = not (stage == "dedup" and rejected)
        events += [*rejected, *(Event(stage, kept, text) for text in _kept(build, stage, ids))]
    return events


def _forms(url: str) -> set[str]:
    try:
        return {url, canonical(url)}
    except ValueError:
        return {url}


def _rows(directory: Path, column: str, values: set[str], columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of all Parquet files of a directory that hold one of the values in a column, or some `columns` of them."""
    if not values:  # NB: Arrow takes an empty list for one of nulls, and refuses to compare it with text
        return
    matches = pc.field(column).isin(sorted(values))
    for path in sorted(directory.glob("*.parquet")):
        # Few shards hold the URL, and most bytes of a shard are text: read whole rows only where the key column matches.
        if pq.read_table(path, columns=[column], filters=matches).num_rows:
            yield from pq.read_table(path, columns=columns, filters=matches).to_pylist()


def _rejection(row: dict[str, Any]) -> str:
    post = "" if len(row["id"] or "") in (0, 32) else f"post {row['id']}: "
    return f"{post}{row['reason']}" + (f" ({row['detail']})" if row["detail"] else "")


def _kept(build: Path, stage: str, ids: set[str]) -> Iterator[str]:
    if stage == "links":
        for row in _rows(build / "links", "id", ids):
            for post in row["posts"]:
                yield f"post {post['id']} in r/{post['subreddit']}, score {post['score']}, {_day(post['created_utc'])}"
    elif stage == "fetch":
        for row in _rows(build / "pages" / "ledger", "id", ids):
            if row["error"] is None:
                cut = ", cut" if row["truncated"] else ""
                yield f"{row['bytes']:,} bytes{cut}, HTTP {row['status']}{_archive(row)}, in {row['warc']} at {row['offset']:,}"
    elif stage in ("extract", "documents") and manifest_of(build, stage) is not None:
        for row in _rows(build / "documents", "id", ids):
            how = f"by {row['extractor']}: {row['title']}" if stage == "extract" else f"from {row['url']}"
            yield f"{len(row['text']):,} characters {how}"
    elif stage == "clean":
        for row in _rows(build / "cleaned", "id", ids):
            yield f"{len(row['text']):,} characters of {row['language']}"
    elif stage == "dedup":
        own = list(_rows(build / "duplicates" / "clusters", "id", ids))
        reasons = {row["id"]: f": {row['why']}" for row in own}
        for row in _rows(build / "corpus", "id", ids):
            yield f"kept, {row['split']}{reasons.get(row['id'], '')}"
        clusters = {row["cluster"] for row in own}
        members = _rows(build / "duplicates" / "clusters", "cluster", clusters)
        for row in islice((row for row in members if row["id"] not in ids), COPIES):
            yield f"in a cluster with {row['url']}, {'kept' if row['kept'] else 'removed'}: {row['why']}"
        if more := sum(row["id"] not in ids for row in members):
            yield f"and {more:,} further documents, all in duplicates/clusters"
        for row in _rows(build / "duplicates" / "quotations", "id", ids):
            if row["outcome"] == "cut":
                yield f"{row['words']} words of {row['test_set']} ({row['example']}) cut out"
    elif stage == "tokenize":
        for row in _rows(build / "tokens" / "index", "id", ids):
            yield f"{row['length']:,} tokens in {row['shard']} from {row['offset']:,}"


def _archive(row: dict[str, Any]) -> str:
    """The archive that a page was taken from when the live site did not serve it, and what the live site answered."""
    if row["archive"] is None:
        return ""
    captured = f", captured {row['captured']:%Y-%m-%d}" if row["captured"] is not None else ""
    live = f", the live site: {row['detail']}" if row["detail"] else ""
    return f" from {row['archive']}{captured}{live}"


def _day(seconds: int | None) -> str:
    return "undated" if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d")
