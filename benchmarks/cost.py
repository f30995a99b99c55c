"""What `webtext cost` says beforehand beside what the build takes: the demo, and the WCXB build where the real data are.

    python benchmarks/cost.py [--json FILE] [--save-rates webtext/data/rates.json]

Each is predicted first, from samples in a directory of their own, then built, with a process a core. Processor time is that of the tasks,
as manifests have it; clock time is that of the whole command. For the demo a quarter of its links is fetched from its own server as the
sample. Takes some 12 minutes on two quiet processors. `--save-rates` renews the rates that come with the program, from the WCXB sample.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

# NB: the script's own directory comes first otherwise, and has a tokenizer.py.
ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from webtext.cli.build import run_build  # noqa: E402
from webtext.core.config_file import load_config  # noqa: E402
from webtext.core.files import to_json  # noqa: E402
from webtext.cost.assumed import load_rates  # noqa: E402
from webtext.cost.command import Estimate, predict  # noqa: E402
from webtext.cost.model import Rates  # noqa: E402
from webtext.cost.prices import load_prices  # noqa: E402
from webtext.demo.files import demo_config_toml, write_benchmark, write_dump  # noqa: E402
from webtext.demo.server import serve  # noqa: E402
from webtext.demo.world import make_world  # noqa: E402

DEMO_LINKS = 120  # of 449 that are fetched as a sample


def compare(config: Path, build: Path, sizes: tuple[int, int, int]) -> tuple[dict[str, Any], Estimate]:
    """Predict, build, and put both side by side."""
    start = time.perf_counter()
    found = predict(config, load_prices(), load_rates(), sizes=sizes)
    took = time.perf_counter() - start
    start = time.perf_counter()
    results = run_build(load_config(config), build, beside=("demo",))
    real_clock = time.perf_counter() - start
    manifests = {done.stage.name: done.manifest for done in results if done.stage.name != "report"}
    stages = {
        stage.name: {
            "predicted_cpu": stage.seconds,
            "real_cpu": manifests[stage.name].measured["cpu_seconds"],
            "predicted_clock": stage.clock,
            "real_clock": manifests[stage.name].measured["seconds"],
            "predicted_kept": stage.kept,
            "real_kept": sum(file.bytes for file in manifests[stage.name].shards),
            "predicted_memory": found.memory[stage.name].bytes if stage.name in found.memory else 0.0,
            "real_memory": manifests[stage.name].measured["peak_memory_bytes"],
        }
        for stage in found.stages
    }
    total = {name: sum(stage[name] for stage in stages.values()) for name in ("predicted_cpu", "real_cpu", "predicted_clock")}
    return {"prediction_seconds": took, "stages": stages, "total": {**total, "real_clock": real_clock}}, found


def show(name: str, figures: dict[str, Any]) -> None:
    total = figures["total"]
    print(f"\n{name}: predicted in {figures['prediction_seconds']:.0f} s")
    print(f"  {'':<10} {'CPU s':>10} {'real':>8} {'off':>7} {'clock s':>10} {'real':>8} {'off':>7} {'MB':>8} {'real':>8}")
    for stage, each in figures["stages"].items():
        line(stage, each)
        print(f" {each['predicted_memory'] / 1e6:>8,.0f} {each['real_memory'] / 1e6:>8,.0f}")
    line("total", total)
    off = max(abs(total["predicted_cpu"] / total["real_cpu"] - 1), abs(total["predicted_clock"] / total["real_clock"] - 1))
    print(f"\n  the worse of both is {off:.0%} off; wanted: 25 % at the most")


def line(name: str, each: dict[str, float]) -> None:
    cpu, clock = ((each[f"predicted_{kind}"], each[f"real_{kind}"]) for kind in ("cpu", "clock"))
    print(
        f"  {name:<10} {cpu[0]:>10.1f} {cpu[1]:>8.1f} {cpu[0] / cpu[1] - 1:>+7.0%} "
        f"{clock[0]:>10.1f} {clock[1]:>8.1f} {clock[0] / clock[1] - 1:>+7.0%}",
        end="",
    )


def demo(directory: Path) -> dict[str, Any]:
    """The demo, its web served all the while."""
    world = make_world()
    build = directory / "demo-build"
    beside = build / "demo"
    beside.mkdir(parents=True)
    dump, benchmark, config = beside / "RS_2017-11.zst", beside / "quotations.jsonl", beside / "demo.toml"
    write_dump(world, dump)
    write_benchmark(world, benchmark)
    with serve(world) as server:
        config.write_text(demo_config_toml(server.port, dump, benchmark))
        return compare(config, build, (40_000, 300, DEMO_LINKS))[0]


def save_rates(rates: Rates, path: Path, directory: Path) -> None:
    """The rates of WCXB, with those of links from a dump that is large enough to tell what a post costs."""
    config = directory / "links.toml"
    config.write_text('[links]\ndumps = ["${WEBTEXT_DATA}/reddit/top_2013_sample.ndjson.zst"]\n')
    links = predict(config, load_prices(), rates, sizes=(100_000, 300, 0)).rates.stages["links"]
    path.write_bytes(to_json(replace(rates, stages={**rates.stages, "links": links}).to_json()))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("demo", "wcxb"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--save-rates", type=Path)
    options = parser.parse_args(arguments)
    results: dict[str, Any] = {"machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"}
    print(results["machine"])
    with tempfile.TemporaryDirectory(prefix="webtext-cost-") as directory:
        if options.only in (None, "demo"):
            results["demo"] = demo(Path(directory))
            show("demo", results["demo"])
        if options.only in (None, "wcxb"):
            if Path(os.environ.get("WEBTEXT_DATA", ROOT.parent / "shared" / "data")).is_dir():
                os.chdir(ROOT)
                results["wcxb"], found = compare(Path("examples/wcxb.toml"), Path(directory) / "wcxb", (40_000, 300, 0))
                show("examples/wcxb.toml", results["wcxb"])
                if options.save_rates:
                    save_rates(found.rates, options.save_rates, Path(directory))
            else:
                print("WCXB: missing, the real data are absent (set WEBTEXT_DATA)")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
