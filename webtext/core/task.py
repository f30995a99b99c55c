"""A unit of a stage's work: run once, reported, with the same output in any process.

A stage is cut into tasks, one a shard and phase. A task writes files, counts, and rejects records; when all its files
are on the disk its report is written as stages/STAGE/.work/NAME.done. A task whose report is there is not done again.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast

import pyarrow as pa

from webtext.core.directories import DIRECTORIES, rejected_directory, work_directory
from webtext.core.errors import WebtextError
from webtext.core.files import Output, explain_os_errors, from_json, sha256_of, to_json, write_bytes, writing
from webtext.core.memory import peak_memory
from webtext.core.records import REJECTED
from webtext.core.tables import TableOutput, writing_table

DONE = ".done"  # suffix of the report of a finished task
PROGRESS_SECONDS = 1.0


@dataclass(frozen=True)
class OutputFile:
    """A file of the build: path relative to the build directory, records in it, bytes, SHA-256."""

    path: str
    records: int
    bytes: int
    sha256: str


@dataclass
class Report:
    """What a task did: `outputs` go to the next phase, `files` are kept, `measured` differs from run to run."""

    task: str
    records_in: int = 0
    records_out: int = 0
    rejected: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    files: list[OutputFile] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    measured: dict[str, float] = field(default_factory=dict)


class BuildStore(Protocol):
    """The files of a build directory, on this machine's disk or in a store of objects. Paths are relative to it; where patterns are
    allowed, * matches anything without a slash and ** anything."""

    def read(self, path: str) -> bytes | None:
        """A whole file; None where there is none."""

    def write(self, path: str, data: bytes) -> None:
        """Write a small file."""

    def sizes(self, paths: Sequence[str]) -> dict[str, int]:
        """Bytes of the existing files of some paths and patterns."""

    def remove(self, path: str) -> None:
        """Delete a file, or a directory with everything in it, if it exists."""

    def move(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Rename files, one after another. Interrupted, some have their new names."""

    def scratch(self, context: StageContext, task: str, arguments: tuple[Any, ...]) -> AbstractContextManager[Path]:
        """A build directory on this machine's disk with the inputs of a task; what the task adds is kept when the block ends well."""


@dataclass(frozen=True)
class LocalStore:
    """A build directory on this machine's disk."""

    build: Path

    def read(self, path: str) -> bytes | None:
        try:
            return (self.build / path).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, path: str, data: bytes) -> None:
        write_bytes(self.build / path, data)

    def sizes(self, paths: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for path in paths:
            # NB: before Python 3.13 ** at the end matches directories alone.
            files = self.build.glob(f"{path}/*" if path.endswith("**") else path) if "*" in path else [self.build / path]
            found.update((file.relative_to(self.build).as_posix(), file.stat().st_size) for file in files if file.is_file())
        return found

    def remove(self, path: str) -> None:
        target = self.build / path
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)

    def move(self, pairs: Sequence[tuple[str, str]]) -> None:
        for old, new in pairs:
            (self.build / new).parent.mkdir(parents=True, exist_ok=True)
            (self.build / old).rename(self.build / new)
        for directory in {(self.build / old).parent for old, _ in pairs}:
            with suppress(OSError):  # it is not empty
                os.removedirs(directory)

    @contextmanager
    def scratch(self, context: StageContext, task: str, arguments: tuple[Any, ...]) -> Iterator[Path]:
        yield self.build


@dataclass(frozen=True)
class StageContext:
    """Where a stage works: the build directory, the stage's name, and the fingerprint of inputs and configuration.

    Of a `remote` build each task works on a copy of its inputs, and `build` is where the launcher keeps the manifests.
    """

    build: Path
    stage: str
    fingerprint: str
    remote: BuildStore | None = None

    @property
    def store(self) -> BuildStore:
        return self.remote or LocalStore(self.build)

    @property
    def directory(self) -> str:
        """Where the stage writes its data, relative to the build."""
        return DIRECTORIES.get(self.stage, self.stage)

    @property
    def path(self) -> Path:
        return self.build / self.directory

    def report(self, task: str) -> Path:
        return self.scratch_path(f"{task}{DONE}")

    def scratch_path(self, name: str) -> Path:
        """A file of the stage that no later stage reads; it is deleted when the stage is finished."""
        return self.build / work_directory(self.stage) / name


class TaskRun:
    """The first argument of every task function: it opens output files, counts, and takes the rejected records.

    `records_in` counts the records that enter the stage here and `records_out` those that leave it here; over all tasks of the
    stage, records in = records out + rejected.
    """

    def __init__(self, context: StageContext, name: str, rejected: TableOutput) -> None:
        self.context = context
        self.name = name
        self.records_in = 0
        self.records_out = 0
        self.counters: Counter[str] = Counter()
        self.files: list[OutputFile] = []
        self._rejected = rejected
        self._next_progress = time.monotonic() + PROGRESS_SECONDS
        self._seen = 0
        self._helper_seconds = 0.0
        self._helper_memory = 0

    def reject(self, url: str, record_id: str, reason: str, detail: str = "") -> None:
        """Reject a record for a named reason."""
        self._rejected.write({"url": url, "id": record_id, "reason": reason, "detail": detail})
        self.counters[f"rejected-{reason}"] += 1

    @contextmanager
    def table(self, path: str, schema: pa.Schema) -> Iterator[TableOutput]:
        """Write a Parquet file of the build; `path` is relative to the build directory."""
        with writing_table(self.context.build / path, schema) as table:
            yield table
        self._keep(path, table.records, table.output)

    @contextmanager
    def binary(self, path: str, records: Callable[[], int] = lambda: 1) -> Iterator[Output]:
        """Write a binary file of the build; `records` gives the number of its records at the end."""
        with writing(self.context.build / path) as output:
            yield output
        self._keep(path, records(), output)

    def register_file(self, path: str, records: int = 1) -> None:
        """Add a file that another package has written to the build's; `path` is relative to the build directory."""
        file = self.context.build / path
        self.files.append(OutputFile(path, records, file.stat().st_size, sha256_of(file)))

    def _keep(self, path: str, records: int, output: Output) -> None:
        written = output.written
        assert written is not None  # set by the end of writing's block
        self.files.append(OutputFile(path, records, written.bytes, written.sha256))

    def progress(self, records: int = 1) -> None:
        """Count records for the progress display. Cheap: the count is written once a second."""
        self._seen += records
        if time.monotonic() >= self._next_progress:
            self._next_progress = time.monotonic() + PROGRESS_SECONDS
            self.context.scratch_path(f"{self.name}.progress").write_text(str(self._seen))

    def add_cost(self, seconds: float, memory: int) -> None:
        """Add what a helper process of the task used: seconds of processor time, and bytes of memory at its highest."""
        self._helper_seconds += seconds
        self._helper_memory = max(self._helper_memory, memory)

    def measured(self, wall: float, processor: float) -> dict[str, float]:
        """Time and memory of the task and its helpers; `wall` and `processor` are perf_counter and process_time at its start."""
        return {
            "seconds": round(time.perf_counter() - wall, 3),
            "cpu_seconds": round(time.process_time() - processor + self._helper_seconds, 3),
            "peak_memory_bytes": peak_memory() + self._helper_memory,
            "seen": self._seen,
        }


TaskFunction = Callable[..., "list[Any] | None"]


def run_task(context: StageContext, name: str, function: TaskFunction, *arguments: Any) -> Report:
    """Run a task unless its report says that it is done.

    `function(log, *arguments)` returns what the next phase needs, as values that JSON holds, or None. Whatever it raises
    leaves no report, so that the next run repeats the task.
    """
    done = finished(context, name)
    if done is not None:
        return done
    with context.store.scratch(context, name, arguments) as directory:
        return _do(replace(context, build=directory, remote=None), name, function, arguments)


def _do(context: StageContext, name: str, function: TaskFunction, arguments: tuple[Any, ...]) -> Report:
    wall, processor = time.perf_counter(), time.process_time()
    rejected = f"{rejected_directory(context.stage)}/{name}.parquet"
    with explain_os_errors(context.report(name)):
        context.report(name).parent.mkdir(parents=True, exist_ok=True)
    with writing_table(context.build / rejected, REJECTED) as table:
        log = TaskRun(context, name, table)
        outputs = function(log, *arguments) or []
    if table.records:
        log._keep(rejected, table.records, table.output)
    else:
        (context.build / rejected).unlink()
    report = Report(
        name,
        log.records_in,
        log.records_out,
        table.records,
        dict(sorted(log.counters.items())),
        sorted(log.files, key=lambda file: file.path),
        outputs,
        log.measured(wall, processor),
    )
    write_bytes(context.report(name), to_json({"fingerprint": context.fingerprint, **asdict(report)}))
    context.scratch_path(f"{name}.progress").unlink(missing_ok=True)
    return report


def finished(context: StageContext, name: str) -> Report | None:
    """The report of a task that is done for these inputs and configuration and whose files exist."""
    path = context.report(name)
    data = context.store.read(path.relative_to(context.build).as_posix())
    report = load_report(path, data, context.fingerprint) if data is not None else None
    return report if report is not None and first_missing(report.files, context.store) is None else None


def first_missing(files: Sequence[OutputFile], store: BuildStore) -> str | None:
    """The path of the first file that is absent from a build or has another size."""
    sizes = store.sizes([file.path for file in files])
    return next((file.path for file in files if sizes.get(file.path) != file.bytes), None)


def load_report(path: Path, data: bytes, fingerprint: str) -> Report | None:
    """The report in the file `path`; None where it belongs to other inputs or another configuration."""
    value = cast(dict[str, Any], from_json(path, data))
    if value.pop("fingerprint", None) != fingerprint:
        return None
    try:
        return Report(**{**value, "files": [OutputFile(**file) for file in value["files"]]})
    except (TypeError, KeyError) as error:
        raise WebtextError(f"{path}: not a task's report ({error}); delete it and run again") from None
