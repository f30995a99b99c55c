"""Documents to a corpus without copies: six phases, each after all of the one before; see webtext.dedup.phases for what passes between.
Where test sets are kept out two more come first: webtext.dedup.decontaminated."""

from __future__ import annotations

from typing import Any

import apache_beam as beam

from pipelines.engine import ByPartition, Phase, Tasks
from webtext.config import Config
from webtext.dedup import decontaminated, phases
from webtext.task import Place


class AfterAll(beam.PTransform):  # type: ignore[misc]
    """The tasks of the next phase, once all of this one are done: each names them all, and each is started once."""

    def expand(self, named: Any) -> Any:
        return named | ByPartition() | beam.Map(_index_alone)


def _index_alone(element: tuple[int, list[str]]) -> tuple[int]:
    return (element[0],)


def graph(pipeline: Any, place: Place, config: Config) -> None:
    shards, section = config.build.shards, config.dedup
    parts = phases.parts_of(shards, section)
    if section.decontaminate:
        start = (
            pipeline
            | "TestSets" >> Tasks(enumerate(section.decontaminate))
            | Phase(place, "testsets", decontaminated.index_test_set, shards, section)
            | "Indexed" >> AfterAll()
            | Phase(place, "quotations", decontaminated.find_quotations, parts, section)
            | "Found" >> AfterAll()
        )
    else:
        start = pipeline | "Parts" >> Tasks((part,) for part in range(parts))
    (
        start
        | Phase(place, "sign", phases.sign_shard, shards, section)
        | "Signed" >> AfterAll()
        | Phase(place, "rank", phases.rank_documents, shards, section)
        | "Ranked" >> AfterAll()
        | Phase(place, "join", phases.join_partition, shards, section)
        | "Joined" >> AfterAll()
        | Phase(place, "verify", phases.verify_range, shards, section)
        | "Verified" >> AfterAll()
        | Phase(place, "settle", phases.settle_stage, shards, section)
        | "Settled" >> AfterAll()
        | Phase(place, "decide", phases.decide_shard, shards, section)
    )
