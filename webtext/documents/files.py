"""The files that paths, globs, directories and builds stand for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path

from webtext.core.config_file import source_files
from webtext.core.errors import UsageError
from webtext.core.files import read_json
from webtext.core.texts import final_texts

# Files that lie beside documents and are none; hidden ones and those that begin with _ are left out too.
_BESIDE = re.compile(
    r"(?:readme|license|licence|copying|notice|authors|citation|changelog|(?:md5|sha\d+)sums?)(?:\.\w+)?"
    r"|(?:dataset_infos?|dataset_dict|state|manifest|build)\.json|.*\.(?:md5|sha1|sha256|crc|lock|py|cff)",
    re.IGNORECASE,
)
_FORMATS = "JSONL, JSON, Parquet, Arrow, CSV, TSV, text, WET or tar"

Lister = Callable[[Sequence[str], str], Sequence["str | Path"]]


def document_files(patterns: Sequence[str | Path], key: str, lister: Lister = source_files) -> list[str]:
    """The files of documents that paths, globs and directories stand for, sorted by name and then path, each once.

    Of a directory all levels are taken, but not hidden files and those that are no documents, such as README; of a build its corpus/, or
    else cleaned/ or documents/; of one that `datasets` saved what its state.json names. `lister` finds what paths and globs match: Beam's
    file systems know more of them. Raises UsageError that names `key` where a pattern matches nothing.
    """
    found: set[str] = set()
    for given in patterns:
        pattern = str(given)
        directory = Path(pattern).expanduser()
        if "://" not in pattern and directory.is_dir():
            files = [str(file.absolute()) for file in _below(directory)]
            if not files:
                raise UsageError(f"{key}: {pattern} holds no file of documents; give a directory with {_FORMATS}")
        else:
            if "://" in pattern and pattern.endswith("/"):
                pattern += "**"
            listed = lister([pattern], key)
            files = [str(file.absolute()) if isinstance(file, Path) else file for file in listed]
            if len(files) > 1 or files[0] != pattern:  # what a glob matches
                files = [file for file in files if not _is_beside(file)] or files
        found.update(files)
    if not found:
        raise UsageError(f"{key}: no file is given; give paths, globs or directories of {_FORMATS}")
    return sorted(found, key=lambda file: (os.path.basename(file), file))


def _is_beside(path: str) -> bool:
    name = os.path.basename(path)
    return name.startswith((".", "_")) or _BESIDE.fullmatch(name) is not None


def _below(directory: Path) -> Iterator[Path]:
    """The files of documents of a directory at all levels."""
    if (directory / "build.json").is_file():
        directory = final_texts(directory)
    if (directory / "manifest.json").is_file() or (directory.parent / "build.json").is_file():  # a stage's, with its rejected records
        yield from directory.glob("shard-*.parquet")
        return
    saved = read_json(directory / "state.json") if (directory / "state.json").is_file() else None
    if isinstance(saved, dict) and "_data_files" in saved:
        yield from (directory / file["filename"] for file in saved["_data_files"])
        return
    for path in sorted(directory.iterdir()):
        if path.is_dir() and not path.name.startswith((".", "_")):
            yield from _below(path)
        elif path.is_file() and not _is_beside(path.name):
            yield path


def group_count(files: int, shards: int) -> int:
    """The number of tasks for so many files and shards."""
    return min(files, shards)


def relative_names(files: Sequence[str]) -> list[str]:
    """The files' names relative to their common directory, with slashes.

    >>> relative_names(["/data/a/x.txt", "/data/b/x.txt"])
    ['a/x.txt', 'b/x.txt']
    """
    parts = [file.replace(os.sep, "/").split("/") for file in files]
    directories = sorted(names[:-1] for names in parts)
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(directories[0], directories[-1])))
    return ["/".join(names[common:]) for names in parts]
