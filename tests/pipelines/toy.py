"""A stage of two phases for the tests of the engine: numbers to the sums of their remainders."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, cast

from pipelines.engine import Barrier, Phase, TaskRange
from pipelines.stage import Stage
from webtext.core.config import Config
from webtext.core.errors import WebtextError
from webtext.core.files import read_json, to_json, write_bytes
from webtext.core.task import StageContext, TaskRun

SHARDS, PARTITIONS, EACH = 8, 3, 50


def scatter(log: TaskRun, shard: int, mood: str) -> None:
    if mood == "slow":
        time.sleep(0.2)
    if mood == "die" and shard == 5:
        os._exit(9)
    if mood == "refuse" and shard == 5:
        raise WebtextError("shard 5 is bad: mend it")
    if mood == "defect" and shard == 5:
        raise KeyError("oops")
    numbers = range(shard * EACH, (shard + 1) * EACH)
    log.records_in += EACH
    log.progress(EACH)
    write_bytes(log.context.scratch_path(f"numbers-{shard}"), to_json(list(numbers)))


def gather(log: TaskRun, part: int, shards: int) -> None:
    lists = [cast(list[int], read_json(log.context.scratch_path(f"numbers-{shard}"))) for shard in range(shards)]
    numbers = [number for numbers in lists for number in numbers if number % PARTITIONS == part]
    for number in numbers:
        if number % 10:
            log.records_out += 1
        else:
            log.reject(f"http://{number}", "", "round")
    with log.binary(f"toy/part-{part}.json") as output:
        output.file.write(to_json({"sum": sum(numbers), "count": len(numbers)}))


def graph(pipeline: Any, context: StageContext, config: Config) -> None:
    mood = config.fetch.contact
    (
        pipeline
        | TaskRange(SHARDS)
        | Phase(context, "scatter", scatter, mood)
        | Barrier(PARTITIONS)
        | Phase(context, "gather", gather, SHARDS)
    )  # fmt: skip


TOY = Stage(
    name="toy",
    directory="toy",
    unit="numbers",
    reads=(),
    sections=("dedup",),
    phases=lambda config: {"scatter": SHARDS, "gather": PARTITIONS},
    graph="tests.pipelines.toy",
)


def content(build: Path) -> dict[str, bytes]:
    """All files of a build but manifests, by path."""
    return {
        str(path.relative_to(build)): path.read_bytes() for path in sorted(build.rglob("*")) if path.is_file() and path.suffix == ".json"
    }
