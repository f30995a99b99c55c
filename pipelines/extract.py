"""Pages to documents, shard to shard."""

from __future__ import annotations

from typing import Any

from pipelines.engine import Numbered, Phase
from webtext.config import Config
from webtext.extract.phases import extract_shard
from webtext.task import Place


def graph(pipeline: Any, place: Place, config: Config) -> None:
    shards = pipeline | "Shards" >> Numbered(config.build.shards)
    # The second processor is the child's that a worker gives its hard pages.
    shards | Phase(place, "extract", extract_shard, config.extract, config.fetch.opt_out, cpus=2)
