"""What a user gets wrong ends with one clear sentence, and nothing is lost."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
import zstandard

from tests.end_to_end.commands import webtext


def post(number: int, **fields: object) -> dict[str, object]:
    """A submission as Pushshift's dumps have it."""
    return {
        "id": f"p{number}",
        "url": f"http://site.example/page-{number}",
        "score": 10,
        "created_utc": 1500000000 + number,
        "subreddit": "books",
        "title": f"Page {number}",
        "is_self": False,
        "over_18": False,
        "domain": "site.example",
        "permalink": f"/r/books/comments/p{number}/",
        **fields,
    }


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "RS_2017-07.zst"
    lines = "".join(json.dumps(post(number)) + "\n" for number in range(50))
    path.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(lines.encode()))
    return path


@pytest.fixture
def config(tmp_path: Path, dump: Path) -> Path:
    path = tmp_path / "c.toml"
    path.write_text(f'[build]\nshards = 2\n[links]\ndumps = ["{dump}"]\n[fetch]\ncontact = "mailto:me@example.org"\n')
    return path


def sentence(*arguments: object, status: int) -> str:
    """What a command says on its way out: one sentence, no trace."""
    error = webtext(*arguments, status=status).stderr
    assert "Traceback" not in error
    return error


def test_a_missing_file(tmp_path: Path, config: Path, dump: Path) -> None:
    assert "absent.toml: cannot be read" in sentence("build", tmp_path / "absent.toml", "--out", tmp_path / "b", status=2)
    dump.unlink()
    assert f"links.dumps: there is no file {dump}" in sentence("build", config, "--out", tmp_path / "b", status=2)


def test_an_unknown_key(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("[fetch]\nper_host_dleay = 1\n")
    assert "c.toml: fetch.per_host_dleay: unknown key; did you mean per_host_delay?" in sentence(
        "build", path, "--out", tmp_path / "b", status=2
    )


def test_wrong_use_of_the_command_line(config: Path) -> None:
    assert "--out" in sentence("build", config, status=2)
    webtext("nonsense", status=2)
    webtext("links", config, "--out", "x", "--score-rule", "mean", status=2)


def test_nothing_to_build_from(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("[build]\nshards = 2\n")
    assert "nothing to build from: set documents.files" in sentence("build", path, "--out", tmp_path / "b", status=2)


def test_a_truncated_dump(tmp_path: Path, config: Path, dump: Path) -> None:
    whole = dump.read_bytes()
    dump.write_bytes(whole[:-20])
    error = sentence("links", config, "--out", tmp_path / "b", status=1)
    assert str(dump) in error
    assert "\n(in task" not in error
    dump.write_bytes(whole)
    webtext("links", config, "--out", tmp_path / "b")


def test_a_line_that_is_not_json(tmp_path: Path, config: Path, dump: Path) -> None:
    lines = [json.dumps(post(number)) for number in range(50)]
    lines[7] = lines[9] = '{"id": "p7", "url"'  # two of fifty; one alone never ends a run
    dump.write_bytes(zstandard.compress("\n".join(lines).encode() + b"\n"))
    error = sentence("links", config, "--out", tmp_path / "b", status=1)
    assert "RS_2017-07.zst" in error
    assert "line 8" in error
    webtext("links", config, "--out", tmp_path / "b", "--max-broken", "0.1")
    manifest = json.loads((tmp_path / "b" / "stages/links/manifest.json").read_text())
    assert manifest["counters"]["rejected-broken-line"] == 2
    assert manifest["records"] == {"unit": "posts", "in": 50, "out": 48, "rejected": 2}


def test_a_directory_of_another_configuration(tmp_path: Path, config: Path, dump: Path) -> None:
    build = tmp_path / "b"
    webtext("links", config, "--out", build)
    before = (build / "stages/links/manifest.json").read_bytes()
    other = dump.with_name("RS_2017-08.zst")
    other.write_bytes(dump.read_bytes())
    changed = tmp_path / "d.toml"
    changed.write_text(config.read_text().replace(str(dump), str(other)))
    error = sentence("links", changed, "--out", build, status=2)
    assert "belongs to a build of another configuration (links.dumps was" in error
    assert (build / "stages/links/manifest.json").read_bytes() == before
    webtext("links", changed, "--out", build, "--reuse")


def test_a_directory_of_somebody_else(tmp_path: Path, config: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("dear to me")
    assert "not empty and not a build (it holds thesis.tex)" in sentence("links", config, "--out", tmp_path / "home", status=2)
    assert (tmp_path / "home" / "thesis.tex").read_text() == "dear to me"


def test_two_builds_at_once(tmp_path: Path, config: Path) -> None:
    build = tmp_path / "b"
    build.mkdir()
    descriptor = os.open(build / ".lock", os.O_RDWR | os.O_CREAT)
    os.write(descriptor, b"4711")
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.lseek(descriptor, 0, os.SEEK_SET)
    assert "another build (process 4711) is already running in this directory" in sentence("links", config, "--out", build, status=1)
    os.close(descriptor)
    webtext("links", config, "--out", build)


def test_a_stage_before_its_inputs(tmp_path: Path, config: Path) -> None:
    error = sentence("dedup", config, "--out", tmp_path / "b", status=1)
    assert "cleaned/ is not finished; run `webtext clean` or `webtext build` first" in error


def test_the_network_is_not_asked_without_a_contact(tmp_path: Path, config: Path) -> None:
    config.write_text(config.read_text().replace("mailto:me@example.org", ""))
    assert "contact" in sentence("build", config, "--out", tmp_path / "b", status=2)


def test_commands_that_read_a_build_name_what_is_none(tmp_path: Path) -> None:
    assert "not a build" in sentence("why", "http://a.example/", "--out", tmp_path, status=2)
    assert "not a build" in sentence("source", tmp_path, "--position", "1", status=2)
    assert "not a build" in sentence("sample", tmp_path, status=2)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"mounting a tmpfs is not allowed here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk(tmp_path: Path, tiny_disk: Path, config: Path, dump: Path, workers: int) -> None:
    numbers = range(20_000)
    lines = "".join(json.dumps(post(number, title=f"{number * 7919 % 10007} {number * 104729 % 99991}")) + "\n" for number in numbers)
    dump.write_bytes(zstandard.compress(lines.encode()))
    config.write_text(config.read_text() + f"[run]\nworkers = {workers}\n")
    error = sentence("links", config, "--out", tiny_disk / "b", status=1)
    assert "the disk is full; free some space and run the same command again" in error
    subprocess.run(["mount", "-o", "remount,size=64m", str(tiny_disk)], check=True)
    webtext("links", config, "--out", tiny_disk / "b")
    manifest = json.loads((tiny_disk / "b" / "stages/links/manifest.json").read_text())
    assert manifest["records"]["in"] == manifest["records"]["out"] == 20_000


def test_files_of_the_user_are_never_imported(tmp_path: Path, config: Path) -> None:
    """The current directory holds files with the names of our packages: neither the command nor its two workers import them."""
    for name in ("webtext", "pipelines", "tokenizer", "model", "json"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name}.py of the current directory was imported')")
    command = [Path(sys.executable).with_name("webtext"), "links", config, "--out", "b", "--set", "run.workers=2"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False)
    assert ended.returncode == 0, ended.stderr
    manifest = json.loads((tmp_path / "b" / "stages/links/manifest.json").read_text())
    assert manifest["records"] == {"unit": "posts", "in": 50, "out": 50, "rejected": 0}


def test_a_foreign_package_is_named(tmp_path: Path) -> None:
    """As on a machine where PyPI's `tokenizer` is found before ours."""
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "__init__.py").touch()
    command = [Path(sys.executable).with_name("webtext"), "--version"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("webtext: another package named `tokenizer` hides or overwrites webtext's own")
    assert str(tmp_path / "tokenizer" / "__init__.py") in ended.stderr


def test_the_version() -> None:
    assert webtext("--version").stdout == f"webtext {metadata.version('webtext')}\n"
