"""Benchmarks to overlap reports: matches by the filters, the documents with these matches by the corpus, and one report of both."""

from __future__ import annotations

from typing import Any

import apache_beam as beam

from pipelines.engine import Barrier, Phase, Tasks
from webtext.core.config import Config, OverlapSection
from webtext.core.task import StageContext, TaskRun
from webtext.core.texts import corpus_directory
from webtext.overlap.contamination import count_seeds, sum_counts
from webtext.overlap.phases import locate, measure_benchmark, write_report


def graph(pipeline: Any, context: StageContext, config: Config) -> None:
    shards = config.build.shards
    benchmarks = list(enumerate(config.overlap.benchmarks))
    source = corpus_directory(config)
    measured = pipeline | "Benchmarks" >> Tasks(benchmarks) | Phase(context, "measure", measure_benchmark, config.overlap)
    # The corpus is searched even without a benchmark: a barrier needs an element.
    measured = (measured, pipeline | "Always" >> beam.Create([0])) | beam.Flatten()
    if config.overlap.edits:
        measured = (
            measured
            | "Indexed" >> Barrier(shards)
            | Phase(context, "count", count_seeds, len(benchmarks), source)
            | "Counted" >> Barrier(1)
            | Phase(context, "weigh", sum_counts, shards)
        )
    (
        measured
        | "Measured" >> Barrier(shards)
        | Phase(context, "locate", locate, config.overlap, source)
        | "Located" >> Barrier(1)
        | Phase(context, "report", _report, shards, config.overlap)
    )


def _report(log: TaskRun, _: int, shards: int, section: OverlapSection) -> None:
    write_report(log, shards, section)
