"""Monitoring of a stage from outside its workers: an engine's counters, and log lines that name their task."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from apache_beam.metrics import MetricsFilter

COUNTED, DONE_TASKS, SEEN = "webtext", "tasks-done", "records-seen"  # a namespace of Beam's counters, and two of them
POLL_SECONDS = 5.0

Counts = Callable[[int, int], None]  # tasks done, records seen

_log = logging.getLogger(__name__)
_task = ContextVar("task", default="")


@contextmanager
def at_task(name: str) -> Iterator[None]:
    """Begin the log lines written in the block with the name of a task."""
    token = _task.set(name)
    try:
        yield
    finally:
        _task.reset(token)


def name_log_records() -> None:
    """Put the name of the task into every log line of this process. NB: engines keep only the text of a line, and their handlers vary."""
    before = logging.getLogRecordFactory()
    if getattr(before, "names_tasks", False):
        return

    def named(*arguments: Any, **keys: Any) -> logging.LogRecord:
        record = before(*arguments, **keys)
        task = _task.get()
        if task:
            record.msg = f"{task}: {record.msg}"
        return record

    named.names_tasks = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(named)


def read_counts(result: Any) -> tuple[int, int]:
    """(tasks done, records seen) from the counters of a Beam result."""
    # NB: PortableRunner's result caches its first answer; a copy has no cache yet.
    found = copy.copy(result).metrics().query(MetricsFilter().with_namespace(COUNTED))["counters"]
    totals = {DONE_TASKS: 0, SEEN: 0}
    for counter in found:
        totals[counter.key.metric.name] += counter.committed or counter.attempted or 0
    return totals[DONE_TASKS], totals[SEEN]


@contextmanager
def watching(result: Any, counted: Counts, seconds: float = POLL_SECONDS) -> Iterator[None]:
    """Poll the counters of a running job while the block lasts."""
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(seconds):
            try:
                counted(*read_counts(result))
            except Exception as error:  # noqa: BLE001 - whatever an engine's client raises: the job goes on without counters
                _log.debug("no counters: %s", error)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
