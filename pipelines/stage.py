"""What a stage is: what it reads, what decides its bytes, where it writes, and its graph.

This file names the graphs but imports none, so that a build with nothing to do never loads Beam.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.filesystem import identity
from webtext.core.config import Config
from webtext.core.errors import WebtextError
from webtext.core.files import read_json, to_json, write_bytes
from webtext.core.manifest import MANIFEST_NAME, Manifest, fingerprint, missing_file, read_manifest
from webtext.core.task import WORK, RemoteStore, StageContext


@dataclass(frozen=True)
class Stage:
    """A stage of a build.

    `sections` and `keys` of the configuration and the content of `sources` decide its bytes, with the manifests of the stages it `reads`.
    `phases` says how many tasks each phase has. `graph` is the module with the Beam graph, a function `graph(pipeline, context, config)`;
    a stage without one does its work in the launching process, by `local`.
    """

    name: str
    directory: str
    unit: str
    reads: tuple[str, ...]
    sections: tuple[str, ...]
    phases: Callable[[Config], dict[str, int]]
    keys: tuple[str, ...] = ()  # single keys of other sections that have a say too, as "fetch.opt_out"
    graph: str = ""
    local: Callable[[StageContext, Config, Callable[[str], None]], None] | None = None
    sources: Callable[[Config], Sequence[Path | str]] = lambda config: ()
    extra_outputs: tuple[str, ...] = ()  # further directories and files that are the stage's
    reuse_previous: bool = False  # what it made before is of use when it is made anew: pages that are gone from the web
    version: int = 1  # raised when the same input and configuration give other bytes

    def context(self, build: Path, key: str, remote: RemoteStore | None = None) -> StageContext:
        return StageContext(build, self.directory, key, remote)

    def manifest_path(self, build: Path) -> Path:
        return build / self.directory / MANIFEST_NAME

    def manifest(self, build: Path) -> Manifest | None:
        return read_manifest(self.manifest_path(build))

    def configuration(self, config: Config) -> dict[str, Any]:
        """The part of the configuration that decides the stage's bytes."""
        values = {name: getattr(config, name).fingerprint_fields() for name in self.sections}
        for dotted in self.keys:
            name, _, leaf = dotted.partition(".")
            values[name] = {**values.get(name, {}), leaf: getattr(config, name).fingerprint_fields()[leaf]}
        return values


@dataclass(frozen=True)
class StageStatus:
    """Whether a stage has to run, and the facts that its manifest will state."""

    key: str
    configuration: dict[str, Any]
    inputs: dict[str, str]
    sources: list[dict[str, Any]]
    done: bool


def check_stage(stage: Stage, build: Path, config: Config, stages: dict[str, Stage], remote: RemoteStore | None = None) -> StageStatus:
    """Compare a stage's manifest with its inputs and configuration. Raises WebtextError where an input has no manifest."""
    inputs = {}
    for name in stage.reads:
        manifest = stages[name].manifest(build)
        if manifest is None:
            raise WebtextError(f"{stage.name}: {stages[name].directory}/ is not finished; run `webtext {name}` or `webtext build` first")
        inputs[name] = manifest.hash()
    configuration = stage.configuration(config)
    sources = sorted((identity(path) for path in stage.sources(config)), key=lambda item: (item["name"], str(sorted(item.items()))))
    key = fingerprint(stage.name, stage.version, configuration, inputs, sources)
    manifest = stage.manifest(build)
    done = manifest is not None and manifest.fingerprint == key and missing_file(manifest, build, remote) is None
    return StageStatus(key, configuration, inputs, sources, done)


PREVIOUS = ".previous"  # in a stage's directory: what it made before, for a stage that keeps it
RETRY_FILE = "retry"  # in its .work/: what of that is to be tried again


def prepare(stage: Stage, build: Path, key: str, retry: Sequence[str] = ()) -> None:
    """Make room: what the stage wrote for other inputs or another configuration goes, what it finished for these stays.

    A stage that keeps what it made has it in PREVIOUS, a directory for each time that it was made anew, until it is finished. `again`
    names what it is to make anew although nothing has changed.
    """
    directory = build / stage.directory
    mark, retry_file = directory / WORK / "fingerprint", directory / WORK / RETRY_FILE
    going_on = mark.exists() and mark.read_text() == key and not stage.manifest_path(build).exists()
    if going_on and (not retry or (retry_file.exists() and read_json(retry_file) == sorted(retry))):
        return
    if stage.reuse_previous:
        _set_aside(directory, finished=stage.manifest_path(build).exists())
    for path in sorted(directory.iterdir()) if directory.exists() else ():
        if path.name != PREVIOUS:
            _remove(path)
    for name in stage.extra_outputs:
        _remove(build / name)
    mark.parent.mkdir(parents=True, exist_ok=True)
    if retry:
        write_bytes(retry_file, to_json(sorted(retry)))
    mark.write_text(key)


def _set_aside(directory: Path, *, finished: bool) -> None:
    """Move what a stage has made to PREVIOUS. Interrupted between two of the renames, the next call goes on."""
    aside = directory.with_name(f".{directory.name}{PREVIOUS}")
    if not aside.exists() and directory.exists() and any(path.name != PREVIOUS for path in directory.iterdir()):
        if finished:  # and so has all that it could use of what was before
            shutil.rmtree(directory / PREVIOUS, ignore_errors=True)
        directory.rename(aside)
    if aside.exists():
        directory.mkdir(exist_ok=True)
        if (aside / PREVIOUS).exists():
            (aside / PREVIOUS).rename(directory / PREVIOUS)
        (directory / PREVIOUS).mkdir(exist_ok=True)
        number = max((int(path.name) for path in (directory / PREVIOUS).iterdir()), default=-1) + 1
        aside.rename(directory / PREVIOUS / f"{number:05d}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
