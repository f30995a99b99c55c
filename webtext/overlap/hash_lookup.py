"""Look up n-gram hashes in a table, fast when nearly all of them are absent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from webtext.ngrams.normalise import Hashes


class HashLookup(NamedTuple):
    """Hashes to look for, `keys` uint64, distinct. `slots` int32 [2^k] has the row of a key, or -1 for none, at its lowest k bits or, where
    that is taken, behind them; `possible` uint8 has a bit for the lowest k + 3 bits of each key."""

    keys: Hashes
    slots: NDArray[np.int32]
    possible: NDArray[np.uint8]


def build_lookup(keys: Hashes) -> HashLookup:
    """Prepare a lookup of distinct keys.

    Nearly all n-grams of a corpus are absent, and one read of a table that fits into the processor's cache rejects most of them: of its
    bits at most 1 in 16 is set.
    """
    size = 1 << max(10, (2 * len(keys)).bit_length())
    lookup = HashLookup(np.ascontiguousarray(keys), np.full(size, -1, np.int32), np.zeros(size, np.uint8))
    _fill(*lookup)
    return lookup


def find_rows(hashes: Hashes, lookup: HashLookup) -> NDArray[np.int64]:
    """For each hash its row in `lookup.keys`, -1 where it is absent: int64 [hashes].

    keys [12, 26, 42], 8 slots: 12 in slot 4, 26 in 2, 42 in 3, as 2 is taken; bits 12, 26 and 42 of 64 are set
    hash 33 -> bit 33 is not: -1 at once;   hash 106 -> bit 42 is, slot 2 has 26, slot 3 has 42, slot 4 has 12, slot 5 none: -1
    """
    found = np.empty(len(hashes), np.int64)
    _find(hashes, *lookup, found)
    return found


@njit(cache=True, nogil=True)
def _fill(keys, slots, possible):  # type: ignore[no-untyped-def]  # numba
    mask = len(slots) - 1
    for row in range(len(keys)):
        slot = np.int64(keys[row] & np.uint64(mask))
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = row
        place = keys[row] & np.uint64(8 * len(possible) - 1)
        possible[place >> np.uint64(3)] |= np.uint8(1) << np.uint8(place & np.uint64(7))


@njit(cache=True, nogil=True, inline="always")
def row_of(key, keys, slots, possible):  # type: ignore[no-untyped-def]  # numba
    """The row of a hash, -1 where it is absent."""
    place = key & np.uint64(8 * len(possible) - 1)
    if possible[place >> np.uint64(3)] >> np.uint8(place & np.uint64(7)) & np.uint8(1):
        slot = np.int64(key & np.uint64(len(slots) - 1))
        while slots[slot] >= 0:
            if keys[slots[slot]] == key:
                return np.int64(slots[slot])
            slot = (slot + 1) & (len(slots) - 1)
    return np.int64(-1)


@njit(cache=True, nogil=True)
def _find(hashes, keys, slots, possible, found):  # type: ignore[no-untyped-def]  # numba
    for index in range(len(hashes)):
        found[index] = row_of(hashes[index], keys, slots, possible)
