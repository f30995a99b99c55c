"""Which split of the corpus a document belongs to."""

from __future__ import annotations

import xxhash


def split_of(document_id: str, val_share: float, test_share: float) -> str:
    """`train`, `val` or `test`, by a hash of the cluster: the kept document and its copies.

    The id of the kept document is the id of its cluster, so a document keeps its split when the corpus grows. Copies are removed, and no
    two kept documents that shared a bucket are near copies: so no near copy of a held-out document is in `train`, except for pairs
    that shared no bucket (at a Jaccard similarity of 0.8, 1 in 600; at 0.85, 1 in 20,000).

    The limit: where B, a copy of both A and C, is removed, and A and C are kept because they are not copies, these two may be in
    different splits. Their similarity lies below the threshold, and not below 2 * threshold - 1 (0.6 of 0.8; the distance
    1 - Jaccard obeys the triangle inequality). One split for every chain of copies would let a document change its split with
    each new document, and would put unlike documents together. The benchmark counts both kinds.

    With `dedup.containment` it is done nevertheless: `document_id` is the best-ranked of all documents that are joined by copies or by
    half of their words. Then nothing that shares half of its words with a held-out document is in `train`, as far as it was found.

    >>> split_of("13dab8d42ad2218070c0198247c2304a", 0.05, 0.005)
    'train'
    """
    share = xxhash.xxh3_64_intdigest(b"split " + document_id.encode()) / 2**64
    if share < test_share:
        return "test"
    return "val" if share < test_share + val_share else "train"
