from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

from pipelines.run import run_stage
from pipelines.stage import PREVIOUS, RETRY_FILE, Stage, check_stage, prepare
from pipelines.versions import versions
from tests.pipelines.toy import PARTITIONS, SHARDS, TOY
from webtext.cli.progress import StageProgress
from webtext.core.config import Config
from webtext.core.config_file import parse_config
from webtext.core.directories import WORK
from webtext.core.errors import WebtextError
from webtext.core.files import write_bytes
from webtext.core.manifest import Manifest, read_manifest
from webtext.core.task import LocalStore, StageContext


class NoProgress:
    @contextmanager
    def watch(self, stage: str, context: StageContext, phases: dict[str, int]) -> Iterator[StageProgress]:
        yield StageProgress()


def configured(mood: str = "", **keys: object) -> Config:
    return parse_config("", "test", {"fetch.contact": mood, **{f"dedup.{key}": value for key, value in keys.items()}})


def run(build: Path, config: Config, workers: int = 1, stage: Stage = TOY) -> Manifest:
    return run_stage(stage, build, config, check_stage(stage, build, config, {}), workers, [], NoProgress())


def without_times(build: Path) -> str:
    text = (build / "stages/toy/manifest.json").read_text()
    return re.sub(r'"measured": \{.*?\}', "", text, flags=re.DOTALL)


def test_one_and_two_workers_give_the_same_bytes(tmp_path: Path) -> None:
    first = run(tmp_path / "one", configured(), workers=1)
    second = run(tmp_path / "two", configured(), workers=2)
    assert first.hash() == second.hash()
    assert without_times(tmp_path / "one") == without_times(tmp_path / "two")
    assert first.records == {"unit": "numbers", "in": 400, "out": 360, "rejected": 40}
    assert first.counters == {"rejected-round": 40}
    assert first.measured["versions"]["webtext"] == metadata.version("webtext")
    assert not (tmp_path / "one" / "stages/toy" / WORK).exists()


def test_a_finished_stage_fits_until_a_key_of_its_own_changes(tmp_path: Path) -> None:
    run(tmp_path, configured())
    assert check_stage(TOY, tmp_path, configured(), {}).done
    assert check_stage(TOY, tmp_path, configured("other mood"), {}).done  # not of this stage
    assert not check_stage(TOY, tmp_path, configured(threshold=0.5), {}).done
    (tmp_path / "toy" / "part-1.json").unlink()
    assert not check_stage(TOY, tmp_path, configured(), {}).done


def test_what_another_configuration_left_is_gone(tmp_path: Path) -> None:
    run(tmp_path, configured())
    (tmp_path / "toy" / "stale").touch()
    manifest = run(tmp_path, configured(threshold=0.5))
    assert not (tmp_path / "toy" / "stale").exists()
    assert manifest.configuration["dedup"]["threshold"] == 0.5


def test_a_refusal_reaches_the_launcher_as_its_sentence(tmp_path: Path) -> None:
    for workers in (1, 2):
        with pytest.raises(WebtextError, match=r"^shard 5 is bad: mend it$"):
            run(tmp_path / str(workers), configured("refuse"), workers)


def test_a_worker_of_another_image_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The launcher of this test says that it runs other code than its workers find installed."""
    monkeypatch.setattr("pipelines.engine.versions", lambda: {**versions(), "python": "3.9", "code": "0123456789ab"})
    told = rf"^a worker is not of this build: python is {versions()['python']} in the worker and 3\.9 at launch, code is "
    with pytest.raises(WebtextError, match=told):
        run(tmp_path, configured(), workers=2)


def test_a_defect_is_told_with_its_task_and_trace(tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match=r"(?s)KeyError: 'oops'\n\(in task scatter-00005\)\n.*Traceback"):
        run(tmp_path, configured("defect"), workers=2)


def test_an_interrupted_stage_goes_on_from_its_finished_tasks(tmp_path: Path) -> None:
    with pytest.raises(WebtextError):
        run(tmp_path, configured("refuse"))
    done = sorted((tmp_path / "stages/toy" / WORK).glob("scatter-*.done"))
    assert 0 < len(done) < SHARDS
    before = {path: path.stat().st_mtime_ns for path in done}
    seen: dict[Path, int] = {}

    class Look(NoProgress):
        @contextmanager
        def watch(self, stage: str, context: StageContext, phases: dict[str, int]) -> Iterator[StageProgress]:
            yield StageProgress()
            seen.update({path: path.stat().st_mtime_ns for path in before})

    config = configured()
    manifest = run_stage(TOY, tmp_path, config, check_stage(TOY, tmp_path, config, {}), 1, [], Look())
    assert seen == before
    assert manifest.hash() == run(tmp_path / "again", configured()).hash()


def test_a_worker_that_dies_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    # In a process of its own: what dies takes threads of the local runner along that would trouble the tests after it.
    script = f"from tests.pipelines.test_engine import *; run(Path({str(tmp_path)!r}), configured('die'), workers=2)"
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}  # workers never import from the current directory, where tests/ is
    ended = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert ended.returncode == 1
    assert ended.stderr.rstrip().endswith("finished shards are kept")
    assert "WebtextError: a worker process died" in ended.stderr
    assert read_manifest(tmp_path / "stages/toy/manifest.json") is None
    assert run(tmp_path, configured(), workers=2).records["in"] == 400


def test_an_engine_that_loses_tasks_is_found_out(tmp_path: Path) -> None:
    greedy = replace(TOY, phases=lambda config: {"scatter": SHARDS, "gather": PARTITIONS + 1})
    with pytest.raises(WebtextError, match=r"toy: 3 of 4 tasks of `gather` are done"):
        run(tmp_path, configured(), stage=greedy)


def kept(build: Path) -> dict[str, set[str]]:
    """What lies in PREVIOUS, by directory."""
    return {one.name: {path.name for path in one.iterdir()} for one in (build / "toy" / PREVIOUS).glob("*") if one.is_dir()}


KEEPER = replace(TOY, reuse_previous=True)


def test_what_a_stage_keeps_is_set_aside(tmp_path: Path) -> None:
    run(tmp_path, configured(), stage=KEEPER)
    prepare(KEEPER, LocalStore(tmp_path), "another key")
    assert "part-0.json" in kept(tmp_path)["00000"]
    assert "manifest.json" in kept(tmp_path)["00000"]
    assert not (tmp_path / "stages/toy/manifest.json").exists()
    (tmp_path / "toy" / PREVIOUS / ".DS_Store").touch()  # as a file manager leaves it
    prepare(KEEPER, LocalStore(tmp_path), "another key")  # goes on
    assert set(kept(tmp_path)) == {"00000"}
    prepare(KEEPER, LocalStore(tmp_path), "third key")
    (tmp_path / "toy" / PREVIOUS / ".DS_Store").unlink()
    assert set(kept(tmp_path)) == {"00000", "00001"}


def test_what_an_unfinished_stage_has_made_is_kept_too(tmp_path: Path) -> None:
    for number, key in enumerate(("first", "second", "third")):
        prepare(KEEPER, LocalStore(tmp_path), key)
        write_bytes(tmp_path / "toy" / f"page-{number}", b"")
    assert [sorted(names) for _, names in sorted(kept(tmp_path).items())] == [[WORK, "page-0"], [WORK, "page-1"]]
    prepare(TOY, LocalStore(tmp_path), "fourth")  # a stage that keeps nothing
    assert not (tmp_path / "toy").exists()
    prepare(KEEPER, LocalStore(tmp_path), "fifth")
    write_bytes(tmp_path / "stages/toy/manifest.json", b"")
    prepare(KEEPER, LocalStore(tmp_path), "sixth")  # what a finished one had of older ones, it has taken
    assert [sorted(names) for _, names in sorted(kept(tmp_path).items())] == [[WORK, "manifest.json"]]


@pytest.mark.parametrize("stage", [TOY, KEEPER], ids=["anew", "kept"])
def test_output_of_an_earlier_version(tmp_path: Path, stage: Stage) -> None:
    """Its bookkeeping lay beside the data."""
    for name in ("page", "manifest.json", "rejected/part-0.parquet"):
        write_bytes(tmp_path / "toy" / name, b"")
    prepare(stage, LocalStore(tmp_path), "key")
    assert (tmp_path / "toy").exists() == stage.reuse_previous
    assert kept(tmp_path) == ({"00000": {"page", "manifest.json", "rejected"}} if stage.reuse_previous else {})


def test_a_stage_is_made_anew_on_request(tmp_path: Path) -> None:
    prepare(KEEPER, LocalStore(tmp_path), "key")
    write_bytes(tmp_path / "toy" / "page", b"")
    prepare(KEEPER, LocalStore(tmp_path), "key", ["b", "a"])
    assert set(kept(tmp_path)) == {"00000"}
    assert (tmp_path / "stages/toy" / WORK / RETRY_FILE).read_text().split() == ["[", '"a",', '"b"', "]"]
    for retry in (["a", "b"], []):  # what was begun goes on
        prepare(KEEPER, LocalStore(tmp_path), "key", retry)
        assert set(kept(tmp_path)) == {"00000"}
    prepare(KEEPER, LocalStore(tmp_path), "key", ["a"])
    assert set(kept(tmp_path)) == {"00000", "00001"}


@pytest.mark.parametrize("renames", range(4))
def test_setting_aside_may_be_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renames: int) -> None:
    prepare(KEEPER, LocalStore(tmp_path), "first")
    write_bytes(tmp_path / "toy" / "page-0", b"")
    prepare(KEEPER, LocalStore(tmp_path), "second")
    write_bytes(tmp_path / "toy" / "page-1", b"")
    done = 0

    def rename(path: Path, target: Path) -> None:
        nonlocal done
        if done == renames:
            raise KeyboardInterrupt
        done += 1
        os.rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", rename)
        with suppress(KeyboardInterrupt):
            prepare(KEEPER, LocalStore(tmp_path), "third")
        assert done == min(renames, 2)
    prepare(KEEPER, LocalStore(tmp_path), "third")
    assert sorted(name for names in kept(tmp_path).values() for name in names) == [WORK, WORK, "page-0", "page-1"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stages", "toy"]
