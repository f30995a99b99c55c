"""A build of the demo's web without training, as a process of its own: `python -m tests.end_to_end.small DIR WORKERS [KEY=VALUE ...]`."""

from __future__ import annotations

import pickle
import sys
from dataclasses import replace
from pathlib import Path

import orjson

from webtext.cli.build import run_build
from webtext.core.config_file import parse_config
from webtext.demo.files import demo_config_toml, write_benchmark, write_dump
from webtext.demo.server import serve
from webtext.demo.world import World, make_world


def small_world() -> World:
    """The demo's web with the posts of the planted cases and of one ordinary page in six, without hosts that only let a crawl wait."""
    world = make_world()
    urls = [str(orjson.loads(line)["url"]) if line.endswith(b"}") else "" for line in world.lines]
    left_out = set(world.ordinary) - set(world.ordinary[::6]) | {case.url for case in world.cases if case.outcome == "page-timeout"}
    return replace(world, lines=[line for line, url in zip(world.lines, urls) if url not in left_out])


def main(arguments: list[str]) -> None:
    build, workers = Path(arguments[0]), int(arguments[1])
    given = dict(key.split("=", 1) for key in arguments[2:])
    # NB: to make a world takes ten seconds of a processor.
    world = pickle.loads(Path(given.pop("world")).read_bytes()) if "world" in given else small_world()
    source = build.with_name(f"{build.name}-source")
    source.mkdir(exist_ok=True)
    dump, benchmark = source / "RS_2017-11.zst", source / "quotations.jsonl"
    write_dump(world, dump)
    write_benchmark(world, benchmark)
    with serve(world) as server:
        text = demo_config_toml(server.port, dump, benchmark, train=given.pop("train", "no") == "yes")
        config = parse_config(text, "demo", {"run.workers": workers, **{key: orjson.loads(value) for key, value in given.items()}})
        for done in run_build(config, build):
            print(done.stage.name, "ran" if done.ran else "up to date")  # noqa: T201 - read by the tests


if __name__ == "__main__":
    main(sys.argv[1:])
