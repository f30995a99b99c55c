"""Look up n-gram hashes in a sorted table, fast when nearly all of them are absent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from webtext.ngrams.normalise import Hashes

_SLOTS_A_KEY = 16  # so at most 1 in 16 absent hashes costs a binary search


class HashLookup(NamedTuple):
    """Hashes to look for: `keys` uint64, sorted and distinct, and `possible` bool [2^k], true at the lowest k bits of each of them."""

    keys: Hashes
    possible: NDArray[np.bool_]


def build_lookup(keys: Hashes) -> HashLookup:
    """Prepare a lookup. `keys` must be sorted and distinct.

    Nearly all n-grams of a corpus are absent, and one read of a table that fits into the processor's cache rejects most of them.
    """
    possible = np.zeros(1 << max(10, (_SLOTS_A_KEY * max(len(keys), 1) - 1).bit_length()), np.bool_)
    possible[(keys & np.uint64(len(possible) - 1)).astype(np.int64)] = True
    return HashLookup(np.ascontiguousarray(keys), possible)


def find_rows(hashes: Hashes, lookup: HashLookup) -> NDArray[np.int64]:
    """For each hash its row in `lookup.keys`, -1 where it is absent: int64 [hashes].

    keys [12, 26, 31], possible[key mod 16] at 12, 10, 15:   hash 33 -> slot 1 is false: -1 at once;
    hash 42 -> slot 10 is true: binary search, not there: -1;   hash 26 -> slot 10, binary search: row 1
    """
    found = np.empty(len(hashes), np.int64)
    _find(hashes, lookup.keys, lookup.possible, found)
    return found


@njit(cache=True, nogil=True)
def _find(hashes, keys, possible, found):  # type: ignore[no-untyped-def]  # numba
    mask = np.uint64(len(possible) - 1)
    for index in range(len(hashes)):
        found[index] = -1
        if possible[hashes[index] & mask]:
            low, high = 0, len(keys)
            while low < high:
                middle = (low + high) >> 1
                if keys[middle] < hashes[index]:
                    low = middle + 1
                else:
                    high = middle
            if low < len(keys) and keys[low] == hashes[index]:
                found[index] = low
