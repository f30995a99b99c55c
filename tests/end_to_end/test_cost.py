"""`webtext cost` beside a build: a small archive, sampled, built, and estimated again from its manifests."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from tests.end_to_end.commands import webtext
from webtext.core.directories import manifest_path
from webtext.demo.world import make_world

PAGES = 60
CONFIG = """\
[build]
shards = 4
[run]
workers = 1
[fetch]
warcs = ["{archive}"]
[dedup]
partitions = 2
[ngrams]
partitions = 2
[tokenizer]
vocabulary = 400
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration and its archive: ordinary pages of the demo."""
    directory = tmp_path_factory.mktemp("cost")
    world = make_world()
    archive = directory / "pages.warc.gz"
    with open(archive, "wb") as file:
        writer = WARCWriter(file, gzip=True)
        for url in world.ordinary[:PAGES]:
            host, _, path = url.removeprefix("http://").partition("/")
            headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
            body = io.BytesIO(world.pages[host, f"/{path}"].body)
            writer.write_record(writer.create_warc_record(url, "response", body, http_headers=headers))
    path = directory / "config.toml"
    path.write_text(CONFIG.format(archive=archive))
    return path


@pytest.fixture(scope="module")
def build(config: Path) -> Path:
    out = config.parent / "build"
    webtext("build", config, "--out", out)
    return out


def cost(*arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(webtext("cost", *arguments, "--json").stdout)
    return found


def stage(found: dict[str, Any], name: str) -> dict[str, Any]:
    chosen: dict[str, Any] = next(stage for stage in found["stages"] if stage["name"] == name)
    return chosen


def manifest(build: Path, stage: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((build / manifest_path(stage)).read_text())
    return found


def test_a_sample_tells_of_the_build(config: Path, build: Path) -> None:
    rates = config.parent / "rates.json"
    found = cost(config, "--pages", 40, "--save-rates", rates)
    assert stage(found, "extract")["records"] == pytest.approx(manifest(build, "extract")["records"]["in"], rel=0.05)
    assert stage(found, "tokenize")["records"] == pytest.approx(manifest(build, "tokenize")["records"]["in"], rel=0.2)
    tokens = sum(file["bytes"] for file in manifest(build, "tokenize")["shards"])
    assert stage(found, "tokenize")["kept"] == pytest.approx(tokens, rel=0.4)
    # NB: processor time of a loaded machine; benchmarks/cost.py has the tight bound.
    real = sum(
        manifest(build, name)["measured"]["cpu_seconds"] for name in ("fetch", "extract", "dedup", "ngrams", "tokenizer", "tokenize")
    )
    assert real / 5 < found["total"]["cpu_seconds"] < real * 5
    assert {bill["runs_on"] for bill in found["machines"]} == {"one machine", "Dataflow, 16 of them"}
    assert found["assumptions"]
    again = cost(config, "--no-sample", "--rates", rates)
    assert stage(again, "extract")["source"] == "assumed"
    assert stage(again, "extract")["seconds"] == pytest.approx(stage(found, "extract")["seconds"], rel=0.05)


def test_a_finished_build_has_nothing_left(config: Path, build: Path) -> None:
    found = cost(config, "--out", build, "--no-sample")
    assert all(stage["done"] for stage in found["stages"])
    assert found["left"] == {"cpu_seconds": 0, "seconds": 0}
    assert stage(found, "extract")["seconds"] == manifest(build, "extract")["measured"]["cpu_seconds"]


def test_a_partly_run_build_has_the_rest_left(config: Path, build: Path) -> None:
    """With another [dedup] what follows is to be done again, from the documents that there are."""
    found = cost(config, "--out", build, "--no-sample", "--set", "dedup.threshold=0.7")
    assert [stage["name"] for stage in found["stages"] if stage["done"]] == ["fetch", "extract", "clean"]
    assert stage(found, "dedup")["records"] == manifest(build, "clean")["records"]["out"]
    assert 0 < found["left"]["cpu_seconds"] < found["total"]["cpu_seconds"]


def test_another_build_instead_of_a_sample(config: Path, build: Path) -> None:
    found = cost(config, "--like", build)
    for name in ("extract", "ngrams", "tokenize"):
        assert stage(found, name)["source"] == "manifest"
        assert stage(found, name)["seconds"] == pytest.approx(manifest(build, name)["measured"]["cpu_seconds"], rel=0.3, abs=0.2)


def test_mistakes_are_told_in_a_sentence(config: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    assert "nothing to build from" in webtext("cost", empty, status=2).stderr
    assert "cannot be read" in webtext("cost", config, "--prices", tmp_path / "none.toml", status=2).stderr
    assert "not a build" in webtext("cost", config, "--out", tmp_path, "--no-sample", status=2).stderr
    assert "--fetch needs a sample" in webtext("cost", config, "--no-sample", "--fetch", 5, status=2).stderr
