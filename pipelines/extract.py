"""Pages to documents, shard to shard."""

from __future__ import annotations

from typing import Any

from pipelines.engine import Phase, Tasks
from webtext.config import Config
from webtext.extract.phases import extract_shard
from webtext.task import Place


def graph(pipeline: Any, place: Place, config: Config) -> None:
    shards = [(shard,) for shard in range(config.build.shards)]
    pipeline | "Shards" >> Tasks(shards) | Phase(place, "extract", extract_shard, config.extract, config.fetch.opt_out)
