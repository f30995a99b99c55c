"""A unit of a stage's work: done once, on the record, and the same bytes whoever does it.

A stage is cut into tasks, one a shard and phase. A task writes files, counts, and rejects records; when all its files
are on the disk its report is written as STAGE/.work/NAME.done. A task whose report is there is not done again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast

import pyarrow as pa

from webtext.errors import WebtextError
from webtext.files import Output, from_json, naming_failures, sha256_of, to_json, write_bytes, writing
from webtext.memory import peak_memory
from webtext.records import REJECTED
from webtext.tables import TableOutput, writing_table

WORK = ".work"
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
    """What a task did. `outputs` is handed to the next phase; `files` are kept, `measured` is what a clock or a machine had a say in."""

    task: str
    records_in: int = 0
    records_out: int = 0
    rejected: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    files: list[OutputFile] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    measured: dict[str, float] = field(default_factory=dict)


class Elsewhere(Protocol):
    """A build directory that is not on this machine's disk but in a store of objects (pipelines.elsewhere). Paths are relative to it."""

    def read(self, path: str) -> bytes | None:
        """A whole file; None where there is none."""

    def sizes(self, paths: Sequence[str]) -> dict[str, int]:
        """Bytes of those of the files that are there."""

    def scratch(self, place: Place, task: str, arguments: tuple[Any, ...]) -> AbstractContextManager[Path]:
        """A build directory on this machine's disk that holds what a task reads; what the task adds is kept when the block ends well."""


@dataclass(frozen=True)
class Place:
    """Where a stage works: the build directory, the stage's directory in it, and the fingerprint of inputs and configuration.

    Where the build is `elsewhere`, each task works in a build directory of its own, and `build` is where the launcher keeps its notes.
    """

    build: Path
    directory: str
    fingerprint: str
    elsewhere: Elsewhere | None = None

    @property
    def path(self) -> Path:
        return self.build / self.directory

    def report(self, task: str) -> Path:
        return self.path / WORK / f"{task}{DONE}"

    def spill(self, name: str) -> Path:
        """A file of the stage that no later stage reads; it goes when the stage is closed."""
        return self.path / WORK / name


class TaskLog:
    """What a task function is given: places to write to, counters, and the rejected records of its shard.

    `records_in` counts the records that enter the stage here and `records_out` those that leave it here; over all tasks of the
    stage, records in = records out + rejected.
    """

    def __init__(self, place: Place, name: str, rejected: TableOutput) -> None:
        self.place = place
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
        """Leave a record out for a named reason."""
        self._rejected.write({"url": url, "id": record_id, "reason": reason, "detail": detail})
        self.counters[f"rejected-{reason}"] += 1

    @contextmanager
    def table(self, path: str, schema: pa.Schema) -> Iterator[TableOutput]:
        """Write a Parquet file of the build; `path` is relative to the build directory."""
        with writing_table(self.place.build / path, schema) as table:
            yield table
        self._keep(path, table.records, table.output)

    @contextmanager
    def binary(self, path: str, records: Callable[[], int] = lambda: 1) -> Iterator[Output]:
        """Write a binary file of the build; `records` is asked for their number when it is whole."""
        with writing(self.place.build / path) as output:
            yield output
        self._keep(path, records(), output)

    def adopt(self, path: str, records: int = 1) -> None:
        """Take a file into the build that another package has written; `path` is relative to the build directory."""
        file = self.place.build / path
        self.files.append(OutputFile(path, records, file.stat().st_size, sha256_of(file)))

    def _keep(self, path: str, records: int, output: Output) -> None:
        written = output.written
        assert written is not None  # set by the end of writing's block
        self.files.append(OutputFile(path, records, written.bytes, written.sha256))

    def progress(self, records: int = 1) -> None:
        """Say that so many more records have passed. Cheap: it is written for the watcher once a second."""
        self._seen += records
        if time.monotonic() >= self._next_progress:
            self._next_progress = time.monotonic() + PROGRESS_SECONDS
            self.place.spill(f"{self.name}.progress").write_text(str(self._seen))

    def add_cost(self, seconds: float, memory: int) -> None:
        """Add what a helper process of the task used: seconds of processor time, and bytes of memory at its highest."""
        self._helper_seconds += seconds
        self._helper_memory = max(self._helper_memory, memory)

    def measured(self, wall: float, processor: float) -> dict[str, float]:
        """What a clock and the system say of the task, with its helpers, since these readings of perf_counter and process_time."""
        return {
            "seconds": round(time.perf_counter() - wall, 3),
            "cpu_seconds": round(time.process_time() - processor + self._helper_seconds, 3),
            "peak_memory_bytes": peak_memory() + self._helper_memory,
            "seen": self._seen,
        }


TaskFunction = Callable[..., "list[Any] | None"]


def run_task(place: Place, name: str, function: TaskFunction, *arguments: Any) -> Report:
    """Do a task unless its report says that it is done.

    `function(log, *arguments)` returns what the next phase needs, as values that JSON holds, or None. Whatever it raises
    leaves no report, so that the task is done again by the next run.
    """
    done = finished(place, name)
    if done is not None:
        return done
    if place.elsewhere is None:
        return _do(place, name, function, arguments)
    with place.elsewhere.scratch(place, name, arguments) as directory:
        return _do(replace(place, build=directory, elsewhere=None), name, function, arguments)


def _do(place: Place, name: str, function: TaskFunction, arguments: tuple[Any, ...]) -> Report:
    wall, processor = time.perf_counter(), time.process_time()
    rejected = f"{place.directory}/rejected/{name}.parquet"
    with naming_failures(place.report(name)):
        place.report(name).parent.mkdir(parents=True, exist_ok=True)
    with writing_table(place.build / rejected, REJECTED) as table:
        log = TaskLog(place, name, table)
        outputs = function(log, *arguments) or []
    if table.records:
        log._keep(rejected, table.records, table.output)
    else:
        (place.build / rejected).unlink()
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
    write_bytes(place.report(name), to_json({"fingerprint": place.fingerprint, **asdict(report)}))
    place.spill(f"{name}.progress").unlink(missing_ok=True)
    return report


def finished(place: Place, name: str) -> Report | None:
    """The report of a task that is done for the present inputs and configuration and whose files are there."""
    path = place.report(name)
    data = read(place, path)
    report = load_report(path, data, place.fingerprint) if data is not None else None
    if report is None:
        return None
    sizes = sizes_of(place.build, place.elsewhere, [file.path for file in report.files])
    return report if all(sizes.get(file.path) == file.bytes for file in report.files) else None


def read(place: Place, path: Path) -> bytes | None:
    """A file of the build as a whole, None where there is none."""
    if place.elsewhere is not None:
        return place.elsewhere.read(path.relative_to(place.build).as_posix())
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def sizes_of(build: Path, elsewhere: Elsewhere | None, paths: Sequence[str]) -> dict[str, int]:
    """Bytes of those files of a build that are there; `paths` are relative to it."""
    if elsewhere is not None:
        return elsewhere.sizes(paths)
    return {path: (build / path).stat().st_size for path in paths if (build / path).is_file()}


def load_report(path: Path, data: bytes, fingerprint: str) -> Report | None:
    """The report that is in the file `path`; None where it is of other inputs or another configuration."""
    value = cast(dict[str, Any], from_json(path, data))
    if value.pop("fingerprint", None) != fingerprint:
        return None
    try:
        return Report(**{**value, "files": [OutputFile(**file) for file in value["files"]]})
    except (TypeError, KeyError) as error:
        raise WebtextError(f"{path}: not a task's report ({error}); delete it and run again") from None
