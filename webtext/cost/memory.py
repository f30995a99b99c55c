"""The memory of a worker by the sizes of its shards and partitions, which a small sample cannot show."""

from __future__ import annotations

from math import log
from typing import NamedTuple

from webtext.core.config import Config
from webtext.cost.extrapolate import Rates, Work, by_words, volumes

MiB = 2**20
FIXED = "buffers"

# For each stage sums of (bytes a unit, unit), of which the largest counts, beside the interpreter; docs/scale.md has them measured.
GROWTH: dict[str, list[list[tuple[float, str]]]] = {
    "links": [[(3_000, "posts of a round")], [(2_600, "posts of a shard")]],  # as Python objects; while sorted, with a copy and keys
    "fetch": [[(1_200, "links of a shard"), (2_500, "archived pages of a shard"), (200_000, "hosts at once")]],
    "extract": [[(1_200, "pages of a shard"), (96 * MiB, FIXED)]],
    "dedup": [
        [(1_000, "documents of a shard"), (96 * MiB, FIXED)],
        [(50, "band keys of a partition"), (100 * MiB, FIXED)],
        [(375, "documents in the merge of ranks")],
    ],
    "ngrams": [[(1, "bytes of a filter"), (160 * MiB, FIXED)]],
    "tokenizer": [[(110, "distinct words")]],  # while merges are learned
    "tokenize": [[(200, "documents of a shard"), (700, "documents of a token file"), (96 * MiB, FIXED)]],
}


class Need(NamedTuple):
    """The memory of a worker of a stage in bytes, and what decides it."""

    bytes: float
    why: str


def bits_a_key(error_rate: float) -> float:
    """Bits of a Bloom filter for each of its keys.

    >>> round(bits_a_key(1e-8), 1)
    38.3
    """
    return -log(error_rate) / log(2) ** 2


def needs(rates: Rates, work: Work, config: Config) -> dict[str, Need]:
    """The memory of a worker in each stage: at least the sample's, else the interpreter's and what grows with a shard or a partition."""
    entering = volumes(rates, work)
    shards, ngrams = config.build.shards, config.ngrams
    links, documents, corpus = (entering.get(name, 0.0) for name in ("fetch", "dedup", "ngrams"))
    units = {
        FIXED: 1.0,
        "posts of a round": min(entering.get("links", 0.0), 100_000),  # webtext.links holds so many
        "posts of a shard": links * 1.3 / shards,  # posts of a link, on WebText's dumps
        "links of a shard": links / shards,
        "archived pages of a shard": (work.archive_pages or 0) / shards,
        "hosts at once": 0.0 if config.fetch.warcs else config.fetch.hosts_at_once,
        "pages of a shard": entering.get("extract", 0.0) / shards,
        "documents of a shard": documents / shards,
        "band keys of a partition": documents * 18 / config.dedup.partitions,  # 17 bands and the hash of the text
        "documents in the merge of ranks": min(max(2**18 / shards, 1_024), documents / shards) * shards,  # webtext.dedup.rank
        "bytes of a filter": rates.ngrams * corpus / ngrams.partitions * bits_a_key(ngrams.error_rate) / 8,
        "distinct words": rates.words * by_words(rates, corpus),
        "documents of a token file": config.tokenize.shard_tokens / rates.tokens if rates.tokens else 0.0,
    }
    floor = {name: float(rates.stages[name].peak) for name in work.phases if name in rates.stages}
    base = min((peak for peak in floor.values() if peak), default=0.0)
    found = {name: Need(peak, "as in the sample") for name, peak in floor.items() if peak}
    for name in work.phases.keys() & GROWTH.keys():
        for terms in GROWTH[name]:
            size = base + sum(each * units[unit] for each, unit in terms)
            if name not in found or size > found[name].bytes:
                found[name] = Need(size, ", ".join(unit for _, unit in terms))
    return {name: found[name] for name in work.phases if name in found}
