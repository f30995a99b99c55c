"""The same bytes for any number of workers, and after any number of kills; and only what a change concerns is done again."""

from __future__ import annotations

import json
import pickle
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.commands import ROOT, kill_when, line_of, manifests
from tests.end_to_end.golden import GOLDEN, digests
from tests.end_to_end.small import small_world
from webtext.core.directories import DIRECTORIES, work_directory

# A finished task of the stage at which it is killed, in the middle of its phases, where it has several; and the number of workers. Two
# where what a killed launcher leaves behind goes on for a moment: requests, children that extract, files of several phases.
MOMENTS = {
    "links": ("parse-*.done", 1),
    "fetch": ("fetch-*.done", 2),
    "extract": ("extract-00003.done", 2),
    "clean": ("clean-00003.done", 1),
    "dedup": ("verify-00001.done", 2),
    "ngrams": ("hash-00004.done", 1),
    "overlap": ("locate-00002.done", 1),
    "tokenizer": ("count-00005.done", 1),
    "tokenize": ("layout-*.done", 1),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the small web of all builds."""
    path = tmp_path_factory.mktemp("world") / "world.pickle"
    path.write_bytes(pickle.dumps(small_world()))
    return path


def line(world: Path, build: Path, workers: int, *keys: str) -> list[str]:
    return line_of(build, workers, f"world={world}", *keys, main="tests.end_to_end.small:main")


def run(world: Path, build: Path, workers: int, *keys: str) -> dict[str, str]:
    """Build to the end; what was said of each stage."""
    ended = subprocess.run(line(world, build, workers, *keys), cwd=ROOT, capture_output=True, text=True, timeout=1500, check=False)
    assert ended.returncode == 0, ended.stderr
    return dict(said.split(" ", 1) for said in ended.stdout.splitlines())


def files(build: Path) -> dict[str, bytes]:
    """All files of a build but for what holds times and what only a run needs."""
    return {
        str(path.relative_to(build)): path.read_bytes()
        for path in sorted(build.rglob("*"))
        if path.is_file() and path.name not in ("manifest.json", "report.html", ".lock", ".workers", "build.json", "log.jsonl")
    }


@pytest.fixture(scope="module")
def one(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build by one worker."""
    build = tmp_path_factory.mktemp("one") / "build"
    said = run(world, build, 1)
    assert set(said.values()) == {"ran"}
    return build


def test_one_and_two_workers_give_the_same_bytes(world: Path, one: Path, tmp_path: Path) -> None:
    run(world, tmp_path / "two", 2)
    assert manifests(tmp_path / "two") == manifests(one)
    assert files(tmp_path / "two") == files(one)


def test_killed_in_every_stage_it_ends_in_the_same_bytes(world: Path, one: Path, tmp_path: Path) -> None:
    build = tmp_path / "killed"
    killed = []
    for stage, (report, workers) in MOMENTS.items():
        if kill_when(line(world, build, workers), build, stage, report):
            killed.append(stage)
            kept = {path: path.stat().st_mtime_ns for path in (build / work_directory(stage)).glob("*.done")}
            assert kept
    assert len(killed) >= len(MOMENTS) - 2, f"too quick to be killed: only {killed}"
    run(world, build, 1)
    assert manifests(build) == manifests(one)
    assert files(build) == files(one)


def test_a_changed_key_redoes_its_stage_and_what_follows(world: Path, one: Path) -> None:
    before = manifests(one)
    assert set(run(world, one, 1).values()) == {"up to date"}
    said = run(world, one, 1, "dedup.threshold=0.75")
    after = list(DIRECTORIES).index("dedup")
    expected = {stage: "ran" if list(DIRECTORIES).index(stage) >= after else "up to date" for stage in before}
    assert said == expected
    assert run(world, one, 1, "dedup.threshold=0.8")["extract"] == "up to date"
    assert manifests(one) == before


def test_output_changes_only_with_the_version_of_its_stage(one: Path) -> None:
    """Else a build of the version before would not be made anew. Where it fails: raise the stage's `version`, then see golden.py."""
    golden = json.loads(GOLDEN.read_text())
    assert digests(one) == golden
