"""Samples of a build's sources, and the small builds that show what their records cost."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import IO, NamedTuple

import orjson
import zstandard

from webtext.core.errors import WebtextError
from webtext.core.files import write_bytes
from webtext.core.tables import read_table
from webtext.fetch.warc_records import GZIP, records
from webtext.links.dumps import Opener, read_blocks

FILES = 8  # dumps or archives that are looked into at the most, evenly spread by name
SPREAD = 5  # so many times the pages wanted are looked at, and those taken are spread evenly over their sizes


class Counting(io.RawIOBase):
    """A file that counts how far it has been read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.furthest = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self._file.read(len(view))
        view[: len(data)] = data
        if data:
            self.furthest = max(self.furthest, self._file.tell())
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


@dataclass(frozen=True)
class DumpSample:
    """The first lines of some dumps. `posts` is what all dumps are estimated to hold; `whole` says that nothing had to be estimated."""

    small: list[Path]
    large: list[Path]
    posts: float
    whole: bool


def spread(paths: Sequence[str], count: int = FILES) -> list[str]:
    """At the most so many of some paths, evenly over them, first and last included."""
    if len(paths) <= count:
        return list(paths)
    return [paths[round(index * (len(paths) - 1) / (count - 1))] for index in range(count)]


def sample_dumps(paths: Sequence[str], sizes: Sequence[int], posts: int, opener: Opener, directory: Path) -> DumpSample:
    """Write the first lines of some of the dumps, compressed as these are, to `directory`/large, and a quarter of them to small."""
    chosen = spread(paths)
    each = ceil(posts / len(chosen))
    lines_read, bytes_read, total_of_read = 0, 0, 0
    small, large = [], []
    for number, path in enumerate(chosen):
        lines, passed, ended = _first_lines(path, each, opener)
        size = sizes[list(paths).index(path)]
        lines_read += len(lines)
        bytes_read += size if ended else min(passed, size)
        total_of_read += size
        name = f"{number:02d}-{Path(path).name}"
        large.append(_write(directory / "large" / name, lines))
        small.append(_write(directory / "small" / name, lines[: ceil(len(lines) / 4)]))
    whole = len(chosen) == len(paths) and bytes_read == total_of_read
    return DumpSample(small, large, lines_read * sum(sizes) / max(bytes_read, 1), whole)


def _first_lines(path: str, count: int, opener: Opener) -> tuple[list[bytes], int, bool]:
    """So many lines, the bytes of the file that they took, and whether that was all."""
    counters: list[Counting] = []

    def counted(name: str) -> IO[bytes]:
        counters.append(Counting(opener(name)))
        return io.BufferedReader(counters[-1], 2**15)

    lines: list[bytes] = []
    blocks = read_blocks(path, counted)
    for block in blocks:
        found = block.splitlines(keepends=True)
        lines += found
        if len(lines) >= count:
            # What was read ahead belongs to the lines that are cut off here: the share of this block's lines is as exact as its bytes.
            passed = int(counters[-1].furthest * min(1.0, count / len(lines)))
            ended = len(lines) == count and next(blocks, None) is None
            blocks.close()  # type: ignore[attr-defined]
            return lines[:count], passed, ended
    return lines, counters[-1].furthest, True


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    ".zst": zstandard.compress,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def _write(path: Path, lines: Sequence[bytes]) -> Path:
    data = b"".join(lines)
    write_bytes(path, COMPRESSIONS[path.suffix](data) if path.suffix in COMPRESSIONS else data)
    return path


def write_links(links: Path, path: Path, first: int, count: int) -> int:
    """Write the posts of some links of a build as a dump: `count` of them from the `first` on, in the order of their ids, which are hashes.
    Returns the number of links."""
    rows = sorted((row for shard in sorted(links.glob("shard-*.parquet")) for row in read_table(shard)), key=lambda row: str(row["id"]))
    chosen = rows[first : first + count]
    posts = [{**post, "url": row["url"], "is_self": False} for row in chosen for post in row["posts"]]
    write_bytes(path, b"".join(orjson.dumps(post) + b"\n" for post in posts))
    return len(chosen)


class _Page(NamedTuple):
    size: int
    path: str
    offset: int
    length: int


@dataclass(frozen=True)
class ArchiveSample:
    """Some pages of archives. `pages` is what all archives are estimated to hold."""

    small: Path
    large: Path
    pages: float
    small_pages: int
    large_pages: int
    whole: bool


def sample_archives(paths: Sequence[str], pages: int, directory: Path) -> ArchiveSample:
    """Copy some answers of some archives to a WARC file of their own, and a quarter of them to another.

    Looked at are the beginnings of the archives; of what they hold pages are taken evenly over their sizes, because what a page costs
    follows its size before all.
    """
    chosen = spread(paths)
    each = ceil(pages * SPREAD / len(chosen))
    found: list[_Page] = []
    bytes_read = 0
    for path in chosen:
        answers, passed = _answers(path, each)
        found += answers
        bytes_read += passed
    if not found:
        raise WebtextError(f"fetch.warcs: {chosen[0]} holds no answers; there is nothing to measure")
    total = sum(Path(path).stat().st_size for path in paths)
    found.sort()
    taken = [found[(2 * index + 1) * len(found) // (2 * min(pages, len(found)))] for index in range(min(pages, len(found)))]
    quarter = taken[2::4] or taken[:1]
    large = _copy(taken, directory / "large.warc.gz")
    small = _copy(quarter, directory / "small.warc.gz")
    estimated = len(found) * total / max(bytes_read, 1)
    return ArchiveSample(small, large, estimated, len(quarter), len(taken), bytes_read == total)


def _answers(path: str, count: int) -> tuple[list[_Page], int]:
    """The answers at the beginning of an archive, at the most so many, and the bytes in which they lie."""
    pages: list[_Page] = []
    passed = 0
    for stored in records(Path(path)):
        if len(pages) >= count:
            return pages, passed
        passed = stored.offset + stored.length
        if stored.data and (b"\nWARC-Type: response\r" in stored.data[:1024] or not stored.data.startswith(b"WARC/")):
            pages.append(_Page(len(stored.data), path, stored.offset, stored.length))
    return pages, Path(path).stat().st_size


def _copy(pages: Sequence[_Page], path: Path) -> Path:
    parts = []
    for page in sorted(pages, key=lambda page: (page.path, page.offset)):
        with open(page.path, "rb") as file:
            file.seek(page.offset)
            data = file.read(page.length)
        # NB: some archives are compressed and some are not, and a file is either.
        parts.append(data if data.startswith(GZIP) else gzip.compress(data + b"\r\n\r\n", mtime=0))
    write_bytes(path, b"".join(parts))
    return path
