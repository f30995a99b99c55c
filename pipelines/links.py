"""Reddit dumps to one table of URLs: posts are read a dump at a time and meet again in the shard of their host."""

from __future__ import annotations

from typing import Any

from pipelines.engine import AfterAll, Phase, Tasks
from pipelines.filesystem import OpenAnywhere, is_url, source_files
from webtext.config import Config
from webtext.links import group_shard, parse_dump
from webtext.task import Place


def graph(pipeline: Any, place: Place, config: Config) -> None:
    dumps = list(enumerate(source_files(config.links.dumps, "links.dumps")))
    opener = OpenAnywhere(pipeline.options.get_all_options(drop_default=True) if any(is_url(path) for _, path in dumps) else {})
    (
        pipeline
        | "Dumps" >> Tasks(dumps)
        | Phase(place, "parse", parse_dump, config.links, config.build.shards, opener)
        | "Parsed" >> AfterAll(config.build.shards)
        | Phase(place, "group", group_shard, len(dumps), config.links)
    )
