"""A build directory elsewhere, as the launcher holds it: a directory on this disk for its manifests, and a note there whose build it is."""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast

import orjson
import psutil

from cli.house import HOLDER, LOCK, MARK, held
from pipelines.elsewhere import BeamDirectory
from pipelines.filesystem import is_url
from webtext.errors import UsageError, WebtextError
from webtext.files import to_json
from webtext.layout import DIRECTORIES
from webtext.manifest import NAME
from webtext.workers import NAME as WORKERS


@contextmanager
def held_elsewhere(url: str, arguments: Sequence[str]) -> Iterator[tuple[Path, BeamDirectory]]:
    """Hold a build at a URL. Raises WebtextError where another process does, or the store does not answer.

    Gives the directory on this disk, with the manifests that there are, and the build. `arguments` are Beam's.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    if re.search(r"[*?\[\]]", url):
        raise UsageError(f"{url}: the name of a build has none of * ? [ ]; choose another --out")
    elsewhere = BeamDirectory(url.rstrip("/"), PipelineOptions(list(arguments)).get_all_options(drop_default=True))
    elsewhere.sizes([f"{MARK}*"])  # NB: a pattern, for a list of a bucket that is not there is an error, and a look at its object none
    directory = elsewhere.root / "launcher"
    with held(directory, elsewhere.url):
        for path in directory.iterdir():
            if path.name not in (LOCK, WORKERS):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        mine = _take(elsewhere)
        elsewhere.fetch([MARK, *(f"{name}/{NAME}" for name in DIRECTORIES.values())], directory)
        try:
            yield directory, elsewhere
        finally:
            if _holder(elsewhere) == mine:
                elsewhere.remove(HOLDER)


def _take(elsewhere: BeamDirectory) -> dict[str, Any]:
    """Write down whose build it is. Of two launchers that do so in the same moment the later one has it, and the other sees that here."""
    mine = {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "begun": psutil.Process().create_time(),
        "since": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    theirs = _holder(elsewhere)
    if theirs is not None and not (theirs["host"] == mine["host"] and not _lives(theirs)):
        raise _refused(elsewhere, theirs)
    elsewhere.write(HOLDER, to_json(mine))
    return mine


def still_held(elsewhere: BeamDirectory) -> None:
    """Raises WebtextError where another launcher has taken the build since."""
    holder = _holder(elsewhere)
    if holder is None or (holder["host"], holder["process"]) != (socket.gethostname(), os.getpid()):
        raise _refused(elsewhere, holder or {"host": "?", "process": "?", "since": "?"})


def _holder(elsewhere: BeamDirectory) -> dict[str, Any] | None:
    data = elsewhere.read(HOLDER)
    return cast(dict[str, Any], orjson.loads(data)) if data else None


def _lives(holder: dict[str, Any]) -> bool:
    try:
        return bool(abs(psutil.Process(holder["process"]).create_time() - holder["begun"]) < 1)
    except psutil.NoSuchProcess:
        return False


def _refused(elsewhere: BeamDirectory, holder: dict[str, Any]) -> WebtextError:
    return WebtextError(
        f"{elsewhere.url}: another build (process {holder['process']} on {holder['host']}, since {holder['since']}) is at work here; "
        f"wait for it or choose another --out; if it is gone, delete {elsewhere.url}/{HOLDER}"
    )


@contextmanager
def at_work(build: Path | str, arguments: Sequence[str]) -> Iterator[tuple[Path, BeamDirectory | None]]:
    """Hold a build on this disk or, given as text with a scheme, at a URL."""
    if isinstance(build, str) and is_url(build):
        with held_elsewhere(build, arguments) as held_there:
            yield held_there
    else:
        with held(Path(build)):
            yield Path(build), None
