"""`webtext build --dry-run` on this machine; for Dataflow see tests/portable/test_dataflow.py."""

from __future__ import annotations

from pathlib import Path

from pipelines.stage import check_stage
from pipelines.stages import LINKS
from tests.end_to_end.commands import webtext
from webtext.cli.dry_run import plan_build
from webtext.core.config_file import parse_config
from webtext.core.directories import manifest_path
from webtext.core.manifest import build_manifest

CONFIG = "[build]\nshards = 3\n[links]\ndumps = ['{dump}']\n[fetch]\ncontact = 'a@example.org'\n[dedup]\npartitions = 2\n"


def config_of(directory: Path) -> str:
    (directory / "dump.ndjson").write_text("")
    return CONFIG.format(dump=directory / "dump.ndjson")


def test_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(config_of(tmp_path))
    said = " ".join(webtext("build", tmp_path / "c.toml", "--out", tmp_path / "out", "--dry-run").stdout.split())
    assert "links to do parse 1, group 3" in said
    assert "dedup to do sign 3, rank 1, join 2, verify 2, settle 1, decide 3" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.toml", "dump.ndjson"]


def test_what_is_done_is_told(tmp_path: Path) -> None:
    config, out = parse_config(config_of(tmp_path), "c.toml", {}), tmp_path / "out"
    status = check_stage(LINKS, out, config, {})
    about = {"configuration": status.configuration, "inputs": status.inputs, "sources": status.sources}
    build_manifest("links", "posts", [], fingerprint=status.key, **about).write(out / manifest_path("links"))
    plans = plan_build(config, str(out), [], tmp_path / "descriptions")
    assert [plan.stage.name for plan in plans if plan.done] == ["links"]
    assert plans[1].phases == {"fetch": 3}
    other = parse_config(config_of(tmp_path).replace("shards = 3", "shards = 4"), "c.toml", {})
    assert not any(plan.done for plan in plan_build(other, str(out), [], tmp_path / "descriptions"))


def test_a_store_is_not_asked(tmp_path: Path) -> None:
    """There is no file system for the scheme, so that to ask would be an error."""
    config = parse_config(CONFIG.format(dump="nowhere://bucket/RS_*.zst"), "c.toml", {})
    plans = plan_build(config, "nowhere://bucket/build", [], tmp_path)
    assert plans[0].phases == {"parse": 1, "group": 3}
    assert not any(plan.done or plan.description for plan in plans)
