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

from pipelines.elsewhere import BeamDirectory
from pipelines.elsewhere_stage import prepare_elsewhere
from pipelines.stage import PREVIOUS, Fit, Stage, prepare
from webtext.config import Config
from webtext.errors import WebtextError
from webtext.files import TEMPORARY
from webtext.manifest import Manifest, close
from webtext.task import DONE, WORK, Place, Report, load_report


class Telling(Protocol):
    """Takes what cannot be seen in the build directory: a line of text of a stage without tasks, and what an engine counts."""

    def __call__(self, line: str) -> None: ...

    def counted(self, done: int, records: int) -> None:
        """Tasks done, records seen."""


class Watcher(Protocol):
    """Shows how far a stage is. `watch` is entered while its tasks run."""

    def watch(self, stage: str, place: Place, phases: dict[str, int]) -> AbstractContextManager[Telling]: ...


def run_stage(
    stage: Stage,
    build: Path,
    config: Config,
    facts: Fit,
    workers: int,
    arguments: Sequence[str],
    watcher: Watcher,
    again: Sequence[str] = (),
    elsewhere: BeamDirectory | None = None,
) -> Manifest:
    """Do what is left of a stage and close it. Raises WebtextError; what is finished by then is kept for the next call.

    `again` names what the stage is to do anew although its inputs and configuration are the same. Where the build is `elsewhere`, its
    files are there, and `build` is where this process keeps its manifests.
    """
    prepare(stage, build, facts.key, again)
    if elsewhere is not None:
        prepare_elsewhere(stage, elsewhere, facts.key, again)
    place = stage.place(build, facts.key, elsewhere)
    phases = stage.phases(config)
    start = time.perf_counter()
    with watcher.watch(stage.name, place, phases) as tell:
        if stage.local is not None:
            stage.local(place, config, tell)
        else:
            # Imported here so that a build with nothing to do never loads Beam.
            from pipelines.engine import execute, is_local, worker_output_to

            graph = import_module(stage.graph).graph
            if not is_local(arguments):
                config, place = config.anchored(Path.cwd()), replace(place, build=place.build.absolute())
            with worker_output_to(place.spill("workers.log")):
                job = f"{stage.name}-{facts.key[:8]}"
                execute(lambda pipeline: graph(pipeline, place, config), workers, arguments, job, tell.counted)
    if elsewhere is not None:
        elsewhere.fetch([f"{place.directory}/{WORK}/*{DONE}"], build)
    reports = collect(place, phases)
    manifest = close(
        stage.name,
        stage.unit,
        reports,
        fingerprint=facts.key,
        configuration=facts.configuration,
        inputs=facts.inputs,
        sources=facts.sources,
    )
    manifest.measured["seconds"] = round(time.perf_counter() - start, 3)
    manifest.write(stage.manifest_path(build))
    if elsewhere is not None:
        elsewhere.keep(build, [stage.manifest_path(build).relative_to(build).as_posix()])
    tidy(stage, build, elsewhere)
    return manifest


def collect(place: Place, phases: dict[str, int]) -> list[Report]:
    """The reports of all tasks. Raises WebtextError where one is missing: an engine lost an element in silence."""
    reports = []
    for path in sorted((place.path / WORK).glob(f"*{DONE}")):
        report = load_report(path, path.read_bytes(), place.fingerprint)
        if report is not None:
            reports.append(report)
    for phase, count in phases.items():
        found = sum(report.task.rpartition("-")[0] == phase for report in reports)
        if found != count:
            raise WebtextError(f"{place.directory}: {found} of {count} tasks of `{phase}` are done; the engine lost the rest, run again")
    return reports


def tidy(stage: Stage, build: Path, elsewhere: BeamDirectory | None = None) -> None:
    """Drop what only an unfinished stage needs, and what killed tasks left half written."""
    if elsewhere is not None:
        elsewhere.remove(f"{stage.directory}/{WORK}")
        elsewhere.remove(f"{stage.directory}/{PREVIOUS}")
    directory = build / stage.directory
    shutil.rmtree(directory / WORK, ignore_errors=True)
    shutil.rmtree(directory / PREVIOUS, ignore_errors=True)
    for place in (directory, *(build / name for name in stage.also)):
        for left_over in sorted(place.rglob(f"*{TEMPORARY}")):
            left_over.unlink()
