"""A build of the demo's web without training, as a process of its own: `python -m tests.end_to_end.small DIR WORKERS [KEY=VALUE ...]`."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

from webtext.cli.build import run_build
from webtext.core.config_file import parse_config
from webtext.demo.files import demo_config_toml, write_benchmark, write_dump
from webtext.demo.server import serve
from webtext.demo.world import make_world


def main(build: Path, workers: int, keys: list[str]) -> None:
    world = make_world()
    source = build.with_name(f"{build.name}-source")
    source.mkdir(exist_ok=True)
    dump, benchmark = source / "RS_2017-11.zst", source / "quotations.jsonl"
    write_dump(world, dump)
    write_benchmark(world, benchmark)
    given = dict(key.split("=", 1) for key in keys)
    with serve(world) as server:
        text = demo_config_toml(server.port, dump, benchmark, train=given.pop("train", "no") == "yes")
        config = parse_config(text, "demo", {"run.workers": workers, **{key: orjson.loads(value) for key, value in given.items()}})
        for done in run_build(config, build):
            print(done.stage.name, "ran" if done.ran else "up to date")  # noqa: T201 - read by the tests


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
