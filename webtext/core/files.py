"""Files that are whole or absent: written as temporary, synced, renamed; hashed while they are written."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import orjson
import xxhash

from webtext.core.errors import WebtextError

TEMPORARY = ".partial"  # suffix of a file that is being written; one that is left over is of no use and may be deleted


@dataclass(frozen=True)
class Written:
    """A finished file: `path` as it was given, its size in bytes and the SHA-256 of its bytes (hexadecimal)."""

    path: Path
    bytes: int
    sha256: str


class HashingFile(io.RawIOBase):
    """A binary file opened for appending that hashes and counts what passes. It cannot seek, so what is hashed is what is there."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "wb")  # noqa: SIM115 - closed by close()
        self._sha256 = hashlib.sha256()
        self.bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        self._file.write(view)
        self._sha256.update(view)
        self.bytes += len(view)
        return len(view)

    def tell(self) -> int:
        return self.bytes

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()

    def sync(self) -> None:
        """Bring all that was written to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        # NB: RawIOBase.close() calls flush(), and a full disk makes that fail: the descriptor must go all the same.
        if not self.closed:
            try:
                super().close()
            finally:
                self._file.close()

    def hexdigest(self) -> str:
        return self._sha256.hexdigest()


class Output:
    """What `writing` hands out: the open `file`, and the `written` facts once the block has ended."""

    def __init__(self, file: HashingFile) -> None:
        self.file = cast(IO[bytes], file)
        self.written: Written | None = None


@contextmanager
def writing(path: Path) -> Iterator[Output]:
    """Write a file that appears under its name only when it is complete and on the disk.

    Raises WebtextError that names the file where the disk is full or the path is not writable.

    >>> with writing(Path("out.bin")) as output: output.file.write(b"data")
    >>> output.written.sha256
    """
    with explain_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
        file = HashingFile(temporary)
        output = Output(file)
        try:
            yield output
            file.sync()
            file.close()
            os.replace(temporary, path)
            sync_directory(path.parent)
        except BaseException:
            _discard(file, temporary)
            raise
        output.written = Written(path, file.bytes, file.hexdigest())


def _discard(file: HashingFile, temporary: Path) -> None:
    with suppress(OSError):  # the first failure is the one to report
        file.close()
    temporary.unlink(missing_ok=True)


@contextmanager
def explain_os_errors(path: Path) -> Iterator[None]:
    """Turn the system's refusals while the file `path` is written into a sentence that names the file, be it this one or an input."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise WebtextError(
                f"{path}: the disk is full; free some space and run the same command again (finished shards are kept)"
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOTEMPTY):
            named = Path(os.fsdecode(error.filename)) if isinstance(error.filename, (str, bytes, os.PathLike)) else path
            # The file itself, its temporary file, or above or below it; anything else was to be read.
            if named in path.parents or path in named.parents or (named.parent == path.parent and named.name.startswith(path.name)):
                raise WebtextError(f"{path}: cannot be written ({error.strerror}); choose a path that is writable") from error
            raise WebtextError(f"{named}: cannot be read ({error.strerror}); give the path of a readable file") from error
        raise


def sync_directory(path: Path) -> None:
    """Make a rename in this directory last (POSIX: the entry is data of the directory)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, data: bytes) -> Written:
    """Write a whole small file."""
    with writing(path) as output:
        output.file.write(data)
    assert output.written is not None  # set by the end of the block
    return output.written


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while data := file.read(2**20):
            digest.update(data)
    return digest.hexdigest()


def to_json(value: object) -> bytes:
    """Canonical JSON: sorted keys, two blanks of indent, a line feed at the end; the same value is always the same bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def read_json(path: Path) -> object:
    """Read a JSON file. Raises WebtextError that names it where it is absent or not JSON."""
    try:
        return from_json(path, path.read_bytes())
    except FileNotFoundError:
        raise WebtextError(f"{path}: there is no such file") from None


def from_json(path: Path, data: bytes) -> object:
    """The JSON that is in the file `path`. Raises WebtextError that names it where it is none."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise WebtextError(f"{path}: not valid JSON ({error})") from None


WHOLE = 256 * 2**20  # bytes up to which `identity` reads all of a file
BLOCKS = 64


def identity(path: Path) -> dict[str, str | int]:
    """A source file without its directory: name, size in bytes, and a hash of its content (XXH3-128).

    A file above 256 MiB is known by 64 blocks of 64 KiB spread over it, first and last included, so that a dump of
    hundreds of gigabytes is recognised in a moment.
    """
    try:
        size = path.stat().st_size
        digest = xxhash.xxh3_128()
        with open(path, "rb") as file:
            if size <= WHOLE:
                while data := file.read(2**20):
                    digest.update(data)
            else:
                for block in range(BLOCKS):
                    file.seek((size - 65536) * block // (BLOCKS - 1))
                    digest.update(file.read(65536))
    except OSError as error:
        raise WebtextError(f"{path}: cannot be read ({error.strerror}); give the path of a file that exists") from None
    return {"name": path.name, "bytes": size, "xxh3_128": digest.hexdigest()}
