"""What a shard has fetched so far, safe from kill -9: pages appended to one file, a line for every finished URL to another.

    NAME.journal.warc.gz   the records of the pages, in the order in which they were finished
    NAME.journal.jsonl     a line a URL: XXH3-64 of the rest (16 digits), a blank, JSON
                             first  {"format": 1, "fingerprint": …}
                             then   {"row": a ledger record, "start": n, "size": n, "xxh3_64": of the page's records}
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

from webtext.errors import WebtextError
from webtext.fetch.coding import BLOCK
from webtext.files import naming_failures, sync_directory
from webtext.tables import Record

FORMAT = 1


class Entry(NamedTuple):
    """A finished URL: where its line begins, where its records begin, their size in bytes and hash; `error` None for a page."""

    line: int
    start: int
    size: int
    xxh3_64: str
    error: str | None


class Finished(NamedTuple):
    """A URL to be entered: its ledger record, and its records (a file to be read from its start) where there is a page."""

    row: Record
    blob: IO[bytes] | None

    def close(self) -> None:
        if self.blob is not None:
            self.blob.close()


class Journal:
    """Opens the journal of a task, or begins one where there is none, or one of other inputs or another configuration."""

    def __init__(self, stem: Path, fingerprint: str) -> None:
        self.pages = stem.with_name(f"{stem.name}.journal.warc.gz")
        self._lines = stem.with_name(f"{stem.name}.journal.jsonl")
        self.entries: dict[str, Entry] = {}
        self.compacted = False
        with naming_failures(self._lines):
            stem.parent.mkdir(parents=True, exist_ok=True)
            if not self._recover(fingerprint):
                self._begin(fingerprint)

    def _begin(self, fingerprint: str) -> None:
        self.entries.clear()
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
        if not self._lines.exists():
            return False
        there = self.pages.stat().st_size if self.pages.exists() else None
        position = end = 0
        with open(self._lines, "rb") as file:
            for number, line in enumerate(file):
                value = _value(line)
                if value is None or (there is not None and value.get("start", 0) + value.get("size", 0) > there):
                    break
                if number == 0 and value != {"format": FORMAT, "fingerprint": fingerprint}:
                    return False
                if "row" in value:
                    row = value["row"]
                    self.entries[row["id"]] = Entry(position, value["start"], value["size"], value["xxh3_64"], row["error"])
                    end = value["start"] + value["size"]
                self.compacted = "compacted" in value
                position += len(line)
        if position == 0 or (there is None and not self.compacted):
            return False
        os.truncate(self._lines, position)
        if there is not None:
            os.truncate(self.pages, end)
        return True

    def append(self, finished: Sequence[Finished]) -> None:
        """Enter some URLs; when this returns they are on the disk. Raises WebtextError where the disk is full."""
        with naming_failures(self.pages):
            starts = self._append_pages(finished)
        with naming_failures(self._lines), open(self._lines, "ab") as file:
            position = file.tell()
            for (row, _), (start, size, digest) in zip(finished, starts):
                line = _line({"row": row, "start": start, "size": size, "xxh3_64": digest})
                file.write(line)
                self.entries[row["id"]] = Entry(position, start, size, digest, row["error"])
                position += len(line)
            file.flush()
            os.fsync(file.fileno())

    def _append_pages(self, finished: Sequence[Finished]) -> list[tuple[int, int, str]]:
        starts = []
        with open(self.pages, "ab") as file:
            for _, blob in finished:
                start, digest = file.tell(), xxhash.xxh3_64()
                if blob is not None:
                    blob.seek(0)
                    while data := blob.read(BLOCK):
                        file.write(data)
                        digest.update(data)
                starts.append((start, file.tell() - start, digest.hexdigest()))
            if file.tell() > starts[0][0]:
                file.flush()
                os.fsync(file.fileno())
        return starts

    def rows(self, entries: Iterable[Entry]) -> Iterator[Record]:
        """The ledger records of some entries."""
        with open(self._lines, "rb") as file:
            for entry in entries:
                file.seek(entry.line)
                value = _value(file.readline())
                if value is None:
                    raise WebtextError(f"{self._lines}: damaged at byte {entry.line}; delete it and {self.pages.name}, and run again")
                yield value["row"]

    def compact(self) -> None:
        """The shard's files are whole: keep the lines, so that a task killed from now on can still be told, and drop the pages."""
        if self.compacted:
            return
        with naming_failures(self._lines), open(self._lines, "ab") as file:
            file.write(_line({"compacted": True}))
            file.flush()
            os.fsync(file.fileno())
        self.compacted = True
        self.pages.unlink()

    def restart(self, fingerprint: str) -> None:
        """Forget everything."""
        with naming_failures(self._lines):
            self._begin(fingerprint)


def copy(source: IO[bytes], start: int, entry: Entry, target: IO[bytes]) -> None:
    """Copy the records of an entry, which begin at `start` of `source`. Raises WebtextError where they are not what was written."""
    source.seek(start)
    digest = xxhash.xxh3_64()
    left = entry.size
    while data := source.read(min(BLOCK, left)):
        target.write(data)
        digest.update(data)
        left -= len(data)
    if left or digest.hexdigest() != entry.xxh3_64:
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
