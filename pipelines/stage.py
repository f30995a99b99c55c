"""What a stage is: what it reads, what affects its output, where it writes, and its graph.

This file names the graphs but imports none, so that a build with nothing to do never loads Beam.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from pipelines.filesystem import identity
from webtext.core.config import Config
from webtext.core.directories import bookkeeping_directory, manifest_path, work_directory
from webtext.core.errors import WebtextError
from webtext.core.files import to_json
from webtext.core.manifest import Manifest, fingerprint, manifest_of
from webtext.core.task import BuildStore, LocalStore, StageContext, first_missing


@dataclass(frozen=True)
class Stage:
    """A stage of a build.

    `sections` and `keys` of the configuration and the content of `sources` affect its output, with the manifests of the stages it `reads`.
    `phases` says how many tasks each phase has. `graph` is the module with the Beam graph, a function `graph(pipeline, context, config)`;
    a stage without one does its work in the launching process, by `local`.
    """

    name: str
    directory: str
    unit: str
    reads: tuple[str, ...]
    sections: tuple[str, ...]
    phases: Callable[[Config], dict[str, int]]
    keys: tuple[str, ...] = ()  # single keys of other sections that affect it, as "fetch.opt_out"
    graph: str = ""
    local: Callable[[StageContext, Config, Callable[[str], None]], None] | None = None
    sources: Callable[[Config], Sequence[Path | str]] = lambda config: ()
    extra_outputs: tuple[str, ...] = ()  # further directories and files that the stage writes
    reuse_previous: bool = False  # earlier output is used by the next run: pages may have vanished from the web
    version: int = 1  # raised when the same input and configuration give another output

    def context(self, build: Path, key: str, remote: BuildStore | None = None) -> StageContext:
        return StageContext(build, self.name, key, remote)

    def manifest(self, build: Path) -> Manifest | None:
        return manifest_of(build, self.name)

    def configuration(self, config: Config) -> dict[str, Any]:
        """The part of the configuration that affects the stage's output."""
        values = {name: getattr(config, name).fingerprint_fields() for name in self.sections}
        for dotted in self.keys:
            name, _, leaf = dotted.partition(".")
            values[name] = {**values.get(name, {}), leaf: getattr(config, name).fingerprint_fields()[leaf]}
        return values


@dataclass(frozen=True)
class StageStatus:
    """Whether a stage is up to date, and the facts for its manifest."""

    key: str
    configuration: dict[str, Any]
    inputs: dict[str, str]
    sources: list[dict[str, Any]]
    done: bool


def check_stage(stage: Stage, build: Path, config: Config, stages: dict[str, Stage], remote: BuildStore | None = None) -> StageStatus:
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
    done = manifest is not None and manifest.fingerprint == key and first_missing(manifest.shards, remote or LocalStore(build)) is None
    return StageStatus(key, configuration, inputs, sources, done)


PREVIOUS = ".previous"  # in a stage's directory: its earlier outputs and their bookkeeping, a numbered directory each
MOVING = "moving"  # in PREVIOUS: the number of the directory there that files are being moved to
RETRY_FILE = "retry"  # among its scratch files: classes of failures to be tried again


def prepare(stage: Stage, store: BuildStore, key: str, retry: Sequence[str] = ()) -> None:
    """Delete stale output: of other inputs or another configuration. What is finished of the cache key `key` stays.

    A stage with `reuse_previous` keeps its old output in PREVIOUS until it is finished. `retry` forces a new run that tries these again.
    """
    work, manifest, moving = work_directory(stage.name), manifest_path(stage.name), f"{stage.directory}/{PREVIOUS}/{MOVING}"
    mark, retry_file = f"{work}/fingerprint", f"{work}/{RETRY_FILE}"
    resumed = store.read(mark) == key.encode() and not store.sizes([moving, manifest])
    if resumed and (not retry or orjson.loads(store.read(retry_file) or b"[]") == sorted(retry)):
        return
    if stage.reuse_previous:
        _set_aside(stage, store, mark, moving)
    else:
        store.remove(mark)  # first: without it an interrupted deletion is not taken for a stage to be resumed
        store.remove(bookkeeping_directory(stage.name))
        store.remove(stage.directory)
    for name in stage.extra_outputs:
        store.remove(name)
    if retry:
        store.write(retry_file, to_json(sorted(retry)))
    store.write(mark, key.encode())


def _set_aside(stage: Stage, store: BuildStore, mark: str, moving: str) -> None:
    """Move a stage's output to a new directory in PREVIOUS. Interrupted, the next call goes on: MOVING exists until it is complete.

    Its bookkeeping goes to the same directory, where it lay before there was stages/: so the output of earlier versions is reused too.
    """
    previous = f"{stage.directory}/{PREVIOUS}"
    started = store.read(moving)
    if started is None:
        if store.sizes([manifest_path(stage.name)]):  # a finished stage has taken all that it could from older output
            store.remove(previous)
        names = {path.split("/")[2] for path in store.sizes([f"{previous}/**"])}
        number = max((int(name) for name in names if name.isdigit()), default=-1) + 1
    else:
        number = int(started)
    pairs = [
        (path, f"{previous}/{number:05d}/{path[len(directory) + 1 :]}")
        for directory in (stage.directory, bookkeeping_directory(stage.name))
        for path in store.sizes([f"{directory}/**"])
        if not path.startswith(f"{previous}/")
    ]
    if pairs:
        store.write(moving, str(number).encode())
        store.move(sorted(pairs, key=lambda pair: (pair[0] != mark, pair)))
    store.remove(moving)
