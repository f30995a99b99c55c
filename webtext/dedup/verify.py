"""What makes a candidate a near copy. That two documents share a band is never enough.

- equal texts (hash of 128 bits): Jaccard 1, method `exact text`;
- otherwise the estimate from the signatures where it is further from the threshold than its error, method `signature`;
- otherwise the Jaccard similarity of the shingles themselves, method `text`, which must reach the threshold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from webtext.core.config import DedupSection
from webtext.dedup.arrow_files import Array, ArrowFile
from webtext.dedup.buckets import MEMORY
from webtext.dedup.kernels import I64, Bytes, jaccards
from webtext.dedup.minhash import equal_bounds
from webtext.dedup.rank import RankIndex
from webtext.dedup.signatures import SignatureStore

# The last three are not of `verify`: webtext.dedup.containment, where two documents stand in each other, or one in the other; survivors.
METHODS = ("exact text", "signature", "text", "shared runs", "containment", "has copies")
EDGES = "edges"


@dataclass(frozen=True)
class Edges:
    """Verified copies, sorted by (later, earlier): arrays of one length. `method` is an index into METHODS, `band` is -1 for none."""

    later: I64
    earlier: I64
    jaccard: npt.NDArray[np.float64]
    method: Bytes
    band: npt.NDArray[np.int16]
    contained: npt.NDArray[np.float64]  # the share of the later's words in the earlier one, 0 if it was not asked for
    run: I64  # words of the longest run that they share, 0 likewise

    def __len__(self) -> int:
        return len(self.later)

    def select(self, chosen: npt.NDArray[np.generic]) -> Edges:
        """The edges at an index array or mask."""
        return Edges(*(column[chosen] for column in self.columns.values()))

    def merge(self, other: Edges) -> Edges:
        """The union, sorted."""
        both = Edges(*(np.concatenate((getattr(self, name), getattr(other, name))) for name in self.__dataclass_fields__))
        order = np.lexsort((both.earlier, both.later))
        both = both.select(order)
        first = np.ones(len(both), np.bool_)
        first[1:] = (both.later[1:] != both.later[:-1]) | (both.earlier[1:] != both.earlier[:-1])
        return both.select(first)

    def split(self, bounds: I64) -> list[Edges]:
        """Those whose later document is in bounds[i]:bounds[i + 1], for each i."""
        cuts = np.searchsorted(self.later, bounds)
        return [self.select(np.arange(first, last)) for first, last in pairwise(cuts)]

    @property
    def columns(self) -> dict[str, Array]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def none(cls) -> Edges:
        empty = np.empty(0, np.int64)
        return cls(empty, empty, np.empty(0), np.empty(0, np.uint8), np.empty(0, np.int16), np.empty(0), empty)

    @classmethod
    def read(cls, file: ArrowFile) -> Edges:
        return cls(*(file.read(name) for name in cls.__dataclass_fields__))


def distinct_pairs(candidates: I64) -> I64:
    """Candidates (n, 4) sorted by (later, earlier), each pair once. A pair has the same estimate and band in whichever bucket it was
    found."""
    candidates = candidates[np.lexsort((candidates[:, 1], candidates[:, 0]))]
    first = np.ones(len(candidates), np.bool_)
    first[1:] = (candidates[1:, :2] != candidates[:-1, :2]).any(axis=1)
    return candidates[first]


def verify(candidates: I64, store: SignatureStore, ranks: RankIndex, section: DedupSection) -> Edges:
    """The near copies among distinct candidates (n, 4): later, earlier, equal positions, band.

    threshold 0.8, 128 permutations, so bounds of 85, 103 and 121 equal positions:
    125 equal: 0.98 by signature, a copy; 110 equal (0.86): within four standard errors, so the shingles are compared;
    128 equal and the same text hash: exact text.
    """
    later, earlier, equal, band = (np.ascontiguousarray(column) for column in candidates.T)
    _, _, certain = equal_bounds(section.threshold, section.permutations)
    similarity = equal / section.permutations
    method = np.full(len(later), METHODS.index("signature"), np.uint8)
    same = np.flatnonzero(equal == section.permutations)  # equal texts have equal signatures: look no further for them
    same = same[_same_text(later[same], earlier[same], store, ranks)]
    doubtful = equal < certain
    doubtful[same] = False
    chosen = np.flatnonzero(doubtful)
    similarity[chosen] = exact_jaccard(later[chosen], earlier[chosen], store, ranks)
    method[chosen] = METHODS.index("text")
    similarity[same], method[same], band[same] = 1.0, METHODS.index("exact text"), -1
    edges = Edges(later, earlier, similarity, method, band.astype(np.int16), np.zeros(len(later)), np.zeros_like(later))
    return edges.select(similarity >= section.threshold)  # the threshold of a near copy, inclusive


def _same_text(later: I64, earlier: I64, store: SignatureStore, ranks: RankIndex) -> npt.NDArray[np.bool_]:
    hashes = (store.text_hashes(ranks.doc_ids(ordinals)) for ordinals in (later, earlier))
    return np.asarray((next(hashes) == next(hashes)).all(axis=1))


def exact_jaccard(later: I64, earlier: I64, store: SignatureStore, ranks: RankIndex) -> npt.NDArray[np.float64]:
    """Jaccard similarities of pairs of documents from their shingles, a bounded number of these in memory at a time."""
    out = np.empty(len(later), np.float64)
    for first, last in blocks(later, earlier, store, ranks):
        documents, index = np.unique(np.concatenate((later[first:last], earlier[first:last])), return_inverse=True)
        shingles, offsets = store.shingles(ranks.doc_ids(documents))
        jaccards(shingles, offsets, index[: last - first], index[last - first :], out[first:last])
    return out


def blocks(later: I64, earlier: I64, store: SignatureStore, ranks: RankIndex) -> Iterator[tuple[int, int]]:
    """Ranges of pairs whose shingles fit into MEMORY, at least one pair each."""
    weights = sum(store.shingle_counts(ranks.doc_ids(ordinals)) for ordinals in (later, earlier))
    ends = np.cumsum(weights)
    first = 0
    while first < len(later):
        before = ends[first - 1] if first else 0
        last = max(int(np.searchsorted(ends, before + MEMORY, side="right")), first + 1)
        yield first, last
        first = last
