"""The launcher's side of a build in a store: a directory on this disk for its manifests, and a lock file in the store."""

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

from pipelines.filesystem import is_url
from pipelines.remote_store import BeamStore
from webtext.cli.build_directory import BUILD_FILE, HOLDER_FILE, LOCK_FILE, already_running, lock_directory
from webtext.core import workers
from webtext.core.directories import DIRECTORIES, manifest_path
from webtext.core.errors import UsageError, WebtextError
from webtext.core.files import to_json


@contextmanager
def lock_remote_build(url: str, arguments: Sequence[str]) -> Iterator[tuple[Path, BeamStore]]:
    """Lock a build at a URL. Raises WebtextError where another process has, or the store does not answer.

    Gives the directory on this disk with the build's manifests, and the build. `arguments` are Beam's.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    if re.search(r"[*?\[\]]", url):
        raise UsageError(f"{url}: the name of a build has none of * ? [ ]; choose another --out")
    remote = BeamStore(url.rstrip("/"), PipelineOptions(list(arguments)).get_all_options(drop_default=True))
    remote.sizes([f"{BUILD_FILE}*"])  # NB: a pattern, because listing a missing bucket is an error, and looking up an object in it is none
    directory = remote.root / "launcher"
    with lock_directory(directory, remote.url):
        for path in directory.iterdir():
            if path.name not in (LOCK_FILE, workers.WORKERS_LOCK):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        mine = _acquire(remote)
        remote.download([BUILD_FILE, *map(manifest_path, DIRECTORIES)], directory)
        try:
            yield directory, remote
        finally:
            if _holder(remote) == mine:
                remote.remove(HOLDER_FILE)


def _acquire(remote: BeamStore) -> dict[str, Any]:
    """Write this process to the lock file. Of two launchers that do so at once the later one wins; the other sees that in check_lock."""
    mine = {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "begun": psutil.Process().create_time(),
        "since": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    theirs = _holder(remote)
    if theirs is not None and not (theirs["host"] == mine["host"] and not _is_running(theirs)):
        raise _already_running(remote, theirs)
    remote.write(HOLDER_FILE, to_json(mine))
    return mine


def check_lock(remote: BeamStore) -> None:
    """Raises WebtextError where another launcher has taken the build since."""
    holder = _holder(remote)
    if holder is None or (holder["host"], holder["process"]) != (socket.gethostname(), os.getpid()):
        raise _already_running(remote, holder or {"host": "?", "process": "?", "since": "?"})


def _holder(remote: BeamStore) -> dict[str, Any] | None:
    data = remote.read(HOLDER_FILE)
    return cast(dict[str, Any], orjson.loads(data)) if data else None


def _is_running(holder: dict[str, Any]) -> bool:
    try:
        return bool(abs(psutil.Process(holder["process"]).create_time() - holder["begun"]) < 1)
    except psutil.NoSuchProcess:
        return False


def _already_running(remote: BeamStore, holder: dict[str, Any]) -> WebtextError:
    process = f"process {holder['process']} on {holder['host']}, since {holder['since']}"
    return already_running(remote.url, process, f"; if it is gone, delete {remote.url}/{HOLDER_FILE}")


@contextmanager
def lock_build(build: Path | str, arguments: Sequence[str]) -> Iterator[tuple[Path, BeamStore | None]]:
    """Lock a build on this disk or, given as text with a scheme, at a URL."""
    if isinstance(build, str) and is_url(build):
        with lock_remote_build(build, arguments) as locked:
            yield locked
    else:
        with lock_directory(Path(build)):
            yield Path(build), None
