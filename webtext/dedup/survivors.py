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
from webtext.dedup.containment import Links, choose_contained, read_links
from webtext.dedup.kernels import I64, Bytes, join_groups, remove_copies
from webtext.dedup.rank import RankIndex, memmap_output
from webtext.dedup.signatures import SignatureStore
from webtext.dedup.verify import EDGES, METHODS, Edges, distinct_pairs, verify

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
        _settle(context, more, removed, ranks, store, shards, section)
    return rounds


def _settle(
    context: StageContext, more: list[Edges], removed: Bytes, ranks: RankIndex, store: SignatureStore, shards: int, section: DedupSection
) -> None:
    """Write the removed documents, then those that others hold and those that have copies; and three files of a number a document:
    head (ordinal of the document that stands for it), size (documents of that cluster) and group (that of its split)."""
    count = ranks.documents
    with (
        memmap_output(context.scratch_path("head.npy"), np.int64, count) as head,
        memmap_output(context.scratch_path("size.npy"), np.int64, count) as size,
        memmap_output(context.scratch_path("group.npy"), np.int64, count) as group,
    ):
        head[:], group[:] = np.arange(count), np.arange(count)
        for index in range(section.partitions):
            edges = _edges(context, index, more[index])
            join_groups(group, edges.later, edges.earlier)
            edges = edges.select(_remove(edges, removed, ranks.earlier))
            head[edges.later] = edges.earlier
            _write(context, index, edges, ranks, store, shards)
        last = Edges.none()
        if section.containment:
            last = _contained(context, removed, group, ranks, store, section)
            head[last.later] = last.earlier
        while (head[head] != head).any():  # a copy of a copy that another document holds
            head[:] = head[head]
        size[:] = np.bincount(head, minlength=count)[head]
        if section.keep == "none":
            copied = np.flatnonzero((head == np.arange(count)) & (size > 1))
            last = last.merge(_all_go(copied[copied >= ranks.earlier]))
        _write(context, section.partitions, last, ranks, store, shards)
        while (group[group] != group).any():
            group[:] = group[group]


def _contained(context: StageContext, removed: Bytes, group: I64, ranks: RankIndex, store: SignatureStore, section: DedupSection) -> Edges:
    """The documents that others hold, from the links of all ranges; what shares half of its words joins a group."""
    some = []
    for links in read_links(context, section.partitions):
        join_groups(group, links.later, links.earlier)
        some.append(links.select(np.logical_xor(*links.contained(section))))
    joined = Links(*(np.concatenate(columns) for columns in zip(*(links.columns.values() for links in some))))
    return choose_contained(joined, removed, store, ranks, section)


def _all_go(ordinals: I64) -> Edges:
    """Documents that are removed because they have copies, as edges to themselves."""
    count = len(ordinals)
    method = np.full(count, METHODS.index("has copies"), np.uint8)
    return Edges(ordinals, ordinals, np.ones(count), method, np.full(count, -1, np.int16), np.ones(count), np.zeros_like(ordinals))


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
        output.write({**edges.columns, **columns})
