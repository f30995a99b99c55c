"""Which documents are kept and which are removed as copies.

The rule. Documents are taken in the order of rank (`rank`). A document is removed if it has a near copy (`verify`) that was in a bucket
with it, ranks before it and is kept; otherwise it is kept. So no two kept documents of one bucket are near copies; every removed document
has a near copy that is kept, and the records name it; and nothing is closed transitively: where B is a copy of A, and C of B but not of A,
A and C are kept. Documents of earlier builds are always kept: so building month by month gives what one build of all months gives.

In large buckets a document was compared with a few leaders alone, and a leader that is removed for another document does not remove its
followers. So the kept ones are compared with each other again, and what is found is added to the edges, until nothing more is
found. Then every removed document has a verified earlier copy that is kept, and no kept documents are copies of each other: that is the
rule's only solution for all pairs of all buckets, whichever of them were compared. (Uncompared pairs may remain where more than LEADERS
documents of one bucket are kept.)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from webtext.core.config import DedupSection
from webtext.core.task import StageContext
from webtext.dedup.arrow_files import ArrowFile, offsets_of, writing_arrow
from webtext.dedup.buckets import Comparison
from webtext.dedup.kernels import I64, Bytes, remove_copies
from webtext.dedup.rank import RankIndex, memmap_output
from webtext.dedup.signatures import SignatureStore
from webtext.dedup.verify import EDGES, Edges, distinct_pairs, verify

LARGE_BUCKETS = "large buckets"
REMOVED = "removed documents"


def range_bounds(documents: int, ranges: int) -> I64:
    """The first ordinal of each range of ordinals, with the number of documents at the end: (ranges + 1,)."""
    return np.array([documents * index // ranges for index in range(ranges + 1)], np.int64)


def choose_survivors(context: StageContext, ranks: RankIndex, store: SignatureStore, shards: int, section: DedupSection) -> int:
    """Write which documents are removed, and as copies of which, to removed-N. Returns how often large buckets were compared again."""
    bounds = range_bounds(ranks.documents, section.partitions)
    more = [Edges.none() for _ in range(section.partitions)]  # found by comparing again: few
    rounds = 0
    with memmap_output(context.scratch_path("is_removed.npy"), np.uint8, ranks.documents) as removed:
        while True:
            for index in range(section.partitions):
                _remove(_edges(context, index, more[index]), removed, ranks.earlier)
            found = [edges for edges in _compare_again(context, ranks, store, section, removed) if len(edges)]
            if not found:
                break
            rounds += 1
            for edges in found:
                for index, piece in enumerate(edges.split(bounds)):
                    more[index] = more[index].merge(piece)
        for index in range(section.partitions):
            edges = _edges(context, index, more[index])
            _write(context, index, edges.select(_remove(edges, removed, ranks.earlier)), ranks, store, shards)
    return rounds


def _edges(context: StageContext, index: int, more: Edges) -> Edges:
    return Edges.read(ArrowFile(context.scratch_path(f"edges-{index:05d}"), EDGES)).merge(more)


def _remove(edges: Edges, removed: Bytes, earlier: int) -> I64:
    """Decide on the documents of a range, after those of the ranges before it. Returns the edges by which documents are removed."""
    choice = np.empty(len(edges), np.int64)
    remove_copies(edges.later, edges.earlier, removed, choice, earlier)
    return np.flatnonzero(choice)


def _compare_again(
    context: StageContext, ranks: RankIndex, store: SignatureStore, section: DedupSection, removed: Bytes
) -> Iterator[Edges]:
    """Near copies among the kept documents of large buckets in which a document that was not a leader is kept."""
    comparison = Comparison(store, ranks, section, exact=True)
    for partition in range(section.partitions):
        file = ArrowFile(context.scratch_path(f"large-buckets-{partition:05d}"), LARGE_BUCKETS)
        if not len(file):
            continue
        members, is_leader, bucket = (file.read(name) for name in ("member", "is_leader", "bucket"))
        kept = removed[members] == 0
        followers = np.bincount(bucket, weights=kept & (is_leader == 0))
        kept &= followers[bucket] > 0
        sizes = np.bincount(bucket[kept])
        candidates, _ = comparison.compare(members[kept], offsets_of(sizes[sizes > 0]))
        candidates = candidates[candidates[:, 0] >= ranks.earlier]
        yield verify(distinct_pairs(candidates), store, ranks, section)


def _write(context: StageContext, index: int, edges: Edges, ranks: RankIndex, store: SignatureStore, shards: int) -> None:
    """Write the removed documents in the order of their shards and rows."""
    doc_ids = ranks.doc_ids(edges.later)
    by_document = np.argsort(doc_ids)
    doc_ids, edges = doc_ids[by_document], edges.select(by_document)
    parts = store.parts_of(doc_ids)
    starts = offsets_of(np.bincount(parts, minlength=shards)).tolist()
    columns = {"row": doc_ids - store.bases[parts], "kept": ranks.doc_ids(edges.earlier)}
    with writing_arrow(context.scratch_path(f"removed-{index:05d}"), REMOVED, starts=starts) as output:
        output.write({**columns, "jaccard": edges.jaccard, "method": edges.method, "band": edges.band})
