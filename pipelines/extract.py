"""Pages to documents, shard to shard."""

from __future__ import annotations

from typing import Any

from pipelines.engine import Phase, TaskRange
from webtext.core.config import Config
from webtext.core.task import StageContext
from webtext.extract.phases import extract_shard


def graph(pipeline: Any, context: StageContext, config: Config) -> None:
    shards = pipeline | "Shards" >> TaskRange(config.build.shards)
    # The second processor is the child's that a worker gives its hard pages.
    shards | Phase(context, "extract", extract_shard, config.extract, config.fetch.opt_out, cpus=2)
