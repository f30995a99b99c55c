from __future__ import annotations

import subprocess
import sys

from webtext.core.memory import peak_memory

PROGRAM = "from webtext.core.memory import peak_memory; {}; print(peak_memory())"


def told(program: str) -> int:
    return int(subprocess.run([sys.executable, "-c", PROGRAM.format(program)], capture_output=True, check=True).stdout)


def test_what_was_used_and_given_back_counts_and_the_parent_does_not() -> None:
    ballast = b"x" * 200_000_000
    assert peak_memory() > len(ballast)
    small, large = told("pass"), told("bytearray(b'x') * 100_000_000")
    assert small < 100_000_000 < large < 200_000_000
