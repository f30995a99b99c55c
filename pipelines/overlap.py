"""Benchmarks against the filters; what is found is looked for in the corpus, and all of it goes into one report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam

from pipelines.engine import ByPartition, Phase, Tasks
from webtext.config import Config, OverlapSection
from webtext.overlap.phases import locate, measure_benchmark, write_report
from webtext.task import Place, TaskLog

NONE = ""  # the output of no benchmark: shards are located also where there is none


def graph(pipeline: Any, place: Place, config: Config) -> None:
    benchmarks = list(enumerate(config.overlap.benchmarks))
    measured = pipeline | "Benchmarks" >> Tasks(benchmarks) | Phase(place, "measure", measure_benchmark, config.overlap)
    always = pipeline | "Always" >> beam.Create([(0, NONE)])
    (
        (measured, always)
        | beam.Flatten()
        | "AllBenchmarks" >> ByPartition()
        | "Shards" >> beam.FlatMap(_every_shard, config.build.shards)
        | beam.Reshuffle()
        | Phase(place, "locate", locate, config.overlap)
        | "AllShards" >> ByPartition()
        | Phase(place, "report", _report, config.overlap)
    )


def _every_shard(_: Any, shards: int) -> Iterator[tuple[int]]:
    return ((shard,) for shard in range(shards))


def _report(log: TaskLog, _: int, located: list[str], section: OverlapSection) -> None:
    write_report(log, len(located), section)
