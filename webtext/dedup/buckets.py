"""Candidates: documents in one bucket (equal keys of a band, or equal texts) with similar signatures.

A bucket of up to ALL_PAIRS documents is compared in full. A larger one is boilerplate, or many copies of one page: there a document
is compared with at most LEADERS documents of the bucket that are unlike each other, up to the first near copy among them, so that
the work is linear in the bucket. The members of these large buckets are written to a file, because a document whose leader is removed
must be compared again (`survivors`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from webtext.core.config import DedupSection
from webtext.core.task import StageContext
from webtext.dedup import bands
from webtext.dedup.arrow_files import ArrowFile, offsets_of, part_path
from webtext.dedup.kernels import ALL_PAIRS, I64, U64, Bytes, compare_buckets
from webtext.dedup.minhash import equal_bounds
from webtext.dedup.rank import RankIndex
from webtext.dedup.signatures import SignatureStore

MEMORY = 2**23  # 32-bit numbers of signatures and shingles in memory at a time: 32 MiB, while a document has 128 and some hundred


def buckets(keys: U64, ordinals: I64) -> tuple[I64, I64]:
    """Group documents by key, in the order of the keys.

    Returns the ordinals of all groups of two or more, each in the order of rank, and the bounds (n + 1) of the groups.
    """
    order = np.lexsort((ordinals, keys))
    keys, ordinals = keys[order], ordinals[order]
    edges = np.flatnonzero(keys[1:] != keys[:-1]) + 1 if len(keys) else np.empty(0, np.int64)
    bounds = np.concatenate(([0], edges, [len(keys)]))
    sizes = np.diff(bounds)
    return ordinals[np.repeat(sizes > 1, sizes)], offsets_of(sizes[sizes > 1])


def occurs_again(keys: U64) -> npt.NDArray[np.bool_]:
    """Which keys occur more than once."""
    order = np.argsort(keys)
    same = keys[order][1:] == keys[order][:-1]
    out = np.zeros(len(keys), np.bool_)
    out[order[1:][same]] = True
    out[order[:-1][same]] = True
    return out


def colliding_keys(context: StageContext, partition: int, ranks: RankIndex, kind: str) -> tuple[U64, I64]:
    """The keys of a partition, from files of BANDS or of SKETCHES, that occur more than once, and the ordinals of their documents."""
    keys, doc_ids = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for part, base in enumerate(ranks.bases[:-1]):
        file = ArrowFile(part_path(context, part, kind), kind)
        start, stop = file.facts["starts"][partition : partition + 2]
        keys.append(file.read("key", start, stop))
        doc_ids.append(file.read("row", start, stop).astype(np.int64) + base)
    all_keys = np.concatenate(keys)
    colliding = occurs_again(all_keys)
    return all_keys[colliding], ranks.ordinals(np.concatenate(doc_ids)[colliding])


class Comparison:
    """Compares the documents of buckets, a bounded number in memory at a time."""

    def __init__(self, store: SignatureStore, ranks: RankIndex, section: DedupSection, *, exact: bool) -> None:
        """With `exact` the shingles decide where the signatures cannot; otherwise such a pair is returned as a candidate."""
        self._store, self._ranks, self._section, self._exact = store, ranks, section, exact
        self._bands, self._rows = bands.shape(section.threshold, section.permutations)
        self._equal = np.array(equal_bounds(section.threshold, section.permutations), np.int64)
        self._comparisons = np.zeros(1, np.int64)

    @property
    def comparisons(self) -> int:
        """The number of pairs of signatures compared so far."""
        return int(self._comparisons[0])

    def compare(self, ordinals: I64, bounds: I64) -> tuple[I64, Bytes]:
        """Compare the documents of buckets ordinals[bounds[i]:bounds[i + 1]], each in the order of rank.

        Returns candidates (n, 4): ordinal of the later, of the earlier, equal positions, first common band or -1; and for each
        document 1 where it is a leader of its bucket.
        """
        doc_ids = self._ranks.doc_ids(ordinals)
        words = np.full(len(doc_ids), self._section.permutations, np.int64)
        if self._exact:
            words += self._store.shingle_counts(doc_ids)
        ends = offsets_of(words)
        found = [np.empty((0, 4), np.int64)]
        is_leader = np.zeros(len(ordinals), np.uint8)
        first = 0
        while first < len(bounds) - 1:
            last = int(np.searchsorted(ends[bounds], ends[bounds[first]] + MEMORY, side="right")) - 1
            if last > first:
                chosen = np.arange(bounds[first], bounds[last])
                own = bounds[first : last + 1] - bounds[first]
                pairs, is_leader[chosen] = self._call(ordinals[chosen], doc_ids[chosen], own, np.diff(own) > ALL_PAIRS, 0)
                found.append(pairs)
                first = last
            else:
                found += self._piecewise(ordinals, doc_ids, ends, int(bounds[first]), int(bounds[first + 1]), is_leader)
                first += 1
        return np.concatenate(found), is_leader

    def _piecewise(self, ordinals: I64, doc_ids: I64, ends: I64, begin: int, end: int, is_leader: Bytes) -> Iterator[I64]:
        """Compare a bucket that is too large for one call: its leaders so far with the next documents, repeatedly."""
        leaders = np.empty(0, np.int64)
        large = np.array([end - begin > ALL_PAIRS])
        while begin < end:
            stop = max(int(np.searchsorted(ends, ends[begin] + MEMORY, side="right")) - 1, begin + 1)
            stop = min(stop, end)
            chosen = np.concatenate((leaders, np.arange(begin, stop)))
            pairs, marks = self._call(ordinals[chosen], doc_ids[chosen], np.array([0, len(chosen)]), large, len(leaders))
            leaders = chosen[marks == 1]
            is_leader[leaders] = 1
            yield pairs
            begin = stop

    def _call(self, ordinals: I64, doc_ids: I64, bounds: I64, large: npt.NDArray[np.bool_], known: int) -> tuple[I64, Bytes]:
        """Load signatures (and shingles) and compare. The first `known` documents are leaders of the first bucket already."""
        shingles, offsets = self._store.shingles(doc_ids) if self._exact else (np.empty(0, np.uint32), np.zeros(1, np.int64))
        is_leader = np.zeros(len(ordinals), np.uint8)
        pairs = compare_buckets(
            self._store.signatures(doc_ids),
            ordinals,
            bounds,
            large.astype(np.uint8),
            known,
            self._bands,
            self._rows,
            self._equal,
            self._exact,
            self._section.threshold,
            shingles,
            offsets,
            is_leader,
            self._comparisons,
        )
        return pairs, is_leader
