from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from webtext.core.errors import WebtextError
from webtext.core.manifest import build_manifest, fingerprint, read_manifest
from webtext.core.records import REJECTED
from webtext.core.tables import read_table
from webtext.core.task import StageContext, TaskRun, first_missing, run_task

calls: list[str] = []


def halve(log: TaskRun, numbers: list[int]) -> list[Any]:
    """Keeps even numbers."""
    calls.append(log.name)
    with log.table(f"out/{log.name}.parquet", REJECTED) as table:
        for number in numbers:
            log.records_in += 1
            if number % 2:
                log.reject(f"http://{number}", str(number), "odd", "by one")
            else:
                log.records_out += 1
                table.write({"url": str(number), "id": "", "reason": "", "detail": ""})
    return [[0, log.name]]


@pytest.fixture
def context(tmp_path: Path) -> StageContext:
    calls.clear()
    return StageContext(tmp_path, "out", "key")


def test_a_task_is_done_once(context: StageContext) -> None:
    first = run_task(context, "halve-00000", halve, [1, 2, 3])
    second = run_task(context, "halve-00000", halve, [1, 2, 3])
    assert calls == ["halve-00000"]
    assert first == second
    assert (first.records_in, first.records_out, first.rejected) == (3, 1, 2)
    assert first.counters == {"rejected-odd": 2}
    assert first.outputs == [[0, "halve-00000"]]
    assert [row["url"] for row in read_table(context.build / "stages/out/rejected" / "halve-00000.parquet")] == ["http://1", "http://3"]


def test_a_task_is_done_again_when_its_file_is_gone_or_the_inputs_are_others(context: StageContext) -> None:
    run_task(context, "halve-00000", halve, [2])
    (context.path / "halve-00000.parquet").unlink()
    run_task(context, "halve-00000", halve, [2])
    run_task(StageContext(context.build, "out", "another key"), "halve-00000", halve, [2])
    assert len(calls) == 3


def test_a_task_that_fails_leaves_no_report(context: StageContext) -> None:
    def fail(log: TaskRun) -> None:
        with log.table("out/x.parquet", REJECTED):
            raise WebtextError("no")

    with pytest.raises(WebtextError, match="no"):
        run_task(context, "fail-00000", fail)
    assert not list(context.build.rglob("*.done"))
    assert not list(context.build.rglob("*.parquet"))


def test_the_files_of_a_report_are_sorted(context: StageContext) -> None:
    def write(log: TaskRun) -> None:
        for name in ("b", "c", "a"):
            with log.binary(f"out/{name}") as output:
                output.file.write(name.encode())

    assert [file.path for file in run_task(context, "write-00000", write).files] == ["out/a", "out/b", "out/c"]


def test_a_stage_that_loses_a_record_cannot_be_closed(context: StageContext) -> None:
    def lose(log: TaskRun) -> None:
        log.records_in += 1

    reports = [run_task(context, "halve-00000", halve, [1, 2]), run_task(context, "lose-00000", lose)]
    facts: dict[str, Any] = {"fingerprint": "key", "configuration": {}, "inputs": {}, "sources": []}
    with pytest.raises(WebtextError, match="3 numbers came in but 1 left and 1 were rejected"):
        build_manifest("halve", "numbers", reports, **facts)
    manifest = build_manifest("halve", "numbers", reports[:1], **facts)
    assert manifest.records == {"unit": "numbers", "in": 2, "out": 1, "rejected": 1}


def test_a_manifest_is_read_as_written_and_its_hash_leaves_out_what_was_measured(context: StageContext) -> None:
    facts: dict[str, Any] = {"fingerprint": "key", "configuration": {"a": {"b": 1.5}}, "inputs": {"links": "x"}, "sources": []}
    manifest = build_manifest("halve", "numbers", [run_task(context, "halve-00000", halve, [1, 2])], **facts)
    manifest.write(context.path / "manifest.json")
    again = read_manifest(context.path / "manifest.json")
    assert again == manifest
    assert again is not None
    again.measured["seconds"] = 1e9
    assert again.hash() == manifest.hash()
    again.counters["rejected-odd"] += 1
    assert again.hash() != manifest.hash()
    assert first_missing(manifest.shards, context.store) is None
    (context.path / "halve-00000.parquet").write_bytes(b"cut")
    assert first_missing(manifest.shards, context.store) == "out/halve-00000.parquet"


def test_a_broken_manifest_is_named(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    assert read_manifest(path) is None
    path.write_text('{"format": 1}')
    with pytest.raises(WebtextError, match=r"manifest\.json: not a manifest"):
        read_manifest(path)
    path.write_text("[]")
    with pytest.raises(WebtextError, match=r"manifest\.json: not a manifest"):
        read_manifest(path)
    path.write_text('{"format": 99}')
    with pytest.raises(WebtextError, match="format 99 is not 1"):
        read_manifest(path)


def test_the_fingerprint_follows_everything_that_decides_bytes() -> None:
    base: dict[str, Any] = {"stage": "a", "version": 1, "configuration": {"x": 1}, "inputs": {"b": "c"}, "sources": [{"name": "d"}]}
    keys = {fingerprint(**base)}
    for changed in ({"version": 2}, {"configuration": {"x": 2}}, {"inputs": {"b": "d"}}, {"sources": []}, {"stage": "b"}):
        keys.add(fingerprint(**{**base, **changed}))
    assert len(keys) == 6
