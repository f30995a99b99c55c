"""Containment: a document that stands almost whole in another, as a page that was cut, edited here and there, or framed by menus.

The rule. The share of a document's words that stand in the other in runs of `shingle_words` or more must reach `dedup.containment`, and
it may have no run of OWN_WORDS or more of its own: so a template that is filled with a paragraph of its own stays. Where two documents
stand in each other they are copies, and the order of rank decides. Where only one stands in the other it is removed, if the other is kept.

Candidates share one of the SKETCH smallest keys of their runs of words, and their signatures must allow for LEAST of the shingles. In a
bucket a document is compared with the CONTAINERS longest documents, so that the work is linear in the bucket.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from webtext.core.config import DedupSection
from webtext.core.task import StageContext
from webtext.dedup.arrow_files import SKETCHES, Array, ArrowFile, offsets_of, writing_arrow
from webtext.dedup.buckets import buckets, colliding_keys
from webtext.dedup.kernels import I64, coverages, may_contain, remove_copies
from webtext.dedup.rank import RankIndex
from webtext.dedup.signatures import SignatureStore
from webtext.dedup.verify import METHODS, Edges, blocks, exact_jaccard

LINKS = "links"
CONTAINERS = 32
# An edited word breaks five shingles of one word each: of a text of which 90 % are shared about 60 % of the shingles are.
LEAST = 0.5
OWN_WORDS = 25
HALF = 0.5  # share of the words from which on two kept documents belong to one split
PAIRS = 2**16  # pairs in memory at a time: at most 64 MiB of signatures


@dataclass(frozen=True)
class Links:
    """Pairs of documents of which one shares HALF of its words: arrays of one length, sorted by (later, earlier).

    `jaccard` is of the shingles; `later_share`, `later_run` and `later_own` are the share of the later document's words that stand in the
    other, and the longest run of words that do and do not; `earlier_…` the other way round.
    """

    later: I64
    earlier: I64
    jaccard: Array
    later_share: Array
    later_run: I64
    later_own: I64
    earlier_share: Array
    earlier_run: I64
    earlier_own: I64

    def select(self, chosen: Array) -> Links:
        return Links(*(column[chosen] for column in self.columns.values()))

    @property
    def columns(self) -> dict[str, Array]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def contained(self, section: DedupSection) -> tuple[Array, Array]:
        """Which of the later documents stand in the earlier ones, and the other way round."""
        pairs = ((self.later_share, self.later_own), (self.earlier_share, self.earlier_own))
        one, other = ((share >= section.containment) & (own < OWN_WORDS) for share, own in pairs)
        return one, other

    def edges(self, method_name: str, *, swapped: bool = False) -> Edges:
        """As edges from the document that goes to the one that stays: from the later to the earlier unless `swapped`."""
        pairs = (self.earlier, self.later) if swapped else (self.later, self.earlier)
        share, run = (self.earlier_share, self.earlier_run) if swapped else (self.later_share, self.later_run)
        method = np.full(len(self.later), METHODS.index(method_name), np.uint8)
        return Edges(*pairs, self.jaccard, method, np.full(len(method), -1, np.int16), share, run)


def candidates(context: StageContext, partition: int, ranks: RankIndex, store: SignatureStore) -> I64:
    """Pairs (n, 2) of ordinals, later and earlier, with a common key of this partition and signatures that allow for containment."""
    keys, ordinals = colliding_keys(context, partition, ranks, SKETCHES)
    sizes = store.shingle_counts(ranks.doc_ids(ordinals))
    longest_first = np.lexsort((ordinals, -sizes))
    places, bounds = buckets(keys[longest_first], np.arange(len(keys)))
    members = longest_first[places]
    lengths = np.diff(bounds)
    begins = np.repeat(bounds[:-1], lengths)
    others = np.minimum(np.arange(len(members)) - begins, CONTAINERS)  # so many of the bucket a member is compared with
    ends = offsets_of(others)
    found, first = [np.empty((0, 2), np.int64)], 0
    while first < len(members):
        last = max(int(np.searchsorted(ends, ends[first] + PAIRS, side="right")) - 1, first + 1)
        member = np.repeat(np.arange(first, last), others[first:last])
        other = begins[member] + np.arange(len(member)) - (ends[member] - ends[first])
        pairs = np.sort(np.stack((ordinals[members[member]], ordinals[members[other]]), axis=1))[:, ::-1]
        pairs = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
        found.append(pairs[_likely(pairs, ranks, store)])
        first = last
    return np.unique(np.concatenate(found), axis=0)


def _likely(pairs: I64, ranks: RankIndex, store: SignatureStore) -> Array:
    documents, index = np.unique(pairs, return_inverse=True)
    first, second = (np.ascontiguousarray(column) for column in index.reshape(-1, 2).T)
    doc_ids = ranks.doc_ids(documents)
    out = np.zeros(len(pairs), np.uint8)
    may_contain(store.signatures(doc_ids), store.shingle_counts(doc_ids), first, second, LEAST, out)
    return out.astype(np.bool_)


def verify_links(pairs: I64, store: SignatureStore, ranks: RankIndex, size: int) -> Links:
    """Compare the texts of distinct pairs (n, 2) by their shingles in order."""
    later, earlier = (np.ascontiguousarray(column) for column in pairs.T)
    figures = np.zeros((2, len(pairs), 3), np.int64)
    words = np.ones((2, len(pairs)), np.int64)
    for first, last in blocks(later, earlier, store, ranks):
        documents, index = np.unique(pairs[first:last].T.ravel(), return_inverse=True)
        sides = index[: last - first], index[last - first :]
        doc_ids = ranks.doc_ids(documents)
        ordered, starts = store.shingles(doc_ids, ordered=True)
        sets, offsets = store.shingles(doc_ids)
        for side, (one, other) in enumerate((sides, sides[::-1])):
            coverages(ordered, starts, sets, offsets, one, other, size, figures[side, first:last])
            words[side, first:last] = np.maximum(np.diff(starts)[one] + size - 1, 1)
    shares = figures[:, :, 0] / words
    jaccard = exact_jaccard(later, earlier, store, ranks)
    (_, later_run, later_own), (_, earlier_run, earlier_own) = (np.ascontiguousarray(side.T) for side in figures)
    links = Links(later, earlier, jaccard, shares[0], later_run, later_own, shares[1], earlier_run, earlier_own)
    return links.select(np.maximum(*shares) >= HALF)


def write_links(context: StageContext, index: int, links: Links) -> None:
    with writing_arrow(context.scratch_path(f"links-{index:05d}"), LINKS) as output:
        output.write(links.columns)


def read_links(context: StageContext, ranges: int) -> Iterator[Links]:
    """The links of all ranges, one range after another."""
    for index in range(ranges):
        file = ArrowFile(context.scratch_path(f"links-{index:05d}"), LINKS)
        yield Links(*(file.read(name) for name in Links.__dataclass_fields__))


def choose_contained(links: Links, removed: Array, store: SignatureStore, ranks: RankIndex, section: DedupSection) -> Edges:
    """Which of the documents that are kept so far are removed, each for the largest kept document that holds it.

    Documents are taken by their size, the largest first: so whether what may hold a document is kept is known before. Where a document
    holds another with more distinct shingles, both are kept.
    """
    links = links.select((removed[links.later] == 0) & (removed[links.earlier] == 0))
    later_stands, earlier_stands = links.contained(section)
    edges = links.select(later_stands & ~earlier_stands).edges("containment")
    edges = edges.merge(links.select(earlier_stands & ~later_stands).edges("containment", swapped=True))
    edges = edges.select(edges.later >= ranks.earlier)
    documents = np.unique(np.concatenate((edges.later, edges.earlier)))
    by_size = documents[np.lexsort((documents, -store.shingle_counts(ranks.doc_ids(documents))))]
    place_of = np.argsort(by_size)
    later, earlier = (place_of[np.searchsorted(documents, side)] for side in (edges.later, edges.earlier))
    order = np.lexsort((earlier, later))
    order = order[earlier[order] < later[order]]
    choice = np.zeros(len(order), np.int64)
    remove_copies(later[order], earlier[order], np.zeros(len(documents), np.uint8), choice, 0)
    return edges.select(order[choice == 1])
