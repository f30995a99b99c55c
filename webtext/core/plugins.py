"""Functions of the user's own, named in the configuration as `file.py:function` or `package.module:function`."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import xxhash

from webtext.core.errors import UsageError

REFERENCE = r"^(.+\.py|[A-Za-z_][\w.]*):[A-Za-z_]\w*$"


def is_reference(value: str) -> bool:
    """Whether a value of the configuration names a function.

    >>> is_reference("my_rules.py:no_recipes"), is_reference("gpt2")
    (True, False)
    """
    return re.match(REFERENCE, value) is not None


def source_file(reference: str, key: str) -> Path:
    """The file with the function. Raises UsageError where there is none; `key` names the configuration key."""
    if not is_reference(reference):
        raise UsageError(f"{key}: {reference} names no function; write FILE.py:FUNCTION or package.module:FUNCTION")
    place = reference.rpartition(":")[0]
    if place.endswith(".py"):
        path = Path(place)
        if not path.is_file():
            raise UsageError(f"{key}: there is no file {place}; give a Python file and a function in it, as my_rules.py:no_recipes")
        return path
    try:
        found = importlib.util.find_spec(place)
    except (ImportError, ValueError):
        found = None
    if found is None or found.origin is None:
        raise UsageError(f"{key}: there is no module {place}; install its package, or give a file, as my_rules.py:no_recipes")
    return Path(found.origin)


def load_function(reference: str, key: str) -> Callable[..., Any]:
    """The function. Raises UsageError that names the key where the file cannot be loaded or has no such function."""
    path, (place, _, name) = source_file(reference, key), reference.rpartition(":")
    try:
        module = _load_file(path, path.read_bytes()) if place.endswith(".py") else importlib.import_module(place)
    except Exception as error:
        raise UsageError(f"{key}: {path} cannot be loaded ({type(error).__name__}: {error})") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise UsageError(f"{key}: {path} has no function {name}")
    return function  # type: ignore[no-any-return]


@lru_cache(maxsize=64)
def _load_file(path: Path, content: bytes) -> ModuleType:
    # NB: not by the path of imports: a file beside it must not stand for a module of ours. And not by Python's cache of compiled code,
    # which takes a file for unchanged that was edited within the second.
    module = ModuleType(f"webtext_user_{path.stem}_{xxhash.xxh3_64_hexdigest(bytes(path) + content)}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look their module up there
    exec(compile(content, str(path), "exec"), vars(module))
    return module
