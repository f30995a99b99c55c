"""The files of a test set, as they come: plain or compressed, one or many."""

from __future__ import annotations

import glob
import zipfile
from collections.abc import Iterator
from pathlib import Path

from webtext.core.compression import read_blocks
from webtext.core.errors import WebtextError

COMPRESSED = {".zst", ".gz", ".bz2", ".xz"}


def source_files(path: str) -> list[Path]:
    """The file, those of a directory (all levels, but for hidden ones), or those a glob fits; sorted. Raises WebtextError for none."""
    place = Path(path)
    if place.is_file():
        return [place]
    if place.is_dir():
        found = [
            file for file in place.rglob("*") if file.is_file() and not any(part.startswith(".") for part in file.relative_to(place).parts)
        ]
    else:
        found = [Path(name) for name in glob.glob(path, recursive=True) if Path(name).is_file()]
    if not found:
        raise WebtextError(f"{path}: there is no such file; give the path of a test set, or of a directory or glob of files")
    return sorted(found)


def bare_name(path: Path) -> str:
    """The last two parts of a path in lower case, without the ending of a compressed file; of an archive, the file in it.

    >>> bare_name(Path("data/WikiText-2/wiki.test.raw.zst"))
    'wikitext-2/wiki.test.raw'
    """
    bare = path.with_suffix("") if path.suffix in COMPRESSED else path
    if path.suffix == ".zip":
        with _archive(path) as archive:
            bare = path.with_name(Path(_member(path, archive)).name)
    return "/".join(bare.parts[-2:]).lower()


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise WebtextError(f"{path}: cannot be read ({error}); is it whole?") from None


def _member(path: Path, archive: zipfile.ZipFile) -> str:
    members = [name for name in archive.namelist() if not name.endswith("/")]
    if len(members) != 1:
        raise WebtextError(f"{path}: {len(members)} files in the archive, one is expected; unpack it and name the right one")
    return members[0]


def blocks(path: Path) -> Iterator[bytes]:
    """The bytes of a file in blocks of whole lines, decompressed. Raises WebtextError for one that is absent, cut or damaged."""
    if path.suffix != ".zip":
        yield from read_blocks(path, json=False)
        return
    with _archive(path) as archive:
        try:
            yield archive.read(_member(path, archive))
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise WebtextError(f"{path}: cannot be read ({error}); is it whole?") from None


def whole(path: Path) -> bytes:
    """All of a file."""
    return b"".join(blocks(path))


def decoded(data: bytes, path: Path, line: int = 1) -> str:
    """A line, or all from it on, as text. Raises WebtextError that names the place where it is not UTF-8."""
    try:
        return data.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        where = line + data[: error.start].count(b"\n")
        raise WebtextError(f"{path}, line {where}: not UTF-8 ({error.reason}); convert the file with iconv") from None


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers from 1, without line ends."""
    number = 0
    for block in blocks(path):
        for line in block.removesuffix(b"\n").split(b"\n"):
            number += 1
            yield number, decoded(line, path, number).rstrip("\r")
