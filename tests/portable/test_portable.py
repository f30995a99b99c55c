"""A build on Beam's portable runner: a job server, and workers that hold our wheel and nothing of the checkout.

`make test-portable` makes their environment, without torch.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.commands import ROOT, assert_corpus_is, manifests, webtext

pytestmark = pytest.mark.portable

WORKER = ROOT / ".venv-worker" / "bin"
POOL = "apache_beam.runners.worker.worker_pool_main"
JOB_SERVER = "apache_beam.runners.portability.local_job_service_main"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(line: list[object], port: int, directory: Path, log: Path) -> Iterator[None]:
    """A server that listens on a port, in a directory and an environment that know nothing of the checkout."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with log.open("wb") as output:
        server = subprocess.Popen(list(map(str, line)), cwd=directory, env=environment, stdout=output, stderr=output)
    try:
        end = time.monotonic() + 60
        while True:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end, f"{line}: does not listen"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[list[str]]:
    """Beam's arguments for a job server and a pool of external workers."""
    jobs, pool = free_port(), free_port()
    remote = tmp_path / "elsewhere"
    remote.mkdir()
    with ExitStack() as stack:
        # -I: no current directory and no PYTHONPATH.
        stack.enter_context(
            started([sys.executable, "-I", "-m", JOB_SERVER, "--job_port", jobs], jobs, remote, tmp_path / "jobs.log"),
        )
        line = [WORKER / "python", "-I", "-m", POOL, "--service_port", pool, "--container_executable", WORKER / "webtext-worker"]
        stack.enter_context(started(line, pool, remote, tmp_path / "pool.log"))
        yield [
            *("--runner", "PortableRunner", "--job_endpoint", f"localhost:{jobs}"),
            *("--environment_type", "EXTERNAL", "--environment_config", f"localhost:{pool}", "--direct_num_workers", "2"),
        ]


def files_of(build: Path) -> dict[str, bytes]:
    return {str(path.relative_to(build)): path.read_bytes() for path in sorted(build.rglob("*")) if path.is_file() and not hidden(path)}


def hidden(path: Path) -> bool:
    """What says how a run went, and not what it made."""
    return path.name in {"manifest.json", "report.html", ".lock", ".workers"}


def without_times(told: str) -> list[str]:
    """The lines of the stages, as "links 2,006 posts in, 1,562 kept, 4.2 s", with all but the last."""
    lines = [line.rpartition(", ")[0] for line in told.splitlines() if line.endswith(" s") and " kept, " in line]
    assert len(lines) > 5
    return lines


def test_the_workers_have_nothing_of_the_checkout() -> None:
    program = "import webtext, importlib.util as u; print(webtext.__file__, u.find_spec('torch'))"
    said = subprocess.run([WORKER / "python", "-I", "-c", program], capture_output=True, text=True, check=True).stdout
    assert str(WORKER.parent) in said
    assert said.split()[1] == "None"


def test_a_build_is_the_same_on_external_workers(tmp_path: Path, engine: list[str], data_dir: Path) -> None:
    """The example's whole corpus, byte for byte."""
    common = ("build", "examples/wcxb.toml", "--set", "train.enabled=false", "--out")
    alone = webtext(*common, tmp_path / "here", timeout=900).stdout
    told = webtext(*common, tmp_path / "there", "--", *engine, timeout=900).stdout
    assert without_times(told) == without_times(alone)
    assert manifests(tmp_path / "here") == manifests(tmp_path / "there")
    here, there = files_of(tmp_path / "here"), files_of(tmp_path / "there")
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []
    assert_corpus_is("wcxb", tmp_path / "here")
    assert f"{WORKER}/webtext-worker" in (tmp_path / "pool.log").read_text()
    logged = (tmp_path / "jobs.log").read_text()
    assert "links group-00003: done in" in logged
    assert "corpus decide-00000: done in" in logged


def test_a_mistake_is_told_as_at_home(tmp_path: Path, engine: list[str]) -> None:
    broken = tmp_path / "broken.ndjson"
    broken.write_text('{"id": "a"\n' * 100)
    config = tmp_path / "build.toml"
    config.write_text(f'[links]\ndumps = ["{broken}"]\n[fetch]\ncontact = "a@example.org"\n')
    told = webtext("build", config, "--out", tmp_path / "there", "--", *engine, status=1).stderr
    alone = webtext("build", config, "--out", tmp_path / "here", status=1).stderr
    assert "broken.ndjson" in told
    assert told.splitlines()[-1] == alone.splitlines()[-1]
