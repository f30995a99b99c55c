"""Reddit dumps to one table of URLs: posts are read a dump at a time and meet again in the shard of their host."""

from __future__ import annotations

from typing import Any

from pipelines.engine import Barrier, Phase, Tasks
from pipelines.filesystem import OpenAnywhere, is_url, source_files
from webtext.core.config import Config
from webtext.core.task import StageContext
from webtext.links.phases import group_shard, parse_dump


def graph(pipeline: Any, context: StageContext, config: Config) -> None:
    dumps = list(enumerate(source_files(config.links.dumps, "links.dumps")))
    opener = OpenAnywhere(pipeline.options.get_all_options(drop_default=True) if any(is_url(path) for _, path in dumps) else {})
    (
        pipeline
        | "Dumps" >> Tasks(dumps)
        | Phase(context, "parse", parse_dump, config.links, config.build.shards, opener)
        | "Parsed" >> Barrier(config.build.shards)
        | Phase(context, "group", group_shard, len(dumps), config.links)
    )
