"""Documents to a corpus without copies: six phases, each after all of the one before; see webtext.dedup.phases for what passes between.
Where test sets are kept out two more come first: webtext.dedup.decontamination."""

from __future__ import annotations

from typing import Any

from pipelines.engine import Barrier, Phase, TaskRange, Tasks
from webtext.core.config import Config
from webtext.core.task import StageContext
from webtext.dedup import decontamination, phases


def graph(pipeline: Any, context: StageContext, config: Config) -> None:
    shards, section = config.build.shards, config.dedup
    parts = phases.parts_of(shards, section)
    if section.decontaminate:
        start = (
            pipeline
            | "TestSets" >> Tasks(enumerate(section.decontaminate))
            | Phase(context, "testsets", decontamination.index_test_set, section)
            | "Indexed" >> Barrier(shards)
            | Phase(context, "quotations", decontamination.find_quotations, section)
            | "Found" >> Barrier(parts)
        )
    else:
        start = pipeline | "Parts" >> TaskRange(parts)
    (
        start
        | Phase(context, "sign", phases.sign_shard, shards, section)
        | "Signed" >> Barrier(1)
        | Phase(context, "rank", phases.rank_documents, shards, section)
        | "Ranked" >> Barrier(section.partitions)
        | Phase(context, "join", phases.join_partition, shards, section, ram="4GB")
        | "Joined" >> Barrier(section.partitions)
        | Phase(context, "verify", phases.verify_range, shards, section, ram="4GB")
        | "Verified" >> Barrier(1)
        | Phase(context, "settle", phases.choose_all_survivors, shards, section)
        | "Settled" >> Barrier(shards)
        | Phase(context, "decide", phases.decide_shard, shards, section)
    )
