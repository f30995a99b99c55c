"""What a stage shows of itself while it runs: counters, log lines, lines for a log."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from rich.console import Console

from pipelines.monitoring import at_task, name_log_records, read_counts, watching
from pipelines.remote_store import BeamStore
from tests.pipelines import toy
from tests.pipelines.test_engine import configured
from webtext.cli.progress import ProgressDisplay, StoreTally
from webtext.core.task import StageContext

TASKS, RECORDS = toy.SHARDS + toy.PARTITIONS, toy.SHARDS * toy.EACH


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def result(tmp_path: Path) -> Any:
    """That of a run that has ended."""
    pipeline = beam.Pipeline(runner=FnApiRunner())
    toy.graph(pipeline, StageContext(tmp_path, "toy", ""), configured())
    result = pipeline.run()
    result.wait_until_finish()
    return result


def test_an_engine_counts_tasks_and_records(result: Any) -> None:
    assert read_counts(result) == (TASKS, RECORDS)


def test_a_running_job_is_asked_now_and_then(result: Any) -> None:
    seen: list[tuple[int, int]] = []
    with watching(result, lambda done, records: seen.append((done, records)), seconds=0.01):
        until(lambda: len(seen) > 2)
    assert set(seen) == {(TASKS, RECORDS)}
    before = len(seen)
    time.sleep(0.1)
    assert len(seen) == before


def test_a_job_that_cannot_be_asked_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), watching(object(), lambda done, records: None, seconds=0.01):
        until(lambda: "no counters" in caplog.text)


@pytest.fixture
def factory() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(before)


@pytest.mark.usefixtures("factory")
def test_log_lines_say_which_task_wrote_them(caplog: pytest.LogCaptureFixture) -> None:
    name_log_records()
    name_log_records()  # each phase of a worker does so
    with at_task("links parse-00003"):
        logging.getLogger("anywhere").warning("%d%% of %s", 5, "it")
    logging.getLogger("anywhere").warning("after")
    assert caplog.messages == ["links parse-00003: 5% of it", "after"]


def test_what_an_engine_counts_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webtext.cli.progress.LOG_SECONDS", 0.0)
    shown = io.StringIO()
    with ProgressDisplay(Console(file=shown)).watch("fetch", StageContext(tmp_path, "fetch", ""), {"fetch": 100_000}) as progress:
        progress.counted(1234, 5_678_901)
        until(lambda: "5,678,901 records" in shown.getvalue())
    assert "fetch: 1234/100000 tasks, 5,678,901 records" in shown.getvalue()


def test_reports_in_a_store_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webtext.cli.progress.STORE_SECONDS", 0.0)
    there = BeamStore(str(tmp_path / "there"))
    tally = StoreTally(StageContext(tmp_path / "here", "toy", "", there), there)
    assert tally.count() == (0, 0)
    (tmp_path / "there" / "stages/toy/.work").mkdir(parents=True)
    for number in range(3):
        (tmp_path / "there" / "stages/toy/.work" / f"scatter-{number:05d}.done").touch()
    (tmp_path / "there" / "stages/toy/.work" / "numbers-0").touch()
    assert tally.count() == (3, 0)
