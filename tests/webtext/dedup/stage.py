"""Runs the phases of dedup one after another, as a graph would, and reads what they wrote."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from webtext.core.config import DedupSection
from webtext.core.hashing import shard_of_url, url_id
from webtext.core.manifest import Manifest, build_manifest
from webtext.core.records import CLEANED
from webtext.core.tables import Record, read_table, writing_table
from webtext.core.task import Report, StageContext, run_task
from webtext.dedup import phases

HOSTS = 7


def document(number: int | str, text: str, created_utc: int | None = None, score: int | None = 3, url: str = "") -> Record:
    """A document of the given text, by default as old as its number says."""
    url = url or f"http://host{hash_of(number) % HOSTS}.example/{number}"
    return {
        "id": url_id(url),
        "url": url,
        "title": f"title of {number}",
        "text": text,
        "language": "en",
        "extractor": "test",
        "score": score,
        "subreddits": ["test"],
        "created_utc": number if created_utc is None and isinstance(number, int) else created_utc,
        "meta": None,
    }


def hash_of(number: int | str) -> int:
    return sum(map(ord, str(number)))


def write_documents(build: Path, documents: Sequence[Record], shards: int) -> None:
    from webtext.core.hashing import shard_name

    for shard in range(shards):
        with writing_table(build / "cleaned" / f"{shard_name(shard)}.parquet", CLEANED) as table:
            for record in documents:
                if shard_of_url(record["url"], shards) == shard:
                    table.write(record)


def run(build: Path, section: DedupSection, shards: int, shuffle: int = 0) -> tuple[Manifest, list[Report]]:
    """Run the stage on cleaned/; `shuffle` seeds the order of the tasks of each phase."""
    context = StageContext(build, "dedup", "fingerprint")
    order = random.Random(shuffle)
    reports: list[Report] = []

    def phase(function: Any, tasks: Sequence[tuple[str, tuple[Any, ...]]], *further: Any) -> None:
        for name, arguments in order.sample(list(tasks), len(tasks)):
            reports.append(run_task(context, name, function, *arguments, shards, section, *further))

    partitions = range(section.partitions)
    phase(phases.sign_shard, [(f"sign-{part:05d}", (part,)) for part in range(phases.parts_of(shards, section))], "cleaned")
    phase(phases.rank_documents, [("rank", (0,))])
    phase(phases.join_partition, [(f"join-{index:05d}", (index,)) for index in partitions])
    phase(phases.verify_range, [(f"verify-{index:05d}", (index,)) for index in partitions])
    phase(phases.choose_all_survivors, [("settle", (0,))])
    phase(phases.decide_shard, [(f"decide-{shard:05d}", (shard,)) for shard in range(shards)], "cleaned")
    manifest = build_manifest("dedup", "documents", reports, fingerprint="fingerprint", configuration={}, inputs={}, sources=[])
    return manifest, reports


def dedup(build: Path, documents: Sequence[Record], *, shards: int = 3, shuffle: int = 0, **keys: Any) -> Manifest:
    """Write the documents and run the stage on them."""
    section = DedupSection(**{"partitions": 4, **keys})
    write_documents(build, documents, shards)
    return run(build, section, shards, shuffle)[0]


def read_all(build: Path, pattern: str) -> list[Record]:
    return [record for path in sorted(build.glob(pattern)) for record in read_table(path)]


def corpus(build: Path) -> dict[str, Record]:
    """What stays, by URL."""
    return {record["url"]: record for record in read_all(build, "corpus/*.parquet")}


def pairs(build: Path) -> dict[str, Record]:
    """Pairs by the URL of the document that went."""
    return {record["removed_url"]: record for record in read_all(build, "duplicates/pairs/*.parquet")}


def rejected(build: Path) -> dict[str, Record]:
    return {record["url"]: record for record in read_all(build, "stages/dedup/rejected/*.parquet")}


def contents(build: Path, manifest: Manifest) -> dict[str, bytes]:
    """The bytes of all files that the manifest names."""
    return {file.path: (build / file.path).read_bytes() for file in manifest.shards}
