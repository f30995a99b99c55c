"""A file system of Beam's that holds its files in memory, as stores of objects do: no directories, a checksum of the content, no names."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import Any, ClassVar

from apache_beam.io.filesystem import BeamIOError, CompressionTypes, FileMetadata, FileSystem


class MemoryFileSystem(FileSystem):  # type: ignore[misc]
    """`memory://bucket/name`. Beam finds it by being a subclass."""

    files: ClassVar[dict[str, bytes]] = {}
    opened: ClassVar[list[tuple[str, Any]]] = []  # what was opened, with the option job_name that the file system was made with

    def __init__(self, pipeline_options: Any) -> None:
        super().__init__(pipeline_options)
        self.options = pipeline_options

    @classmethod
    def scheme(cls) -> str:
        return "memory"

    def join(self, basepath: str, *paths: str) -> str:
        return "/".join([basepath, *paths])

    def split(self, path: str) -> tuple[str, str]:
        head, _, tail = path.rpartition("/")
        return head, tail

    def has_dirs(self) -> bool:
        return False

    def _list(self, dir_or_prefix: str) -> Iterator[FileMetadata]:
        for name, data in list(self.files.items()):
            if name.startswith(dir_or_prefix):
                yield FileMetadata(name, len(data), 0)

    def open(self, path: str, mime_type: str = "", compression_type: str = CompressionTypes.AUTO) -> io.BytesIO:
        assert compression_type == CompressionTypes.UNCOMPRESSED
        if path not in self.files:
            raise BeamIOError("no such object", {path: "404"})
        self.opened.append((path, self.options.get_all_options().get("job_name")))
        return io.BytesIO(self.files[path])

    def exists(self, path: str) -> bool:
        return path in self.files

    def size(self, path: str) -> int:
        return len(self.files[path])

    def checksum(self, path: str) -> str:
        return f"{zlib.crc32(self.files[path]):08x}"

    def metadata(self, path: str) -> FileMetadata:
        return FileMetadata(path, len(self.files[path]), 0)

    def last_updated(self, path: str) -> float:
        return 0.0

    def mkdirs(self, path: str) -> None:
        raise NotImplementedError

    def create(self, path: str, mime_type: str = "", compression_type: str = "") -> Any:
        assert compression_type == CompressionTypes.UNCOMPRESSED
        return _Object(self.files, path)

    def copy(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        raise NotImplementedError

    def rename(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        for old, new in zip(source_file_names, destination_file_names):
            self.files[new] = self.files.pop(old)

    def delete(self, paths: list[str]) -> None:
        for path in paths:
            for name in [name for name in self.files if name == path or (path.endswith("/") and name.startswith(path))]:
                del self.files[name]


class _Object(io.BytesIO):
    """Is there when it is closed."""

    def __init__(self, files: dict[str, bytes], path: str) -> None:
        super().__init__()
        self._files, self._path = files, path

    def close(self) -> None:
        if not self.closed:
            self._files[self._path] = self.getvalue()
        super().close()
