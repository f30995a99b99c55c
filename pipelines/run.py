"""Run one stage: resume it where it was interrupted, and write its manifest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Protocol

from pipelines.remote_store import BeamStore
from pipelines.stage import PREVIOUS, Stage, StageStatus, prepare
from webtext.core.config import Config
from webtext.core.directories import bookkeeping_directory, manifest_path, work_directory
from webtext.core.errors import WebtextError
from webtext.core.files import TEMPORARY
from webtext.core.manifest import Manifest, build_manifest
from webtext.core.packages import library_versions
from webtext.core.task import DONE, BuildStore, LocalStore, Report, StageContext, load_report


class ProgressReporter(Protocol):
    """Takes progress that no file of the build shows: a line of text of a stage without tasks, and the counters of an engine."""

    def __call__(self, line: str) -> None: ...

    def counted(self, done: int, records: int) -> None:
        """Tasks done, records seen."""


class Watcher(Protocol):
    """Shows how far a stage is. `watch` is entered while its tasks run."""

    def watch(self, stage: str, context: StageContext, phases: dict[str, int]) -> AbstractContextManager[ProgressReporter]: ...


def run_stage(
    stage: Stage,
    build: Path,
    config: Config,
    status: StageStatus,
    workers: int,
    arguments: Sequence[str],
    watcher: Watcher,
    retry: Sequence[str] = (),
    remote: BeamStore | None = None,
) -> Manifest:
    """Run what is left of a stage and write its manifest. Raises WebtextError; what is finished by then is kept for the next call.

    `retry` names classes of failures that are tried again although inputs and configuration are the same. Of a `remote` build `build` is
    the directory with the launcher's copies of the manifests.
    """
    for store in _stores(build, remote):
        prepare(stage, store, status.key, retry)
    context = stage.context(build, status.key, remote)
    phases = stage.phases(config)
    start = time.perf_counter()
    with watcher.watch(stage.name, context, phases) as progress:
        if stage.local is not None:
            stage.local(context, config, progress)
        else:
            # Imported here so that a build with nothing to do never loads Beam.
            from pipelines.engine import execute, worker_output_to
            from pipelines.runners import is_local

            graph = import_module(stage.graph).graph
            if not is_local(arguments):
                context = replace(context, build=context.build.absolute())
            with worker_output_to(context.scratch_path("workers.log")):
                job = f"{stage.name}-{status.key[:8]}"
                execute(lambda pipeline: graph(pipeline, context, config), stage.graph, workers, arguments, job, progress.counted)
    if remote is not None:
        remote.download([f"{work_directory(stage.name)}/*{DONE}"], build)
    reports = collect(context, phases)
    manifest = build_manifest(
        stage.name,
        stage.unit,
        reports,
        fingerprint=status.key,
        configuration=status.configuration,
        inputs=status.inputs,
        sources=status.sources,
    )
    # Among what may differ between equal builds: the files follow from these versions, but the same files may come of others.
    manifest.measured.update(seconds=round(time.perf_counter() - start, 3), versions=library_versions())
    manifest.write(build / manifest_path(stage.name))
    if remote is not None:
        remote.upload(build, [manifest_path(stage.name)])
    tidy(stage, build, remote)
    return manifest


def collect(context: StageContext, phases: dict[str, int]) -> list[Report]:
    """The reports of all tasks. Raises WebtextError where one is missing: an engine lost an element in silence."""
    reports = []
    for path in sorted(context.scratch_path("").glob(f"*{DONE}")):
        report = load_report(path, path.read_bytes(), context.fingerprint)
        if report is not None:
            reports.append(report)
    for phase, count in phases.items():
        found = sum(report.task.rpartition("-")[0] == phase for report in reports)
        if found != count:
            raise WebtextError(f"{context.directory}: {found} of {count} tasks of `{phase}` are done; the engine lost the rest, run again")
    return reports


def tidy(stage: Stage, build: Path, remote: BeamStore | None = None) -> None:
    """Delete what only an unfinished stage needs, and files that killed tasks left incomplete."""
    for store in _stores(build, remote):
        store.remove(work_directory(stage.name))
        store.remove(f"{stage.directory}/{PREVIOUS}")
    for directory in (stage.directory, bookkeeping_directory(stage.name), *stage.extra_outputs):
        for left_over in sorted((build / directory).rglob(f"*{TEMPORARY}")):
            left_over.unlink()


def _stores(build: Path, remote: BeamStore | None) -> list[BuildStore]:
    """A build on this disk; of a remote one the launcher's copies of its manifests too."""
    return [*([remote] if remote is not None else []), LocalStore(build)]
