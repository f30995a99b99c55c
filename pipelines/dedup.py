"""Documents to a corpus without copies: six phases, each after all of the one before; see webtext.dedup.phases for what passes between.
Where test sets are kept out two more come first: webtext.dedup.decontamination. Where copies stay, only the last follows."""

from __future__ import annotations

from typing import Any

from pipelines.engine import Barrier, Phase, TaskRange, Tasks
from webtext.core.config import Config
from webtext.core.task import StageContext
from webtext.core.texts import cleaned_directory
from webtext.dedup import decontamination, phases
from webtext.overlap import contamination


def graph(pipeline: Any, context: StageContext, config: Config) -> None:
    shards, section, source = config.build.shards, config.dedup, cleaned_directory(config)
    first = phases.parts_of(shards, section) if section.copies else shards
    if section.decontaminate:
        start = (
            pipeline
            | "TestSets" >> Tasks(enumerate(section.decontaminate))
            | Phase(context, "testsets", decontamination.index_test_set, section)
            | "Indexed" >> Barrier(shards)
        )
        if section.decontaminate_edits:
            start = (
                start
                | Phase(context, "count", contamination.count_seeds, len(section.decontaminate), source)
                | "Counted" >> Barrier(1)
                | Phase(context, "weigh", contamination.sum_counts, shards)
                | "Weighed" >> Barrier(shards)
            )
        start = start | Phase(context, "quotations", decontamination.find_quotations, section, source) | "Found" >> Barrier(first)
    else:
        start = pipeline | "Parts" >> TaskRange(first)
    if section.copies:
        start = (
            start
            | Phase(context, "sign", phases.sign_shard, shards, section, source)
            | "Signed" >> Barrier(1)
            | Phase(context, "rank", phases.rank_documents, shards, section)
            | "Ranked" >> Barrier(section.partitions)
            | Phase(context, "join", phases.join_partition, shards, section, ram="4GB")
            | "Joined" >> Barrier(section.partitions)
            | Phase(context, "verify", phases.verify_range, shards, section, ram="4GB")
            | "Verified" >> Barrier(1)
            | Phase(context, "settle", phases.choose_all_survivors, shards, section)
            | "Settled" >> Barrier(shards)
        )
    start | Phase(context, "decide", phases.decide_shard, shards, section, source)
