"""Documents to a corpus without copies: six phases, each after all of the one before; see webtext.dedup.phases for what passes between.
Where test sets are kept out two more come first: webtext.dedup.decontaminated."""

from __future__ import annotations

from typing import Any

from pipelines.engine import AfterAll, Numbered, Phase, Tasks
from webtext.config import Config
from webtext.dedup import decontaminated, phases
from webtext.task import Place


def graph(pipeline: Any, place: Place, config: Config) -> None:
    shards, section = config.build.shards, config.dedup
    parts = phases.parts_of(shards, section)
    if section.decontaminate:
        start = (
            pipeline
            | "TestSets" >> Tasks(enumerate(section.decontaminate))
            | Phase(place, "testsets", decontaminated.index_test_set, section)
            | "Indexed" >> AfterAll(shards)
            | Phase(place, "quotations", decontaminated.find_quotations, section)
            | "Found" >> AfterAll(parts)
        )
    else:
        start = pipeline | "Parts" >> Numbered(parts)
    (
        start
        | Phase(place, "sign", phases.sign_shard, shards, section)
        | "Signed" >> AfterAll(1)
        | Phase(place, "rank", phases.rank_documents, shards, section)
        | "Ranked" >> AfterAll(section.partitions)
        | Phase(place, "join", phases.join_partition, shards, section, ram="4GB")
        | "Joined" >> AfterAll(section.partitions)
        | Phase(place, "verify", phases.verify_range, shards, section, ram="4GB")
        | "Verified" >> AfterAll(1)
        | Phase(place, "settle", phases.settle_stage, shards, section)
        | "Settled" >> AfterAll(shards)
        | Phase(place, "decide", phases.decide_shard, shards, section)
    )
