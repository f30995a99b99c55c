"""Links to pages: over the network a shard of hosts at a time, or from archives that are indexed first and joined with the links."""

from __future__ import annotations

from typing import Any

from pipelines.engine import AfterAll, Numbered, Phase, Tasks
from webtext.config import Config
from webtext.config_file import source_files
from webtext.fetch.archives import index_warc, join_shard
from webtext.fetch.shard import fetch_shard
from webtext.task import Place


def graph(pipeline: Any, place: Place, config: Config) -> None:
    if not config.fetch.warcs:
        pipeline | "Shards" >> Numbered(config.build.shards) | Phase(place, "fetch", fetch_shard, config.fetch)
        return
    archives = [(index, str(path.absolute())) for index, path in enumerate(source_files(config.fetch.warcs, "fetch.warcs"))]
    (
        pipeline
        | "Archives" >> Tasks(archives)
        | Phase(place, "index", index_warc, config.build.shards)
        | "Indexed" >> AfterAll(config.build.shards)
        | Phase(place, "join", join_shard, len(archives), config.fetch, bool(config.links.dumps))
    )
