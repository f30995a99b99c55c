"""Source files on this machine or on any file system that Beam knows: gs://, s3://, hdfs://, and those that others register.

A source is a path as text; Beam opens those with a scheme. Beam is imported only for them, so that a local build that is up to date
never loads it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from webtext.core.config_file import source_files as local_files
from webtext.core.errors import UsageError, WebtextError
from webtext.core.files import identity as local_identity


def is_url(path: str) -> bool:
    """Whether a path is Beam's to open.

    >>> is_url("gs://bucket/RS_*.zst"), is_url("/data/RS_2017-*.zst")
    (True, False)
    """
    return "://" in path


def configure(arguments: Sequence[str]) -> None:
    """Give the options of the command line to Beam's file systems in this process."""
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    FileSystems.set_options(PipelineOptions(list(arguments)))


def source_files(patterns: Sequence[str], key: str) -> list[str]:
    """The files that match paths, URLs and globs of both, sorted by name and then path, each once; local ones absolute.

    Raises UsageError where a pattern matches nothing; `key` names the configuration key.
    """
    local = [pattern for pattern in patterns if not is_url(pattern)]
    found = {str(path.absolute()) for path in local_files(local, key)}
    for pattern in patterns:
        if is_url(pattern):
            found.update(_matches(pattern, key) if _asking.get() else [pattern])
    return sorted(found, key=lambda path: (posixpath.basename(path), path))


_asking = ContextVar("asking", default=True)


@contextmanager
def without_listing() -> Iterator[None]:
    """Take each URL for one file, so that no store is listed."""
    token = _asking.set(False)
    try:
        yield
    finally:
        _asking.reset(token)


def _matches(pattern: str, key: str) -> Iterator[str]:
    from apache_beam.io.filesystem import BeamIOError
    from apache_beam.io.filesystems import FileSystems

    try:
        found = [file.path for result in FileSystems.match([pattern]) for file in result.metadata_list]
    except (ValueError, BeamIOError) as error:
        raise UsageError(f"{key}: {pattern}: {error}") from None
    files = [path for path in found if not path.endswith("/")]  # a store of objects may have one for a directory
    if not files:
        raise UsageError(f"{key}: there is no file {pattern}; correct the path or the pattern")
    yield from files


def identity(source: str | Path) -> dict[str, str | int]:
    """A source without its directory: of a file of Beam's its name, size and the checksum that its file system keeps."""
    if isinstance(source, Path) or not is_url(source):
        return local_identity(Path(source))
    from apache_beam.io.filesystem import BeamIOError
    from apache_beam.io.filesystems import FileSystems

    try:
        size = FileSystems.match([source])[0].metadata_list[0].size_in_bytes
        return {"name": posixpath.basename(source), "bytes": size, "checksum": str(FileSystems.checksum(source))}
    except (BeamIOError, IndexError) as error:
        raise WebtextError(f"{source}: cannot be read ({error}); give the path of a file that exists") from None


@dataclass(frozen=True)
class OpenAnywhere:
    """Opens a source for reading, in whatever process. `options` are Beam's, as a dictionary: a worker of the local runner has none."""

    options: dict[str, Any] = field(default_factory=dict)

    def __call__(self, path: str) -> IO[bytes]:
        if not is_url(path):
            return open(path, "rb")
        from apache_beam.io.filesystem import CompressionTypes
        from apache_beam.io.filesystems import FileSystems
        from apache_beam.options.pipeline_options import PipelineOptions

        FileSystems.set_options(PipelineOptions.from_dictionary(self.options))
        # NB: Beam would decompress by the name, and would not notice a truncated file.
        return cast(IO[bytes], FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED))
