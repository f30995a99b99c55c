"""Which documents of the corpus hold given n-grams."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from webtext.ngrams.normalise import Hashes

_BITS_A_KEY = 16


class Wanted(NamedTuple):
    """Hashes to look for: `keys` uint64, sorted and distinct, and `seen` bool [2^k], by their lowest k bits, before them."""

    keys: Hashes
    seen: NDArray[np.bool_]


def wanted(keys: Hashes) -> Wanted:
    """Prepare a search. `keys` must be sorted and distinct.

    Nearly all n-grams of a corpus are not wanted, and one look at a table that fits into the processor's cache says so.
    """
    seen = np.zeros(1 << max(10, (_BITS_A_KEY * max(len(keys), 1) - 1).bit_length()), np.bool_)
    seen[(keys & np.uint64(len(seen) - 1)).astype(np.int64)] = True
    return Wanted(np.ascontiguousarray(keys), seen)


def indices(hashes: Hashes, search: Wanted) -> NDArray[np.int64]:
    """For each hash its place in the wanted keys, -1 where it is not wanted: int64 [hashes]."""
    found = np.empty(len(hashes), np.int64)
    _find(hashes, search.keys, search.seen, found)
    return found


@njit(cache=True, nogil=True)
def _find(hashes, keys, seen, found):  # type: ignore[no-untyped-def]  # numba
    mask = np.uint64(len(seen) - 1)
    for index in range(len(hashes)):
        found[index] = -1
        if seen[hashes[index] & mask]:
            low, high = 0, len(keys)
            while low < high:
                middle = (low + high) >> 1
                if keys[middle] < hashes[index]:
                    low = middle + 1
                else:
                    high = middle
            if low < len(keys) and keys[low] == hashes[index]:
                found[index] = low
