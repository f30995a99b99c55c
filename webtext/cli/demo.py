"""`webtext demo`: the whole build, on a small web that is made and served on this machine."""

from __future__ import annotations

import re
from pathlib import Path

from webtext.cli import console
from webtext.cli.build import run_build, up_to_date
from webtext.core.config_file import load_config, parse_config
from webtext.core.errors import UsageError
from webtext.core.files import write_bytes
from webtext.demo.files import demo_config_toml, write_benchmark, write_dump, write_evaluation
from webtext.demo.server import serve
from webtext.demo.world import make_world

INPUTS = "demo"  # the directory in the build with the dump, the benchmark and the configuration


def run_demo(out: Path, workers: int) -> None:
    """Make the small web, serve it, build from it, and print the results. Raises UsageError where `out` is a URL."""
    if url := re.match(r"(\w{2,}):/+(.*)", out.as_posix()):  # a Path has lost one of the slashes
        raise UsageError(f"--out {url[1]}://{url[2]}: the demo serves its web on this machine and builds here; give a local directory")
    inputs = out / INPUTS
    dump, benchmark, configuration = inputs / "RS_2017-11.zst", inputs / "quotations.jsonl", inputs / "demo.toml"
    if configuration.exists() and up_to_date(load_config(configuration), out):
        console.out.print(f"nothing to do: {out} is up to date")
        return
    world = make_world()
    console.out.print(
        f"a web of {len(world.pages):,} pages on {len(world.hosts)} hosts, made of Python's own documentation, served on this machine"
    )
    with serve(world) as server:
        inputs.mkdir(parents=True, exist_ok=True)
        write_dump(world, dump)
        write_benchmark(world, benchmark)
        write_evaluation(inputs / "evaluation")
        text = demo_config_toml(server.port, dump, benchmark)
        write_bytes(configuration, text.encode())
        results = run_build(
            parse_config(text, str(configuration), {"run.workers": workers}),
            out,
            allowed_names=(INPUTS,),
            on_stage_done=console.print_stage_line,
        )
    console.print_summary(results)
    copy = next(case for case in world.cases if case.outcome == "near-copy")
    console.print_results(out, f"webtext why {copy.url} --out {out}")
