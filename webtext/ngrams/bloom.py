"""A Bloom filter of pybloom-live, filled and queried in bulk.

pybloom-live takes two SHA-512 for each key of a filter of 27 slices, some 6 µs of Python; its keys here are hashes already, so
`positions` only spreads their 64 bits over the slices. All else is pybloom-live's: the size and the layout of the bits. An
object made by `new` is a `pybloom_live.BloomFilter` whose own `add` and `in` use the same bits as `fill` and `contains`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pybloom_live import BloomFilter

from webtext.ngrams.normalise import Hashes, mix

Bits = NDArray[np.uint8]

MAX_SLICE_BITS = 2**32  # as a position is the product of 64 bits of a hash and 32 bits of a length

_STEP = np.uint64(0x9E3779B97F4A7C15)
_LOW, _S32, _S3, _S7 = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(3), np.uint64(7)
_ONE = np.uint8(1)
_BLOCK = 2**20  # keys queried together: 8 MB of indices, which stay in the processor's cache


class SliceHashes:
    """`make_hashes` for pybloom-live: the position of a 64-bit key (an int) in each slice."""

    def __init__(self, slices: int, bits: int) -> None:
        self._slices, self._bits = slices, bits

    def __call__(self, key: int) -> Iterator[int]:
        return iter(positions(np.uint64(key), self._slices, np.uint64(self._bits)).tolist())


def new(capacity: int, error_rate: float) -> Any:
    """An empty filter of pybloom-live for 64-bit keys. Raises ValueError where a slice would be longer than 2^32 bits."""
    filter_ = BloomFilter(max(capacity, 1), error_rate)
    if filter_.bits_per_slice > MAX_SLICE_BITS:
        raise ValueError(f"a filter of {filter_.capacity} n-grams is too large; raise ngrams.partitions")
    filter_.make_hashes = SliceHashes(filter_.num_slices, filter_.bits_per_slice)
    return filter_


def bits_of(filter_: Any) -> Bits:
    """The bits of a filter as bytes, not copied: writing to them changes the filter."""
    return np.frombuffer(filter_.bitarray, np.uint8)


def fill(filter_: Any, blocks: Iterable[Hashes]) -> None:
    """Add keys in bulk. They must be distinct and new to the filter."""
    bits = bits_of(filter_)
    for keys in blocks:
        _set_bits(bits, keys, filter_.num_slices, np.uint64(filter_.bits_per_slice))
        filter_.count += len(keys)


def contains(bits: Bits, slices: int, bits_per_slice: int, keys: Hashes) -> NDArray[np.bool_]:
    """Which keys a filter holds: bool [keys]."""
    found = np.empty(len(keys), np.bool_)
    _test_bits(bits, keys, slices, np.uint64(bits_per_slice), found)
    return found


def false_positive_rate(bits: Bits, slices: int, bits_per_slice: int) -> float:
    """The probability that a filter claims a key that was not added: the product of its slices' shares of set bits. Six digits."""
    rate = 1.0
    for slice_ in range(slices):
        rate *= _count_ones(bits, slice_ * bits_per_slice, (slice_ + 1) * bits_per_slice) / bits_per_slice
    return float(f"{rate:.6g}")


def built(blocks: Any, count: int, error_rate: float) -> tuple[Any, float]:
    """A filter of `count` distinct keys and its false positive rate, which is at most `error_rate`.

    `blocks()` gives the keys. pybloom-live's size for exactly `count` keys misses the rate by 0.1 %, and a small filter may have more
    bits set than expected; so its capacity is 0.1 % larger, and another 1 % until the measured rate is within the bound.
    """
    capacity = count + count // 1000 + 1
    while True:
        filter_ = new(capacity, error_rate)
        fill(filter_, blocks())
        rate = false_positive_rate(bits_of(filter_), filter_.num_slices, filter_.bits_per_slice)
        if rate <= error_rate:
            return filter_, rate
        capacity += math.ceil(capacity / 100)


@njit(cache=True)
def positions(key, slices, bits):  # type: ignore[no-untyped-def]  # numba
    """The position of a key in each slice: floor(mix(key + (i + 1) * 0x9e3779b97f4a7c15) * bits / 2^64), int64 [slices].

    10 bits a slice, 3 slices:  mix of key 5 and turn 1 is 0.73 * 2^64 -> bit 7; turn 2: 0.08 -> bit 0; turn 3: 0.41 -> bit 4.
    Adding 5 sets bits 7, 10 + 0 and 20 + 4. A key is in the filter if all three of its bits are set;
    with half of the bits set, a foreign key passes with 1/2^3. At 27 slices: 1/2^27 = 7e-9.
    """
    found = np.empty(slices, np.int64)
    for slice_ in range(slices):
        found[slice_] = _position(key, np.uint64(slice_ + 1), bits)
    return found


@njit(cache=True, inline="always")
def _position(key, turn, bits):  # type: ignore[no-untyped-def]  # numba
    """The upper 64 bits of a product of 64 and 32 bits. A single hash and its multiples (double hashing) would not reach 1e-8:
    two keys of a filter of n would agree in all slices with a probability of about n / bits^2."""
    spread = mix(key + turn * _STEP)
    return ((spread >> _S32) * bits + (((spread & _LOW) * bits) >> _S32)) >> _S32


@njit(cache=True, nogil=True)
def _set_bits(bits, keys, slices, bits_per_slice):  # type: ignore[no-untyped-def]  # numba
    """Slice by slice: one slice of some ten million keys fits into the processor's cache, the whole filter does not."""
    for slice_ in range(slices):
        turn, offset = np.uint64(slice_ + 1), np.uint64(slice_) * bits_per_slice
        for key in keys:
            at = offset + _position(key, turn, bits_per_slice)
            bits[at >> _S3] |= _ONE << np.uint8(at & _S7)


@njit(cache=True, nogil=True)
def _test_bits(bits, keys, slices, bits_per_slice, found):  # type: ignore[no-untyped-def]  # numba
    """Slice by slice too: `alive` are the keys of a block whose bits were all set so far; each slice halves the foreign ones."""
    alive = np.empty(min(len(keys), _BLOCK), np.int64)
    found[:] = False
    for first in range(0, len(keys), _BLOCK):
        count = np.int64(min(_BLOCK, len(keys) - first))
        for index in range(count):
            alive[index] = first + index
        for slice_ in range(slices):
            turn, offset = np.uint64(slice_ + 1), np.uint64(slice_) * bits_per_slice
            left = np.int64(0)
            for index in range(count):
                at = offset + _position(keys[alive[index]], turn, bits_per_slice)
                alive[left] = alive[index]
                left += np.int64((bits[at >> _S3] >> np.uint8(at & _S7)) & _ONE)
            count = left
        for index in range(count):
            found[alive[index]] = True


@njit(cache=True, nogil=True)
def _count_ones(bits, first, last):  # type: ignore[no-untyped-def]  # numba
    """The number of set bits from `first` to `last` - 1."""
    total = 0
    for index in range(first >> 3, (last + 7) >> 3):
        byte = np.int64(bits[index])
        if index == first >> 3:
            byte &= 255 << (first & 7)
        if index == last >> 3:
            byte &= (1 << (last & 7)) - 1
        while byte:
            byte &= byte - 1  # clears the lowest set bit (Kernighan)
            total += 1
    return total
