"""Import of pages from earlier crawls in the same build directory, finished or not, so that nothing is downloaded twice.

pages/.previous/00000/      pages/ as the first of them left it, its manifest, and .work/ with the journals of shards that were not finished
pages/.previous/00001/      the next
stages/fetch/.work/retry    where `webtext fetch --retry` asks for links that failed: JSON, a list of RETRY's names
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple, cast

from webtext.core.config import FetchSection
from webtext.core.directories import MANIFEST_NAME, WORK
from webtext.core.errors import WebtextError
from webtext.core.files import read_json
from webtext.core.hashing import shard_name
from webtext.core.manifest import read_manifest
from webtext.core.tables import Record, read_table
from webtext.core.task import StageContext
from webtext.fetch.failure import Failure
from webtext.fetch.http_message import HEAD, robots_directives
from webtext.fetch.journal import FinishedUrl, Journal, copy, read_journal, rows_of
from webtext.fetch.journal_index import Entry
from webtext.fetch.opt_out import OptOut
from webtext.fetch.page import check_directives, product_token
from webtext.fetch.warc import page_of
from webtext.fetch.warc_records import records

DIRECTORY = ".previous"
RETRY_FILE = "retry"
BATCH_BYTES = 2**25  # pages of this size, or this many links, enter the journal with one sync: a sync takes some milliseconds
BATCH_ROWS = 1000

# Classes of failures for `webtext fetch --retry`.
RETRY = {
    "failed": re.compile(r".*"),
    "timeout": re.compile(r"connect-timeout|page-timeout|dns-temporary"),
    "5xx": re.compile(r"http-5\d\d"),
}


def import_previous(context: StageContext, task: str, shard: int, section: FetchSection, journal: Journal, ids: set[str]) -> None:
    """Append to the journal the pages of earlier crawls that the current configuration would keep.

    Failed links are fetched again, and so is a page that was truncated, cannot be read back whole, or does not meet the configuration
    any more. Of a crawl with the same links and configuration the failures are imported too, except those to be retried.
    """
    retry = cast(list[str], read_json(context.scratch_path(RETRY_FILE))) if context.scratch_path(RETRY_FILE).exists() else []
    take = PreviousCrawl(section, journal)
    archives_checked: set[str] = set()  # what a crawl of this configuration says that failed, whatever older ones do
    for directory in sorted((context.path / DIRECTORY).glob("*"), reverse=True):
        same = _fingerprint(directory) == context.fingerprint
        for row, source, mark in _rows(directory, shard, task):
            link_id = row["id"]
            if link_id not in ids or link_id in journal.entries or link_id in take.waiting:
                continue
            if row["error"] is None:
                take.page(row, source)
            elif same and link_id not in archives_checked:
                archives_checked.add(link_id)
                if not retried(row, retry):
                    take.failure(row, mark)
        take.enter()


def retried(row: Record, retry: Sequence[str]) -> bool:
    """Whether a failure is of one of the classes. For a host that was down, or its robots.txt, the detail has the first failure."""
    error = row["error"]
    if error in ("host-down", "robots-unreachable"):
        error = row["detail"].partition(";")[0]
    return any(RETRY[name].fullmatch(error) for name in retry)


class Source(NamedTuple):
    """Where the WARC records of a page are: file, start and size in bytes, and the offset of the response from that start."""

    path: Path
    begin: int
    size: int
    response: int
    entry: Entry | None  # of the journal, if it is one


class PreviousCrawl:
    """Appends to the journal in batches, because each append is a sync."""

    def __init__(self, section: FetchSection, journal: Journal) -> None:
        self._section = section
        self._journal = journal
        self._opt_out = OptOut(section.opt_out)
        self._batch: list[FinishedUrl] = []
        self._bytes = 0
        self.waiting: set[str] = set()

    def page(self, row: Record, source: Source | None) -> None:
        """Import a page, unless it has to be fetched again."""
        blob = _read(row, source, self._section, self._opt_out) if source is not None else None
        if blob is not None and source is not None:
            row = {**row, "warc": None, "offset": source.response}
            self._add(FinishedUrl(row, io.BytesIO(blob), archives_checked=row["archive"] is not None, from_previous=True), len(blob))

    def failure(self, row: Record, archives_checked: bool) -> None:
        self._add(FinishedUrl(row, None, archives_checked=archives_checked, from_previous=True), 0)

    def _add(self, finished: FinishedUrl, size: int) -> None:
        self._batch.append(finished)
        self.waiting.add(finished.row["id"])
        self._bytes += size
        if self._bytes >= BATCH_BYTES or len(self._batch) >= BATCH_ROWS:
            self.enter()

    def enter(self) -> None:
        if self._batch:
            self._journal.append(self._batch)
        self._batch, self._bytes = [], 0
        self.waiting.clear()


def _fingerprint(directory: Path) -> str:
    """Of the crawl that left a directory."""
    manifest = read_manifest(directory / MANIFEST_NAME)
    mark = directory / WORK / "fingerprint"
    return manifest.fingerprint if manifest is not None else mark.read_text() if mark.exists() else ""


def _rows(directory: Path, shard: int, task: str) -> Iterator[tuple[Record, Source | None, bool]]:
    """The links of a shard in a crawl: ledger records with times in milliseconds, where the page is, whether archives were searched."""
    stem = directory / WORK / task
    found = read_journal(stem)
    if found is not None and not found.compacted:
        for entry, row in zip(found.entries.values(), rows_of(stem, found.entries.values())):
            source = None
            if row["error"] is None:
                source = Source(stem.with_name(f"{task}.journal.warc.gz"), entry.start, entry.size, row["offset"], entry)
            yield row, source, entry.archives_checked
        return
    ledger = directory / "ledger" / f"{shard_name(shard)}.parquet"
    if not ledger.exists():
        return
    begins = _record_starts(directory, ledger)
    for row in read_table(ledger):
        for name in ("started", "captured"):
            row[name] = round(row[name].timestamp() * 1000) if row[name] is not None else None
        begin = begins.get((row["warc"], row["offset"]))
        source = None
        if row["error"] is None and begin is not None:
            size = row["offset"] + row["length"] - begin
            source = Source(directory / row["warc"], begin, size, row["offset"] - begin, None)
        yield row, source, True


def _record_starts(directory: Path, ledger: Path) -> dict[tuple[str, int], int]:
    """Where the records of each page start, by file and offset of its response: behind the previous page, the first behind warcinfo."""
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in read_table(ledger, ["error", "warc", "offset", "length"]):
        if row["error"] is None and Path(row["warc"]).name == row["warc"]:  # not of an archive of `fetch.warcs`
            places[row["warc"]].append((row["offset"], row["length"]))
    begins = {}
    for warc, pages in places.items():
        position = _warcinfo_bytes(directory / warc)
        for offset, length in sorted(pages) if position else ():
            begins[warc, offset] = position
            position = offset + length
    return begins


def _warcinfo_bytes(path: Path) -> int:
    """Bytes of a file's first record; 0 where it cannot be read."""
    try:
        return next(records(path)).length
    except (WebtextError, StopIteration):
        return 0


def _read(row: Record, source: Source, section: FetchSection, opt_out: OptOut) -> bytes | None:
    """The records of a page; None where it has to be fetched again."""
    if row["truncated"] or row["bytes"] > section.max_bytes or (row["archive"] is not None and not section.archive.indexes):
        return None
    blob = io.BytesIO()
    try:
        with open(source.path, "rb") as file:
            _copy(file, source, blob)
        page = page_of(blob.getvalue()[source.response :], str(source.path), row["bytes"])
        if len(page.body) != row["bytes"] or opt_out.entry_of_page(row) is not None:
            return None
        if row["content_type"] is not None and row["content_type"] not in section.content_types:
            return None
        check_directives(robots_directives(page.headers, page.body[:HEAD], product_token(section.user_agent)), section)
    except (OSError, WebtextError, Failure):
        return None
    return blob.getvalue()


def _copy(file: IO[bytes], source: Source, blob: IO[bytes]) -> None:
    if source.entry is not None:
        copy(file, source.begin, source.entry, blob)
    else:
        file.seek(source.begin)
        blob.write(file.read(source.size))
