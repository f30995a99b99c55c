"""The graph of dedup in real worker processes, and its command."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.run import run_stage
from pipelines.stage import StageStatus
from pipelines.stages import DEDUP
from tests.end_to_end.commands import webtext
from tests.webtext.dedup import stage
from tests.webtext.dedup.test_stage import planted
from webtext.cli.build_directory import check_build_owner
from webtext.cli.progress import StageProgress
from webtext.core.config_file import load_config, parse_config
from webtext.core.directories import manifest_path
from webtext.core.manifest import Manifest, build_manifest
from webtext.core.tables import Record
from webtext.core.task import StageContext

SHARDS = 5


class NoProgress:
    @contextmanager
    def watch(self, stage: str, context: StageContext, phases: dict[str, int]) -> Iterator[StageProgress]:
        yield StageProgress()


def dedup(build: Path, documents: list[Record], workers: int, **keys: Any) -> Manifest:
    """Run the stage through Beam with so many worker processes."""
    stage.write_documents(build, documents, SHARDS)
    config = parse_config("", "test", {"build.shards": SHARDS, "dedup.partitions": 4, **{f"dedup.{key}": keys[key] for key in keys}})
    return run_stage(DEDUP, build, config, StageStatus("key", {}, {}, [], done=False), workers, [], NoProgress())


def test_one_two_and_eight_workers_and_shuffled_documents_give_the_same_bytes(tmp_path: Path) -> None:
    documents = planted(150)
    manifests = {workers: dedup(tmp_path / str(workers), documents, workers) for workers in (1, 2, 8)}
    assert manifests[1].counters["rejected-near-copy"] > 20
    assert manifests[1].hash() == manifests[2].hash() == manifests[8].hash()
    one, two, eight = (stage.contents(tmp_path / str(workers), manifests[workers]) for workers in (1, 2, 8))
    assert one == two == eight
    # A shard of the corpus holds its documents in the order of cleaned/; nothing else depends on that.
    shuffled = random.Random(3).sample(documents, len(documents))
    dedup(tmp_path / "shuffled", shuffled, 1)
    for path in sorted((tmp_path / "1" / "duplicates" / "pairs").iterdir()):
        assert (tmp_path / "shuffled" / "duplicates" / "pairs" / path.name).read_bytes() == path.read_bytes()
    for path in sorted((tmp_path / "1" / "corpus").glob("shard-*")):
        same = stage.read_all(tmp_path / "shuffled", f"corpus/{path.name}")
        assert sorted(same, key=lambda record: record["id"]) == sorted(
            stage.read_all(tmp_path / "1", f"corpus/{path.name}"), key=lambda record: record["id"]
        )


def cleaned(build: Path, config: Path, documents: list[Record]) -> None:
    """A build whose documents are cleaned."""
    build.mkdir()
    check_build_owner(build, load_config(config), reuse=False)
    stage.write_documents(build, documents, SHARDS)
    manifest = build_manifest("clean", "documents", [], fingerprint="test", configuration={}, inputs={}, sources=[])
    manifest.write(build / manifest_path("clean"))


def test_month_by_month_on_the_command_line_gives_what_one_build_gives(tmp_path: Path) -> None:
    documents = [{**document, "created_utc": 10 + number} for number, document in enumerate(planted(90))]
    config = tmp_path / "c.toml"
    tables = f"[build]\nshards = {SHARDS}\n[fetch]\nwarcs = ['pages.warc.gz']\n[dedup]\npartitions = 2\n[run]\nworkers = 1\n"
    config.write_text(tables)
    months = [documents[:45], documents[45:]]
    kept: dict[str, Record] = {}
    for month, own in enumerate(months):
        cleaned(tmp_path / f"month{month}", config, own)
        against = [part for earlier in range(month) for part in ("--against", tmp_path / f"month{earlier}")]
        webtext("dedup", config, "--out", tmp_path / f"month{month}", *against)
        kept |= stage.corpus(tmp_path / f"month{month}")
    cleaned(tmp_path / "all", config, documents)
    webtext("dedup", config, "--out", tmp_path / "all")
    assert kept == stage.corpus(tmp_path / "all")
    assert len(kept) < 80
    gone = next(row for row in stage.rejected(tmp_path / "month1").values() if row["detail"].endswith(", in an earlier build"))
    story = webtext("why", gone["url"], "--out", tmp_path / "month1").stdout
    assert "dedup      rejected" in story
    assert gone["reason"] in story
    assert gone["detail"].split()[1] in " ".join(story.split())
    refused = webtext("dedup", config, "--out", tmp_path / "month1", "--against", tmp_path / "nothing", status=1).stderr
    assert "nothing: holds no corpus/shard-*.parquet" in " ".join(refused.split())
