"""The files that a build of the demo reads: a Reddit dump, a benchmark, a configuration."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template

import zstandard

from webtext.core.files import write_bytes
from webtext.demo.resources import EVALUATION, TEMPLATES
from webtext.demo.world import World

WINDOW_LOG = 31  # Pushshift's dumps are made with `zstd --long=31`, and readers must allow for it


def write_dump(world: World, path: Path) -> None:
    """Write the posts as Pushshift's dumps are: JSON lines, zstd with a window of 2 GiB."""
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=WINDOW_LOG, enable_ldm=True, write_content_size=False)
    # NB: the compressor must not know the size, or it would shrink the window to the content.
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    write_bytes(path, compressor.compress(b"\n".join(world.lines) + b"\n") + compressor.flush())


def write_benchmark(world: World, path: Path) -> None:
    """Write the benchmark as JSON lines with a field `text`."""
    write_bytes(path, "".join(json.dumps(example, ensure_ascii=False) + "\n" for example in world.benchmark).encode())


def write_evaluation(directory: Path) -> None:
    """Write the samples of the tasks of `webtext evaluate`."""
    for path in sorted(EVALUATION.rglob("*")):
        if path.is_file():
            write_bytes(directory / path.relative_to(EVALUATION), path.read_bytes())


def demo_config_toml(port: int, dump: Path, benchmark: Path, *, train: bool = True) -> str:
    """The configuration of the demo's build, for a server at `port` of loopback, and files written before."""
    return Template((TEMPLATES / "demo.toml").read_text(encoding="utf-8")).substitute(
        port=port,
        dump=json.dumps(str(dump)),  # a JSON string is a TOML string
        benchmark=json.dumps(str(benchmark)),
        train=str(train).lower(),
    )
