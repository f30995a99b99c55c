"""What a stage does with a build that is elsewhere (pipelines.elsewhere) before its tasks run: as pipelines.stage.prepare on a disk."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from pipelines.elsewhere import BeamDirectory
from pipelines.stage import AGAIN, PREVIOUS, Stage
from webtext.files import to_json
from webtext.manifest import NAME
from webtext.task import WORK

MOVING = "moving"  # in PREVIOUS: the number of the directory there that files are being moved to


def prepare_elsewhere(stage: Stage, elsewhere: BeamDirectory, key: str, again: Sequence[str] = ()) -> None:
    """Make room: what the stage wrote for other inputs or another configuration goes, what it finished for these stays."""
    directory = stage.directory
    mark, wish, moving = f"{directory}/{WORK}/fingerprint", f"{directory}/{WORK}/{AGAIN}", f"{directory}/{PREVIOUS}/{MOVING}"
    found = elsewhere.sizes([mark, wish, moving, f"{directory}/{NAME}"])
    going_on = mark in found and elsewhere.read(mark) == key.encode() and not found.keys() & {moving, f"{directory}/{NAME}"}
    if going_on and (not again or orjson.loads(elsewhere.read(wish) or b"[]") == sorted(again)):
        return
    if stage.keeps:
        _set_aside(directory, elsewhere, mark, moving)
    else:
        elsewhere.remove(mark)  # first, for without it nothing is gone on with
        elsewhere.remove(directory)
    for name in stage.also:
        elsewhere.remove(name)
    if again:
        elsewhere.write(wish, to_json(sorted(again)))
    elsewhere.write(mark, key.encode())


def _set_aside(directory: str, elsewhere: BeamDirectory, mark: str, moving: str) -> None:
    """Move what a stage has made to a new directory in PREVIOUS. Interrupted, the next call goes on: MOVING stays until it is done."""
    started = elsewhere.read(moving)
    if started is None:
        if elsewhere.sizes([f"{directory}/{NAME}"]):  # it was finished, and so has all that it could use of what was before
            elsewhere.remove(f"{directory}/{PREVIOUS}")
        before = elsewhere.sizes([f"{directory}/{PREVIOUS}/**"])
        number = max((int(path.split("/")[2]) for path in before), default=-1) + 1
    else:
        number = int(started)
    left = [path for path in elsewhere.sizes([f"{directory}/**"]) if not path.startswith(f"{directory}/{PREVIOUS}/")]
    if left:
        elsewhere.write(moving, str(number).encode())
        start = len(directory) + 1
        aside = f"{directory}/{PREVIOUS}/{number:05d}"
        elsewhere.move([(path, f"{aside}/{path[start:]}") for path in sorted(left, key=lambda path: (path != mark, path))])
    elsewhere.remove(moving)
