"""Builds on a store of objects: what a task sees, what is kept of it, and that a stage makes room there as it does on a disk."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.inputs import INPUTS, inputs_of
from pipelines.remote_store import SCRATCH, BeamStore
from pipelines.stage import Stage, prepare
from tests.pipelines.memory_fs import MemoryFileSystem
from webtext.cli.build import stages_of
from webtext.cli.build_directory import HOLDER_FILE
from webtext.cli.remote_build import check_lock, lock_remote_build
from webtext.core.config_file import parse_config
from webtext.core.errors import WebtextError
from webtext.core.files import write_bytes
from webtext.core.task import LocalStore, StageContext, TaskRun, run_task

URL = "memory://bucket/build"
BUILD = BeamStore(URL)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    monkeypatch.setenv(SCRATCH, str(tmp_path / "scratch"))
    MemoryFileSystem.files.clear()
    yield MemoryFileSystem.files
    MemoryFileSystem.files.clear()


def names(store: dict[str, bytes]) -> list[str]:
    return sorted(name.removeprefix(f"{URL}/") for name in store)


def test_files_go_there_and_come_back(store: dict[str, bytes], tmp_path: Path) -> None:
    here = tmp_path / "here"
    contents = {f"a/{number}.bin": os.urandom(number * 1000) for number in range(20)} | {"b": b"", "a/c/d": b"deep"}
    for name, data in contents.items():
        write_bytes(here / name, data)
    BUILD.upload(here, list(contents))
    sizes = {name: len(data) for name, data in contents.items()}
    assert BUILD.sizes([*contents, "none", "a/none"]) == sizes
    assert BUILD.sizes(["a/*", "b"]) == {name: size for name, size in sizes.items() if name != "a/c/d"}
    assert BUILD.sizes(["**"]) == sizes
    BUILD.download(["a/**"], tmp_path / "back")
    assert {name: (tmp_path / "back" / name).read_bytes() for name in contents if name != "b"} == {
        name: data for name, data in contents.items() if name != "b"
    }
    assert BUILD.read("a/7.bin") == contents["a/7.bin"]
    assert BUILD.read("none") is None
    BUILD.move([("b", "e/b"), ("a/1.bin", "e/1.bin")])
    BUILD.remove("a")
    BUILD.remove("e/b")
    BUILD.remove("none")
    assert names(store) == ["e/1.bin"]


def task(log: TaskRun, shard: int, fail: bool, source: str) -> list[Any]:
    """Reads its shard of the corpus, and writes one of everything."""
    corpus = log.context.build / source
    assert [path.name for path in corpus.iterdir()] == [f"shard-{shard:05d}.parquet"]  # and nothing else was brought
    text = (corpus / f"shard-{shard:05d}.parquet").read_bytes()
    write_bytes(log.context.scratch_path(f"hashes-{shard:05d}.runs"), text[::-1])
    with log.binary("ngrams/made.bin") as output:
        output.file.write(text * 2)
    log.context.scratch_path(f"{log.name}.progress").write_text("3")
    log.records_in += 1
    log.reject("http://a/", "id", "short")
    if fail:
        raise WebtextError(f"{log.context.build}/corpus: no")
    return [[0, "x"]]


def context(stage: str = "ngrams") -> StageContext:
    return StageContext(Path("/nowhere"), stage, "f" * 64, BUILD)


def test_a_task_leaves_what_it_made_and_its_report_last(store: dict[str, bytes], tmp_path: Path) -> None:
    store.update({f"{URL}/corpus/shard-0000{number}.parquet": b"text %d" % number for number in range(3)})
    report = run_task(context(), "hash-00002", task, 2, False, "corpus")
    assert list(store)[-1] == f"{URL}/stages/ngrams/.work/hash-00002.done"
    made = [f"stages/ngrams/{name}" for name in (".work/hash-00002.done", ".work/hashes-00002.runs", "rejected/hash-00002.parquet")]
    assert names(store)[3:] == ["ngrams/made.bin", *made]
    assert store[f"{URL}/ngrams/made.bin"] == b"text 2text 2"
    alone = tmp_path / "alone"
    write_bytes(alone / "corpus/shard-00002.parquet", b"text 2")
    assert replace(run_task(StageContext(alone, "ngrams", "f" * 64), "hash-00002", task, 2, False, "corpus"), measured={}) == replace(
        report, measured={}
    )
    for name in ("ngrams/made.bin", "stages/ngrams/rejected/hash-00002.parquet", "stages/ngrams/.work/hashes-00002.runs"):
        assert (alone / name).read_bytes() == store[f"{URL}/{name}"]
    assert not list((tmp_path / "scratch").rglob("*.bin"))  # nothing is left of the task on this disk

    def again(log: TaskRun, *arguments: object) -> None:
        raise AssertionError("done twice")

    assert run_task(context(), "hash-00002", again, 2, False, "corpus") == report
    store[f"{URL}/ngrams/made.bin"] = b"cut"
    assert run_task(context(), "hash-00002", task, 2, False, "corpus").outputs == report.outputs
    assert store[f"{URL}/ngrams/made.bin"] == b"text 2text 2"


def test_a_task_that_fails_keeps_nothing_and_names_the_build(store: dict[str, bytes]) -> None:
    store[f"{URL}/corpus/shard-00000.parquet"] = b"text"
    with pytest.raises(WebtextError, match=rf"^{URL}/corpus: no$"):
        run_task(context(), "hash-00000", task, 0, True, "corpus")
    assert names(store) == ["corpus/shard-00000.parquet"]
    assert run_task(context(), "hash-00000", task, 0, False, "corpus").rejected == 1


def test_a_task_that_was_ended_is_gone_on_with(store: dict[str, bytes]) -> None:
    """As a crawl, which has a journal."""

    def crawl(log: TaskRun, shard: int, end: bool) -> None:
        journal = log.context.scratch_path("journal")
        lines = journal.read_text() if journal.exists() else ""
        journal.write_text(lines + "line\n")
        log.context.scratch_path("hosts").mkdir(exist_ok=True)
        (log.context.scratch_path("hosts") / "aa").touch()
        if end:
            raise KeyboardInterrupt

    store[f"{URL}/links/shard-00000.parquet"] = b"links"
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            run_task(context("fetch"), "fetch-00000", crawl, 0, True)
    run_task(context("fetch"), "fetch-00000", crawl, 0, False)
    assert store[f"{URL}/stages/fetch/.work/journal"] == b"line\n" * 4
    assert not any("hosts" in name for name in store)  # which the tasks of a machine share


def test_what_tasks_share_is_brought_once_a_stage(store: dict[str, bytes], tmp_path: Path) -> None:
    store[f"{URL}/stages/ngrams/.work/hashes-00000.runs"] = b"runs"
    MemoryFileSystem.opened.clear()

    def read(log: TaskRun, partition: int) -> None:
        assert log.context.scratch_path("hashes-00000.runs").read_bytes() == b"runs"

    for partition in range(5):
        run_task(context(), f"filter-{partition:05d}", read, partition)
    assert [path for path, _ in MemoryFileSystem.opened] == [f"{URL}/stages/ngrams/.work/hashes-00000.runs"]
    assert list((tmp_path / "scratch").rglob("hashes-00000.runs"))
    run_task(context("overlap"), "measure-00000", lambda log, index: None, 0)
    assert not list((tmp_path / "scratch").rglob("hashes-00000.runs"))  # the next stage: the disk is free again


def test_every_phase_declares_its_inputs(tmp_path: Path) -> None:
    keys = {
        "links.dumps": ["a"],
        "train.enabled": True,
        "overlap.benchmarks": [{"name": "b", "path": "b"}],
        "dedup.decontaminate": [{"name": "b", "path": str(tmp_path)}],
        "dedup.decontaminate_edits": 0.3,
    }
    (tmp_path / "x.txt").write_text("x")
    config = parse_config("", "test", keys)
    phases = {(stage.name, phase) for stage in stages_of(config).values() if stage.name != "links" for phase in stage.phases(config)}
    others = {
        ("documents", "read"),
        ("links", "parse"),
        ("links", "group"),
        ("fetch", "index"),
        ("fetch", "join"),
        ("tokenizer", "take"),
        ("tokenize", "write"),
        ("tokenize", "convert"),
    }
    assert INPUTS.keys() == phases | others
    with pytest.raises(WebtextError, match=r"corpus: the inputs of `guess` are not declared"):
        inputs_of("corpus", "guess-00000", (0,))


STAGE = Stage("toy", "toy", "things", (), (), lambda config: {}, extra_outputs=("side", "side.html"))
PATHS = ["toy/a", "toy/b/c", "stages/toy/.work/d", "side/e", "side.html"]
Steps = st.lists(
    st.one_of(
        st.tuples(st.just("prepare"), st.sampled_from(["key", "other"]), st.sampled_from([(), ("b", "a"), ("a",)])),
        st.tuples(st.just("write"), st.sampled_from(PATHS), st.binary(max_size=3)),
        st.tuples(st.just("close"), st.just(""), st.just("")),
    ),
    max_size=12,
)


@given(steps=Steps, reuse_previous=st.booleans())
def test_room_is_made_as_on_a_disk(
    tmp_path_factory: pytest.TempPathFactory, steps: Sequence[tuple[str, str, Any]], reuse_previous: bool
) -> None:
    here, stage = tmp_path_factory.mktemp("build"), replace(STAGE, reuse_previous=reuse_previous)
    MemoryFileSystem.files.clear()
    for step, name, value in steps:
        if step == "prepare":
            prepare(stage, LocalStore(here), name, value)
            prepare(stage, BUILD, name, value)
        else:
            path, data = ("stages/toy/manifest.json", b"{}") if step == "close" else (name, value)
            (here / path).parent.mkdir(parents=True, exist_ok=True)
            (here / path).write_bytes(data)
            BUILD.write(path, data)
    there = {name.removeprefix(f"{URL}/"): data for name, data in MemoryFileSystem.files.items()}
    MemoryFileSystem.files.clear()
    assert there == {path.relative_to(here).as_posix(): path.read_bytes() for path in here.rglob("*") if path.is_file()}


def test_setting_aside_goes_on_where_it_was_interrupted(store: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    stage = replace(STAGE, reuse_previous=True)
    made = {name: name.encode() for name in ("toy/a", "toy/b/c", "stages/toy/manifest.json", "stages/toy/.work/d")}
    for name, data in made.items():
        BUILD.write(name, data)
    BUILD.write("stages/toy/.work/fingerprint", b"key")
    moves: list[Any] = []

    def rename(self: MemoryFileSystem, old: list[str], new: list[str]) -> None:
        for one, other in zip(old, new):
            moves.append(one)
            if len(moves) in (2, 5):
                raise KeyboardInterrupt
            self.files[other] = self.files.pop(one)

    monkeypatch.setattr(MemoryFileSystem, "rename", rename)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            prepare(stage, BUILD, "key")
    prepare(stage, BUILD, "key")
    aside = {name.removeprefix(f"{URL}/toy/.previous/00000/"): data for name, data in store.items() if "/.previous/" in name}
    assert aside == {name.removeprefix("stages/").removeprefix("toy/"): data for name, data in made.items()} | {".work/fingerprint": b"key"}
    assert names(store)[:2] == ["stages/toy/.work/fingerprint", "toy/.previous/00000/.work/d"]


def test_one_launcher_at_a_time(store: dict[str, bytes]) -> None:
    with lock_remote_build(f"{URL}/", []) as (directory, remote):
        assert remote.url == URL
        assert names(store) == [HOLDER_FILE]
        running = rf"^{URL}: another build \(process {os.getpid()}\) is already running in this directory"
        with pytest.raises(WebtextError, match=running), lock_remote_build(URL, []):
            pass
        check_lock(remote)
        write_bytes(directory / "stages/links/manifest.json", b"{}")
        store[f"{URL}/{HOLDER_FILE}"] = json.dumps({"host": "far", "process": 7, "begun": 1.0, "since": "then"}).encode()
        with pytest.raises(WebtextError, match=rf"{URL}: another build \(process 7 on far, since then\).*delete {URL}/{HOLDER_FILE}"):
            check_lock(remote)
    assert names(store) == [HOLDER_FILE]  # which is not ours
    with pytest.raises(WebtextError, match="process 7 on far"), lock_remote_build(URL, []):
        pass


@pytest.mark.parametrize(
    ("process", "begun", "free"),
    [(os.getpid(), 0.0, True), (2**22 + 1, 0.0, True), (os.getpid(), None, False)],
    ids=["another has its number", "nobody has its number", "it is alive"],
)
def test_a_launcher_that_died_on_this_machine(store: dict[str, bytes], process: int, begun: float | None, free: bool) -> None:
    since = psutil.Process().create_time() if begun is None else begun
    holder = {"host": socket.gethostname(), "process": process, "begun": since, "since": "then"}
    store[f"{URL}/{HOLDER_FILE}"] = json.dumps(holder).encode()
    store[f"{URL}/stages/links/manifest.json"] = b"there"
    if not free:
        with pytest.raises(WebtextError, match="is already running in this directory"), lock_remote_build(URL, []):
            pass
        return
    with lock_remote_build(URL, []) as (directory, _):
        (left,) = [path for path in directory.rglob("*") if path.is_file() and not path.name.startswith(".")]
        assert left.read_bytes() == b"there"
    assert names(store) == ["stages/links/manifest.json"]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("nowhere://bucket/build", r"nowhere://bucket/build/build\.json\*: Beam has no file system for it here; .*apache-beam\[gcp\]"),
        ("memory://bucket/b*", r"memory://bucket/b\*: the name of a build has none of"),
    ],
)
def test_a_wrong_address(store: dict[str, bytes], url: str, problem: str) -> None:
    with pytest.raises(WebtextError, match=problem), lock_remote_build(url, []):
        pass
