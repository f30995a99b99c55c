"""Pages from WARC and ARC files of others (`fetch.warcs`), joined with the links by canonical URL. No page is copied: the ledger
has file and offset. Only an archive that is compressed as a whole is unpacked into the build, because no record of it can be reached.

Phase 1, a task a file: index its pages, the index divided by shard. Phase 2, a task a shard: join its links with its part of every index.
A `revisit` says that a page was what another record has; that record is found by its digest, whatever archive and shard it is in.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from warcio.exceptions import ArchiveLoadFailed

from webtext.core.config import FetchSection
from webtext.core.errors import WebtextError
from webtext.core.hashing import shard_name, shard_of_url, url_id
from webtext.core.records import LEDGER
from webtext.core.tables import Record, read_table, writing_table
from webtext.core.task import StageContext, TaskRun
from webtext.fetch.failure import Failure
from webtext.fetch.http_message import HEAD, NOT_FOR_US, PAGE, body_of, bounds, kind_of, parse_head, robots_directives
from webtext.fetch.opt_out import OptOut, counter_of
from webtext.fetch.page import check_directives, product_token
from webtext.fetch.warc import message_of, parse_record, parse_warc_date
from webtext.fetch.warc_records import HELD, Stored, Whole, records, unpack
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
        ("revisit", pa.bool_()),  # where the page is, and what it is, says the record with the same digest
    ]
)
OF_THE_PAGE = ("warc", "offset", "length", "content_type", "bytes", "truncated", "robots", "error")  # what a revisit takes from it


def index_warc(log: TaskRun, index: int, path: str, shards: int, section: FetchSection) -> None:
    """Find the pages of one archive: answers with status 200 that are text. A shard that has none gets no part of the index.

    What is no page is counted: `archive-status`, `archive-not-text`, `archive-bad-url`, `archive-not-http`. Damaged records are rejected
    as `archive-damaged`. Raises WebtextError for a file that is no archive, or has more than `section.max_damaged` of them, or no other.
    """
    agent = product_token(section.user_agent)
    try:
        captures, reasons, damaged = _index(log, path, Path(path), agent)
    except Whole:
        name = f"unpacked/{index:05d}.warc"
        _unpack(log, path, f"pages/{name}")
        captures, reasons, damaged = _index(log, name, log.context.build / "pages" / name, agent)
    for stored in damaged:
        log.records_in += 1
        log.reject("", "", "archive-damaged", f"{Path(path).name} at byte {stored.offset:,}: {stored.length:,} bytes")
    if len(damaged) > section.max_damaged or (damaged and not captures and not reasons):
        raise WebtextError(
            f"{path}: {len(damaged):,} damaged records, the first at byte {damaged[0].offset:,}; fetch.max_damaged = "
            f"{section.max_damaged:,} in an archive with others that are whole; get it again, or raise fetch.max_damaged"
        )
    log.counters.update({reason: count for reason, count in reasons.items() if reason})
    log.counters["archive-damaged"] += len(damaged)
    parts: dict[int, list[Record]] = defaultdict(list)
    for capture in captures:
        parts[shard_of_url(capture["url"], shards)].append(capture)
    for shard, group in sorted(parts.items()):
        _write(_part(log.context, index, shard), group)
    _write(_digests(log.context, index), [capture for capture in captures if not capture["revisit"]])


def _unpack(log: TaskRun, path: str, name: str) -> None:
    """Unpack an archive, as far as it can be: what it lacks at its end is a damaged record."""
    with log.binary(name) as output:
        if not unpack(Path(path), output.file):
            output.file.write(b"\r\n\r\nWARC/1.1\r\n")  # a record without end, so that a cut between two is told too


def _index(log: TaskRun, name: str, path: Path, agent: str) -> tuple[list[Record], Counter[str], list[Stored]]:
    """The captures of an archive, which the ledger will call `name`; how many records are no pages, by reason; and the damaged ones."""
    captures: list[Record] = []
    reasons: Counter[str] = Counter()
    damaged: list[Stored] = []
    for stored in records(path):
        capture, reason = _capture(name, stored, agent)
        if capture is not None:
            captures.append(capture)
        elif reason == "archive-damaged":
            damaged.append(stored._replace(data=None))
        else:
            reasons[reason] += 1
        log.progress()
    return captures, reasons, damaged


def _write(path: Path, captures: Sequence[Record]) -> None:
    with writing_table(path, CAPTURE) as table:
        for capture in captures:
            table.write(capture)


def _digests(context: StageContext, index: int) -> Path:
    """All captures of an archive but the revisits."""
    return context.scratch_path(f"index-{index:05d}.digests.parquet")


def _part(context: StageContext, index: int, shard: int) -> Path:
    return context.scratch_path(f"index-{index:05d}.{shard_name(shard)}.parquet")


def _capture(path: str, stored: Stored, agent: str) -> tuple[Record | None, str]:
    """The index record of a page or a revisit, or why there is none (empty for a record that is no answer)."""
    if stored.data is None:
        return None, "archive-damaged"
    try:
        record = parse_record(stored.data)
    except (ArchiveLoadFailed, EOFError, ValueError):
        return None, "archive-damaged"
    if record.rec_type not in ("response", "resource", "revisit"):
        return None, ""
    revisit = record.rec_type == "revisit"
    headers = record.rec_headers
    target = (headers.get_header("WARC-Target-URI") or "").strip("<>")  # as WARC 0.18 wrote them
    message = message_of(record)
    begin, end, body = bounds(message)
    parsed = parse_head(message[begin:end]) or ((200, ()) if revisit and not message.strip() else None)
    if parsed is None or not target.lower().startswith(("http:", "https:")):
        return None, "archive-not-http"
    status, http_headers = parsed
    if status not in PAGE and not (revisit and status == 304):
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
        "digest": digest.strip().upper().replace("SHA1:", "sha1:"),
        "bytes": len(content),
        "truncated": not whole or headers.get_header("WARC-Truncated") is not None,
        "robots": sorted(robots_directives(http_headers, content[:HEAD], agent) & NOT_FOR_US),
        "error": error,
        "revisit": revisit,
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
    parts = [part for index in range(archives) if (part := _part(log.context, index, shard)).exists()]
    found = [capture for part in parts for capture in read_table(part)]
    originals = _originals(log.context, archives, {capture["digest"] for capture in found if capture["revisit"]})
    for capture in found:
        if capture["revisit"]:
            original = originals.get(capture["digest"], {"error": "revisit-of-nothing"})
            capture.update({name: original[name] for name in OF_THE_PAGE if name in original})
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


def _originals(context: StageContext, archives: int, digests: set[str]) -> dict[str, Record]:
    """The pages with these digests, of several with one digest the first one."""
    originals: dict[str, Record] = {}
    for index in range(archives) if digests else ():
        for original in pq.read_table(_digests(context, index), filters=[("digest", "in", digests)]).to_pylist():
            known = originals.get(original["digest"])
            if known is None or _order(original) < _order(known):
                originals[original["digest"]] = original
    return originals


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
