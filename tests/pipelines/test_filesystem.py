"""Dumps on file systems that Beam knows: the same links as from this machine's disk, told apart by name, size and checksum."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.filesystem import OpenAnywhere, configure, identity, source_files
from tests.pipelines.memory_fs import MemoryFileSystem
from tests.webtext.links.test_phases import post, write_dump
from webtext.cli.build import run_build
from webtext.core.config import Config
from webtext.core.config_file import parse_config
from webtext.core.errors import UsageError, WebtextError
from webtext.core.files import identity as local_identity
from webtext.core.manifest import Manifest
from webtext.core.tables import read_table


@pytest.fixture
def store() -> Iterator[dict[str, bytes]]:
    MemoryFileSystem.files.clear()
    MemoryFileSystem.opened.clear()
    yield MemoryFileSystem.files
    MemoryFileSystem.files.clear()


def test_globs_of_both_kinds(tmp_path: Path, store: dict[str, bytes]) -> None:
    (tmp_path / "RS_2.zst").touch()
    store.update({f"memory://bucket/reddit/{name}": b"" for name in ("RS_1.zst", "RS_3.zst", "RC_1.zst", "RS_dir/")})
    found = source_files([f"{tmp_path}/*.zst", "memory://bucket/reddit/RS_*", "memory://bucket/reddit/RS_1.zst"], "links.dumps")
    assert found == ["memory://bucket/reddit/RS_1.zst", f"{tmp_path}/RS_2.zst", "memory://bucket/reddit/RS_3.zst"]


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("memory://bucket/none*.zst", r"links\.dumps: there is no file memory://bucket/none\*\.zst; correct the path or the pattern"),
        ("memory://bucket/none.zst", r"links\.dumps: (there is no file )?memory://bucket/none\.zst"),
        ("nowhere://bucket/a.zst", r"links\.dumps: nowhere://bucket/a\.zst: Unable to get filesystem.*pip install"),
    ],
)
def test_nothing_there(store: dict[str, bytes], pattern: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        source_files([pattern], "links.dumps")


def test_what_a_file_is(tmp_path: Path, store: dict[str, bytes]) -> None:
    store["memory://bucket/a.zst"] = b"content"
    (tmp_path / "a.zst").write_bytes(b"content")
    assert identity("memory://bucket/a.zst") == {"name": "a.zst", "bytes": 7, "checksum": "fec530a9"}
    assert identity(tmp_path / "a.zst") == identity(str(tmp_path / "a.zst")) == local_identity(tmp_path / "a.zst")
    with pytest.raises(WebtextError, match=r"memory://bucket/b\.zst: cannot be read"):
        identity("memory://bucket/b.zst")


def test_options_reach_the_file_system(store: dict[str, bytes]) -> None:
    store["memory://bucket/a"] = b"x"
    assert OpenAnywhere({"job_name": "named"})("memory://bucket/a").read() == b"x"
    configure(["--job_name", "other"])
    assert MemoryFileSystem.opened == [("memory://bucket/a", "named")]


def links(build: Path, *dumps: str, shards: int = 3) -> Manifest:
    config: Config = parse_config("", "test", {"links.dumps": list(dumps), "build.shards": shards, "run.workers": 1})
    return run_build(config, build, ["--job_name", "named"], only=["links"])[0].manifest


def rows(build: Path) -> list[object]:
    return [row for path in sorted((build / "links").glob("shard-*.parquet")) for row in read_table(path)]


def test_the_stage_from_a_store(tmp_path: Path, store: dict[str, bytes]) -> None:
    posts = [post(f"p{number}", f"http://a{number % 7}.example/{number}", number % 9) for number in range(100)]
    one, two = write_dump(tmp_path / "RS_1.zst", posts[:60]), write_dump(tmp_path / "RS_2.zst", posts[60:])
    store["memory://bucket/RS_2.zst"] = two.read_bytes()
    here = links(tmp_path / "here", str(one), str(two))
    there = links(tmp_path / "there", str(one), "memory://bucket/RS_*.zst")
    assert rows(tmp_path / "here") == rows(tmp_path / "there")
    assert (here.records, here.counters, here.shards) == (there.records, there.counters, there.shards)
    assert [sorted(source) for source in there.sources] == [["bytes", "name", "xxh3_128"], ["bytes", "checksum", "name"]]
    assert MemoryFileSystem.opened == [("memory://bucket/RS_2.zst", "named")] * 2  # its beginning tells what kind of list it is

    assert links(tmp_path / "there", str(one), "memory://bucket/RS_*.zst").fingerprint == there.fingerprint
    assert len(MemoryFileSystem.opened) == 2  # up to date: nothing is read
    store["memory://bucket/RS_2.zst"] = write_dump(tmp_path / "other.zst", posts[80:]).read_bytes()
    assert links(tmp_path / "there", str(one), "memory://bucket/RS_*.zst").fingerprint != there.fingerprint


def test_a_cut_file_is_refused_by_its_address(tmp_path: Path, store: dict[str, bytes]) -> None:
    whole = write_dump(tmp_path / "RS.zst", [post("a", "http://a.example/")]).read_bytes()
    store["memory://bucket/RS.zst"] = whole[:-3]
    with pytest.raises(WebtextError, match=r"memory://bucket/RS\.zst: the file is cut"):
        links(tmp_path / "build", "memory://bucket/RS.zst")
