"""Functions of the user's own, named in the configuration as `file.py:function` or `package.module:function`."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

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


@lru_cache(maxsize=64)
def load_function(reference: str, key: str) -> Callable[..., Any]:
    """The function. Raises UsageError that names the key where the file cannot be loaded or has no such function."""
    path, name = source_file(reference, key), reference.rpartition(":")[2]
    try:
        module = _load_file(path) if reference.rpartition(":")[0].endswith(".py") else importlib.import_module(reference.rpartition(":")[0])
    except Exception as error:
        raise UsageError(f"{key}: {path} cannot be loaded ({type(error).__name__}: {error})") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise UsageError(f"{key}: {path} has no function {name}")
    return function  # type: ignore[no-any-return]


def _load_file(path: Path) -> Any:
    # NB: not by the path of imports: a file beside it must not stand for a module of ours.
    spec = importlib.util.spec_from_file_location(f"webtext_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module
