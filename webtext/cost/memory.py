"""The memory of a worker by the sizes of its partitions: formulas of the stages' own bounds, checked by benchmarks/scale.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

from webtext.cost.model import Rates, Work, by_words, volumes

MiB = 2**20
POST_BYTES = 2_600  # of a post in a shard of links while it is sorted: Arrow, its copy in order, keys
POSTS_A_LINK = 1.3  # that pass the rules
ROUND_POSTS, ROUND_BYTES = 100_000, 3_000  # of parse: posts that are held at a time, as Python objects and as the batches made of them
LINK_BYTES = 1_200  # of a link of a shard in fetch and of a row in extract
CAPTURE_BYTES = 2_500  # of a page of an archive's index
SIGNED_BYTES = 1_000  # of a document of a shard in sign
KEY_BYTES = 50  # of a band key of a partition in join
BANDS = 18  # band keys of a document: 17 bands and the text's hash
CANDIDATE_BYTES = 100
COMPARED = 100 * MiB  # signatures and shingles at a time
RANKED_BYTES = 375  # of a document in the merge of ranks
RANK_HELD, RANK_LEAST = 2**18, 1_024  # webtext.dedup.rank
RUN_BYTES = 64 * MiB  # hashes before they are sorted and written
MERGE_BYTES = 160 * MiB
WORD_BYTES = 110  # of a distinct word while merges are learned
ROW_GROUP = 96 * MiB  # a batch of documents being read or written


@dataclass(frozen=True)
class Need:
    """The memory of a worker of a stage in bytes, and what decides it."""

    bytes: float
    why: str


def bits_a_key(error_rate: float) -> float:
    """Bits of a Bloom filter for each of its keys.

    >>> round(bits_a_key(1e-8), 1)
    38.3
    """
    return -log(error_rate) / log(2) ** 2


def needs(rates: Rates, work: Work, config: Sizes) -> dict[str, Need]:
    """The memory of a worker in each stage: the floor that the sample showed, and what grows with a shard or a partition."""
    entering = volumes(rates, work)
    shards = config.shards
    documents = entering.get("dedup", 0.0)
    corpus = entering.get("ngrams", 0.0)
    tasks = {name: max(phases.values(), default=1) for name, phases in work.phases.items()}
    grown: dict[str, tuple[float, str]] = {
        "links": (
            max(min(entering.get("links", 0), ROUND_POSTS) * ROUND_BYTES, entering.get("fetch", 0) * POSTS_A_LINK / shards * POST_BYTES),
            "posts of a shard, or a round of a dump",
        ),
        "fetch": (
            entering.get("fetch", 0) / shards * LINK_BYTES + (work.archive_pages or 0) / shards * CAPTURE_BYTES + config.fetch_bytes,
            "links and captures of a shard; on the network hosts_at_once pages",
        ),
        "extract": (entering.get("extract", 0) / shards * LINK_BYTES + ROW_GROUP, "rows of a shard; the child has page_memory at the most"),
        "dedup": (_dedup(documents, config), "band keys of a partition, or identities of a shard, or the merge of ranks"),
        "ngrams": (
            max(2 * RUN_BYTES, rates.ngrams * corpus / config.ngram_partitions * bits_a_key(config.error_rate) / 8 + MERGE_BYTES),
            "the filter of a partition",
        ),
        "tokenizer": (
            rates.words * by_words(rates, corpus) * WORD_BYTES,
            "distinct words of the corpus (Heaps' law from the sample on)",
        ),
        "tokenize": (ROW_GROUP + corpus / max(shards, 1) * 200 + config.shard_documents(rates) * 700, "rows of a token file"),
    }
    floor = {name: float(rates.stages[name].peak) if name in rates.stages else 0.0 for name in tasks}
    base = min((peak for peak in floor.values() if peak), default=0.0)
    return {
        name: Need(max(floor[name], base + grown[name][0]), grown[name][1]) if name in grown else Need(floor[name], "sample")
        for name in tasks
        if name in grown or floor[name]
    }


def _dedup(documents: float, config: Sizes) -> float:
    parts = max(config.shards, 1)
    merged = min(max(RANK_HELD / parts, RANK_LEAST), documents / parts) * parts * RANKED_BYTES
    joined = documents * BANDS / config.dedup_partitions * KEY_BYTES + COMPARED
    return max(documents / parts * SIGNED_BYTES + ROW_GROUP, joined, merged)


@dataclass(frozen=True)
class Sizes:
    """What of a configuration decides memory."""

    shards: int
    dedup_partitions: int
    ngram_partitions: int
    error_rate: float
    shard_tokens: int
    fetch_bytes: float = 0.0

    def shard_documents(self, rates: Rates) -> float:
        """Documents of a token file."""
        return self.shard_tokens / rates.tokens if rates.tokens else 0.0


def largest(found: Mapping[str, Need]) -> tuple[str, Need]:
    """The stage that needs most."""
    name = max(found, key=lambda stage: (found[stage].bytes, stage))
    return name, found[name]
