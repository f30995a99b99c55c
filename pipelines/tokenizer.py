"""The corpus to a vocabulary: words are counted a shard at a time, the merges are learned from the sum."""

from __future__ import annotations

from typing import Any

from pipelines.engine import Gathered, Numbered, Phase, Tasks
from webtext.config import Config
from webtext.task import Place
from webtext.tokens.vocabulary import count_shard, take_vocabulary, train_vocabulary


def graph(pipeline: Any, place: Place, config: Config) -> None:
    if config.tokenizer.path:
        pipeline | "Given" >> Tasks([(0, config.tokenizer.path)]) | Phase(place, "take", take_vocabulary)
        return
    (
        pipeline
        | "Shards" >> Numbered(config.build.shards)
        | Phase(place, "count", count_shard)
        | "Counted" >> Gathered()
        | Phase(place, "train", train_vocabulary, config.tokenizer, ram="8GB")
    )
