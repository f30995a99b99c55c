"""What a shard has fetched so far, safe from kill -9: pages appended to one file, a line for every finished URL to another.

    NAME.journal.warc.gz   the records of the pages, in the order in which they were finished
    NAME.journal.jsonl     a line a URL: XXH3-64 of the rest (16 digits), a blank, JSON
                             first  {"format": 1, "fingerprint": …}
                             then   {"row": a ledger record, "start": n, "size": n, "xxh3_64": of the page's records},
                                    and "settled": true where archives have been asked for it too, "kept": true where an earlier crawl
                                    has it; of two lines on a URL the later counts
                             last   {"compacted": true}, when the shard's files are whole; NAME.journal.warc.gz is then deleted

The pages are synced before the lines that speak of them are written. So a line that is whole speaks of a page that is whole, and what
a kill left behind the last such line is cut off.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson
import xxhash

from webtext.core.errors import WebtextError
from webtext.core.files import explain_os_errors, sync_directory
from webtext.core.tables import Record
from webtext.fetch.coding import BLOCK
from webtext.fetch.entries import Entries, Entry

FORMAT = 1


class Finished(NamedTuple):
    """A URL to be entered: its ledger record, and its records (a file to be read from its start) where there is a page."""

    row: Record
    blob: IO[bytes] | None
    settled: bool = False
    kept: bool = False

    def close(self) -> None:
        if self.blob is not None:
            self.blob.close()


class Journal:
    """Opens the journal of a task, or begins one where there is none, or one of other inputs or another configuration."""

    def __init__(self, stem: Path, fingerprint: str, ids: Sequence[str] = ()) -> None:
        """`ids` are those of the task's URLs."""
        self._stem = stem
        self.pages, self._lines = _paths(stem)
        self._ids = ids
        self.entries = Entries(ids)
        self.compacted = False
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
        """Read what is there and cut off what is half there. False where it is not this task's."""
        found = read_journal(self._stem, self._ids)
        if found is None or found.fingerprint != fingerprint:
            return False
        self.entries, self.compacted = found.entries, found.compacted
        os.truncate(self._lines, found.lines_end)
        if self.pages.exists():
            os.truncate(self.pages, found.pages_end)
        return True

    def append(self, finished: Sequence[Finished]) -> None:
        """Enter some URLs; when this returns they are on the disk. Raises WebtextError where the disk is full."""
        with explain_os_errors(self.pages):
            starts = self._append_pages(finished)
        with explain_os_errors(self._lines), open(self._lines, "ab") as file:
            position = file.tell()
            for item, (start, size, digest) in zip(finished, starts):
                marks = {name: True for name in ("settled", "kept") if getattr(item, name)}
                line = _line({"row": item.row, "start": start, "size": size, "xxh3_64": f"{digest:016x}", **marks})
                file.write(line)
                self.entries[item.row["id"]] = Entry(position, start, size, digest, item.row["error"], item.settled, item.kept)
                position += len(line)
            file.flush()
            os.fsync(file.fileno())

    def _append_pages(self, finished: Sequence[Finished]) -> list[tuple[int, int, int]]:
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
        """The shard's files are whole: keep the lines, so that a task killed from now on can still be told, and drop the pages."""
        if self.compacted:
            return
        with explain_os_errors(self._lines), open(self._lines, "ab") as file:
            file.write(_line({"compacted": True}))
            file.flush()
            os.fsync(file.fileno())
        self.compacted = True
        self.pages.unlink()

    def restart(self, fingerprint: str) -> None:
        """Forget everything."""
        with explain_os_errors(self._lines):
            self._begin(fingerprint)


class Found(NamedTuple):
    """What is whole of a journal: its fingerprint and entries, and where that ends in its two files."""

    fingerprint: str
    entries: Entries
    compacted: bool
    lines_end: int
    pages_end: int


def read_journal(stem: Path, ids: Sequence[str] = ()) -> Found | None:
    """What there is of the journal NAME; None where there is none of this format, or its pages are lost."""
    pages, lines = _paths(stem)
    if not lines.exists():
        return None
    there = pages.stat().st_size if pages.exists() else None
    fingerprint, entries, compacted = "", Entries(ids), False
    position = end = 0
    with open(lines, "rb") as file:
        for number, line in enumerate(file):
            value = _value(line)
            if value is None or (there is not None and value.get("start", 0) + value.get("size", 0) > there):
                break
            if number == 0:
                if value.get("format") != FORMAT:
                    return None
                fingerprint = value["fingerprint"]
            elif "row" in value:
                row, start, size = value["row"], value["start"], value["size"]
                digest, settled, kept = int(value["xxh3_64"], 16), "settled" in value, "kept" in value
                entries[row["id"]] = Entry(position, start, size, digest, row["error"], settled, kept)
                end = start + size
            compacted = "compacted" in value
            position += len(line)
    if position == 0 or (there is None and not compacted):
        return None
    return Found(fingerprint, entries, compacted, position, end)


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
