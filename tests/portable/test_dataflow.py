"""Jobs for Dataflow as they would be sent, without an account and without a network: `webtext build --dry-run`.

Run by .venv-worker, which has Google's packages: the launcher's environment needs none of them.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.portable.test_portable import WORKER

IMAGE = "europe-docker.pkg.dev/project/webtext/worker:1"
SHARDS = 100_000
GRAPHS = ("links", "fetch", "extract", "clean", "dedup", "ngrams", "overlap", "tokenizer", "tokenize")
LIMIT = 10 * 2**20
RAM, CPUS = "beam:resources:min_ram_bytes:v1", "beam:resources:cpu_count:v1"

CONFIG = f"""
[build]
shards = {SHARDS}
[links]
dumps = ["gs://bucket/reddit/RS_*.zst"]
[fetch]
contact = "a@example.org"
[dedup]
partitions = 1024
[ngrams]
partitions = 1024
"""

OPTIONS = {
    "runner": "DataflowRunner",
    "project": "project",
    "region": "europe-west1",
    "temp_location": "gs://bucket/temp",
    "sdk_container_image": IMAGE,
    "machine_type": "n2-highmem-8",
    "max_num_workers": "17",
}

pytestmark = pytest.mark.portable

# The network is not there, whatever the machine has: a name or an address that somebody asks for is an error.
PROGRAM = """
import socket, sys
def refused(*_, **__): raise OSError("no network in a dry run")
socket.getaddrinfo = socket.create_connection = refused
from webtext.cli.main import main
sys.argv[0] = "webtext"
main()
"""


def has_google() -> bool:
    line = [WORKER / "python", "-c", "import google.cloud.dataflow_v1beta3, apache_beam.runners.dataflow.internal.apiclient"]
    return (WORKER / "python").exists() and subprocess.run(line, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def google() -> None:
    if not has_google():
        pytest.skip("the workers' environment lacks Google's packages (requirements/dataflow.txt)")


def webtext(directory: Path, *words: str, status: int = 0, **changed: str | None) -> str:
    """Run a dry run where there are neither credentials nor a gcloud. Returns what it says."""
    options = [part for name, value in {**OPTIONS, **changed}.items() if value is not None for part in (f"--{name}", value)]
    (directory / "c.toml").write_text(CONFIG)
    line = [str(WORKER / "python"), "-I", "-c", PROGRAM, "build", "c.toml", *words, "--dry-run", "--", *options]
    environment = {"PATH": "/nowhere", "HOME": str(directory), "COLUMNS": "200"}
    done = subprocess.run(line, cwd=directory, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


@pytest.fixture(scope="module")
def jobs(google: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The description of each stage's job, with its size as `bytes`."""
    directory = tmp_path_factory.mktemp("dry")
    said = webtext(directory, "--out", "gs://bucket/webtext")
    assert sorted(path.name for path in directory.iterdir()) == ["c.toml", "dry-run"]
    files = {path.stem: path for path in (directory / "dry-run").iterdir()}
    assert files.keys() == set(GRAPHS)
    assert all(f"dry-run/{name}.json" in said for name in GRAPHS)
    return {name: {**json.loads(path.read_bytes()), "bytes": path.stat().st_size} for name, path in files.items()}


def transforms(job: Any) -> dict[str, Any]:
    return {one["uniqueName"]: one for one in job["pipeline"]["components"]["transforms"].values()}


def hints(job: Any, step: str) -> dict[str, str]:
    """The resource hints of a step's environment."""
    name = transforms(job)[step]["environmentId"]
    found = job["pipeline"]["components"]["environments"][name].get("resourceHints", {})
    return {urn: base64.b64decode(value).decode() for urn, value in found.items()}


def test_a_description_for_100_000_shards_is_small(jobs: dict[str, Any]) -> None:
    assert {name: job["bytes"] for name, job in jobs.items() if job["bytes"] > LIMIT // 20} == {}


def test_every_environment_is_our_image(jobs: dict[str, Any]) -> None:
    for name, job in jobs.items():
        environments = job["pipeline"]["components"]["environments"].values()
        assert {one["urn"] for one in environments} == {"beam:env:docker:v1"}, name
        assert all(IMAGE.encode() in base64.b64decode(one["payload"]) for one in environments), name
        pool = job["job"]["environment"]["workerPools"]
        assert {image["containerImage"] for one in pool for image in one["sdkHarnessContainerImages"]} == {IMAGE}, name


def test_nothing_is_staged_but_the_graph(jobs: dict[str, Any]) -> None:
    for name, job in jobs.items():
        assert list(job["staged"]) == ["pipeline.pb"], name
        assert not any(one.get("dependencies") for one in job["pipeline"]["components"]["environments"].values()), name
        assert "pickled_main_session" not in json.dumps(job), name
        assert job["job"]["environment"]["sdkPipelineOptions"]["options"]["save_main_session"] is False, name


def test_machines_threads_and_workers(jobs: dict[str, Any]) -> None:
    for job in jobs.values():
        (pool,) = job["job"]["environment"]["workerPools"]
        assert pool["machineType"] == "n2-highmem-8"
        assert pool["autoscalingSettings"]["maxNumWorkers"] == 17
        assert pool["numThreadsPerWorker"] == 1
        assert job["job"]["type"] == "JOB_TYPE_BATCH"


def test_resources_follow_the_stage(jobs: dict[str, Any]) -> None:
    for step in ("join/Task", "verify/Task"):
        assert int(hints(jobs["dedup"], step)[RAM]) >= 4 * 10**9
    assert int(hints(jobs["ngrams"], "filter/Task")[RAM]) >= 4 * 10**9
    assert int(hints(jobs["tokenizer"], "train/Task")[RAM]) >= 8 * 10**9
    assert hints(jobs["extract"], "extract/Task") == {CPUS: "2"}
    for stage, step in (("links", "parse/Task"), ("fetch", "fetch/Task"), ("dedup", "sign/Task"), ("tokenize", "write/Task")):
        assert hints(jobs[stage], step) == {}


def test_steps_and_jobs_have_names_for_people(jobs: dict[str, Any]) -> None:
    steps = {name: {step for step in transforms(job) if "/" not in step and not step.startswith("ref_")} for name, job in jobs.items()}
    assert steps == {
        "links": {"Dumps", "parse", "Parsed", "group"},
        "fetch": {"Shards", "fetch"},
        "extract": {"Shards", "extract"},
        "clean": {"Shards", "clean"},
        "dedup": {"Parts", "sign", "Signed", "rank", "Ranked", "join", "Joined", "verify", "Verified", "settle", "Settled", "decide"},
        "ngrams": {"Shards", "hash", "Hashed", "filter"},
        "overlap": {
            *("Benchmarks", "measure", "Always", "Flatten", "Indexed", "count", "Counted", "weigh"),
            *("Measured", "locate", "Located", "report"),
        },
        "tokenizer": {"Shards", "count", "Counted", "train"},
        "tokenize": {"Shards", "encode", "Encoded", "layout", "Files", "Reshuffle", "write"},
    }
    for name, job in jobs.items():
        names = [one["uniqueName"] for one in job["pipeline"]["components"]["transforms"].values()]
        assert len(names) == len(set(names))
        assert re.fullmatch(rf"webtext-{name}-[0-9a-f]{{8}}", job["job"]["name"])


def test_names_are_the_same_again(jobs: dict[str, Any], tmp_path: Path) -> None:
    webtext(tmp_path, "--out", "gs://bucket/webtext", "--descriptions", "again", job_name="mine")
    for name in GRAPHS:
        again = json.loads((tmp_path / "again" / f"{name}.json").read_bytes())
        assert transforms(again).keys() == transforms(jobs[name]).keys()
        assert again["job"]["name"] == f"mine-{name}-00000000"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"sdk_container_image": None}, "DataflowRunner: give --sdk_container_image (an image of our Dockerfile) after --"),
        ({"project": None, "region": None}, "DataflowRunner: give --project, --region after --"),
        ({"temp_location": "/tmp"}, "DataflowRunner: Invalid GCS path"),
        ({"project": "p"}, "Invalid Project ID (p)"),
    ],
)
def test_what_is_missing_is_told_in_a_sentence(google: None, tmp_path: Path, changed: dict[str, str | None], told: str) -> None:
    assert told in webtext(tmp_path, "--out", "gs://bucket/webtext", status=2, **changed)
    assert not (tmp_path / "dry-run").exists()


def test_workers_do_not_see_this_disk(google: None, tmp_path: Path) -> None:
    assert "Dataflow's workers do not see this disk; give --out gs://BUCKET/DIR" in webtext(tmp_path, "--out", "here", status=2)
