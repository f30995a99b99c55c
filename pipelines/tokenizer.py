"""The corpus to a vocabulary: words are counted a shard at a time, the merges are learned from the sum."""

from __future__ import annotations

from typing import Any

from pipelines.engine import CollectAll, Phase, TaskRange, Tasks
from webtext.core.config import Config
from webtext.core.task import StageContext
from webtext.core.texts import corpus_directory
from webtext.tokens.vocabulary import count_shard, take_vocabulary, train_vocabulary


def graph(pipeline: Any, context: StageContext, config: Config) -> None:
    if config.tokenizer.path:
        pipeline | "Given" >> Tasks([(0, config.tokenizer.path)]) | Phase(context, "take", take_vocabulary)
        return
    (
        pipeline
        | "Shards" >> TaskRange(config.build.shards)
        | Phase(context, "count", count_shard, corpus_directory(config))
        | "Counted" >> CollectAll()
        | Phase(context, "train", train_vocabulary, config.tokenizer, ram="8GB")
    )
