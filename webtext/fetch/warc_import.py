"""Pages from WARC and ARC files of others (`fetch.warcs`), joined with the links by canonical URL. No page is copied: the ledger
has file and offset.

Phase 1, a task a file: index its pages, the index divided by shard. Phase 2, a task a shard: join its links with its part of every index.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from warcio.exceptions import ArchiveLoadFailed

from webtext.core.config import FetchSection
from webtext.core.hashing import shard_name, shard_of_url, url_id
from webtext.core.records import LEDGER
from webtext.core.tables import Record, read_table, writing_table
from webtext.core.task import StageContext, TaskRun
from webtext.fetch.failure import Failure
from webtext.fetch.http_message import HEAD, NOT_FOR_US, PAGE, body_of, bounds, kind_of, parse_head, robots_directives
from webtext.fetch.opt_out import OptOut, counter_of
from webtext.fetch.page import check_directives, product_token
from webtext.fetch.warc import parse_record, parse_warc_date
from webtext.fetch.warc_records import HELD, Stored, records
from webtext.links.urls import BadUrl, canonical

# A page of an archive. `url` is canonical, `target` as the archive has it; `robots` has its robots directives.
CAPTURE = pa.schema(
    [
        ("url", pa.string()),
        ("target", pa.string()),
        ("warc", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("captured", pa.int64()),  # milliseconds since 1970, null where the archive's date is none
        ("content_type", pa.string()),
        ("digest", pa.string()),
        ("bytes", pa.int64()),
        ("truncated", pa.bool_()),
        ("robots", pa.list_(pa.string())),
        ("error", pa.string()),
    ]
)


def index_warc(log: TaskRun, index: int, path: str, shards: int, section: FetchSection) -> None:
    """Find the pages of one archive: answers with status 200 that are text. A shard that has none gets no part of the index.

    What is no page is counted: `archive-status`, `archive-not-text`, `archive-bad-url`, `archive-not-http`, `archive-damaged`. Raises
    WebtextError for a file that is no archive, or is not whole.
    """
    parts: dict[int, list[Record]] = defaultdict(list)
    for stored in records(Path(path)):
        capture, reason = _capture(path, stored, product_token(section.user_agent))
        if capture is not None:
            parts[shard_of_url(capture["url"], shards)].append(capture)
        elif reason:
            log.counters[reason] += 1
        log.progress()
    for shard, captures in sorted(parts.items()):
        with writing_table(_part(log.context, index, shard), CAPTURE) as table:
            for capture in captures:
                table.write(capture)


def _part(context: StageContext, index: int, shard: int) -> Path:
    return context.scratch_path(f"index-{index:05d}.{shard_name(shard)}.parquet")


def _capture(path: str, stored: Stored, agent: str) -> tuple[Record | None, str]:
    """The index record of a page, or why there is none (empty for a record that is no answer)."""
    if stored.data is None:
        return None, "archive-damaged"
    try:
        record = parse_record(stored.data)
    except (ArchiveLoadFailed, EOFError, ValueError):
        return None, "archive-damaged"
    if record.rec_type != "response":
        return None, ""
    headers = record.rec_headers
    target = headers.get_header("WARC-Target-URI") or ""
    message = record.raw_stream.read()
    begin, end, body = bounds(message)
    parsed = parse_head(message[begin:end])
    if parsed is None or not target.startswith(("http:", "https:")):
        return None, "archive-not-http"
    status, http_headers = parsed
    if status not in PAGE:
        return None, "archive-status"
    kind = kind_of(http_headers)
    if kind is not None and not kind.startswith("text/") and kind != "application/xhtml+xml":
        return None, "archive-not-text"
    try:
        url = canonical(target)
    except BadUrl:
        return None, "archive-bad-url"
    payload = message[body:]
    content, whole, error = b"", True, None
    try:
        content, whole = body_of(payload, http_headers, HELD)
    except Failure as failure:
        error = failure.error
    digest = headers.get_header("WARC-Payload-Digest") or f"sha1:{base64.b32encode(hashlib.sha1(payload).digest()).decode()}"
    return {
        "url": url,
        "target": target,
        "warc": path,
        "offset": stored.offset,
        "length": stored.length,
        "captured": _milliseconds(headers.get_header("WARC-Date") or ""),
        "content_type": kind,
        "digest": digest,
        "bytes": len(content),
        "truncated": not whole or headers.get_header("WARC-Truncated") is not None,
        "robots": sorted(robots_directives(http_headers, content[:HEAD], agent) & NOT_FOR_US),
        "error": error,
    }, ""


def _milliseconds(date: str) -> int | None:
    """Of a WARC-Date; null where it is none."""
    when = parse_warc_date(date)
    return None if when is None else round(when.timestamp() * 1000)


def join_shard(log: TaskRun, shard: int, archives: int, section: FetchSection, with_links: bool) -> None:
    """Write pages/ledger/shard-N.parquet of the pages that the archives have for the shard's links, or of all their pages.

    Of several captures of a URL the first one stays that can be read: by date, then by archive and place; the others are counted as
    `other-capture`, pages that no link leads to as `page-without-link`. A link without a page is rejected as `not-in-archive`.
    """
    captures: dict[str, Record] = {}
    for index in range(archives):
        part = _part(log.context, index, shard)
        for capture in read_table(part) if part.exists() else ():
            known = captures.get(capture["url"])
            log.counters["other-capture"] += known is not None
            if known is None or _order(capture) < _order(known):
                captures[capture["url"]] = capture
    opt_out = OptOut(section.opt_out)
    log.counters.update(opt_out.counters(shard))
    with log.table(f"pages/ledger/{shard_name(shard)}.parquet", LEDGER) as ledger:
        for link_id, url in _wanted(log, shard, captures, with_links):
            log.records_in += 1
            row = _ledger_row(link_id, url, captures.get(url), section, opt_out)
            if row["error"] is None:
                log.records_out += 1
                log.counters["truncated"] += row["truncated"]
            else:
                log.reject(url, link_id, row["error"], row["detail"])
                if row["error"] == "opt-out":
                    log.counters[counter_of(row["detail"])] += 1
            ledger.write(row)
            log.progress()


def _order(capture: Record) -> tuple[Any, ...]:
    date = capture["captured"]
    return capture["error"] is not None, date is None, date or 0, Path(capture["warc"]).name, capture["offset"], capture["warc"]


def _wanted(log: TaskRun, shard: int, captures: dict[str, Record], with_links: bool) -> Iterator[tuple[str, str]]:
    """(id, URL) of what the ledger is to tell of, in the order of ids."""
    if not with_links:
        yield from sorted((url_id(url), url) for url in captures)
        return
    links = [(row["id"], row["url"]) for row in read_table(log.context.build / "links" / f"{shard_name(shard)}.parquet", ["id", "url"])]
    log.counters["page-without-link"] += len(captures.keys() - {url for _, url in links})
    yield from sorted(links)


def _ledger_row(link_id: str, url: str, capture: Record | None, section: FetchSection, opt_out: OptOut) -> Record:
    row: Record = {
        "id": link_id,
        "url": url,
        "final_url": None,
        "error": None,
        "detail": "",
        "status": None,
        "attempts": 0,
        "redirects": [],
        "content_type": None,
        "bytes": None,
        "truncated": False,
        "digest": None,
        "started": None,
        "seconds": None,
        "archive": None,
        "captured": None,
        "warc": None,
        "offset": None,
        "length": None,
    }
    try:
        if capture is None:
            raise Failure("not-in-archive")
        row.update(
            status=200,
            final_url=capture["target"],
            content_type=capture["content_type"],
            archive=Path(capture["warc"]).name,
            captured=capture["captured"],
        )
        _check(capture, section, opt_out)
        row.update({name: capture[name] for name in ("digest", "warc", "offset", "length")})
        row["bytes"] = min(capture["bytes"], section.max_bytes)
        row["truncated"] = capture["truncated"] or capture["bytes"] > section.max_bytes
    except Failure as failure:
        row["error"], row["detail"] = failure.error, failure.detail
    return row


def _check(capture: Record, section: FetchSection, opt_out: OptOut) -> None:
    """Raise Failure for a page that the configuration leaves out, as the network's are."""
    entry = opt_out.entry(capture["url"]) or opt_out.entry(capture["target"])
    if entry is not None:
        raise Failure("opt-out", entry)
    if capture["error"] is not None:
        raise Failure(capture["error"])
    if capture["content_type"] is not None and capture["content_type"] not in section.content_types:
        raise Failure("bad-content-type", capture["content_type"])
    check_directives(set(capture["robots"]), section)
