"""The versions that a launcher and its workers must share."""

from __future__ import annotations

import hashlib
import sys
from functools import lru_cache
from importlib import metadata

from webtext.core.packages import ROOT, version

OURS = ("webtext", "pipelines", "tokenizer")  # what a worker runs
DATA = ("data", "templates")  # directories of files that come with the code


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Python's, Beam's and our own version in this process, and a hash of our code: an image of last week has the same version.

    >>> sorted(versions())
    ['apache-beam', 'code', 'python', 'webtext']
    """
    return {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "apache-beam": metadata.version("apache-beam"),
        "webtext": version(),
        "code": _code(),
    }


def difference(launcher: dict[str, str], worker: dict[str, str]) -> str:
    """The versions that differ, as a part of a sentence; empty if none does.

    >>> difference({"python": "3.11", "code": "a"}, {"python": "3.12", "code": "a"})
    'python is 3.12 in the worker and 3.11 at launch'
    """
    other = [name for name in launcher if worker[name] != launcher[name]]
    return ", ".join(f"{name} is {worker[name]} in the worker and {launcher[name]} at launch" for name in other)


def _code() -> str:
    digest = hashlib.sha256()
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix == ".py" or (path.parent.name in DATA and path.is_file()):
                digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
                digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
