"""The corpus to filters of its 8-grams: hashes meet in the partition that their value names."""

from __future__ import annotations

from typing import Any

from pipelines.engine import AfterAll, Numbered, Phase
from webtext.config import Config
from webtext.ngrams.phases import build_filter, hash_shard
from webtext.task import Place


def graph(pipeline: Any, place: Place, config: Config) -> None:
    shards = config.build.shards
    (
        pipeline
        | "Shards" >> Numbered(shards)
        | Phase(place, "hash", hash_shard, config.ngrams)
        | "Hashed" >> AfterAll(config.ngrams.partitions)
        | Phase(place, "filter", build_filter, shards, config.ngrams, ram="4GB")
    )
