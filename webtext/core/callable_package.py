"""Packages that can be called: `webtext.extract` holds the stage, and `webtext.extract(html)` calls its function."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_FUNCTIONS: dict[str, tuple[str, str]] = {}


class _CallablePackage(ModuleType):
    def __call__(self, *arguments: Any, **keys: Any) -> Any:
        module, name = _FUNCTIONS[self.__name__]
        return getattr(import_module(module), name)(*arguments, **keys)


def make_callable(package: str, module: str, function: str) -> None:
    """Let a call of a package call a function of one of its modules, which is imported by the first call.

    NB: importing `webtext.extract` binds that name in `webtext` to the package, so a function of that name would be lost.
    """
    _FUNCTIONS[package] = module, function
    sys.modules[package].__class__ = _CallablePackage
