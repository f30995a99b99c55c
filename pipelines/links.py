"""Reddit dumps to one table of URLs: posts are read a dump at a time and meet again in the shard of their host."""

from __future__ import annotations

from typing import Any

from pipelines.engine import ByPartition, Phase, Tasks
from webtext.config import Config
from webtext.config_file import source_files
from webtext.links import group_shard, parse_dump
from webtext.task import Place


def graph(pipeline: Any, place: Place, config: Config) -> None:
    dumps = [(index, str(path.absolute())) for index, path in enumerate(source_files(config.links.dumps, "links.dumps"))]
    (
        pipeline
        | "Dumps" >> Tasks(dumps)
        | Phase(place, "parse", parse_dump, config.links, config.build.shards)
        | ByPartition()
        | Phase(place, "group", group_shard, config.links)
    )
