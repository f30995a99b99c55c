"""Run one stage: skip it if it is done, go on where it was interrupted, close it with its manifest."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Protocol

from pipelines.remote_stage import prepare_remote
from pipelines.remote_store import BeamStore
from pipelines.stage import PREVIOUS, Stage, StageStatus, prepare
from webtext.core.config import Config
from webtext.core.errors import WebtextError
from webtext.core.files import TEMPORARY
from webtext.core.manifest import Manifest, build_manifest
from webtext.core.task import DONE, WORK, Report, StageContext, load_report


class ProgressReporter(Protocol):
    """Takes what cannot be seen in the build directory: a line of text of a stage without tasks, and what an engine counts."""

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
    """Do what is left of a stage and close it. Raises WebtextError; what is finished by then is kept for the next call.

    `again` names what the stage is to do anew although its inputs and configuration are the same. Where the build is `elsewhere`, its
    files are there, and `build` is where this process keeps its manifests.
    """
    prepare(stage, build, status.key, retry)
    if remote is not None:
        prepare_remote(stage, remote, status.key, retry)
    context = stage.context(build, status.key, remote)
    phases = stage.phases(config)
    start = time.perf_counter()
    with watcher.watch(stage.name, context, phases) as tell:
        if stage.local is not None:
            stage.local(context, config, tell)
        else:
            # Imported here so that a build with nothing to do never loads Beam.
            from pipelines.engine import execute, is_local, worker_output_to

            graph = import_module(stage.graph).graph
            if not is_local(arguments):
                config, context = config.resolve_paths(Path.cwd()), replace(context, build=context.build.absolute())
            with worker_output_to(context.scratch_path("workers.log")):
                job = f"{stage.name}-{status.key[:8]}"
                execute(lambda pipeline: graph(pipeline, context, config), workers, arguments, job, tell.counted)
    if remote is not None:
        remote.fetch([f"{context.directory}/{WORK}/*{DONE}"], build)
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
    manifest.measured["seconds"] = round(time.perf_counter() - start, 3)
    manifest.write(stage.manifest_path(build))
    if remote is not None:
        remote.keep(build, [stage.manifest_path(build).relative_to(build).as_posix()])
    tidy(stage, build, remote)
    return manifest


def collect(context: StageContext, phases: dict[str, int]) -> list[Report]:
    """The reports of all tasks. Raises WebtextError where one is missing: an engine lost an element in silence."""
    reports = []
    for path in sorted((context.path / WORK).glob(f"*{DONE}")):
        report = load_report(path, path.read_bytes(), context.fingerprint)
        if report is not None:
            reports.append(report)
    for phase, count in phases.items():
        found = sum(report.task.rpartition("-")[0] == phase for report in reports)
        if found != count:
            raise WebtextError(f"{context.directory}: {found} of {count} tasks of `{phase}` are done; the engine lost the rest, run again")
    return reports


def tidy(stage: Stage, build: Path, remote: BeamStore | None = None) -> None:
    """Drop what only an unfinished stage needs, and what killed tasks left half written."""
    if remote is not None:
        remote.remove(f"{stage.directory}/{WORK}")
        remote.remove(f"{stage.directory}/{PREVIOUS}")
    directory = build / stage.directory
    shutil.rmtree(directory / WORK, ignore_errors=True)
    shutil.rmtree(directory / PREVIOUS, ignore_errors=True)
    for context in (directory, *(build / name for name in stage.extra_outputs)):
        for left_over in sorted(context.rglob(f"*{TEMPORARY}")):
            left_over.unlink()
