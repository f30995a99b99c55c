"""Packed files: named arrays, one after another, in a file that says of itself what it holds.

    offset     bytes  what
    0          8      magic "WTPACKED"
    8          4      version, little-endian uint32: 1
    12         52     0
    64         ...    the arrays, little-endian, row by row, each from a multiple of 64 on
    directory  ...    JSON: kind, count (of records), facts, arrays {name: {dtype, shape, offset}}
    end - 24   8      offset of the directory, little-endian uint64
    end - 16   8      its length, little-endian uint64
    end - 8    8      magic "WTPACKED"

The directory is at the end, so that arrays whose length nobody knows yet are written as they come.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import orjson

from webtext.core.errors import WebtextError
from webtext.core.files import to_json, writing

Array = npt.NDArray[Any]

MAGIC = b"WTPACKED"
VERSION = 1
_ALIGNMENT = 64
_TRAILER = struct.Struct("<QQ8s")


class PackedWriter:
    """Writes the arrays of a packed file to `file`, which is only appended to."""

    def __init__(self, file: IO[bytes], kind: str) -> None:
        self.facts: dict[str, Any] = {}
        self.count = 0
        self._file = file
        self._kind = kind
        self._arrays: dict[str, dict[str, Any]] = {}
        self._offset = file.write(MAGIC + struct.pack("<I", VERSION).ljust(_ALIGNMENT - len(MAGIC), b"\0"))
        self._last = ""

    def add(self, name: str, array: Array) -> None:
        """Append an array, or further rows of the array that was added last."""
        array = np.ascontiguousarray(array)
        if name != self._last:
            if name in self._arrays:
                raise ValueError(f"array {name} is not the last one: it cannot grow any more")
            self._offset += self._file.write(bytes(-self._offset % _ALIGNMENT))
            dtype = array.dtype.newbyteorder("<").str
            self._arrays[name] = {"dtype": dtype, "shape": [0, *array.shape[1:]], "offset": self._offset}
            self._last = name
        entry = self._arrays[name]
        entry["shape"][0] += len(array)
        if array.size:
            self._offset += self._file.write(array.astype(entry["dtype"], copy=False).data.cast("B"))

    def close(self) -> None:
        directory = to_json({"kind": self._kind, "count": self.count, "facts": self.facts, "arrays": self._arrays})
        self._file.write(directory + _TRAILER.pack(self._offset, len(directory), MAGIC))


@contextmanager
def writing_packed(path: Path, kind: str) -> Iterator[PackedWriter]:
    """Write a packed file that appears under its name when it is whole.

    >>> with writing_packed(Path("a.bin"), "example") as packed: packed.add("numbers", np.arange(3))
    """
    with writing(path) as output:
        packed = PackedWriter(output.file, kind)
        yield packed
        packed.close()


class Packed:
    """A packed file. `count` and `facts` are what its writer said, `arrays` the names in it.

    Raises WebtextError that names the file where it is absent, cut, of another kind or of an unknown version.
    """

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        try:
            with open(path, "rb") as file:
                head = file.read(len(MAGIC) + 4)
                end = file.seek(0, 2)
                file.seek(max(end - _TRAILER.size, 0))
                trailer = file.read()
                if head[:8] != MAGIC or len(trailer) != _TRAILER.size or trailer[-8:] != MAGIC:
                    raise WebtextError(f"{path}: not a whole packed file; delete it and run its stage again")
                version = struct.unpack("<I", head[8:])[0]
                if version != VERSION:
                    raise WebtextError(f"{path}: packed file of version {version}, this program reads {VERSION}; run its stage again")
                offset, length, _ = _TRAILER.unpack(trailer)
                if offset + length + _TRAILER.size != end:
                    raise WebtextError(f"{path}: packed file is cut or too long; delete it and run its stage again")
                file.seek(offset)
                directory = orjson.loads(file.read(length))
        except FileNotFoundError:
            raise WebtextError(f"{path}: there is no such file; run its stage again") from None
        if directory["kind"] != kind:
            raise WebtextError(f"{path}: holds {directory['kind']}, not {kind}; run its stage again")
        self.count: int = directory["count"]
        self.facts: dict[str, Any] = directory["facts"]
        self._arrays: dict[str, dict[str, Any]] = directory["arrays"]

    def length(self, name: str) -> int:
        """Number of rows of an array."""
        return int(self._arrays[name]["shape"][0])

    def read(self, name: str, start: int = 0, stop: int | None = None) -> Array:
        """Rows start:stop of an array, in memory of their own."""
        entry = self._arrays[name]
        dtype, tail = np.dtype(entry["dtype"]), entry["shape"][1:]
        width = int(np.prod(tail, dtype=np.int64))
        stop = self.length(name) if stop is None else stop
        rows = np.fromfile(self.path, dtype, (stop - start) * width, offset=entry["offset"] + start * width * dtype.itemsize)
        return rows.reshape(stop - start, *tail)

    def map(self, name: str) -> Array:
        """An array as a memory map, read-only. NB: what is touched counts as memory of the process until the map is dropped."""
        entry = self._arrays[name]
        if not self.length(name):
            return np.empty(entry["shape"], entry["dtype"])
        return np.memmap(self.path, entry["dtype"], "r", entry["offset"], tuple(entry["shape"])).view(np.ndarray)


def offsets_of(lengths: Array) -> npt.NDArray[np.int64]:
    """Where each of some runs that lie one after another begins, with the end of the last: (n + 1,)."""
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


def gather_runs(flat: Array, starts: Array, lengths: Array) -> Array:
    """The runs flat[start:start + length], one after another."""
    begin = offsets_of(lengths)
    index = np.arange(begin[-1], dtype=np.int64) + np.repeat(starts - begin[:-1], lengths)
    return np.asarray(flat[index])
