from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from webtext.core.errors import WebtextError
from webtext.core.files import TEMPORARY, HashingFile, explain_os_errors, identity, read_json, to_json, write_bytes, writing


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.bin"
    with writing(path) as output:
        output.file.write(b"one")
        output.file.write(memoryview(b"two"))
        assert not path.exists()
    assert path.read_bytes() == b"onetwo"
    assert output.written is not None
    assert output.written.bytes == 6
    assert output.written.sha256 == hashlib.sha256(b"onetwo").hexdigest()
    assert [item.name for item in path.parent.iterdir()] == ["a.bin"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")
    with pytest.raises(ZeroDivisionError), writing(path) as output:
        output.file.write(b"new")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert not list(tmp_path.glob(f"*{TEMPORARY}"))


def test_a_place_that_is_no_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(WebtextError, match="file/a: cannot be written"):
        write_bytes(tmp_path / "file" / "a", b"")


def test_a_directory_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(WebtextError, match=r"/a: cannot be written \(Is a directory\)"):
        write_bytes(tmp_path / "a", b"")


def test_an_input_is_not_told_as_the_output() -> None:
    refused = PermissionError(errno.EACCES, "Permission denied", "/data/input.zst")
    with pytest.raises(WebtextError, match=r"^/data/input\.zst: cannot be read \(Permission denied\)"), explain_os_errors(Path("/out/a")):
        raise refused


def test_a_file_and_its_directory_are_synced_before_it_counts_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file before it gets its name, the directory after."""
    path = tmp_path / "a.bin"
    synced: list[tuple[int, bool]] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append((os.fstat(descriptor).st_ino, path.exists())))
    write_bytes(path, b"data")
    assert synced == [(path.stat().st_ino, False), (tmp_path.stat().st_ino, True)]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk_is_named() -> None:
    with pytest.raises(WebtextError, match=r"the disk is full; free some space"), explain_os_errors(Path("/dev/full")):
        file = HashingFile(Path("/dev/full"))
        try:
            file.write(b"x" * 100_000)
            file.sync()
        finally:
            file.close()


def test_json_is_canonical(tmp_path: Path) -> None:
    assert to_json({"b": 1, "a": [1.5, None]}) == to_json({"a": [1.5, None], "b": 1})
    path = tmp_path / "x.json"
    path.write_bytes(to_json({"a": "ü"}))
    assert read_json(path) == {"a": "ü"}
    path.write_text("{")
    with pytest.raises(WebtextError, match="not valid JSON"):
        read_json(path)
    with pytest.raises(WebtextError, match="no such file"):
        read_json(tmp_path / "y.json")


def test_identity_is_by_content_not_by_place(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    first, second = tmp_path / "a", tmp_path / "one" / "a"
    first.write_bytes(b"x" * 1000)
    second.write_bytes(b"x" * 1000)
    os.utime(second, (0, 0))
    assert identity(first) == identity(second)
    second.write_bytes(b"x" * 999 + b"y")
    assert identity(first) != identity(second)


def test_identity_of_a_large_file_sees_its_end(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with open(path, "wb") as file:
        file.truncate(300 * 2**20)  # sparse
    before = identity(path)
    with open(path, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"y")
    assert identity(path)["bytes"] == before["bytes"]
    assert identity(path) != before
