"""The corpus to filters of its 8-grams: hashes meet in the partition that their value names."""

from __future__ import annotations

from typing import Any

from pipelines.engine import Barrier, Phase, TaskRange
from webtext.core.config import Config
from webtext.core.task import StageContext
from webtext.core.texts import corpus_directory
from webtext.ngrams.phases import build_filter, hash_shard


def graph(pipeline: Any, context: StageContext, config: Config) -> None:
    shards = config.build.shards
    (
        pipeline
        | "Shards" >> TaskRange(shards)
        | Phase(context, "hash", hash_shard, config.ngrams, corpus_directory(config))
        | "Hashed" >> Barrier(config.ngrams.partitions)
        | Phase(context, "filter", build_filter, shards, config.ngrams, ram="4GB")
    )
