"""Samples of dumps and archives: what they hold, and what they say of the whole."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import zstandard
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from webtext.core.compression import open_local, read_blocks
from webtext.core.errors import WebtextError
from webtext.cost.sample import sample_archives, sample_dumps, spread


def lines(count: int, seed: int) -> list[bytes]:
    generator = random.Random(seed)
    return [b'{"id":"%d","title":"%s"}\n' % (number, generator.randbytes(200).hex().encode()) for number in range(count)]


def plain(data: bytes) -> bytes:
    return data


COMPRESSIONS = {
    ".zst": zstandard.compress,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": partial(lzma.compress, preset=0),
    ".ndjson": plain,
}


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_posts_are_estimated_from_the_first_lines(tmp_path: Path, suffix: str) -> None:
    compress: Callable[[bytes], bytes] = COMPRESSIONS[suffix]
    paths = []
    for number, count in enumerate((20_000, 8_000)):
        path = tmp_path / f"RS_{number}{suffix}"
        path.write_bytes(compress(b"".join(lines(count, number))))
        paths.append(str(path))
    sizes = [Path(path).stat().st_size for path in paths]
    found = sample_dumps(paths, sizes, 10_000, open_local, tmp_path / "sample")
    # NB: readers of bzip2 and xz are a block ahead.
    assert found.records == pytest.approx(28_000, rel=0.35 if suffix in (".bz2", ".xz") else 0.15)
    assert not found.whole
    first = b"".join(read_blocks(found.large[0]))
    assert first == b"".join(lines(20_000, 0)[:5_000])
    assert b"".join(read_blocks(found.small[0])) == b"".join(lines(20_000, 0)[:1_250])


def test_a_small_dump_is_taken_whole(tmp_path: Path) -> None:
    path = tmp_path / "RS.zst"
    path.write_bytes(zstandard.compress(b"".join(lines(300, 0))))
    found = sample_dumps([str(path)], [path.stat().st_size], 1_000, open_local, tmp_path / "sample")
    assert found.whole
    assert found.records == 300


def test_a_dump_of_one_block_is_not_taken_whole(tmp_path: Path) -> None:
    """Its reader has closed the file before it hands out the lines."""
    path = tmp_path / "RS.zst"
    path.write_bytes(zstandard.compress(b"".join(lines(1_500, 0))))
    found = sample_dumps([str(path)], [path.stat().st_size], 1_000, open_local, tmp_path / "sample")
    assert not found.whole
    assert found.records == pytest.approx(1_500)


def test_files_are_spread_evenly() -> None:
    names = [f"{number:03d}" for number in range(100)]
    assert spread(names, 4) == ["000", "033", "066", "099"]
    assert spread(names[:3], 4) == names[:3]


def archive(path: Path, sizes: list[int], *, compressed: bool = True) -> Path:
    with open(path, "wb") as file:
        writer = WARCWriter(file, gzip=compressed)
        writer.write_record(writer.create_warcinfo_record(path.name, {"software": "a test"}))
        for number, size in enumerate(sizes):
            headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
            body = random.Random(number).randbytes(size)
            writer.write_record(writer.create_warc_record(f"http://a.example/{number}", "response", io.BytesIO(body), http_headers=headers))
    return path


@pytest.mark.parametrize("compressed", [True, False])
def test_pages_are_taken_evenly_over_their_sizes(tmp_path: Path, compressed: bool) -> None:
    sizes = [1_000 + 100 * number for number in range(80)]
    path = archive(tmp_path / "a.warc.gz", sizes, compressed=compressed)
    found = sample_archives([str(path)], 20, tmp_path / "sample")
    assert found.whole
    assert found.records == pytest.approx(80)
    with open(found.large[0], "rb") as file:
        taken = [len(record.content_stream().read()) for record in ArchiveIterator(file)]
    assert len(taken) == 20
    assert sum(taken) / 20 == pytest.approx(sum(sizes) / 80, rel=0.05)
    with open(found.small[0], "rb") as file:
        assert sum(1 for _ in ArchiveIterator(file)) == 5


def test_pages_of_all_archives_are_estimated(tmp_path: Path) -> None:
    paths = [str(archive(tmp_path / f"{number}.warc.gz", [2_000] * 50)) for number in range(3)]
    found = sample_archives(paths, 9, tmp_path / "sample")
    assert not found.whole
    assert found.records == pytest.approx(150, rel=0.1)
    with open(found.large[0], "rb") as file:
        assert sum(1 for _ in ArchiveIterator(file)) == 9


def test_an_archive_without_answers_is_named(tmp_path: Path) -> None:
    path = archive(tmp_path / "empty.warc.gz", [])
    with pytest.raises(WebtextError, match="holds no answers"):
        sample_archives([str(path)], 9, tmp_path / "sample")
