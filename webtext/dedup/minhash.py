"""MinHash signatures (Broder 1997), with the permutations of datasketch: seed 1, scheme affine32.

A signature of `permutations` numbers estimates the Jaccard similarity of two sets of shingles by the share of equal positions;
its standard error is sqrt(s (1 - s) / permutations).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from webtext.dedup.kernels import U32, sign

SEED = 1
STANDARD_ERRORS = 4.0  # around the threshold within which the shingles decide; beyond, the estimate errs in 1 of 30,000 pairs


@lru_cache(maxsize=8)
def permutations(count: int) -> tuple[U32, U32]:
    """Factors (odd) and terms of the permutations h -> factor * h + term mod 2^32."""
    from datasketch import MinHash  # imported here as in bands.shape

    factors, terms = MinHash(num_perm=count, seed=SEED, scheme="affine32").permutations
    return np.ascontiguousarray(factors, np.uint32), np.ascontiguousarray(terms, np.uint32)


def signature(hashes: U32, count: int) -> U32:
    """The signature (count,) of a set of shingle hashes: datasketch's `hashvalues` for a MinHash updated with each of them.

    That of the empty set is 2^32 - 1 throughout.
    """
    factors, terms = permutations(count)
    out = np.empty(count, np.uint32)
    sign(hashes, factors, terms, out)
    return out


def equal_bounds(threshold: float, count: int) -> tuple[int, int, int]:
    """Numbers of equal positions: from the first on a pair is a candidate, from the second on the estimate reaches the
    threshold, from the third on it is accepted without comparing the shingles.

    >>> equal_bounds(0.8, 128)
    (85, 103, 121)
    """
    margin = STANDARD_ERRORS * math.sqrt(threshold * (1 - threshold) / count)
    low, middle, high = (math.ceil(count * share) for share in (threshold - margin, threshold, threshold + margin))
    return max(low, 1), middle, high
