"""What can be seen of a stage from outside its workers: an engine's counters, and log lines that say which task wrote them."""

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
    """Let the log lines that are written in the block begin with the name of a task."""
    token = _task.set(name)
    try:
        yield
    finally:
        _task.reset(token)


def name_log_records() -> None:
    """Make this process say in a log line which task wrote it. NB: of a line an engine takes the text alone, and its handlers vary."""
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
    """(tasks done, records seen) by the counters of a Beam result."""
    # NB: PortableRunner's result answers for ever what it did at the first question; a copy has not been asked yet.
    found = copy.copy(result).metrics().query(MetricsFilter().with_namespace(COUNTED))["counters"]
    totals = {DONE_TASKS: 0, SEEN: 0}
    for counter in found:
        totals[counter.key.metric.name] += counter.committed or counter.attempted or 0
    return totals[DONE_TASKS], totals[SEEN]


@contextmanager
def watching(result: Any, counted: Counts, seconds: float = POLL_SECONDS) -> Iterator[None]:
    """Ask a running job for its counters now and then while the block lasts."""
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(seconds):
            try:
                counted(*read_counts(result))
            except Exception as error:  # noqa: BLE001 - whatever an engine's client raises: the job goes on without being looked at
                _log.debug("no counters: %s", error)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
