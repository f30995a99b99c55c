"""Documents to cleaned documents, shard to shard."""

from __future__ import annotations

from typing import Any

from pipelines.engine import Phase, TaskRange
from webtext.clean.phases import clean_shard
from webtext.core.config import Config
from webtext.core.task import StageContext


def graph(pipeline: Any, context: StageContext, config: Config) -> None:
    pipeline | "Shards" >> TaskRange(config.build.shards) | Phase(context, "clean", clean_shard, config.clean)
