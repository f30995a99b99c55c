"""Rates of a phase from two sample builds: what its workers cost to start, what a task costs, what a record costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

LEAST_GROWTH = 1.2  # the larger sample must have so many times the records of the smaller one, or they are one


@dataclass(frozen=True)
class Line:
    """Processor seconds of a phase: `start` for each worker that has a task, `task` for each task, `record` for each record."""

    start: float = 0.0
    task: float = 0.0
    record: float = 0.0

    def seconds(self, tasks: int, records: float, workers: int) -> float:
        """Processor seconds in all.

        >>> Line(1.0, 0.1, 0.001).seconds(tasks=10, records=1000, workers=2)
        4.0
        """
        return self.start * min(workers, tasks) + self.task * tasks + self.record * records

    def clock(self, tasks: int, records: float, workers: int) -> float:
        """Seconds by the clock where the records are spread evenly over the tasks, and every worker has a processor of its own."""
        busy = min(workers, tasks)
        if not busy:
            return 0.0
        rounds = -(-tasks // busy)
        return self.start + rounds * (self.task + self.record * records / tasks)

    def scaled(self, factor: float) -> Line:
        return Line(self.start * factor, self.task * factor, self.record * factor)


@dataclass(frozen=True)
class Task:
    """A task of a sample build: the records that it said it saw, and its processor seconds."""

    seen: int
    seconds: float


@dataclass(frozen=True)
class Point:
    """A phase in a sample build: its tasks, and the records that it was given in the unit in which its volume will be counted."""

    tasks: Sequence[Task]
    records: float

    @property
    def seconds(self) -> float:
        return sum(task.seconds for task in self.tasks)


def fit(small: Point, large: Point, workers: int) -> Line:
    """The line through two samples of a phase, both run by `workers` fresh processes.

    The slope between them is the cost of a record, so that what does not grow is in neither. What remains of the larger sample is parted
    into tasks and starts: the median task tells what a task costs, as only the first of each worker bears its start.

    >>> a, b = Point([Task(10, 1.2), Task(10, 0.2)], 20), Point([Task(40, 1.5), Task(40, 0.5)], 80)
    >>> fit(a, b, 1).record
    0.01
    """
    grown = large.records >= LEAST_GROWTH * max(small.records, 1)
    record = max((large.seconds - small.seconds) / (large.records - small.records), 0.0) if grown else 0.0
    record = min(record, large.seconds / large.records) if large.records else 0.0
    tasks = len(large.tasks)
    if not tasks:
        return Line()
    fixed = max(large.seconds - record * large.records, 0.0)
    task = min(max(median(_without_records(large, record)), 0.0), fixed / tasks)
    # NB: rounding can leave a hair less than nothing where the tasks bear it all.
    return Line(max(fixed - task * tasks, 0.0) / min(workers, tasks), task, record)


def _without_records(point: Point, record: float) -> list[float]:
    """What each task took beside its records."""
    seen = sum(task.seen for task in point.tasks)
    share = 1 / len(point.tasks)
    return [task.seconds - record * point.records * (task.seen / seen if seen else share) for task in point.tasks]
