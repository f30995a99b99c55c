"""What a shard has fetched so far, safe from kill -9: pages are appended to one file, a line for every finished URL to another.

    NAME.journal.warc.gz   the records of the pages, in the order in which they were finished
    NAME.journal.jsonl     a line a URL: XXH3-64 of the rest (16 digits), a blank, JSON
                             first  {"format": 1, "fingerprint": …}
                             then   {"row": a ledger record, "start": n, "size": n, "xxh3_64": of the page's records},
                                    and "settled": true where archives have been asked for it too, "kept": true where an earlier crawl
                                    has it; of two lines on a URL the later counts
                             last   {"compacted": true}, when the shard's files are whole; NAME.journal.warc.gz is then deleted

The pages are synced before the lines that refer to them are written. So an intact line refers to a whole page, and what a kill left
behind the last intact line is truncated. A damaged line before that is a fault of the disk: it is skipped, so that its URL is fetched
again, and copied to NAME.journal.damaged.jsonl.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson
import xxhash

from webtext.core.errors import WebtextError
from webtext.core.files import explain_os_errors, sync_directory
from webtext.core.tables import Record
from webtext.fetch.http_message import BLOCK
from webtext.fetch.journal_index import Entries, Entry

_log = logging.getLogger(__name__)

FORMAT = 1


class FinishedUrl(NamedTuple):
    """A URL to append: its ledger record, and its WARC records (a file, read from its start) where there is a page."""

    row: Record
    blob: IO[bytes] | None
    archives_checked: bool = False
    from_previous: bool = False

    def close(self) -> None:
        if self.blob is not None:
            self.blob.close()


class Journal:
    """Opens the journal of a task, or starts a new one where there is none or where it belongs to other inputs or another configuration.

    `damaged` counts the lines that could not be read. Raises WebtextError where the first line, with the fingerprint, is one of them.
    """

    def __init__(self, stem: Path, fingerprint: str, ids: Sequence[str] = ()) -> None:
        """`ids` are those of the task's URLs."""
        self._stem = stem
        self.pages, self._lines = _paths(stem)
        self._ids = ids
        self.entries = Entries(ids)
        self.compacted = False
        self.damaged = 0
        with explain_os_errors(self._lines):
            stem.parent.mkdir(parents=True, exist_ok=True)
            if not self._recover(fingerprint):
                self._begin(fingerprint)

    def _begin(self, fingerprint: str) -> None:
        self.entries = Entries(self._ids)
        self.compacted = False
        self._lines.unlink(missing_ok=True)
        self.pages.unlink(missing_ok=True)
        self.pages.touch()
        with open(self._lines, "wb") as file:
            file.write(_line({"format": FORMAT, "fingerprint": fingerprint}))
            file.flush()
            os.fsync(file.fileno())
        sync_directory(self._lines.parent)

    def _recover(self, fingerprint: str) -> bool:
        """Read what is intact and truncate what a kill left unfinished. False where the journal is not this task's."""
        found = read_journal(self._stem, self._ids)
        if found is None or found.fingerprint != fingerprint:
            return False
        self.entries, self.compacted, self.damaged = found.entries, found.compacted, len(found.damaged)
        if found.damaged:
            aside = self._stem.with_name(f"{self._stem.name}.journal.damaged.jsonl")
            aside.write_bytes(b"".join(found.damaged))
            _log.warning("%s: %d damaged lines, copied to %s; their URLs are fetched again", self._lines, self.damaged, aside.name)
        os.truncate(self._lines, found.lines_end)
        if self.pages.exists():
            os.truncate(self.pages, found.pages_end)
        return True

    def append(self, finished: Sequence[FinishedUrl]) -> None:
        """Append some URLs; when this returns they are on the disk. Raises WebtextError where the disk is full."""
        with explain_os_errors(self.pages):
            starts = self._append_pages(finished)
        with explain_os_errors(self._lines), open(self._lines, "ab") as file:
            position = file.tell()
            for item, (start, size, digest) in zip(finished, starts):
                marks = {name: True for name, is_set in (("settled", item.archives_checked), ("kept", item.from_previous)) if is_set}
                line = _line({"row": item.row, "start": start, "size": size, "xxh3_64": f"{digest:016x}", **marks})
                file.write(line)
                self.entries[item.row["id"]] = Entry(
                    position, start, size, digest, item.row["error"], item.archives_checked, item.from_previous
                )
                position += len(line)
            file.flush()
            os.fsync(file.fileno())

    def _append_pages(self, finished: Sequence[FinishedUrl]) -> list[tuple[int, int, int]]:
        starts = []
        with open(self.pages, "ab") as file:
            for item in finished:
                start, digest = file.tell(), xxhash.xxh3_64()
                if item.blob is not None:
                    item.blob.seek(0)
                    while data := item.blob.read(BLOCK):
                        file.write(data)
                        digest.update(data)
                starts.append((start, file.tell() - start, digest.intdigest()))
            if file.tell() > starts[0][0]:
                file.flush()
                os.fsync(file.fileno())
        return starts

    def rows(self, entries: Iterable[Entry]) -> Iterator[Record]:
        """The ledger records of some entries."""
        yield from rows_of(self._stem, entries)

    def compact(self) -> None:
        """The shard's files are complete: keep the lines, from which a task killed after this knows so, and delete the pages."""
        if self.compacted:
            return
        with explain_os_errors(self._lines), open(self._lines, "ab") as file:
            file.write(_line({"compacted": True}))
            file.flush()
            os.fsync(file.fileno())
        self.compacted = True
        self.pages.unlink()

    def restart(self, fingerprint: str) -> None:
        """Delete all entries and start again."""
        with explain_os_errors(self._lines):
            self._begin(fingerprint)


class JournalContents(NamedTuple):
    """What is intact of a journal: its fingerprint and entries, and where they end in its two files; and the damaged lines between."""

    fingerprint: str
    entries: Entries
    compacted: bool
    lines_end: int
    pages_end: int
    damaged: list[bytes]


def read_journal(stem: Path, ids: Sequence[str] = ()) -> JournalContents | None:
    """The contents of the journal NAME; None where there is none of this format, or its pages are lost."""
    pages, lines = _paths(stem)
    if not lines.exists():
        return None
    there = pages.stat().st_size if pages.exists() else None
    fingerprint, entries, compacted = "", Entries(ids), False
    position = lines_end = pages_end = 0
    damaged: list[bytes] = []
    unreadable: list[bytes] = []  # since the last intact line: what a kill left, unless an intact line follows
    with open(lines, "rb") as file:
        for number, line in enumerate(file):
            start_of_line, position = position, position + len(line)
            value = _value(line)
            if value is None:
                unreadable.append(line)
                continue
            if there is not None and value.get("start", 0) + value.get("size", 0) > there:
                break  # a page that never reached the disk
            if number == len(unreadable) > 0:
                raise WebtextError(
                    f"{lines}: its first line is damaged; delete it and {pages.name} and run again (the shard is fetched anew)"
                )
            if number == 0:
                if value.get("format") != FORMAT:
                    return None
                fingerprint = value["fingerprint"]
            elif "row" in value:
                row, start, size = value["row"], value["start"], value["size"]
                digest, archives_checked, from_previous = int(value["xxh3_64"], 16), "settled" in value, "kept" in value
                entries[row["id"]] = Entry(start_of_line, start, size, digest, row["error"], archives_checked, from_previous)
                pages_end = start + size
            compacted = "compacted" in value
            damaged += unreadable
            unreadable.clear()
            lines_end = position
    if lines_end == 0 or (there is None and not compacted):
        return None
    return JournalContents(fingerprint, entries, compacted, lines_end, pages_end, damaged)


def rows_of(stem: Path, entries: Iterable[Entry]) -> Iterator[Record]:
    """The ledger records of some entries of the journal NAME."""
    pages, lines = _paths(stem)
    with open(lines, "rb") as file:
        for entry in entries:
            file.seek(entry.line)
            value = _value(file.readline())
            if value is None:
                raise WebtextError(f"{lines}: damaged at byte {entry.line}; delete it and {pages.name}, and run again")
            yield value["row"]


def _paths(stem: Path) -> tuple[Path, Path]:
    return stem.with_name(f"{stem.name}.journal.warc.gz"), stem.with_name(f"{stem.name}.journal.jsonl")


def copy(source: IO[bytes], start: int, entry: Entry, target: IO[bytes]) -> None:
    """Copy the records of an entry, which begin at `start` of `source`. Raises WebtextError where they are not what was written."""
    source.seek(start)
    digest = xxhash.xxh3_64()
    left = entry.size
    while data := source.read(min(BLOCK, left)):
        target.write(data)
        digest.update(data)
        left -= len(data)
    if left or digest.intdigest() != entry.xxh3_64:
        raise WebtextError(f"{source.name}: damaged at byte {start}; delete the journal of the shard beside it and run again")


def _line(value: dict[str, Any]) -> bytes:
    data = orjson.dumps(value)
    return f"{xxhash.xxh3_64_hexdigest(data)} ".encode() + data + b"\n"


def _value(line: bytes) -> dict[str, Any] | None:
    digest, _, data = line.partition(b" ")
    if not line.endswith(b"\n") or xxhash.xxh3_64_hexdigest(data[:-1]).encode() != digest:
        return None
    value: dict[str, Any] = orjson.loads(data)
    return value
