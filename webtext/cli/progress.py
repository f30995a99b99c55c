"""Progress of a stage: a bar on a terminal, a line every 15 seconds in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from webtext.core.directories import work_directory
from webtext.core.errors import WebtextError
from webtext.core.task import DONE, BuildStore, StageContext

LOG_SECONDS = 15.0
STORE_SECONDS = 10.0  # between two looks at a store, which lists the reports of all tasks each time
POLL_SECONDS = 0.3


class ProgressDisplay:
    """Shows progress from the reports on disk, which any worker that shares the directory writes; else from the engine's counters, or the
    reports in the store."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)

    @contextmanager
    def watch(self, stage: str, context: StageContext, phases: dict[str, int]) -> Iterator[StageProgress]:
        stop = threading.Event()
        view = Bar(self.console, stage) if self.console.is_terminal else Lines(self.console, stage)
        progress = StageProgress()
        tally = Tally(context) if context.remote is None else StoreTally(context, context.remote)

        def look() -> None:
            while not stop.wait(POLL_SECONDS):
                # The counters of an engine are cheaper than the files.
                done, records = (progress.done, progress.records) if progress.done else tally.count()
                view.show(done, records, sum(phases.values()), progress.line)

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        try:
            yield progress
        finally:
            stop.set()
            watcher.join()
            view.end()


@dataclass
class StageProgress:
    """Progress that no file of the build shows (pipelines.run.ProgressReporter)."""

    line: str = ""
    done: int = 0
    records: int = 0

    def __call__(self, line: str) -> None:
        self.line = line

    def counted(self, done: int, records: int) -> None:
        self.done, self.records = done, records


class Tally:
    """Tasks done and records seen, from the files that tasks leave; a finished task's report is read once."""

    def __init__(self, context: StageContext) -> None:
        self._directory = context.scratch_path("")
        self._fingerprint = context.fingerprint
        self._done: dict[str, int] = {}

    def count(self) -> tuple[int, int]:
        """(tasks done, records seen)."""
        running = 0
        for path in self._directory.glob("*.*"):
            try:
                if path.suffix == DONE and path.stem not in self._done:
                    report = orjson.loads(path.read_bytes())
                    if report["fingerprint"] == self._fingerprint:
                        self._done[path.stem] = int(report["measured"]["seen"])
                elif path.suffix == ".progress" and path.stem not in self._done:
                    running += int(path.read_text() or 0)
            except (OSError, ValueError):
                continue  # it is being replaced; the next look reads it
        return len(self._done), sum(self._done.values()) + running


class StoreTally:
    """Tasks done in a remote build; records that a running task has seen are not in its store."""

    def __init__(self, context: StageContext, remote: BuildStore) -> None:
        self._pattern = f"{work_directory(context.stage)}/*{DONE}"
        self._store = remote
        self._done = 0
        self._next = time.monotonic() + STORE_SECONDS

    def count(self) -> tuple[int, int]:
        """(tasks done, 0)."""
        if time.monotonic() >= self._next:
            # A store that does not answer fails the tasks, which report it.
            with suppress(WebtextError):
                self._done = len(self._store.sizes([self._pattern]))
            self._next = time.monotonic() + STORE_SECONDS
        return self._done, 0


class Bar:
    """A bar that disappears when the stage ends."""

    def __init__(self, console: Console, stage: str) -> None:
        self._progress = Progress(
            TextColumn("[bold]{task.description:<10}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task(stage, total=None, note="")
        self._start = time.monotonic()
        self._progress.start()

    def show(self, done: int, records: int, total: int, note: str) -> None:
        rate = records / max(time.monotonic() - self._start, 0.1)
        self._progress.update(self._task, completed=done, total=max(total, done), note=note or f"{records:,} records, {rate:,.0f}/s")

    def end(self) -> None:
        self._progress.stop()


class Lines:
    """A line every quarter of a minute, for logs."""

    def __init__(self, console: Console, stage: str) -> None:
        self._console, self._stage = console, stage
        self._start = time.monotonic()
        self._next = self._start + LOG_SECONDS

    def show(self, done: int, records: int, total: int, note: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + LOG_SECONDS
            passed = now - self._start
            left = f", about {passed / done * (total - done):,.0f} s left" if 0 < done < total else ""
            text = note or f"{records:,} records, {records / passed:,.0f}/s"
            self._console.print(
                f"{self._stage}: {done}/{max(total, done)} tasks, {text}, {passed:,.0f} s{left}", markup=False, highlight=False
            )
            sys.stderr.flush()

    def end(self) -> None:
        """Lines stay on the screen."""
