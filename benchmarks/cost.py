"""What `webtext cost` predicts beside what the build takes: the demo, and the WCXB build where the real data are.

    python -m benchmarks.cost [--json FILE]                                  # some 12 minutes on two quiet processors
    python -m benchmarks.cost --only wcxb --save-rates webtext/cost/data/rates.json

Each is predicted first, from a sample, then built, with a process a core. Processor time is that of the tasks, as manifests have it; clock
time is that of the stages. Bar: both totals within 25 %. For the demo a quarter of its links is fetched from its own server as the sample.
`--save-rates` renews the rates that come with the program: those of WCXB, with the rates of links from a larger dump.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.build import stages_of
from benchmarks.harness import DATA, ROOT, WEBTEXT, Figures, bar, run, run_command
from webtext.demo.files import demo_config_toml, write_benchmark, write_dump
from webtext.demo.server import serve
from webtext.demo.world import make_world

DEMO_LINKS = 120  # of 449 that are fetched as a sample
SUMS = ("predicted_cpu", "cpu", "predicted_clock", "clock")


def predict(config: Path, *flags: str) -> dict[str, Any]:
    """The estimate of `webtext cost` as its JSON."""
    command = [*WEBTEXT, "cost", str(config), "--json", *flags]
    return dict(json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout))


def compare(config: Path, build: Path, *flags: str) -> Figures:
    """Predict, build, and put both side by side; sizes in bytes, times in seconds."""
    found = predict(config, *flags)
    run_command([*WEBTEXT, "build", str(config), "--out", str(build)])
    real = stages_of(build)
    rows: Figures = {}
    for stage in found["stages"]:
        name = stage["name"]
        rows[name] = {
            "predicted_cpu": stage["seconds"],
            "cpu": real[name]["cpu_seconds"],
            "predicted_clock": stage["clock"],
            "clock": real[name]["seconds"],
            "predicted_bytes": stage["kept"],
            "bytes": real[name]["bytes"],
            "predicted_memory": found["memory_bytes"].get(name, {}).get("bytes", 0),
            "memory": real[name]["peak_memory_bytes"],
        }
    rows["total"] = {key: sum(row[key] for row in rows.values()) for key in SUMS}
    for row in rows.values():
        row["cpu_off"], row["clock_off"] = (row[f"predicted_{kind}"] / max(row[kind], 1e-3) - 1 for kind in ("cpu", "clock"))
    return rows


def demo(options: argparse.Namespace) -> Figures:
    """The demo's build, its web served all the while."""
    world, files = make_world(), options.directory / "build" / "demo"
    files.mkdir(parents=True)
    dump, benchmark, config = files / "RS_2017-11.zst", files / "quotations.jsonl", files / "demo.toml"
    write_dump(world, dump)
    write_benchmark(world, benchmark)
    with serve(world) as server:
        config.write_text(demo_config_toml(server.port, dump, benchmark, train=not options.quick))
        return compare(config, options.directory / "build", "--fetch", str(DEMO_LINKS))


def wcxb(options: argparse.Namespace) -> Figures:
    if not DATA.is_dir():
        return {"missing": "the real data (set WEBTEXT_DATA)"}
    config, rates = ROOT / "examples" / "wcxb.toml", options.directory / "rates.json"
    figures = compare(config, options.directory / "wcxb", "--save-rates", str(rates))
    if options.save_rates:
        links, of_links = options.directory / "links.toml", options.directory / "links.json"
        links.write_text(f'[links]\ndumps = ["{DATA}/reddit/top_2013_sample.ndjson.zst"]\n')
        predict(links, "--posts", "100000", "--rates", str(rates), "--save-rates", str(of_links))
        saved = json.loads(rates.read_bytes())
        saved["stages"]["links"] = json.loads(of_links.read_bytes())["stages"]["links"]
        options.save_rates.write_text(json.dumps(saved, indent=2) + "\n")
    return figures


def bars(figures: Figures) -> Iterator[Figures]:
    for name in ("demo", "wcxb"):
        if total := figures.get(name, {}).get("total"):
            for kind in ("cpu", "clock"):
                yield bar(f"{name}: {kind} time off by", abs(total[f"{kind}_off"]), most=0.25)


if __name__ == "__main__":
    run(__doc__, {"demo": demo, "wcxb": wcxb}, {"--save-rates": {"type": Path, "metavar": "FILE"}}, bars)
