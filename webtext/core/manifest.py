"""The manifest of a finished stage: what it read, how it was configured, what it wrote, and that no record is missing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from webtext.core.directories import manifest_path
from webtext.core.errors import WebtextError
from webtext.core.files import read_json, to_json, write_bytes
from webtext.core.task import OutputFile, Report

FORMAT = 1


@dataclass
class Manifest:
    """The facts of a finished stage. Only `measured` may differ between two runs on the same input.

    `records` has `unit`, `in`, `out` and `rejected`; `inputs` maps a stage read to the hash of its manifest; `sources` are files from
    outside the build (see `webtext.core.files.identity`).
    """

    stage: str
    fingerprint: str
    configuration: dict[str, Any]
    inputs: dict[str, str]
    sources: list[dict[str, Any]]
    records: dict[str, Any]
    shards: list[OutputFile]
    counters: dict[str, int]
    measured: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def hash(self) -> str:
        """SHA-256 of all but what was measured."""
        return hashlib.sha256(to_json({key: value for key, value in asdict(self).items() if key != "measured"})).hexdigest()

    def write(self, path: Path) -> None:
        write_bytes(path, to_json(asdict(self)))


def fingerprint(stage: str, version: int, configuration: dict[str, Any], inputs: dict[str, str], sources: list[dict[str, Any]]) -> str:
    """The cache key of a stage: SHA-256 over everything that affects its output."""
    key = {"stage": stage, "version": version, "configuration": configuration, "inputs": inputs, "sources": sources, "format": FORMAT}
    return hashlib.sha256(to_json(key)).hexdigest()


def read_manifest(path: Path) -> Manifest | None:
    """The manifest at a path, None where there is none. Raises WebtextError for one that is broken or of another format."""
    if not path.exists():
        return None
    value = read_json(path)
    if not isinstance(value, dict):
        raise WebtextError(f"{path}: not a manifest; delete it and run the stage again")
    if value.get("format") != FORMAT:
        raise WebtextError(f"{path}: format {value.get('format')} is not {FORMAT}, which this version reads; build into another directory")
    try:
        return Manifest(**{**value, "shards": [OutputFile(**shard) for shard in value["shards"]]})
    except (TypeError, KeyError) as error:
        raise WebtextError(f"{path}: not a manifest ({error}); delete it and run the stage again") from None


def manifest_of(build: Path, stage: str) -> Manifest | None:
    """The manifest of a stage of a build, None where it is not finished. Raises WebtextError as `read_manifest` does."""
    return read_manifest(build / manifest_path(stage))


def build_manifest(stage: str, unit: str, reports: Sequence[Report], **facts: Any) -> Manifest:
    """Sum up the reports of all tasks of a stage.

    Raises WebtextError where records in and records out + rejected differ: a defect of the stage, and not to be built upon.
    """
    counters: Counter[str] = Counter()
    for report in reports:
        counters.update(report.counters)
    entered = sum(report.records_in for report in reports)
    left = sum(report.records_out for report in reports)
    rejected = sum(report.rejected for report in reports)
    if entered != left + rejected:
        raise WebtextError(f"{stage}: {entered} {unit} came in but {left} left and {rejected} were rejected: a defect, please report it")
    return Manifest(
        stage=stage,
        records={"unit": unit, "in": entered, "out": left, "rejected": rejected},
        shards=sorted((file for report in reports for file in report.files), key=lambda file: file.path),
        counters=dict(sorted(counters.items())),
        measured={
            "cpu_seconds": round(sum(report.measured["cpu_seconds"] for report in reports), 3),
            "peak_memory_bytes": max((report.measured["peak_memory_bytes"] for report in reports), default=0),
        },
        **facts,
    )
