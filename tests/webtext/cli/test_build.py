"""How many processes run a stage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.stage import StageStatus
from webtext.cli import build as builds
from webtext.cli.build import SMALL_INPUTS, SMALL_INPUTS_OF, stages_of, workers_of
from webtext.core.config import Config
from webtext.core.config_file import parse_config
from webtext.core.manifest import build_manifest
from webtext.core.task import OutputFile, Report

CRAWL = '[links]\ndumps = ["x.zst"]\n'
ARCHIVES = '[fetch]\nwarcs = ["x.warc.gz"]\n'
STATUS = StageStatus("", {}, {}, [], done=False)


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "cores", lambda: 8)


def configured(toml: str, workers: int = 0) -> Config:
    return parse_config(toml, "c.toml", {"run.workers": workers})


def finish(build: Path, stage: str, *sizes: int) -> None:
    """A finished stage whose shards have these sizes in bytes."""
    files = [OutputFile(f"{stage}/{number}", 1, size, "") for number, size in enumerate(sizes)]
    report = Report("task-00000", files=files, measured={"cpu_seconds": 0, "peak_memory_bytes": 0})
    manifest = build_manifest(stage, "documents", [report], fingerprint="", configuration={}, inputs={}, sources=[])
    path = build / "stages" / stage / "manifest.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    manifest.write(path)


@pytest.mark.parametrize(
    ("stage", "limit"),
    [("dedup", SMALL_INPUTS), *SMALL_INPUTS_OF.items()],
    ids=["dedup", *SMALL_INPUTS_OF],
)
def test_small_inputs_are_read_by_one(tmp_path: Path, stage: str, limit: int) -> None:
    """All that a stage reads counts together: the shards of each stage before it, and its sources."""
    config = configured(CRAWL)
    chosen = stages_of(config)[stage]
    status = replace(STATUS, sources=[{"name": "a", "bytes": 1000}])
    for name in chosen.reads:
        finish(tmp_path, name, 1, 2)
    small = 1000 + 3 * (len(chosen.reads) - 1)
    finish(tmp_path, chosen.reads[-1], 5, limit - small - 5)
    assert workers_of(chosen, status, tmp_path, config) == 1
    finish(tmp_path, chosen.reads[-1], 5, limit - small - 4)
    assert workers_of(chosen, status, tmp_path, config) == 8


def test_sources_alone(tmp_path: Path) -> None:
    config = configured(CRAWL)
    for size, expected in ((SMALL_INPUTS, 1), (SMALL_INPUTS + 1, 8)):
        status = replace(STATUS, sources=[{"name": "x.zst", "bytes": size}])
        assert workers_of(stages_of(config)["links"], status, tmp_path, config) == expected


def test_a_crawl_is_never_small(tmp_path: Path) -> None:
    finish(tmp_path, "links", 10)
    crawl, archives = configured(CRAWL), configured(ARCHIVES)
    assert workers_of(stages_of(crawl)["fetch"], STATUS, tmp_path, crawl) == 8
    assert workers_of(stages_of(archives)["fetch"], STATUS, tmp_path, archives) == 1


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_number_that_is_given_stays(tmp_path: Path, workers: int) -> None:
    config = configured(CRAWL, workers)
    assert {workers_of(stage, STATUS, tmp_path, config) for stage in stages_of(config).values()} == {workers}
