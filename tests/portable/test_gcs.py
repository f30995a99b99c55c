"""The demo's web built into a bucket: an emulator of Google's Cloud Storage on this machine, and Beam's own client of it.

`make test-portable` makes the environment of the commands (the lock, apache-beam[gcp], our wheel and the emulator; no torch).
"""

from __future__ import annotations

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

from tests.end_to_end.commands import ROOT, line_of, manifests
from tests.end_to_end.small import small_world
from tests.portable.test_portable import JOB_SERVER, POOL, WORKER, files_of, free_port, started
from webtext.demo.files import demo_config_toml, write_benchmark, write_dump
from webtext.demo.server import serve

pytestmark = pytest.mark.portable

# Credentials that are good for ever, so that nobody asks Google for others.
CREDENTIALS = {
    "type": "authorized_user",
    "client_id": "a",
    "client_secret": "b",
    "refresh_token": "c",
    "token": "d",
    "expiry": "2999-01-01T00:00:00Z",
}


@dataclass(frozen=True)
class Store:
    """A store with one bucket; `objects` is the directory where the emulator keeps these."""

    environment: dict[str, str]
    objects: Path
    directory: Path

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        line = [WORKER / "webtext", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(list(map(str, line)), cwd=self.directory, env=self.environment, stdout=pipe, stderr=pipe, text=True)

    def webtext(self, *arguments: object, status: int = 0) -> str:
        """Run a command in an environment without the checkout; what it printed where it ends well, else what it said of its failure."""
        running = self.start(*arguments)
        out, error = running.communicate(timeout=900)
        assert running.returncode == status, f"{arguments}\n{out}\n{error}"
        return out if status == 0 else error

    def put(self, name: str, data: bytes) -> None:
        """Make an object, as another machine would. NB: the emulator does not see what is merely written into its directory."""
        query = urlencode({"uploadType": "media", "name": name})
        requests.post(f"{self.environment['STORAGE_EMULATOR_HOST']}/upload/storage/v1/b/bucket/o?{query}", data=data).raise_for_status()


def environment_of(address: str, directory: Path) -> dict[str, str]:
    credentials = directory / "credentials.json"
    credentials.write_text(json.dumps(CREDENTIALS))
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "STORAGE_EMULATOR_HOST": address,
        "GOOGLE_APPLICATION_CREDENTIALS": str(credentials),
        "GOOGLE_CLOUD_PROJECT": "test",
        "WEBTEXT_SCRATCH": str(directory / "scratch"),
    }


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    port = free_port()
    line = [WORKER / "gcp-storage-emulator", "-d", tmp_path / "store", "start", "--host", "127.0.0.1", "--port", port]
    with started([*line, "--default-bucket", "bucket"], port, tmp_path, tmp_path / "store.log"):
        objects = tmp_path / "store" / ".cloudstorage" / "bucket"
        yield Store(environment_of(f"http://127.0.0.1:{port}", tmp_path), objects, tmp_path)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The demo's configuration with a part of its web, while that is served."""
    world, directory = small_world(), tmp_path_factory.mktemp("demo")
    dump, benchmark, path = directory / "RS_2017-11.zst", directory / "quotations.jsonl", directory / "demo.toml"
    write_dump(world, dump)
    write_benchmark(world, benchmark)
    with serve(world) as server:
        path.write_text(demo_config_toml(server.port, dump, benchmark, train=False))
        yield path


@pytest.fixture(scope="module")
def here(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build on the disk."""
    directory = tmp_path_factory.mktemp("here")
    Store(environment_of("http://127.0.0.1:9", directory), directory, directory).webtext("build", config, "--out", directory / "build")
    return directory / "build"


def assert_same(there: Path, here: Path) -> None:
    """Two builds hold the same files, and nothing of how they were made."""
    assert manifests(there) == manifests(here)
    one, other = files_of(there), files_of(here)
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []


def test_a_build_in_a_bucket_is_the_same(store: Store, config: Path, here: Path) -> None:
    """With a kill -9 in the middle of two stages."""
    there = ("build", config, "--out", "gs://bucket/deep/build", "--workers", 2)
    objects = store.objects / "deep" / "build"
    for report in ("stages/fetch/.work/fetch-00000.done", "stages/dedup/.work/verify-00001.done"):
        running = store.start(*there)
        end = time.monotonic() + 600
        while not (objects / report).exists():
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < end
            time.sleep(0.02)
        if report.startswith("stages/fetch"):
            assert "is already running in this directory" in store.webtext(*there, status=1)
        running.send_signal(signal.SIGKILL)
        running.communicate()
        done = objects / "links" / "shard-00000.parquet"
        made = done.stat().st_mtime_ns
    assert "the build is at gs://bucket/deep/build" in store.webtext(*there)
    assert_same(objects, here)
    assert done.stat().st_mtime_ns == made  # what was finished was not made again
    assert "nothing to do" in store.webtext(*there)
    assert [path.name for path in objects.rglob(".*") if path.is_file()] == []  # no .holder, nothing under .work/
    assert "copy it first" in store.webtext("why", "http://a/", "--out", "gs://bucket/deep/build", status=2)
    # Another machine has the build: only its owner can say whether it still does.
    store.put("deep/build/.holder", b'{"host": "far", "process": 7, "begun": 1.0, "since": "then"}')
    assert "process 7 on far" in store.webtext(*there, status=1)


def test_external_workers_with_a_bucket_alone(store: Store, config: Path, here: Path, tmp_path: Path) -> None:
    """Launcher and workers share no directory, as on Dataflow: each has a scratch of its own."""
    jobs, pool = free_port(), free_port()
    remote = tmp_path / "elsewhere"
    remote.mkdir()
    workers = {**store.environment, "WEBTEXT_SCRATCH": str(tmp_path / "workers")}
    pool_line = [WORKER / "python", "-I", "-m", POOL, "--service_port", pool, "--container_executable", WORKER / "webtext-worker"]
    variables = [f"{name}={value}" for name, value in workers.items()]
    with (
        started([WORKER / "python", "-I", "-m", JOB_SERVER, "--job_port", jobs], jobs, remote, tmp_path / "jobs.log"),
        started(["/usr/bin/env", *variables, *pool_line], pool, remote, tmp_path / "pool.log"),
    ):
        engine = [
            *("--runner", "PortableRunner", "--job_endpoint", f"localhost:{jobs}"),
            *("--environment_type", "EXTERNAL", "--environment_config", f"localhost:{pool}", "--direct_num_workers", "2"),
        ]
        store.webtext("build", config, "--out", "gs://bucket/build", "--", *engine)
    assert_same(store.objects / "build", here)


class _Refusing(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"error": {"code": 403, "message": "a@example.org does not have storage.objects.list access"}}'
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def refusing() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_is_wrong_is_told_in_a_sentence(store: Store, config: Path, tmp_path: Path) -> None:
    wrong = store.webtext("build", config, "--out", "gs://nowhere/build", status=1)
    assert wrong.startswith("webtext: gs://nowhere/build/build.json*: there is no such bucket or file")
    assert wrong.count("\n") == 1
    with refusing() as address:
        unknown = Store(environment_of(address, tmp_path), store.objects, tmp_path)
        refused = unknown.webtext("build", config, "--out", "gs://bucket/build", status=1)
    assert "not allowed (403" in refused
    assert "gcloud auth application-default login" in refused
    assert refused.count("\n") == 1
    line = line_of("build", config, "--out", "gs://bucket/build")  # the environment of the tests has no apache-beam[gcp]
    ended = subprocess.run(line, cwd=ROOT, env=store.environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    assert "pip install 'apache-beam[gcp]'" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert sys.executable not in ended.stderr
