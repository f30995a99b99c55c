from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.commands import webtext


@dataclass(frozen=True)
class Demo:
    """A finished `webtext demo`."""

    build: Path
    printed: str


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo with two workers, run once for all tests that look at what it left."""
    build = tmp_path_factory.mktemp("demo") / "build"
    ended: subprocess.CompletedProcess[str] = webtext("demo", "--out", build, "--workers", 2, timeout=900)
    return Demo(build, ended.stdout)
