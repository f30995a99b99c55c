"""Links to pages: over the network a shard of hosts at a time, or from archives that are indexed first and joined with the links."""

from __future__ import annotations

from typing import Any

from pipelines.engine import Barrier, Phase, TaskRange, Tasks
from webtext.core.config import Config
from webtext.core.config_file import source_files
from webtext.core.task import StageContext
from webtext.fetch.shard import fetch_shard
from webtext.fetch.warc_import import index_warc, join_shard


def graph(pipeline: Any, context: StageContext, config: Config) -> None:
    if not config.fetch.warcs:
        pipeline | "Shards" >> TaskRange(config.build.shards) | Phase(context, "fetch", fetch_shard, config.fetch)
        return
    archives = [(index, str(path.absolute())) for index, path in enumerate(source_files(config.fetch.warcs, "fetch.warcs"))]
    (
        pipeline
        | "Archives" >> Tasks(archives)
        | Phase(context, "index", index_warc, config.build.shards, config.fetch)
        | "Indexed" >> Barrier(config.build.shards)
        | Phase(context, "join", join_shard, len(archives), config.fetch, bool(config.links.dumps))
    )
