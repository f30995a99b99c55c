"""Build directories on stores of objects: gs://, and what else Beam's file systems know.

Tasks need a disk: they map and lock files. So each works in a directory of its own on the machine's disk: its inputs (pipelines.inputs)
are downloaded first, and its outputs are uploaded when it is done, its report last. A store shows an object only when it is complete, so
that a task whose report exists has all its files in the store.

    ROOT/KEY/STAGE-FINGERPRINT/shared/        inputs of all tasks of a phase: downloaded once a machine, and kept until the next stage
                               tasks/NAME/    the build as a task sees it: links to its inputs, and its own files
                               tasks/NAME.in/ inputs of this task alone
                               hosts/         when the hosts of the web may be asked again (webtext.fetch.rate_limit)

KEY is a hash of the URL of the build; ROOT is WEBTEXT_SCRATCH, by default in the system's directory for temporary files. A killed task
resumes from its files if it runs on the same machine again: a crawl has its journal there.
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
from webtext.core.directories import work_directory
from webtext.core.errors import WebtextError
from webtext.core.files import TEMPORARY
from webtext.core.task import DONE, StageContext

SCRATCH = "WEBTEXT_SCRATCH"  # environment variable: the directory for downloads and scratch files
PARALLEL_TRANSFERS = 8  # files
BLOCK = 2**24
MAX_LOOKUPS = 16  # files of a directory that are looked up one by one; for more of them the directory is listed once
HOSTS = "hosts"


@dataclass(frozen=True)
class BeamStore:
    """A build at a URL without a slash at its end. `options` are Beam's, as a dictionary: they cross to the workers.

    Failures of the store are a WebtextError that names the URL and what to do.
    """

    url: str
    options: dict[str, Any] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        if path not in self.sizes([path]):
            return None
        with self._explaining(path):
            with self._open(path) as file:
                data: bytes = file.read()
            return data

    def write(self, path: str, data: bytes) -> None:
        """Write a small file."""
        with self._explaining(path), self._create(path) as file:
            file.write(data)

    def sizes(self, paths: Sequence[str]) -> dict[str, int]:
        """Bytes of the existing files of some paths and patterns: * matches anything without a slash, ** anything."""
        by_directory: dict[str, list[str]] = {}
        for path in paths:
            by_directory.setdefault(path.rpartition("/")[0], []).append(path)
        found: dict[str, int] = {}
        for directory, some in by_directory.items():
            if len(some) <= MAX_LOOKUPS or any("*" in path for path in some):
                found.update(self._match(some))
            else:
                there = self._match([f"{directory}/*"])
                found.update((path, there[path]) for path in some if path in there)
        return found

    def _match(self, patterns: Sequence[str]) -> dict[str, int]:
        with self._explaining(patterns[0]):
            results = self._files.match([f"{self.url}/{pattern}" for pattern in patterns])
        start = len(self.url) + 1
        found = {file.path[start:]: file.size_in_bytes for result in results for file in result.metadata_list}
        return {path: size for path, size in found.items() if not path.endswith("/")}  # a store may have an object for a directory

    def download(self, patterns: Sequence[str], directory: Path) -> None:
        """Download files to a directory of this machine."""
        found = self.sizes(patterns)
        _in_parallel(lambda item: self._download(item[0], item[1], directory / item[0]), found.items())

    def upload(self, directory: Path, paths: Sequence[str]) -> None:
        """Upload files of a directory."""
        _in_parallel(lambda path: self._upload(directory / path, path), paths)

    def remove(self, path: str) -> None:
        """Delete a file, or a directory with everything in it, if it exists."""
        folder = self.sizes([f"{path}/**"])
        if folder:
            with self._explaining(path):
                self._files.delete([f"{self.url}/{path}/"])
            # NB: Beam only logs which objects of a directory the store did not delete.
            if self.sizes([f"{path}/**"]):
                raise WebtextError(f"{self.url}/{path}: not all of it could be deleted; run the same command again")
        elif self.sizes([path]):
            with self._explaining(path):
                self._files.delete([f"{self.url}/{path}"])

    def move(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Rename files, one after another. Interrupted, some have their new names."""
        if pairs:
            with self._explaining(pairs[0][0]):
                self._files.rename([f"{self.url}/{old}" for old, _ in pairs], [f"{self.url}/{new}" for _, new in pairs])

    @property
    def root(self) -> Path:
        """The directory on this machine for scratch files of the build."""
        base = os.environ.get(SCRATCH) or os.path.join(tempfile.gettempdir(), f"webtext-{os.getuid()}")
        return Path(base).absolute() / hashlib.sha256(self.url.encode()).hexdigest()[:16]

    @contextmanager
    def scratch(self, context: StageContext, task: str, arguments: tuple[Any, ...]) -> Iterator[Path]:
        stage, work = self.root / f"{context.stage}-{context.fingerprint[:16]}", work_directory(context.stage)
        _delete_other_stages(stage)
        directory, own = stage / "tasks" / task, stage / "tasks" / f"{task}.in"
        (directory / work).mkdir(parents=True, exist_ok=True)
        with _locked(own.with_suffix(".lock")):
            shared_patterns, own_patterns = inputs_of(context.stage, task, arguments)
            self._link(shared_patterns, stage / "shared", directory)
            self._link(own_patterns, own, directory)
            _link(stage / HOSTS, directory / work / HOSTS, folder=True)
            try:
                yield directory
            except WebtextError as error:
                raise type(error)(str(error).replace(str(directory), self.url)) from error
            made = sorted(_written_files(directory))
            report = f"{work}/{task}{DONE}"
            self.upload(directory, [path for path in made if path != report])
            self.upload(directory, [report])
            shutil.rmtree(directory)
            shutil.rmtree(own, ignore_errors=True)

    def _link(self, patterns: Sequence[str], store: Path, directory: Path) -> None:
        """Download files to the directory `store`, and link them into a task's build directory."""
        found = self.sizes(patterns) if patterns else {}
        _in_parallel(lambda item: self._download(item[0], item[1], store / item[0]), found.items())
        for path in found:
            _link(store / path, directory / path)

    def _download(self, path: str, size: int, target: Path) -> None:
        if target.is_file() and target.stat().st_size == size:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        # So that two workers of the machine do not both download it.
        with _locked(target.with_name(f".{target.name}.lock")):
            if target.is_file() and target.stat().st_size == size:
                return
            temporary = target.with_name(f"{target.name}.{os.getpid()}{TEMPORARY}")
            with self._explaining(path), self._open(path) as source, open(temporary, "wb") as file:
                shutil.copyfileobj(source, file, BLOCK)
            if temporary.stat().st_size != size:
                raise WebtextError(f"{self.url}/{path}: {temporary.stat().st_size:,} of its {size:,} bytes arrived; run again")
            os.replace(temporary, target)

    def _upload(self, source: Path, path: str) -> None:
        with open(source, "rb") as file, self._explaining(path), self._create(path) as target:
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
    def _explaining(self, path: str) -> Iterator[None]:
        """Turn errors of Beam and of the store into a sentence."""
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
    text = " ".join(str(cause).split())[:300]
    if isinstance(cause, (ImportError, AssertionError)) or "Unable to get filesystem" in text:  # Beam's error for a missing package
        return "Beam has no file system for it here; install what it needs, for gs:// with `pip install 'apache-beam[gcp]'`"
    if status == 404:
        return f"there is no such bucket or file ({text}); create the bucket or correct the URL"
    if status in (401, 403):
        return f"not allowed ({text}); log in with `gcloud auth application-default login`, or give the account the right to read and write"
    return f"the store failed ({type(cause).__name__}: {text}); run the same command again, finished shards are kept"


def _in_parallel(work: Callable[[Any], None], items: Iterable[Any]) -> None:
    """Do work on all items, some at once. Raises the first failure."""
    with ThreadPoolExecutor(PARALLEL_TRANSFERS) as pool:
        for _ in pool.map(work, items):
            pass


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lock a file of this machine, waiting for its present holder. The system drops the lock when the process ends."""
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
        # A file of that name is left from an earlier attempt at the task, which did not finish.
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _written_files(directory: Path) -> Iterator[str]:
    """The files that a task has written; its inputs are links."""
    for folder, _, names in os.walk(directory):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink() and not name.endswith((TEMPORARY, ".progress")):
                yield path.relative_to(directory).as_posix()


def _delete_other_stages(stage: Path) -> None:
    """Delete the scratch files of other stages of the build: one runs at a time."""
    if stage.is_dir():
        return
    for other in sorted(stage.parent.glob("*-*")):
        shutil.rmtree(other, ignore_errors=True)
