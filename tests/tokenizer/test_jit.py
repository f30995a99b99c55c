"""Keeping compiled kernels must never be in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from tokenizer.jit import Kernel, _read, kernel

Ints = npt.NDArray[np.int64]

SOURCE = """
import sys
sys.path.insert(0, {root!r})
import numpy as np
from tokenizer.jit import kernel

@kernel
def total(values):
    result = {start}
    for value in values:
        result += value
    return result

print(total(np.arange(5)), "numba" in sys.modules)
"""


def run(directory: Path, start: int = 0, **environment: str) -> tuple[str, str]:
    """Run a program with a kernel; what it prints, and whether it had to compile."""
    program = directory / "program.py"
    text = SOURCE.format(root=str(Path(__file__).parents[2]), start=start)
    if not program.exists() or program.read_text() != text:
        program.write_text(text)
    environment = {"NUMBA_CACHE_DIR": str(directory / "cache"), **environment}
    result = subprocess.run(
        [sys.executable, str(program)], env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout, result.stderr


class Pair(NamedTuple):
    first: Ints
    second: npt.NDArray[np.int32]


@kernel
def _double(x: int) -> int:
    return 2 * x


@kernel
def several(pair: Pair, table: npt.NDArray[np.uint8], x: int) -> tuple[int, int]:
    """Of everything one."""
    pair.second[0] = 7
    return pair.first[1] + _double(x), np.int64(table[1, 0])


@kernel
def nothing(values: Ints) -> None:
    values[0] = -1


@kernel
def above(values: Ints, x: int) -> bool:
    return bool(values[0] > x)


def test_arguments_and_results() -> None:
    pair = Pair(np.array([1, 2]), np.zeros(3, dtype=np.int32))
    assert several(pair, np.array([[1, 2], [3, 4]], dtype=np.uint8), 1 << 40) == (2 + (1 << 41), 3)
    assert pair.second.tolist() == [7, 0, 0]
    values = np.array([5])
    assert above(values, 4) is True
    assert above(values, np.int32(5)) is False
    assert nothing(values) is None  # type: ignore[func-returns-value]
    assert values[0] == -1
    assert several.__doc__ == "Of everything one."


def test_arrays_must_be_contiguous() -> None:
    with pytest.raises(TypeError, match="contiguous"):
        nothing(np.arange(4)[::2])


def test_arguments_have_no_names() -> None:
    with pytest.raises(TypeError, match="by position"):
        nothing(values=np.arange(4))


def test_unsuitable_results_are_refused() -> None:
    @kernel
    def half(x: int) -> float:
        return x / 2

    with pytest.raises(TypeError, match="returns float64"):
        half(1)


def test_threads_share_a_kernel() -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(above, [np.array([i]) for i in range(50)], [24] * 50)) == [i > 24 for i in range(50)]
    assert isinstance(above, Kernel)


def test_a_kept_kernel_needs_no_numba(tmp_path: Path) -> None:
    assert run(tmp_path) == ("10 True\n", "")
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert run(tmp_path) == ("10 False\n", "")


def test_a_changed_source_is_compiled_anew(tmp_path: Path) -> None:
    assert run(tmp_path)[0] == "10 True\n"
    assert run(tmp_path, start=100)[0] == "110 True\n"


def test_a_damaged_kernel_is_compiled_anew(tmp_path: Path) -> None:
    run(tmp_path)
    (path,) = (tmp_path / "cache").iterdir()
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:40], whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:]):
        path.write_bytes(damaged)
        assert _read(path) is None
    assert run(tmp_path)[0] == "10 True\n"
    assert _read(path) is not None
    assert run(tmp_path)[0] == "10 False\n"


def test_without_a_place_to_write(tmp_path: Path) -> None:
    output, errors = run(tmp_path, NUMBA_CACHE_DIR="/dev/null/nowhere")
    assert output == "10 True\n"
    assert "each run compiles anew" in errors


def test_the_next_place_is_taken(tmp_path: Path) -> None:
    """Beside the source there is a file where the directory should be."""
    (tmp_path / "__pycache__").write_text("")
    places = {"NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": str(tmp_path / "user")}
    assert run(tmp_path, **places) == ("10 True\n", "")
    assert len(list((tmp_path / "user" / "webtext").iterdir())) == 1


def test_processes_share_a_place(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert {output for output, _ in pool.map(lambda _: run(tmp_path), range(2))} <= {"10 True\n", "10 False\n"}
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".kernel"]
    assert run(tmp_path)[0] == "10 False\n"


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux's /proc")
def test_llvm_stays_in_memory_only_while_kernels_are_loaded(tmp_path: Path) -> None:
    program = """
import re
from pathlib import Path
from tokenizer import train

def resident():
    parts = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text(), flags=re.MULTILINE)
    return sum(int(re.search(r"^Rss: +(\\d+)", part, re.MULTILINE)[1]) for part in parts if "libllvmlite" in part and " r-xp " in part)

before = resident()
train(["low lower lowest"], 260)
print(before, resident())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    before, after = map(int, ended.stdout.split())
    assert before > 4096  # kB: importing it touches that much
    assert after < before / 2
