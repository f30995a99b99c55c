"""Build directories on stores of objects: gs://, and what else Beam's file systems know.

Tasks read and write, map and lock files of a disk. So each works in a directory of its own on the machine's disk: what it reads
(pipelines.inputs) is brought there first, and what it has written is put into the store when it is done, its report last. A store shows
an object when it is whole, so that a task whose report is there has all its files there.

    ROOT/KEY/STAGE-FINGERPRINT/shared/        what every task of a phase reads: brought once a machine, and kept until the next stage
                               tasks/NAME/    the build as a task sees it: links to what was brought, and its own files
                               tasks/NAME.in/ what was brought for this task alone
                               hosts/         when the hosts of the web may be asked again (webtext.fetch.politeness)

KEY stands for the URL of the build; ROOT is WEBTEXT_SCRATCH, by default in the system's directory for temporary files. A task that was
killed is gone on with on the same machine where it was: a crawl has its journal there.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.inputs import inputs_of
from webtext.core.errors import WebtextError
from webtext.core.files import TEMPORARY
from webtext.core.task import DONE, WORK, StageContext

SCRATCH = "WEBTEXT_SCRATCH"  # environment variable: the directory for what is brought to this machine
AT_ONCE = 8  # files on the way
BLOCK = 2**24
LISTED = 16  # files of a directory up to which they are asked for one by one
HOSTS = "hosts"


@dataclass(frozen=True)
class BeamStore:
    """A build at a URL without a slash at its end. `options` are Beam's, as a dictionary: they cross to the workers.

    What the store refuses is a WebtextError that names the URL and what to do.
    """

    url: str
    options: dict[str, Any] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        if path not in self.sizes([path]):
            return None
        with self._telling(path):
            with self._open(path) as file:
                data: bytes = file.read()
            return data

    def write(self, path: str, data: bytes) -> None:
        """Write a small file."""
        with self._telling(path), self._create(path) as file:
            file.write(data)

    def sizes(self, paths: Sequence[str]) -> dict[str, int]:
        """Bytes of the files that are there of some paths and patterns: * stands for what has no slash, ** for anything."""
        by_directory: dict[str, list[str]] = {}
        for path in paths:
            by_directory.setdefault(path.rpartition("/")[0], []).append(path)
        found: dict[str, int] = {}
        for directory, some in by_directory.items():
            if len(some) <= LISTED or any("*" in path for path in some):
                found.update(self._match(some))
            else:
                there = self._match([f"{directory}/*"])
                found.update((path, there[path]) for path in some if path in there)
        return found

    def _match(self, patterns: Sequence[str]) -> dict[str, int]:
        with self._telling(patterns[0]):
            results = self._files.match([f"{self.url}/{pattern}" for pattern in patterns])
        start = len(self.url) + 1
        found = {file.path[start:]: file.size_in_bytes for result in results for file in result.metadata_list}
        return {path: size for path, size in found.items() if not path.endswith("/")}  # a store may have an object for a directory

    def fetch(self, patterns: Sequence[str], directory: Path) -> None:
        """Bring files to a directory of this machine."""
        found = self.sizes(patterns)
        _all_of(lambda item: self._bring(item[0], item[1], directory / item[0]), found.items())

    def keep(self, directory: Path, paths: Sequence[str]) -> None:
        """Put files of a directory into the store."""
        _all_of(lambda path: self._put(directory / path, path), paths)

    def remove(self, path: str) -> None:
        """Delete a file, or a directory with all that is in it, where it is there."""
        folder = self.sizes([f"{path}/**"])
        if folder:
            with self._telling(path):
                self._files.delete([f"{self.url}/{path}/"])
            # NB: Beam only logs which objects of a directory its store did not delete.
            if self.sizes([f"{path}/**"]):
                raise WebtextError(f"{self.url}/{path}: not all of it could be deleted; run the same command again")
        elif self.sizes([path]):
            with self._telling(path):
                self._files.delete([f"{self.url}/{path}"])

    def move(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Rename files, one after another. Interrupted, some have their new names."""
        if pairs:
            with self._telling(pairs[0][0]):
                self._files.rename([f"{self.url}/{old}" for old, _ in pairs], [f"{self.url}/{new}" for _, new in pairs])

    @property
    def root(self) -> Path:
        """Where this machine keeps what is of the build."""
        base = os.environ.get(SCRATCH) or os.path.join(tempfile.gettempdir(), f"webtext-{os.getuid()}")
        return Path(base).absolute() / hashlib.sha256(self.url.encode()).hexdigest()[:16]

    @contextmanager
    def scratch(self, context: StageContext, task: str, arguments: tuple[Any, ...]) -> Iterator[Path]:
        stage = self.root / f"{context.directory}-{context.fingerprint[:16]}"
        _drop_others(stage)
        directory, own = stage / "tasks" / task, stage / "tasks" / f"{task}.in"
        (directory / context.directory / WORK).mkdir(parents=True, exist_ok=True)
        with _locked(own.with_suffix(".lock")):
            shared_patterns, own_patterns = inputs_of(context.directory, task, arguments)
            self._link(shared_patterns, stage / "shared", directory)
            self._link(own_patterns, own, directory)
            _link(stage / HOSTS, directory / context.directory / WORK / HOSTS, folder=True)
            try:
                yield directory
            except WebtextError as error:
                raise type(error)(str(error).replace(str(directory), self.url)) from error
            made = sorted(_made(directory))
            report = f"{context.directory}/{WORK}/{task}{DONE}"
            self.keep(directory, [path for path in made if path != report])
            self.keep(directory, [report])
            shutil.rmtree(directory)
            shutil.rmtree(own, ignore_errors=True)

    def _link(self, patterns: Sequence[str], store: Path, directory: Path) -> None:
        """Bring files to a place on this disk, and link them into a directory that stands for the build."""
        found = self.sizes(patterns) if patterns else {}
        _all_of(lambda item: self._bring(item[0], item[1], store / item[0]), found.items())
        for path in found:
            _link(store / path, directory / path)

    def _bring(self, path: str, size: int, target: Path) -> None:
        if target.is_file() and target.stat().st_size == size:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        # So that two workers of the machine do not both bring it.
        with _locked(target.with_name(f".{target.name}.lock")):
            if target.is_file() and target.stat().st_size == size:
                return
            temporary = target.with_name(f"{target.name}.{os.getpid()}{TEMPORARY}")
            with self._telling(path), self._open(path) as source, open(temporary, "wb") as file:
                shutil.copyfileobj(source, file, BLOCK)
            if temporary.stat().st_size != size:
                raise WebtextError(f"{self.url}/{path}: {temporary.stat().st_size:,} of its {size:,} bytes came; run again")
            os.replace(temporary, target)

    def _put(self, source: Path, path: str) -> None:
        with open(source, "rb") as file, self._telling(path), self._create(path) as target:
            shutil.copyfileobj(file, target, BLOCK)

    def _open(self, path: str) -> Any:
        from apache_beam.io.filesystem import CompressionTypes

        return self._files.open(f"{self.url}/{path}", compression_type=CompressionTypes.UNCOMPRESSED)

    def _create(self, path: str) -> Any:
        from apache_beam.io.filesystem import CompressionTypes

        return self._files.create(f"{self.url}/{path}", compression_type=CompressionTypes.UNCOMPRESSED)

    @property
    def _files(self) -> Any:
        from apache_beam.io.filesystems import FileSystems
        from apache_beam.options.pipeline_options import PipelineOptions

        FileSystems.set_options(PipelineOptions.from_dictionary(self.options))
        return FileSystems

    @contextmanager
    def _telling(self, path: str) -> Iterator[None]:
        """Turn what Beam and the store say into a sentence."""
        from apache_beam.io.filesystem import BeamIOError

        try:
            yield
        except WebtextError:
            raise
        except Exception as error:
            cause: Any = error
            while isinstance(cause, BeamIOError) and cause.exception_details:  # of one file, for we ask for one
                cause = next(iter(cause.exception_details.values()))
            raise WebtextError(f"{self.url}/{path}: {_reason(cause)}") from error


def _reason(cause: Any) -> str:
    """Why a store refused, and what to do. `cause` is whatever its client raised, or a status of HTTP."""
    status = getattr(cause, "code", cause)
    said = " ".join(str(cause).split())[:300]
    if isinstance(cause, (ImportError, AssertionError)) or "Unable to get filesystem" in said:  # so Beam says that a package is missing
        return "Beam has no file system for it here; install what it needs, for gs:// with `pip install 'apache-beam[gcp]'`"
    if status == 404:
        return f"there is no such bucket or file ({said}); create the bucket or correct the URL"
    if status in (401, 403):
        return f"not allowed ({said}); log in with `gcloud auth application-default login`, or give the account the right to read and write"
    return f"the store failed ({type(cause).__name__}: {said}); run the same command again, finished shards are kept"


def _all_of(work: Callable[[Any], None], items: Iterable[Any]) -> None:
    """Do work on all items, some at a time. Raises the first failure."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(work, items):
            pass


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file of this machine; wait for whoever does. The lock goes with the process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _link(target: Path, link: Path, *, folder: bool = False) -> None:
    if folder:
        target.mkdir(parents=True, exist_ok=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        # A file of that name is of an earlier attempt at the task, which ended before it was done.
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _made(directory: Path) -> Iterator[str]:
    """What a task has written; what was brought for it are links."""
    for folder, _, names in os.walk(directory):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink() and not name.endswith((TEMPORARY, ".progress")):
                yield path.relative_to(directory).as_posix()


def _drop_others(stage: Path) -> None:
    """What is left of other stages of the build: one runs at a time."""
    if stage.is_dir():
        return
    for other in sorted(stage.parent.glob("*-*")):
        shutil.rmtree(other, ignore_errors=True)
