"""The corpus to token shards: every document is encoded where it lies, one task lays out the files, and each file is written alone."""

from __future__ import annotations

from typing import Any

import apache_beam as beam

from pipelines.engine import Gathered, Numbered, Phase
from webtext.config import Config
from webtext.task import Place
from webtext.tokens.phases import encode_shard, lay_out, write_file


def graph(pipeline: Any, place: Place, config: Config) -> None:
    (
        pipeline
        | "Shards" >> Numbered(config.build.shards)
        | Phase(place, "encode", encode_shard)
        | "Encoded" >> Gathered()
        | Phase(place, "layout", lay_out, config.tokenize)
        | "Files" >> beam.FlatMap(_each)
        | beam.Reshuffle()
        | Phase(place, "write", write_file)
    )


def _each(files: list[list[Any]]) -> list[list[Any]]:
    return files
