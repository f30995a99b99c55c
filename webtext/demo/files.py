"""The files that a build of the demo reads: a Reddit dump, a benchmark, a configuration."""

from __future__ import annotations

import json
from pathlib import Path

import zstandard

from webtext.core.files import write_bytes
from webtext.demo.builder import World
from webtext.demo.plant_fetch import WITHDRAWN
from webtext.demo.plant_links import BLOCKED_SUBREDDIT

WINDOW_LOG = 31  # Pushshift's dumps are made with `zstd --long=31`, and readers must allow for it

SETTINGS = """\
# The demo: a small web on loopback, made of the text that ships with Python. See `webtext build --print-config` for all keys.

[build]
shards = 8

[links]
dumps = [{dump}]
block_subreddits = {subreddits}
max_broken = 0.01          # one line of the dump is broken on purpose

[fetch]
connect_to = "127.0.0.1:{port}"
allow_private = true
contact = "demo@localhost"
per_host_delay = 0.0
page_timeout = 3.0         # one host hangs and one drips on purpose
retries = 1
retry_wait = 0.1
max_bytes = 2_000_000
opt_out = {opt_out}
fixed_time = "2017-12-01T00:00:00Z"

[extract]
max_bytes = 1_000_000

[dedup]
partitions = 4

[ngrams]
partitions = 2

[overlap]
benchmarks = [{{ name = "quotations", path = {benchmark} }}]

[tokenizer]
vocabulary = 2048

[tokenize]
shard_tokens = 250_000

[train]
enabled = {train}
size = "tiny"
layers = 2
batch_tokens = 2_048
steps = 300
eval_every = 100
checkpoint_every = 100
device = "cpu"
threads = 1                # so small a model gains nothing from a second
"""


def write_dump(world: World, path: Path) -> None:
    """Write the posts as Pushshift's dumps are: JSON lines, zstd with a window of 2 GiB."""
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=WINDOW_LOG, enable_ldm=True, write_content_size=False)
    # NB: the size is kept from the compressor, or it would shrink the window to the content.
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    write_bytes(path, compressor.compress(b"\n".join(world.lines) + b"\n") + compressor.flush())


def write_benchmark(world: World, path: Path) -> None:
    """Write the benchmark as JSON lines with a field `text`."""
    write_bytes(path, "".join(json.dumps(example, ensure_ascii=False) + "\n" for example in world.benchmark).encode())


def demo_config_toml(port: int, dump: Path, benchmark: Path, *, train: bool = True) -> str:
    """The configuration of the demo's build, for a server at `port` of loopback, and files written before."""
    return SETTINGS.format(
        port=port,
        dump=json.dumps(str(dump)),  # a JSON string is a TOML string
        benchmark=json.dumps(str(benchmark)),
        subreddits=json.dumps([BLOCKED_SUBREDDIT]),
        opt_out=json.dumps([WITHDRAWN]),
        train=str(train).lower(),
    )
