"""Bands of a signature (locality-sensitive hashing): two documents meet in a bucket where all rows of one band are equal.

Sets of Jaccard similarity s meet with probability 1 - (1 - s^rows)^bands (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from webtext.dedup.kernels import U32, U64, band_keys

# The cost of a false positive (a comparison: verification rejects the pair) and of a false negative (a copy is kept, perhaps in train of a
# held-out document), for datasketch's optimum. With equal weights it takes 9 bands of 13 rows for 0.8 and misses 60 % of the pairs at
# the threshold, with 0.02 to 0.98 17 of 7 and misses 1.8 %; so it takes 21 of 6 and misses 0.2 %.
WEIGHTS = (0.002, 0.998)


@lru_cache(maxsize=8)
def shape(threshold: float, permutations: int) -> tuple[int, int]:
    """Bands and rows: datasketch's optimum for the threshold.

    >>> shape(0.8, 128)
    (21, 6)
    """
    # Imported here: it imports scipy, 40 MB and half a second, and the process that launches the workers does not need it.
    from datasketch import MinHashLSH

    index = MinHashLSH(threshold=threshold, num_perm=permutations, weights=WEIGHTS)
    return index.b, index.r


def meeting_probability(similarity: float, bands: int, rows: int) -> float:
    """The probability that two sets of this Jaccard similarity meet in a band."""
    return float(1 - (1 - similarity**rows) ** bands)


def keys(signatures: U32, bands: int, rows: int) -> U64:
    """Keys (documents, bands) of signatures (documents, permutations): equal for equal rows of one band."""
    out = np.empty((len(signatures), bands), np.uint64)
    band_keys(signatures, bands, rows, out)
    return out
