"""The extract stage: a shard of pages becomes a shard of documents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from webtext.core.config import ExtractSection
from webtext.core.hashing import shard_name
from webtext.core.records import DOCUMENT
from webtext.core.tables import Record, read_table
from webtext.core.task import TaskRun
from webtext.extract.budget import CallFailed, Limits, child_from_pool
from webtext.extract.result import Rejection, Text
from webtext.fetch.http_message import header
from webtext.fetch.opt_out import OptOut, counter_of
from webtext.fetch.warc import Pages

FUNCTION = "webtext.extract.page:extract_page"


def extract_shard(log: TaskRun, shard: int, section: ExtractSection, opt_out: Sequence[str] = ()) -> None:
    """Read the pages of a shard and write documents/shard-N.parquet, sorted by id.

    records in: the pages (rows of the ledger without error); out: the documents; the others are rejected by name.
    `engine-NAME` counts the documents that an engine gave.
    """
    build, name = log.context.build, f"{shard_name(shard)}.parquet"
    # NB: in the order of ids, so that documents need not be held; a page is found by its offset.
    rows = sorted((row for row in read_table(build / "pages" / "ledger" / name) if row["error"] is None), key=lambda row: row["id"])
    posts = posts_of(build / "links" / name, {row["id"] for row in rows})
    opted_out = OptOut(opt_out)
    limits = Limits(section.page_seconds, section.page_memory)
    with (
        log.table(f"documents/{name}", DOCUMENT) as documents,
        Pages(build) as pages,
        child_from_pool(FUNCTION, limits) as child,
    ):
        for row in rows:
            log.records_in += 1
            if (entry := opted_out.entry_of_page(row)) is not None:  # since it was fetched
                log.reject(row["url"], row["id"], "opt-out", entry)
                log.counters[counter_of(entry)] += 1
                continue
            page = pages.read(row)
            try:
                result = child.call(page.body, header(page.headers, "content-type"), page.url, section)
            except CallFailed as failure:
                result = Rejection(failure.reason, failure.detail)
            if isinstance(result, Rejection):
                log.reject(row["url"], row["id"], result.reason, result.detail)
            else:
                documents.write(document(row, result, posts.get(row["id"])))
                log.records_out += 1
                log.counters[f"engine-{result.extractor}"] += 1
            log.progress()
        log.add_cost(child.spent.seconds, child.spent.memory)


def posts_of(path: Path, ids: set[str]) -> dict[str, Record]:
    """The records of links/ for the pages of a shard; none where the build has no links."""
    return {link["id"]: link for link in read_table(path) if link["id"] in ids} if path.exists() else {}


def document(row: Record, text: Text, link: Record | None) -> Record:
    """The record of a document: of the page, its text, and the posts that linked to it."""
    posts = link["posts"] if link else []
    return {
        "id": row["id"],
        "url": row["url"],
        "title": text.title,
        "text": text.text,
        "extractor": text.extractor,
        "score": link["best_score"] if link else None,
        "subreddits": sorted({post["subreddit"] for post in posts}),
        "created_utc": min((post["created_utc"] for post in posts if post["created_utc"] is not None), default=None),
        "meta": None,
    }
