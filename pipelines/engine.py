"""Phases of a stage on Apache Beam: a graph of tasks, on this machine or on an engine that the user names."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import apache_beam as beam
import orjson
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.dataflow import dataflow_options
from pipelines.monitoring import COUNTED, DONE_TASKS, SEEN, Counts, at_task, name_log_records, watching
from pipelines.runners import Graph, is_dataflow, is_local, local_pipeline, new_pipeline
from pipelines.versions import difference, versions
from webtext.core.errors import UsageError, WebtextError
from webtext.core.log import LOG, configure_log
from webtext.core.packages import check_packages
from webtext.core.task import StageContext, TaskFunction, run_task
from webtext.core.workers import announce_launcher, mark_worker

_log = logging.getLogger(__name__)

FAILED = "webtext-task-failed: "  # prefix of the line of JSON that carries a failure from a worker to the launcher


class TaskFailed(Exception):
    """A task's failure in a form that survives being turned into text by an engine."""

    def __init__(self, name: str, sentence: str, trace: str = "", *, usage: bool = False) -> None:
        super().__init__(FAILED + orjson.dumps({"task": name, "sentence": sentence, "trace": trace, "usage": usage}).decode())


class RunTask(beam.DoFn):  # type: ignore[misc]
    """Runs the task of an element `(index, *payload)` and emits its outputs in one list."""

    def __init__(self, context: StageContext, phase: str, function: TaskFunction, arguments: tuple[Any, ...]) -> None:
        self.context, self.phase, self.function, self.arguments = context, phase, function, arguments
        self.launched = versions()

    def setup(self) -> None:
        try:
            check_packages()
        except WebtextError as error:
            raise TaskFailed(self.phase, f"in a worker: {error}") from None
        other = difference(self.launched, versions())
        if other:
            raise TaskFailed(self.phase, f"a worker is not of this build: {other}; give both the same lock and wheel")
        mark_worker(self.context.build)
        # NB: Arrow's own pool keeps freed memory: 75 MB more in two workers of the links stage.
        pa.set_memory_pool(pa.system_memory_pool())
        # NB: a Metrics.counter made inside process() costs six times as much as the element itself.
        self.counters: dict[str, Any] = {}
        self.done, self.seen = Metrics.counter(COUNTED, DONE_TASKS), Metrics.counter(COUNTED, SEEN)
        configure_log(os.environ.get(LOG, ""))
        name_log_records()

    def process(self, element: tuple[Any, ...]) -> Iterator[Any]:
        index, *payload = element
        name = task_name(self.phase, index)
        start = time.monotonic()
        try:
            with at_task(f"{self.context.directory} {name}"):
                report = run_task(self.context, name, self.function, index, *payload, *self.arguments)
                records = f"{report.records_in:,} in, {report.records_out:,} kept, {report.rejected:,} rejected"
                _log.info("done in %.1f s: %s", time.monotonic() - start, records)
        except WebtextError as error:
            raise TaskFailed(name, str(error), usage=isinstance(error, UsageError)) from error
        except Exception as error:
            raise TaskFailed(name, f"{type(error).__name__}: {error}", traceback.format_exc()) from error
        for counter, count in report.counters.items():
            if counter not in self.counters:
                self.counters[counter] = Metrics.counter(self.context.directory, counter)
            self.counters[counter].inc(count)
        self.done.inc()
        self.seen.inc(int(report.measured["seen"]))
        yield report.outputs


def task_name(phase: str, index: int) -> str:
    return f"{phase}-{index:05d}"


class Tasks(beam.PTransform):  # type: ignore[misc]
    """The elements that a stage starts from, spread over the workers."""

    def __init__(self, elements: Iterable[tuple[Any, ...]]) -> None:
        super().__init__()
        self.elements = list(elements)

    def expand(self, pipeline: Any) -> Any:
        # NB: without Reshuffle a local runner runs all elements of Create in one worker.
        return pipeline | beam.Create(self.elements) | beam.Reshuffle()


class TaskRange(beam.PTransform):  # type: ignore[misc]
    """Tasks 0 to `count` - 1. The engine generates them: the graph for 100,000 shards is as small as one for two."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def expand(self, pipeline: Any) -> Any:
        return pipeline | beam.Create([self.count]) | "Number" >> beam.FlatMap(_numbers) | beam.Reshuffle()


class Phase(beam.PTransform):  # type: ignore[misc]
    """A task for each element `(index, *payload)`: `function(run, index, *payload, *arguments)`, run once (see webtext.core.task).

    `ram` ("8GB") and `cpus` are the least that a machine must have. Only Dataflow chooses machines, so only it gets them.
    """

    def __init__(self, context: StageContext, name: str, function: TaskFunction, *arguments: Any, ram: str = "", cpus: int = 0) -> None:
        super().__init__(name)
        self.task = RunTask(context, name, function, arguments)
        self.needs = {**({"min_ram": ram} if ram else {}), **({"cpu_count": str(cpus)} if cpus else {})}

    def expand(self, elements: Any) -> Any:
        run = beam.ParDo(self.task)
        # NB: Beam makes another environment for a hint, and the other runners start further workers for each environment.
        if self.needs and is_dataflow(elements.pipeline.options):
            run = run.with_resource_hints(**self.needs)
        return elements | "Task" >> run


class Barrier(beam.PTransform):  # type: ignore[misc]
    """Tasks 0 to `count` - 1 of the next phase, once all of this one are done.

    They find their inputs in files named by number. So the data that passes here, and a report, have the same size for any number of
    tasks.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def expand(self, outputs: Any) -> Any:
        done = outputs | "Done" >> beam.Map(_one) | "Wait" >> beam.CombinePerKey(sum)
        return done | "Number" >> beam.FlatMap(_following, self.count) | beam.Reshuffle()


class CollectAll(beam.PTransform):  # type: ignore[misc]
    """The one task of the next phase, once all of this one are done: `(0, values)`, sorted, of the outputs `[0, value]`."""

    def expand(self, outputs: Any) -> Any:
        return outputs | "Pairs" >> beam.FlatMap(_pairs) | "Wait" >> beam.GroupByKey() | "Sort" >> beam.Map(_sorted_values)


def _numbers(count: int) -> Iterator[tuple[int]]:
    return ((number,) for number in range(count))


def _one(_: Any) -> tuple[int, int]:
    return 0, 1


def _following(_: Any, count: int) -> Iterator[tuple[int]]:
    return _numbers(count)


def _pairs(outputs: list[Any]) -> Iterator[tuple[int, Any]]:
    return ((key, value) for key, value in outputs)


def _sorted_values(pair: tuple[int, Iterable[Any]]) -> tuple[int, list[Any]]:
    return pair[0], sorted(pair[1])


GRACE_SECONDS = 20.0  # that a run may take to end after one of its worker processes has died


def execute(graph: Graph, module: str, workers: int, arguments: Sequence[str], job: str, counted: Counts) -> None:
    """Run a graph of `module`: with `workers` processes on this machine, or on the runner of Beam's `arguments` as the job `job`.

    `counted` is called with an engine's counters every few seconds. Raises WebtextError with the sentence of the first task that failed.
    """
    local = is_local(arguments)
    if local:
        pipeline = local_pipeline(arguments, workers, module)
        announce_launcher()
    else:
        options = PipelineOptions(list(arguments))
        pipeline = new_pipeline(None, dataflow_options(arguments, job) if is_dataflow(options) else options)
    graph(pipeline)
    failures: list[Exception] = []

    def run() -> None:
        try:
            result = pipeline.run()
            with nullcontext() if local else watching(result, counted):
                result.wait_until_finish()
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
    """Redirect the standard error of worker processes to a file; this process keeps its own.

    NB: workers of the local runner inherit standard error, and their log would cover the progress display.
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
    """The times at which worker processes died: the local runner's thread that waits for one fails."""
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
    """The sentence of the task that made the graph fail."""
    text = str(error)
    start = text.find(FAILED)
    if start >= 0:
        line = text[start + len(FAILED) :].split("\n", 1)[0]
        failure, _ = json.JSONDecoder().raw_decode(line)  # engines append text to the line
        kind = UsageError if failure["usage"] else WebtextError
        return kind(failure["sentence"] + (f"\n(in task {failure['task']})\n{failure['trace']}" if failure["trace"] else ""))
    return WebtextError(f"the engine failed: {type(error).__name__}: {text[-2000:]}")
