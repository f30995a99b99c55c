"""Who stays.

The rule. Documents are taken in the order of rank (`rank`). A document goes if it has a near copy (`verify`) that met it in a bucket, ranks
before it and stays; otherwise it stays. So of the documents that met, no two that stay are near copies; every document that goes
has a near copy that stays, and the records name it; and nothing is closed transitively: where B is a copy of A, and C of B but not of A,
A and C stay. Documents of earlier builds stay by fiat: so month by month gives what one build of all months gives.

In crowded buckets a document was compared with a few leaders alone, and a leader that goes for another document's sake is no reason
for its followers to go. So those that stay are compared with each other again, and what is found is added to the edges, until
nothing is found. Then whoever goes has a verified earlier copy that stays, and between those that stay there is none: that is the
rule's only solution for all pairs of all buckets, whichever of them were compared. (Pairs that nobody looks at are left
where more than LEADERS documents of one bucket stay.)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from webtext.core.config import DedupSection
from webtext.core.task import StageContext
from webtext.dedup.buckets import Comparison
from webtext.dedup.kernels import I64, Bytes, settle_greedily
from webtext.dedup.packed import Packed, offsets_of, writing_packed
from webtext.dedup.rank import Order, scratch
from webtext.dedup.signed import Signed
from webtext.dedup.verify import EDGES, Edges, distinct_pairs, verify

CROWDED = "crowded buckets"
SETTLED = "settled"


def range_bounds(documents: int, ranges: int) -> I64:
    """The first ordinal of each range of ordinals, with the number of documents at the end: (ranges + 1,)."""
    return np.array([documents * index // ranges for index in range(ranges + 1)], np.int64)


def settle(context: StageContext, order: Order, signed: Signed, shards: int, section: DedupSection) -> int:
    """Write who goes, and for whose sake, as SETTLED files. Returns how often crowded buckets had to be looked at again."""
    bounds = range_bounds(order.documents, section.partitions)
    more = [Edges.none() for _ in range(section.partitions)]  # what was found when looking again: a few
    rounds = 0
    with scratch(context.scratch_path("removed"), np.uint8, order.documents) as removed:
        while True:
            for index in range(section.partitions):
                _choose(_edges(context, index, more[index]), removed, order.earlier)
            found = [edges for edges in _look_again(context, order, signed, section, removed) if len(edges)]
            if not found:
                break
            rounds += 1
            for edges in found:
                for index, piece in enumerate(edges.split(bounds)):
                    more[index] = more[index].merge(piece)
        for index in range(section.partitions):
            edges = _edges(context, index, more[index])
            _write(context, index, edges.take(_choose(edges, removed, order.earlier)), order, signed, shards)
    return rounds


def _edges(context: StageContext, index: int, more: Edges) -> Edges:
    return Edges.read(Packed(context.scratch_path(f"edges-{index:05d}"), EDGES)).merge(more)


def _choose(edges: Edges, removed: Bytes, earlier: int) -> I64:
    """Settle the documents of a range; those of the ranges before it are settled. Returns the edges by which documents go."""
    choice = np.empty(len(edges), np.int64)
    settle_greedily(edges.later, edges.earlier, removed, choice, earlier)
    return np.flatnonzero(choice)


def _look_again(context: StageContext, order: Order, signed: Signed, section: DedupSection, removed: Bytes) -> Iterator[Edges]:
    """Near copies among the documents that stay, of crowded buckets where one that was not a leader stays."""
    comparison = Comparison(signed, order, section, exact=True)
    for partition in range(section.partitions):
        crowded = Packed(context.scratch_path(f"crowded-{partition:05d}"), CROWDED)
        if not crowded.count:
            continue
        members, leading, bounds = (crowded.read(name) for name in ("members", "leading", "bounds"))
        stays = removed[members] == 0
        followers = np.add.reduceat(stays & (leading == 0), bounds[:-1])
        stays &= np.repeat(followers > 0, np.diff(bounds))
        left = np.add.reduceat(stays, bounds[:-1], dtype=np.int64)
        candidates, _ = comparison.compare(members[stays], offsets_of(left[left > 0]))
        candidates = candidates[candidates[:, 0] >= order.earlier]
        yield verify(distinct_pairs(candidates), signed, order, section)


def _write(context: StageContext, index: int, edges: Edges, order: Order, signed: Signed, shards: int) -> None:
    """Write the documents that go in the order of their shards and rows."""
    numbers = order.numbers(edges.later)
    by_number = np.argsort(numbers)
    numbers, edges = numbers[by_number], edges.take(by_number)
    parts = signed.parts_of(numbers)
    with writing_packed(context.scratch_path(f"settled-{index:05d}"), SETTLED) as packed:
        packed.count = len(edges)
        packed.add("starts", offsets_of(np.bincount(parts, minlength=shards)))
        packed.add("rows", numbers - signed.bases[parts])
        packed.add("kept", order.numbers(edges.earlier))
        packed.add("jaccard", edges.jaccard)
        packed.add("method", edges.method)
        packed.add("band", edges.band)
