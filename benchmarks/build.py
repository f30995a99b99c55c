"""What a whole build costs: `webtext demo`, and the WCXB build where the real data are.

    python benchmarks/build.py [--workers N] [--json FILE]

Each is run as a process of its own in an empty directory. Memory is that of all its processes together (proportional set size
where the system tells it), sampled four times a second; the stages' own figures come from their manifests.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from webtext.core.directories import DIRECTORIES

ROOT = Path(__file__).resolve().parent.parent


def memory_of(process: psutil.Process) -> int:
    """Bytes of a process and all below it."""
    total = 0
    for each in (process, *process.children(recursive=True)):
        try:
            info = each.memory_full_info()
            total += getattr(info, "pss", info.rss)
        except psutil.NoSuchProcess:
            continue
    return total


def measure(arguments: list[str], build: Path) -> dict[str, Any]:
    """Run a command that makes a build; seconds, peak memory, and each stage's seconds and records."""
    start, peak = time.perf_counter(), 0
    running = psutil.Popen(
        [sys.executable, "-m", "webtext.cli.main", *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while running.poll() is None:
        peak = max(peak, memory_of(running))
        time.sleep(0.25)
    if running.returncode:
        raise SystemExit(f"{' '.join(arguments)}: status {running.returncode}")
    seconds = time.perf_counter() - start
    stages = {}
    for stage, directory in DIRECTORIES.items():
        path = build / directory / "manifest.json"
        if path.exists():
            manifest = json.loads(path.read_text())
            stages[stage] = {**manifest["records"], "seconds": manifest["measured"]["seconds"], "cpu": manifest["measured"]["cpu_seconds"]}
    again = time.perf_counter()
    subprocess.run([sys.executable, "-m", "webtext.cli.main", *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return {"seconds": seconds, "peak_memory": peak, "again_seconds": time.perf_counter() - again, "stages": stages}


def show(name: str, figures: dict[str, Any]) -> None:
    memory, again = figures["peak_memory"] / 1e6, figures["again_seconds"]
    print(f"\n{name}: {figures['seconds']:.0f} s, {memory:,.0f} MB in all processes; again: {again:.1f} s")
    for stage, values in figures["stages"].items():
        records = f"{values['in']:>9,} {values['unit']:<12} {values['out']:>9,} kept"
        print(f"  {stage:<10} {records} {values['seconds']:>8.1f} s {values['cpu']:>8.1f} CPU s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(machine)
    results: dict[str, Any] = {"machine": machine}
    with tempfile.TemporaryDirectory() as directory:
        build = Path(directory) / "demo"
        results["demo"] = measure(["demo", "--out", str(build), "--workers", str(options.workers)], build)
        show("demo", results["demo"])
        if (Path(os.environ.get("WEBTEXT_DATA", ROOT.parent / "shared" / "data"))).is_dir():
            build = Path(directory) / "wcxb"
            results["wcxb"] = measure(["build", "examples/wcxb.toml", "--out", str(build), "--workers", str(options.workers)], build)
            show("examples/wcxb.toml", results["wcxb"])
        else:
            print("WCXB: missing, the real data are absent (set WEBTEXT_DATA)")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
