"""Phases of a stage on Apache Beam: a graph of tasks, on this machine or on an engine that the user names."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apache_beam as beam
import orjson
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipelines.versions import difference, versions
from webtext.errors import UsageError, WebtextError
from webtext.task import Place, TaskFunction, run_task
from webtext.workers import announce_launcher, mark_worker

FAILED = "webtext-task-failed: "  # begins the line of JSON by which a failure crosses from a worker to the launcher


class TaskFailed(Exception):
    """A task's failure in a form that survives being turned into text by an engine."""

    def __init__(self, name: str, sentence: str, trace: str = "", *, usage: bool = False) -> None:
        super().__init__(FAILED + orjson.dumps({"task": name, "sentence": sentence, "trace": trace, "usage": usage}).decode())


class RunTask(beam.DoFn):  # type: ignore[misc]
    """Does the task of an element `(index, *payload)` and emits the task's outputs."""

    def __init__(self, place: Place, phase: str, function: TaskFunction, arguments: tuple[Any, ...]) -> None:
        self.place, self.phase, self.function, self.arguments = place, phase, function, arguments
        self.launched = versions()

    def setup(self) -> None:
        other = difference(self.launched, versions())
        if other:
            raise TaskFailed(self.phase, f"a worker is not of this build: {other}; give both the same lock and wheel")
        mark_worker(self.place.build)
        # NB: Arrow's own pool keeps what tasks have given back: 75 MB more in two workers of the links stage.
        pa.set_memory_pool(pa.system_memory_pool())
        # NB: a Metrics.counter made inside process() costs six times as much as the element itself.
        self.counters: dict[str, Any] = {}

    def process(self, element: tuple[Any, ...]) -> Iterator[Any]:
        index, *payload = element
        name = task_name(self.phase, index)
        try:
            report = run_task(self.place, name, self.function, index, *payload, *self.arguments)
        except WebtextError as error:
            raise TaskFailed(name, str(error), usage=isinstance(error, UsageError)) from error
        except Exception as error:
            raise TaskFailed(name, f"{type(error).__name__}: {error}", traceback.format_exc()) from error
        for counter, count in report.counters.items():
            if counter not in self.counters:
                self.counters[counter] = Metrics.counter(self.place.directory, counter)
            self.counters[counter].inc(count)
        yield from report.outputs


def task_name(phase: str, index: int) -> str:
    return f"{phase}-{index:05d}"


class Tasks(beam.PTransform):  # type: ignore[misc]
    """The elements that a stage starts from, spread over the workers."""

    def __init__(self, elements: Iterable[tuple[Any, ...]]) -> None:
        super().__init__()
        self.elements = list(elements)

    def expand(self, pipeline: Any) -> Any:
        # NB: without Reshuffle a local runner does all elements of Create in one worker.
        return pipeline | beam.Create(self.elements) | beam.Reshuffle()


class Phase(beam.PTransform):  # type: ignore[misc]
    """A task for each element `(index, *payload)`: `function(log, index, *payload, *arguments)`, done once (see webtext.task)."""

    def __init__(self, place: Place, name: str, function: TaskFunction, *arguments: Any) -> None:
        super().__init__(name)
        self.task = RunTask(place, name, function, arguments)

    def expand(self, elements: Any) -> Any:
        return elements | beam.ParDo(self.task)


class ByPartition(beam.PTransform):  # type: ignore[misc]
    """`[partition, value]` pairs to `(partition, [values])`, values sorted: here a phase waits for all of the one before."""

    def expand(self, pairs: Any) -> Any:
        return pairs | beam.Map(_key_and_value) | beam.GroupByKey() | beam.Map(_sorted_values)


def _key_and_value(pair: list[Any]) -> tuple[int, Any]:
    partition, value = pair
    return partition, value


def _sorted_values(pair: tuple[int, Iterable[Any]]) -> tuple[int, list[Any]]:
    return pair[0], sorted(pair[1])


Graph = Callable[[Any], None]

GRACE_SECONDS = 20.0  # for a run to end by itself after one of its worker processes has died


def is_local(arguments: Sequence[str]) -> bool:
    """Whether Beam's arguments leave the choice of the runner to us: processes of this machine."""
    return not any(argument.startswith("--runner") for argument in arguments)


def execute(graph: Graph, workers: int, arguments: Sequence[str]) -> None:
    """Run a graph: with `workers` processes on this machine, or as Beam's own `arguments` say.

    Raises WebtextError with the sentence of the first task that failed.
    """
    local = is_local(arguments)
    in_memory = ["--direct_running_mode=in_memory"]
    processes = ["--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"]
    options = PipelineOptions([*((in_memory if workers == 1 else processes) if local else []), *arguments])
    # NB: DirectRunner would look for a Go runner on the network first and choose by what the graph holds.
    pipeline = beam.Pipeline(runner=FnApiRunner() if local else None, options=options)
    graph(pipeline)
    failures: list[Exception] = []
    if local:
        announce_launcher()

    def run() -> None:
        try:
            pipeline.run().wait_until_finish()
        except Exception as error:  # noqa: BLE001 - handed over to the caller below
            failures.append(error)

    runner = threading.Thread(target=run, name="beam", daemon=True)
    with _noticing_dead_workers() as deaths:
        runner.start()
        while runner.is_alive() and not (deaths and time.monotonic() > deaths[0] + GRACE_SECONDS):
            runner.join(0.2)
    # NB: of ten runs whose worker is killed about one never ends.
    if runner.is_alive() or (failures and deaths and FAILED not in str(failures[0])):
        raise WebtextError("a worker process died (killed, or out of memory); run the same command again: finished shards are kept")
    if failures:
        raise _sentence(failures[0]) from failures[0]


@contextmanager
def worker_output_to(path: Path) -> Iterator[None]:
    """Let what worker processes print go to a file, while this process goes on printing where it did.

    NB: the local runner hands its standard error on to the workers, and their log is no use to a person at a terminal.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    terminal = os.dup(2)
    before = sys.stderr
    with open(path, "ab") as file, os.fdopen(os.dup(terminal), "w", buffering=1) as stderr:
        sys.stderr = stderr
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            sys.stderr = before


@contextmanager
def _noticing_dead_workers() -> Iterator[list[float]]:
    """The times at which worker processes ended by themselves; the local runner lets the thread that waits for one fail."""
    deaths: list[float] = []
    before = threading.excepthook

    def notice(failure: threading.ExceptHookArgs) -> None:
        if failure.thread is not None and failure.thread.name == "run_worker":
            deaths.append(time.monotonic())
        elif not deaths:
            before(failure)

    threading.excepthook = notice
    try:
        yield deaths
    finally:
        threading.excepthook = before


def _sentence(error: Exception) -> WebtextError:
    """The failure of the graph as the sentence of its task."""
    text = str(error)
    start = text.find(FAILED)
    if start >= 0:
        line = text[start + len(FAILED) :].split("\n", 1)[0]
        failure, _ = json.JSONDecoder().raw_decode(line)  # engines append words of their own to the line
        kind = UsageError if failure["usage"] else WebtextError
        return kind(failure["sentence"] + (f"\n(in task {failure['task']})\n{failure['trace']}" if failure["trace"] else ""))
    return WebtextError(f"the engine failed: {type(error).__name__}: {text[-2000:]}")
