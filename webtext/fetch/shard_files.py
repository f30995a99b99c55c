"""Writes the files of a shard from its journal: the journal has the order of arrival, the files that of ids, so always the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from webtext.core.config import FetchSection
from webtext.core.hashing import shard_name
from webtext.core.records import LEDGER
from webtext.core.task import TaskRun
from webtext.fetch.journal import Journal, copy
from webtext.fetch.journal_index import Entry
from webtext.fetch.opt_out import OptOut, counter_of
from webtext.fetch.warc import warcinfo


@dataclass
class _File:
    """Plan of a WARC file: name, warcinfo record, and its pages, each with the offset of its records."""

    name: str
    opening: bytes
    pages: list[tuple[Entry, int]] = field(default_factory=list)


def _files(shard: int, section: FetchSection, agent: str, journal: Journal) -> Iterator[_File]:
    """The WARC files of a shard. One ends with the page that brings it to `warc_bytes`."""
    file, position = None, 0
    number = 0
    for entry in journal.entries.values():
        if entry.error is not None:
            continue
        if file is None:
            name = f"{shard_name(shard)}-{number:03d}.warc.gz"
            # NB: dated by its first page, not by the clock, so that writing it again gives the same bytes
            started = next(journal.rows([entry]))["started"]
            opening = warcinfo(name, agent, datetime.fromtimestamp(started / 1000, timezone.utc), section.robots)
            file, position = _File(name, opening), len(opening)
            number += 1
        file.pages.append((entry, position))
        position += entry.size
        if position >= section.warc_bytes:
            yield file
            file = None
    if file is not None:
        yield file


def files_there(log: TaskRun, shard: int, section: FetchSection, agent: str, journal: Journal) -> bool:
    """Whether the WARC files that a compacted journal speaks of are there."""
    pages = log.context.build / "pages"
    for file in _files(shard, section, agent, journal):
        entry, position = file.pages[-1]
        path = pages / file.name
        if not path.is_file() or path.stat().st_size != position + entry.size:
            return False
    return True


def write_shard(log: TaskRun, shard: int, section: FetchSection, agent: str, journal: Journal, links: Sequence[tuple[str, str]]) -> None:
    """Write the WARC files and the ledger of a shard, and reject the links without a page. `links` are (id, URL), sorted."""
    for file in _files(shard, section, agent, journal):
        # NB: a task that was killed after it deleted the journal's pages reads them from the WARC files that it had already written
        source = log.context.build / "pages" / file.name if journal.compacted else journal.pages
        _write_file(log, file, source, journal.compacted)
    places = ((file.name, position) for file in _files(shard, section, agent, journal) for _, position in file.pages)
    entries = (journal.entries[link_id] for link_id, _ in links)
    log.counters.update(OptOut(section.opt_out).counters(shard))
    with log.table(f"pages/ledger/{shard_name(shard)}.parquet", LEDGER) as ledger:
        for row in journal.rows(entries):
            if row["error"] is None:
                row["warc"], position = next(places)  # both are in the order of ids
                row["offset"] += position
                log.records_out += 1
            else:
                log.reject(row["url"], row["id"], row["error"], row["detail"])
                if row["error"] == "opt-out":
                    log.counters[counter_of(row["detail"])] += 1
            log.counters["redirects"] += len(row["redirects"])
            log.counters["truncated"] += row["truncated"]
            log.counters["from-archive"] += row["archive"] is not None
            ledger.write(row)


def _write_file(log: TaskRun, file: _File, source: Path, finished: bool) -> None:
    with open(source, "rb") as pages, log.binary(f"pages/{file.name}", lambda: len(file.pages)) as output:
        output.file.write(file.opening)
        for entry, position in file.pages:
            copy(pages, position if finished else entry.start, entry, output.file)
