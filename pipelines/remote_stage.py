"""What a stage does with a build that is elsewhere (pipelines.remote_store) before its tasks run: as pipelines.stage.prepare on a disk."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from pipelines.remote_store import BeamStore
from pipelines.stage import PREVIOUS, RETRY_FILE, Stage
from webtext.core.files import to_json
from webtext.core.manifest import MANIFEST_NAME
from webtext.core.task import WORK

MOVING = "moving"  # in PREVIOUS: the number of the directory there that files are being moved to


def prepare_remote(stage: Stage, remote: BeamStore, key: str, retry: Sequence[str] = ()) -> None:
    """Make room: what the stage wrote for other inputs or another configuration goes, what it finished for these stays."""
    directory = stage.directory
    mark, retry_file, moving = f"{directory}/{WORK}/fingerprint", f"{directory}/{WORK}/{RETRY_FILE}", f"{directory}/{PREVIOUS}/{MOVING}"
    found = remote.sizes([mark, retry_file, moving, f"{directory}/{MANIFEST_NAME}"])
    going_on = mark in found and remote.read(mark) == key.encode() and not found.keys() & {moving, f"{directory}/{MANIFEST_NAME}"}
    if going_on and (not retry or orjson.loads(remote.read(retry_file) or b"[]") == sorted(retry)):
        return
    if stage.reuse_previous:
        _set_aside(directory, remote, mark, moving)
    else:
        remote.remove(mark)  # first, for without it nothing is gone on with
        remote.remove(directory)
    for name in stage.extra_outputs:
        remote.remove(name)
    if retry:
        remote.write(retry_file, to_json(sorted(retry)))
    remote.write(mark, key.encode())


def _set_aside(directory: str, remote: BeamStore, mark: str, moving: str) -> None:
    """Move what a stage has made to a new directory in PREVIOUS. Interrupted, the next call goes on: MOVING stays until it is done."""
    started = remote.read(moving)
    if started is None:
        if remote.sizes([f"{directory}/{MANIFEST_NAME}"]):  # it was finished, and so has all that it could use of what was before
            remote.remove(f"{directory}/{PREVIOUS}")
        before = remote.sizes([f"{directory}/{PREVIOUS}/**"])
        number = max((int(path.split("/")[2]) for path in before), default=-1) + 1
    else:
        number = int(started)
    left = [path for path in remote.sizes([f"{directory}/**"]) if not path.startswith(f"{directory}/{PREVIOUS}/")]
    if left:
        remote.write(moving, str(number).encode())
        start = len(directory) + 1
        aside = f"{directory}/{PREVIOUS}/{number:05d}"
        remote.move([(path, f"{aside}/{path[start:]}") for path in sorted(left, key=lambda path: (path != mark, path))])
    remote.remove(moving)
