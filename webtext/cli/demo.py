"""`webtext demo`: the whole build on a small web that is made, served and linked to here."""

from __future__ import annotations

from pathlib import Path

from webtext.cli import console
from webtext.cli.build import run_build, up_to_date
from webtext.core.config_file import load_config, parse_config
from webtext.core.files import write_bytes
from webtext.demo.files import demo_config_toml, write_benchmark, write_dump
from webtext.demo.server import serve
from webtext.demo.world import make_world

BESIDE = "demo"  # the directory in the build with the dump, the benchmark and the configuration


def run_demo(out: Path, workers: int) -> None:
    """Make the small web, serve it, build from it, and say what came of it."""
    beside = out / BESIDE
    dump, benchmark, configuration = beside / "RS_2017-11.zst", beside / "quotations.jsonl", beside / "demo.toml"
    if configuration.exists() and up_to_date(load_config(configuration), out):
        console.out.print(f"nothing to do: {out} is up to date")
        return
    world = make_world()
    console.out.print(
        f"a web of {len(world.pages):,} pages on {len(world.hosts)} hosts, made of Python's own documentation, served on this machine"
    )
    with serve(world) as server:
        beside.mkdir(parents=True, exist_ok=True)
        write_dump(world, dump)
        write_benchmark(world, benchmark)
        text = demo_config_toml(server.port, dump, benchmark)
        write_bytes(configuration, text.encode())
        results = run_build(
            parse_config(text, str(configuration), {"run.workers": workers}),
            out,
            allowed_names=(BESIDE,),
            on_stage_done=console.print_stage_line,
        )
    console.print_summary(results)
    copy = next(case for case in world.cases if case.outcome == "near-copy")
    console.print_results(out, f"webtext why {copy.url} --out {out}")
