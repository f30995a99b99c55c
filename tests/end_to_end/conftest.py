from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from tests.end_to_end.commands import webtext


@dataclass(frozen=True)
class Demo:
    """A finished `webtext demo`. Tests leave it as it is."""

    build: Path
    printed: str


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Demo:
    """The demo, run once for all tests that look at what it left, whichever process of pytest-xdist has them."""
    directory = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        directory = directory.parent
    build, printed = directory / "demo" / "build", directory / "demo" / "printed.txt"
    build.parent.mkdir(exist_ok=True)
    with FileLock(directory / "demo.lock"):
        if not printed.exists():
            printed.write_text(webtext("demo", "--out", build).stdout)
    return Demo(build, printed.read_text())
