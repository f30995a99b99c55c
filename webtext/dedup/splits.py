"""Which part of the corpus a document belongs to."""

from __future__ import annotations

import xxhash


def split_of(document_id: str, val_share: float, test_share: float) -> str:
    """`train`, `val` or `test`, by a hash of the cluster: the document that stays and the copies that it stands for.

    The id of the document that stays is the id of its cluster, so a document keeps its part when the corpus grows. Copies do not stay, and
    no two documents that met and stay are near copies of each other: so no near copy of a held-out document is in `train`, but for
    the pairs that never met (at a Jaccard similarity of 0.8, 1 in 600; at 0.85, 1 in 20,000).

    What that does not say: where B, a copy of both A and C, has gone and A and C stay because they are unlike, these two may be in
    different parts. Their similarity lies below the threshold, and not below 2 * threshold - 1 (0.6 of 0.8; the distance
    1 - Jaccard obeys the triangle inequality). One part for all that a chain of copies joins would let a document change its part
    with every document that comes, and would put unlike documents together. The benchmark counts both kinds.

    >>> split_of("13dab8d42ad2218070c0198247c2304a", 0.05, 0.005)
    'train'
    """
    place = xxhash.xxh3_64_intdigest(b"split " + document_id.encode()) / 2**64
    if place < test_share:
        return "test"
    return "val" if place < test_share + val_share else "train"
