"""Every compression, whole and cut at every byte: what is read is all of it or an error that names the file."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from webtext.core import compression
from webtext.core.compression import read_blocks
from webtext.core.errors import WebtextError


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def zstd_without_size(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(data)


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "RS.zst": zstd,
    "unsized.zst": zstd_without_size,
    "RS.gz": gzip.compress,
    "RS.bz2": bz2.compress,
    "RS.xz": lzma.compress,
}
LINES = b'{"id": "a", "title": "\xc3\xa9"}\n{"id": "b"}\n' * 20


def read(path: Path) -> bytes:
    return b"".join(read_blocks(path))


@pytest.mark.parametrize("name", COMPRESSORS)
def test_whole_files_in_one_and_in_several_streams(tmp_path: Path, name: str) -> None:
    compress, path = COMPRESSORS[name], tmp_path / name
    path.write_bytes(compress(LINES))
    assert read(path) == LINES
    path.write_bytes(compress(LINES[:100]) + compress(b"") + compress(LINES[100:]))
    assert read(path) == LINES
    path.write_bytes(compress(b""))
    assert read(path) == b""


@pytest.mark.parametrize("name", COMPRESSORS)
@pytest.mark.parametrize("streams", [1, 2])
def test_a_cut_file_is_refused_at_every_byte(tmp_path: Path, name: str, streams: int) -> None:
    compress, path = COMPRESSORS[name], tmp_path / name
    whole = compress(LINES) * streams
    ends = {len(whole)} | ({len(whole) // 2} if streams == 2 else set())
    for size in range(len(whole)):
        if size in ends:
            continue  # a file of one stream and not of two: nothing in it tells
        path.write_bytes(whole[:size])
        with pytest.raises(WebtextError, match=rf"{name}: .*fetch it again"):
            read(path)


@pytest.mark.parametrize("name", [name for name in COMPRESSORS if name != "unsized.zst"])  # which has no checksum
def test_a_damaged_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    data = bytearray(COMPRESSORS[name](LINES))
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(WebtextError, match=name):
        read(path)


def test_zstd_frames_that_are_to_be_skipped(tmp_path: Path) -> None:
    path = tmp_path / "pzstd.zst"
    skipped = struct.pack("<II", 0x184D2A50, 4) + b"size"
    path.write_bytes(skipped + zstd(LINES) + skipped + zstd(LINES) + skipped)
    assert read(path) == LINES * 2


def test_real_dumps_have_windows_of_2_gib(data_dir: Path) -> None:
    path = data_dir / "reddit/RS_2005-07.zst"
    assert zstandard.get_frame_parameters(path.read_bytes()).window_size > zstandard.ZstdDecompressor().memory_size() - 2**31
    with pytest.raises(zstandard.ZstdError, match="too much memory"), open(path, "rb") as file:
        zstandard.ZstdDecompressor().stream_reader(file).read()
    assert read(path).count(b"\n") == 1079


def test_a_real_dump_that_is_cut(tmp_path: Path, data_dir: Path) -> None:
    whole = (data_dir / "reddit/RS_2005-07.zst").read_bytes()
    path = tmp_path / "RS_2005-07.zst"
    path.write_bytes(whole[:60_000])
    with pytest.raises(WebtextError, match=r"RS_2005-07\.zst: the file is cut: it ends before its content does; fetch it again"):
        read(path)


def test_content_decides_and_a_false_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(gzip.compress(LINES))
    assert read(tmp_path / "plain") == LINES
    (tmp_path / "a.gz").write_bytes(zstd(LINES))
    assert read(tmp_path / "a.gz") == LINES
    (tmp_path / "a.zst").write_bytes(LINES)
    with pytest.raises(WebtextError, match=r"a\.zst: the file is not zstd, as its name says"):
        read(tmp_path / "a.zst")
    (tmp_path / "b.xz").write_bytes(b"")
    with pytest.raises(WebtextError, match=r"b\.xz: the file is empty"):
        read(tmp_path / "b.xz")
    with pytest.raises(WebtextError, match=r"none\.zst: there is no such file"):
        read(tmp_path / "none.zst")
    with pytest.raises(WebtextError, match="cannot be read"):
        read(tmp_path)


def test_the_last_line_may_lack_its_end(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"a\n{}")
    assert read(tmp_path / "a.ndjson") == b"a\n{}\n"
    (tmp_path / "blank.ndjson").write_bytes(b"{}\n ")
    assert read(tmp_path / "blank.ndjson") == b"{}\n \n"
    (tmp_path / "empty.ndjson").write_bytes(b"")
    assert read(tmp_path / "empty.ndjson") == b""


@pytest.mark.parametrize("name", ["RS.ndjson", *COMPRESSORS])
def test_a_last_line_that_is_cut_is_refused(tmp_path: Path, name: str) -> None:
    """Plain text tells its end by nothing else, and a cut file that somebody compressed is a whole stream."""
    path = tmp_path / name
    for size in range(len(LINES) - 10, len(LINES) - 1):
        path.write_bytes(COMPRESSORS.get(name, bytes)(LINES[:size]))
        with pytest.raises(WebtextError, match=rf"{name}: the file is cut: it ends in the middle of a line; fetch it again"):
            read(path)


class Short(io.BytesIO):
    """A file whose reader ends early without an error, as some over a network do."""

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, len(self.getvalue()) // 2 - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left))

    def read1(self, size: int | None = -1) -> bytes:
        return self.read(size)


@pytest.mark.parametrize("name", ["RS.ndjson", *COMPRESSORS])
def test_a_short_read_is_an_error_and_not_an_end(name: str) -> None:
    data = COMPRESSORS.get(name, bytes)(b'{"a": 1}\n' * 2000)
    blocks = b"".join(read_blocks(f"gs://bucket/{name}", lambda path: io.BytesIO(data)))
    assert blocks == b'{"a": 1}\n' * 2000
    with pytest.raises(WebtextError, match=rf"gs://bucket/{name}: the file is cut"):
        list(read_blocks(f"gs://bucket/{name}", lambda path: Short(data)))


@given(st.lists(st.binary(max_size=50).map(lambda line: line.replace(b"\n", b"") + b"\n"), max_size=50), st.integers(1, 64))
@settings(max_examples=100)
def test_blocks_are_whole_lines(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], block: int) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.zst"
    path.write_bytes(zstd(b"".join(lines)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compression, "BLOCK", block)
        patch.setattr(compression, "_READ", 5)
        patch.setattr(compression, "_PIECE", 3)
        blocks = list(read_blocks(path))
    assert b"".join(blocks) == b"".join(lines)
    assert all(part.endswith(b"\n") for part in blocks)
    longest = max(map(len, lines), default=0)
    assert all(len(part) <= 2 * block + 2 * longest for part in blocks)


def test_memory_does_not_follow_the_ratio(tmp_path: Path) -> None:
    """64 MiB out of 6 kB come as blocks, not as one."""
    path = tmp_path / "a.zst"
    path.write_bytes(zstd(b'{"a": 1}\n' * (7 * 2**20)))
    sizes = [len(block) for block in read_blocks(path)]
    assert sum(sizes) == 9 * 7 * 2**20
    assert max(sizes) <= 2 * compression.BLOCK


def test_a_file_without_line_feeds_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held is bounded by the longest line that is allowed, not by what a few bytes decompress to."""
    monkeypatch.setattr(compression, "LINE", 2**20)
    path = tmp_path / "a.zst"
    path.write_bytes(zstd(b"a" * (256 * 2**20)))
    tracemalloc.start()
    with pytest.raises(WebtextError, match=r"a\.zst: a line of more than 1 MiB; a dump has a JSON object a line"):
        list(read_blocks(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 128 * 2**20
