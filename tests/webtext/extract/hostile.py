"""Functions for the child process of webtext.extract.budget: honest ones, and ones that hang, die or eat memory in C."""

from __future__ import annotations

import ctypes
import os
import re
import sys
import time
from pathlib import Path

seen: list[str] = []


def length(text: str) -> int:
    return len(text)


def identity() -> tuple[int, int, int]:
    """Process id, hash of a string (differs by hash seed), and how often this process was asked."""
    seen.append("")
    return os.getpid(), hash("a string"), len(seen)


def segfault() -> None:
    ctypes.string_at(0)


def backtrack() -> bool:
    """A loop in C that never returns to the interpreter in a lifetime."""
    return re.match(r"(a+)+b", "a" * 60) is None


def gluttony() -> int:
    return len(bytearray(8 * 2**30))


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def second_time_unlucky() -> int:
    """Dies on the second call of a process: what earlier pages left behind, not the page's own doing."""
    seen.append("")
    if len(seen) == 2:
        segfault()
    return len(seen)


def raising() -> None:
    raise ValueError(f"odd page at {hex(id(object()))}")


def chatter() -> str:
    sys.stdout.write("a library that prints\n")
    sys.stdout.flush()
    os.write(1, b"and one that does in C\n")
    return "fine"


def started(path: str) -> None:
    """Tell that it runs, and then hang in C."""
    Path(path).write_text(str(os.getpid()))
    backtrack()
