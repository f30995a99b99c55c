"""Which part of the corpus a document belongs to."""

from __future__ import annotations

import xxhash


def split_of(document_id: str, val_share: float, test_share: float) -> str:
    """`train`, `val` or `test`, by a hash of the cluster: the document that stays and the copies that it stands for.

    The id of the document that stays is the id of its cluster. No two documents that stay are near copies of each other, and
    copies do not stay: so no near copy of a held-out document is in `train`, and a document keeps its part when the corpus grows.

    >>> split_of("13dab8d42ad2218070c0198247c2304a", 0.05, 0.005)
    'train'
    """
    place = xxhash.xxh3_64_intdigest(b"split " + document_id.encode()) / 2**64
    if place < test_share:
        return "test"
    return "val" if place < test_share + val_share else "train"
