"""The phases of `dedup`, and the way of the data. Text is read twice, by its own shard, and never travels.

    phase            a task for       reads                                       writes
    sign_shard       each part        documents/shard-N.parquet                   duplicates/signatures/shard-N.bin; spills: shingles,
                                      (or a corpus shard of an earlier build)     documents in the order of rank, band keys by partition
    rank_documents   the stage        the ranked documents of all parts, merged   ordinals: a document's place in the order of rank
    join_partition   each partition   the band keys of that partition, all parts  candidates by range of ordinals; crowded buckets
                                      signatures of documents that met
    verify_range     each range       the candidates of that range, all           verified copies, ordered
                     (= partition)    partitions; shingles where in doubt
    settle_stage     the stage        verified copies, range after range;         for each range: who goes, for whose sake, how near
                                      crowded buckets
    decide_shard     each shard       documents/shard-N.parquet again, who goes   corpus/shard-N.parquet, duplicates/pairs/shard-N.parquet,
                                                                                  rejected documents

Where `dedup.decontaminate` names test sets, two phases come before these: webtext.dedup.decontaminated.

Every phase needs all tasks of the one before it. Where a file lies follows from its number, so a task is told nothing but its own
number, and the order of the tasks has no say. A *part* is a shard of documents (0 to shards - 1) or, after these, a shard of an
earlier build's corpus.

Memory: of a part its identities and band keys (some 1,000 bytes a document; signatures and shingles are written as they come); of a
partition some 50 bytes a band key (documents x 22 / partitions) and 100 a candidate; 100 MiB for signatures and shingles. What has an
entry for every document of the build (ordinals, 8 bytes; who goes, 1 byte) is in files that the system maps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from webtext.core.config import DedupSection
from webtext.core.files import writing
from webtext.core.hashing import shard_name
from webtext.core.records import CORPUS, PAIR
from webtext.core.tables import Record, read_table
from webtext.core.task import StageContext, TaskRun
from webtext.dedup.buckets import Comparison, buckets, repeated
from webtext.dedup.decontaminated import documents
from webtext.dedup.earlier import earlier_shards
from webtext.dedup.kernels import ALL_PAIRS, I64, U64
from webtext.dedup.packed import Packed, offsets_of, writing_packed
from webtext.dedup.rank import Order, rank
from webtext.dedup.settle import CROWDED, SETTLED, range_bounds, settle
from webtext.dedup.signed import BANDS, COLUMNS, Signed, scratch_path, sign_part, signature_path
from webtext.dedup.splits import split_of
from webtext.dedup.verify import EDGES, METHODS, distinct_pairs, verify

CANDIDATES = "candidates"


def parts_of(shards: int, section: DedupSection) -> int:
    """The number of tasks of the first phase."""
    return shards + len(earlier_shards(section))


def sign_shard(log: TaskRun, part: int, shards: int, section: DedupSection) -> None:
    """Sign the documents of a part."""
    if part < shards:
        count = 0
        with log.binary(signature_path(part), lambda: count) as output:
            count = sign_part(_watched(log, documents(log.context, part, section, COLUMNS)), section, log.context, part, output.file)
        log.records_in += count
    else:
        path = earlier_shards(section)[part - shards]
        with writing(scratch_path(log.context, part, "signatures")) as output:
            earlier = _watched(log, read_table(path, COLUMNS))
            log.counters["documents-of-earlier-builds"] += sign_part(earlier, section, log.context, part, output.file)


def _watched(log: TaskRun, records: Iterable[Record]) -> Iterator[Record]:
    for record in records:
        log.progress()
        yield record


def rank_documents(log: TaskRun, _: int, shards: int, section: DedupSection) -> None:
    """Give every document its ordinal."""
    rank(log.context, parts_of(shards, section), shards)


def join_partition(log: TaskRun, partition: int, shards: int, section: DedupSection) -> None:
    """Find the candidates of a partition of the band keys."""
    order = Order(log.context)
    signed = Signed(log.context, order.bases, shards)
    ordinals, bounds = buckets(*_met(log.context, partition, order))
    comparison = Comparison(signed, order, section, exact=False)
    candidates, leading = comparison.compare(ordinals, bounds)
    candidates = distinct_pairs(candidates[candidates[:, 0] >= order.earlier])
    with writing_packed(_candidates(log.context, partition), CANDIDATES) as packed:
        packed.count = len(candidates)
        packed.add("pairs", candidates)
        packed.add("starts", np.searchsorted(candidates[:, 0], range_bounds(order.documents, section.partitions)))
    sizes = np.diff(bounds)
    crowded = np.repeat(sizes > ALL_PAIRS, sizes)
    with writing_packed(log.context.scratch_path(f"crowded-{partition:05d}"), CROWDED) as packed:
        packed.count = int((sizes > ALL_PAIRS).sum())
        packed.add("members", ordinals[crowded])
        packed.add("leading", leading[crowded])
        packed.add("bounds", offsets_of(sizes[sizes > ALL_PAIRS]))
    log.counters["buckets"] += len(sizes)
    log.counters["crowded-buckets"] += packed.count
    log.counters["comparisons"] += comparison.comparisons


def _met(context: StageContext, partition: int, order: Order) -> tuple[U64, I64]:
    """The band keys of a partition that occur more than once, and the ordinals of their documents."""
    keys, numbers = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for part, base in enumerate(order.bases[:-1]):
        packed = Packed(scratch_path(context, part, BANDS), BANDS)
        start, stop = packed.read("starts", partition, partition + 2).tolist()
        keys.append(packed.read("keys", start, stop))
        numbers.append(packed.read("rows", start, stop).astype(np.int64) + base)
    all_keys = np.concatenate(keys)
    met = repeated(all_keys)
    return all_keys[met], order.ordinals(np.concatenate(numbers)[met])


def _candidates(context: StageContext, partition: int) -> Path:
    return context.scratch_path(f"candidates-{partition:05d}")


def verify_range(log: TaskRun, index: int, shards: int, section: DedupSection) -> None:
    """Verify the candidates whose later document is in a range of ordinals."""
    order = Order(log.context)
    signed = Signed(log.context, order.bases, shards)
    pieces = []
    for partition in range(section.partitions):
        packed = Packed(_candidates(log.context, partition), CANDIDATES)
        start, stop = packed.read("starts", index, index + 2).tolist()
        pieces.append(packed.read("pairs", start, stop))
    candidates = distinct_pairs(np.concatenate(pieces))
    edges = verify(candidates, signed, order, section)
    with writing_packed(log.context.scratch_path(f"edges-{index:05d}"), EDGES) as packed_edges:
        edges.write(packed_edges)
    log.counters["candidates"] += len(candidates)
    for number, method in enumerate(METHODS):
        log.counters[f"copies-by-{method.replace(' ', '-')}"] += int((edges.method == number).sum())


def settle_stage(log: TaskRun, _: int, shards: int, section: DedupSection) -> None:
    """Decide who stays."""
    order = Order(log.context)
    log.counters["looked-again"] += settle(log.context, order, Signed(log.context, order.bases, shards), shards, section)


def decide_shard(log: TaskRun, shard: int, shards: int, section: DedupSection) -> None:
    """Write the documents of a shard that stay, each with its split, and say of the others what they are copies of."""
    order = Order(log.context)
    gone = _gone(log.context, shard, Signed(log.context, order.bases, shards), section)
    pairs: list[Record] = []
    with log.table(f"corpus/{shard_name(shard)}.parquet", CORPUS) as corpus:
        for row, document in enumerate(documents(log.context, shard, section)):
            log.progress()
            pair = gone.get(row)
            if pair is None:
                document["split"] = split_of(document["id"], section.val_share, section.test_share)
                log.counters[f"split-{document['split']}"] += 1
                log.records_out += 1
                corpus.write(document)
                continue
            earlier = pair.pop("earlier")
            pairs.append({**pair, "removed_id": document["id"], "removed_url": document["url"]})
            exact = pair["method"] == METHODS[0]
            about = "about " if pair["method"] == METHODS[1] else ""
            detail = f"of {pair['kept_url']} ({pair['kept_id']})" + ("" if exact else f", Jaccard {about}{pair['jaccard']:.2f}")
            log.reject(
                document["url"],
                document["id"],
                "exact-copy" if exact else "near-copy",
                detail + (", in an earlier build" if earlier else ""),
            )
    with log.table(f"duplicates/pairs/{shard_name(shard)}.parquet", PAIR) as table:
        for pair in sorted(pairs, key=lambda pair: (pair["removed_id"], pair["removed_url"])):
            table.write(pair)


def _gone(context: StageContext, shard: int, signed: Signed, section: DedupSection) -> dict[int, Record]:
    """The rows of a shard that go, each with what is known of the pair."""
    fields: dict[str, list[np.ndarray]] = {name: [] for name in ("rows", "kept", "jaccard", "method", "band")}
    for index in range(section.partitions):
        packed = Packed(context.scratch_path(f"settled-{index:05d}"), SETTLED)
        start, stop = packed.read("starts", shard, shard + 2).tolist()
        for name, arrays in fields.items():
            arrays.append(packed.read(name, start, stop))
    rows, kept, jaccard, method, band = (np.concatenate(arrays) for arrays in fields.values())
    ids, urls, parts = signed.ids(kept), signed.urls(kept), signed.parts_of(kept)
    return {
        int(row): {
            "kept_id": ids[i],
            "kept_url": urls[i],
            "jaccard": float(jaccard[i]),
            "method": METHODS[method[i]],
            "band": int(band[i]) if band[i] >= 0 else None,
            "earlier": bool(parts[i] >= signed.shards),
        }
        for i, row in enumerate(rows)
    }
