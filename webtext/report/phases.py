"""The one task of the report stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined

from webtext.core.config import ReportSection
from webtext.core.files import to_json, write_bytes
from webtext.core.task import TaskRun
from webtext.report.card import card
from webtext.report.summary import manifests_of, summarise

CURVE = (720, 220)  # width and height of the loss curve, in CSS pixels


def write_report(log: TaskRun, section: ReportSection) -> None:
    """Write report/summary.json and README.md, which are the same for every run of a build, and report.html, which also shows times."""
    build = log.context.build
    manifests = manifests_of(build)
    log.records_in = log.records_out = len(manifests)
    summary = summarise(build, Path(section.domains) if section.domains else None)
    with log.binary("report/summary.json") as output:
        output.file.write(to_json(summary))
    with log.binary("README.md") as output:
        output.file.write(card(manifests, summary).encode())
    write_bytes(build / "report.html", render(build, summary, {name: manifest.measured for name, manifest in manifests.items()}).encode())


def render(build: Path, summary: dict[str, Any], measured: dict[str, dict[str, Any]]) -> str:
    """The report as one HTML file that needs no network."""
    environment = Environment(loader=PackageLoader("webtext.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["size"] = _size
    environment.filters["figure"] = _figure
    curves = _curves(build / "model" / "log.jsonl")
    return environment.get_template("report.html").render(
        summary=summary, measured=measured, curves=curves, curve=CURVE, overlap=(build / "overlap" / "overlap.html").exists()
    )


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _figure(value: float | None) -> str:
    """A figure with three digits that count, at least all before the point."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _curves(path: Path) -> dict[str, Any] | None:
    """Loss by step as points of SVG polylines, training and validation."""
    if not path.exists():
        return None
    rows = [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
    found = {name: [(row["step"], row[name]) for row in rows if row.get(name) is not None] for name in ("loss", "val_loss")}
    losses = [loss for points in found.values() for _, loss in points]
    if not losses:
        return None
    steps = max(step for points in found.values() for step, _ in points) or 1
    low, high = min(losses), max(losses)
    width, height = CURVE

    def point(step: int, loss: float) -> str:
        return f"{step / steps * width:.1f},{(high - loss) / ((high - low) or 1) * height:.1f}"

    lines = {name: " ".join(point(*each) for each in points) for name, points in found.items()}
    last = {name: points[-1][1] if points else None for name, points in found.items()}
    return {"lines": lines, "last": last, "steps": steps, "low": low, "high": high}
