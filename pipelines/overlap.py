"""Benchmarks against the filters; what is found is looked for in the corpus, and all of it goes into one report."""

from __future__ import annotations

from typing import Any

import apache_beam as beam

from pipelines.engine import AfterAll, Phase, Tasks
from webtext.config import Config, OverlapSection
from webtext.overlap.phases import locate, measure_benchmark, write_report
from webtext.task import Place, TaskLog


def graph(pipeline: Any, place: Place, config: Config) -> None:
    shards = config.build.shards
    benchmarks = list(enumerate(config.overlap.benchmarks))
    measured = pipeline | "Benchmarks" >> Tasks(benchmarks) | Phase(place, "measure", measure_benchmark, config.overlap)
    # Shards are looked through also where there is no benchmark.
    always = pipeline | "Always" >> beam.Create([0])
    (
        (measured, always)
        | beam.Flatten()
        | "Measured" >> AfterAll(shards)
        | Phase(place, "locate", locate, config.overlap)
        | "Located" >> AfterAll(1)
        | Phase(place, "report", _report, shards, config.overlap)
    )


def _report(log: TaskLog, _: int, shards: int, section: OverlapSection) -> None:
    write_report(log, shards, section)
