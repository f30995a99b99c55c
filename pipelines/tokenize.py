"""The corpus to token shards: every document is encoded where it lies, one task lays out the files, and each file is written alone,
and the splits in other formats after them."""

from __future__ import annotations

from typing import Any

import apache_beam as beam

from pipelines.engine import Barrier, CollectAll, Phase, TaskRange
from webtext.core.config import Config
from webtext.core.records import SPLITS
from webtext.core.task import StageContext
from webtext.core.texts import corpus_directory
from webtext.tokens.phases import convert, encode_shard, lay_out, write_file


def graph(pipeline: Any, context: StageContext, config: Config) -> None:
    files = (
        pipeline
        | "Shards" >> TaskRange(config.build.shards)
        | Phase(context, "encode", encode_shard, config.tokenize, corpus_directory(config))
        | "Encoded" >> CollectAll()
        | Phase(context, "layout", lay_out, config.tokenize)
        | "Files" >> beam.FlatMap(_each)
        | beam.Reshuffle()
        | Phase(context, "write", write_file)
    )
    if config.tokenize.format:
        tasks = len(config.tokenize.format) * len(SPLITS)
        files | "Written" >> Barrier(tasks) | Phase(context, "convert", convert, config.tokenize.format)


def _each(files: list[list[Any]]) -> list[list[Any]]:
    return files
