"""Samples of a build's sources: the first lines of some dumps, and pages from the beginnings of some archives."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import IO

import orjson
import zstandard

from webtext.core.compression import Opener, read_blocks
from webtext.core.errors import WebtextError
from webtext.core.files import write_bytes
from webtext.core.tables import read_table
from webtext.fetch.warc_records import GZIP, records

FILES = 8  # dumps or archives that are read at most
EXCESS = 5  # so many times the pages wanted are read, and those taken are spread evenly over their sizes
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    ".zst": zstandard.compress,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


@dataclass(frozen=True)
class Sample:
    """Files with a sample, and others with a quarter of it. All sources hold `records`, estimated unless `whole`."""

    small: list[Path]
    large: list[Path]
    records: float
    whole: bool


def spread(paths: Sequence[str], count: int = FILES) -> list[str]:
    """At most so many of some paths, evenly over them, first and last included."""
    if len(paths) <= count:
        return list(paths)
    return [paths[round(index * (len(paths) - 1) / (count - 1))] for index in range(count)]


def sample_dumps(paths: Sequence[str], sizes: Sequence[int], posts: int, opener: Opener, directory: Path) -> Sample:
    """Write the first lines of some of the dumps, compressed as these are, to `directory`/large, and a quarter of them to small."""
    chosen = spread(paths)
    each = ceil(posts / len(chosen))
    size_of = dict(zip(paths, sizes))
    lines_read, bytes_read = 0, 0.0
    small: list[Path] = []
    large: list[Path] = []
    for number, path in enumerate(chosen):
        lines, share = _first_lines(path, each, opener, size_of[path])
        lines_read += len(lines)
        bytes_read += share * size_of[path]
        compress = COMPRESSIONS.get(Path(path).suffix, bytes)
        for files, name, part in ((large, "large", lines), (small, "small", lines[: ceil(len(lines) / 4)])):
            files.append(directory / name / f"{number:02d}-{Path(path).name}")
            write_bytes(files[-1], compress(b"".join(part)))
    return Sample(small, large, lines_read * sum(sizes) / max(bytes_read, 1), bytes_read == sum(sizes))


def _first_lines(path: str, count: int, opener: Opener, size: int) -> tuple[list[bytes], float]:
    """So many lines of a dump, and the share of the file's bytes that they take."""
    opened: list[IO[bytes]] = []

    def open_once(name: str) -> IO[bytes]:
        opened.append(opener(name))
        return opened[0]

    lines: list[bytes] = []
    blocks = read_blocks(path, open_once)
    for block in blocks:
        lines += block.splitlines(keepends=True)
        if len(lines) >= count:
            if len(lines) == count and next(blocks, None) is None:
                break
            passed = size if opened[0].closed else min(opened[0].tell(), size)  # it is closed before the last block is handed out
            # The decompressor is up to a block ahead, and lines of the last block are cut off: both are in proportion to the lines.
            return lines[:count], passed / size * count / len(lines)
    return lines, 1.0


def write_links(links: Path, path: Path, first: int, count: int) -> int:
    """Write the posts of some links of a build as a dump: `count` of them from the `first` on, in the order of their ids, which are hashes.
    Returns the number of links."""
    rows = sorted((row for shard in sorted(links.glob("shard-*.parquet")) for row in read_table(shard)), key=lambda row: str(row["id"]))
    chosen = rows[first : first + count]
    posts = [{**post, "url": row["url"], "is_self": False} for row in chosen for post in row["posts"]]
    write_bytes(path, b"".join(orjson.dumps(post) + b"\n" for post in posts))
    return len(chosen)


def sample_archives(paths: Sequence[str], pages: int, directory: Path) -> Sample:
    """Copy some answers from the beginnings of some archives to a WARC file, and a quarter of them to another.

    They are taken evenly over the sizes of the answers read: what a page costs depends on its size above all.
    """
    chosen = spread(paths)
    found: list[tuple[int, str, int, int]] = []  # size, archive, offset and length there
    bytes_read = 0
    for path in chosen:
        wanted, passed = ceil(pages * EXCESS / len(chosen)), 0
        for stored in records(Path(path)):
            if not wanted:
                break
            passed = stored.offset + stored.length
            if stored.data and (b"\nWARC-Type: response\r" in stored.data[:1024] or not stored.data.startswith(b"WARC/")):
                found.append((len(stored.data), path, stored.offset, stored.length))
                wanted -= 1
        else:
            passed = Path(path).stat().st_size
        bytes_read += passed
    if not found:
        raise WebtextError(f"fetch.warcs: {chosen[0]} holds no answers; there is nothing to measure")
    found.sort()
    count = min(pages, len(found))
    taken = [found[(2 * index + 1) * len(found) // (2 * count)] for index in range(count)]
    total = sum(Path(path).stat().st_size for path in paths)
    small = _copy(taken[2::4] or taken[:1], directory / "small.warc.gz")
    large = _copy(taken, directory / "large.warc.gz")
    return Sample([small], [large], len(found) * total / max(bytes_read, 1), bytes_read == total)


def _copy(pages: Sequence[tuple[int, str, int, int]], path: Path) -> Path:
    parts = []
    for _, archive, offset, length in sorted(pages, key=lambda page: page[1:]):
        with open(archive, "rb") as file:
            file.seek(offset)
            data = file.read(length)
        # NB: some archives are compressed and some are not, and a file is either.
        parts.append(data if data.startswith(GZIP) else gzip.compress(data + b"\r\n\r\n", mtime=0))
    write_bytes(path, b"".join(parts))
    return path
