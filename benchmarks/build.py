"""What a whole build costs: `webtext demo`, and the WCXB build where the real data are.

    python -m benchmarks.build [--workers N] [--json FILE]       # seven minutes
    python -m benchmarks.build --only demo

Each is a process of its own in an empty directory, then again with nothing changed. Memory is that of all its processes together; the
stages' own figures come from their manifests. On two cores: demo some 110 s and 0.9 GB, again 1.3 s; WCXB some 165 s and 1.1 GB.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.harness import DATA, WEBTEXT, Figures, run, run_command
from webtext.core.directories import DIRECTORIES, manifest_path


def stages_of(build: Path) -> Figures:
    """Records, seconds and processor seconds of each stage, from its manifest."""
    found = {}
    for stage in DIRECTORIES:
        path = build / manifest_path(stage)
        if path.exists():
            manifest = json.loads(path.read_text())
            found[stage] = {**manifest["records"], **manifest["measured"], "bytes": sum(shard["bytes"] for shard in manifest["shards"])}
    return found


def measure(arguments: list[str], build: Path, workers: int) -> Figures:
    command = [*WEBTEXT, *arguments, "--out", str(build), "--workers", str(workers)]
    first, again = run_command(command), run_command(command)
    return {"whole build": first, "again": again, **stages_of(build)}


def demo(options: argparse.Namespace) -> Figures:
    return measure(["demo"], options.directory / "demo", options.workers)


def wcxb(options: argparse.Namespace) -> Figures:
    if not DATA.is_dir():
        return {"missing": "the real data (set WEBTEXT_DATA)"}
    return measure(["build", "examples/wcxb.toml"], options.directory / "wcxb", options.workers)


if __name__ == "__main__":
    run(__doc__, {"demo": demo, "wcxb": wcxb}, {"--workers": {"type": int, "default": 2}})
