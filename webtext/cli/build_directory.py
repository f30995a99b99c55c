"""A build directory: which build it belongs to, and that one process at a time builds in it."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from pipelines.filesystem import is_url
from pipelines.remote_store import BeamStore
from webtext.core import workers
from webtext.core.config import Config
from webtext.core.directories import DIRECTORIES, MANIFEST_NAME
from webtext.core.errors import UsageError, WebtextError
from webtext.core.files import explain_os_errors, read_json, to_json, write_bytes
from webtext.core.workers import await_workers

BUILD_FILE = "build.json"
LOCK_FILE = ".lock"
HOLDER_FILE = ".holder"  # in a remote build: JSON, the process that has locked it


def already_running(build: Path | str, holder: str, remedy: str = "") -> WebtextError:
    """The refusal of a build that another process holds; `holder` describes the process."""
    return WebtextError(
        f"{build}: another build ({holder}) is already running in this directory; wait for it or choose another --out{remedy}"
    )


@contextmanager
def lock_directory(build: Path, shown: str = "") -> Iterator[None]:
    """Lock the directory. Raises WebtextError where another process has; `shown` is the name of the build, if not its path."""
    with explain_os_errors(build):
        build.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(build / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            # The system drops the lock when the process ends, also when it is killed.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise already_running(shown or build, f"process {os.read(descriptor, 32).decode() or '?'}") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        await_workers(build)
        yield
    finally:
        os.close(descriptor)


def sources(config: Config) -> dict[str, Any]:
    """The identity of a build: its sources. All other keys may change, and the stages that they affect run again."""
    found = {
        "build.shards": config.build.shards,
        "links.dumps": config.links.dumps,
        "fetch.warcs": config.fetch.warcs,
    }
    # Only if set, so that builds from before the keys existed stay valid.
    later = {
        "links.subreddits": config.links.subreddits,
        "documents.files": config.documents.files,
        "train.tokens": config.train.tokens,
        "evaluate.model": config.evaluate.model,
    }
    return {**found, **{key: value for key, value in later.items() if value}}


def check_build_owner(
    build: Path, config: Config, *, reuse: bool, allowed_names: Sequence[str] = (), remote: BeamStore | None = None
) -> None:
    """Claim an empty directory for this build, or check that it is this build's. Raises UsageError for any other.

    `reuse` takes over a directory of other sources and rebuilds what differs. `allowed_names` may exist in an empty one.
    """
    mark, shown = build / BUILD_FILE, remote.url if remote is not None else build
    mine = sources(config)
    there = {path.name for path in build.iterdir()} if remote is None else {path.split("/")[0] for path in remote.sizes(["**"])}
    held = sorted(there - {BUILD_FILE, LOCK_FILE, workers.WORKERS_LOCK, HOLDER_FILE, *allowed_names})
    if mark.exists():
        theirs = cast(dict[str, Any], read_json(mark))
        other = [key for key in mine if theirs.get(key) != mine[key]]
        if other and held and not reuse:  # where no stage has begun there is nothing to lose
            changes = "; ".join(f"{key} was {theirs.get(key)} and is now {mine[key]}" for key in other)
            raise UsageError(
                f"{shown}: belongs to a build of another configuration ({changes}); choose another --out, or --reuse to rebuild it"
            )
        if not other:
            return
    elif held:
        raise UsageError(f"{shown}: not empty and not a build (it holds {held[0]}); choose another --out")
    write_bytes(mark, to_json(mine))
    if remote is not None:
        remote.upload(build, [BUILD_FILE])


def refuse_url(build: Path) -> None:
    """For commands that read a build on this disk. Raises UsageError where they are given a URL."""
    # NB: of two slashes a Path keeps one.
    url = re.sub(r"^([a-z][a-z0-9+.-]*):/(?!/)", r"\1://", str(build))
    if is_url(url):
        raise UsageError(f"{url}: this command reads a build on this disk; copy it first, as with `gcloud storage cp -r {url} DIR`")


def open_build(build: Path) -> Path:
    """A directory that a command reads. Raises UsageError where it is no build, or one of an earlier version."""
    refuse_url(build)
    if not (build / BUILD_FILE).exists():
        raise UsageError(f"{build}: not a build ({BUILD_FILE} is missing); give the --out of a `webtext build`")
    old = [name for name in DIRECTORIES.values() if (build / name / MANIFEST_NAME).exists()]
    if old:
        raise UsageError(
            f"{build}: an earlier version made its {old[0]}/; run `webtext build` with its configuration, which keeps the pages and "
            "makes the rest anew"
        )
    return build
