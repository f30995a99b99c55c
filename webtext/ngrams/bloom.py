"""A Bloom filter of pybloom-live, filled and asked in bulk.

pybloom-live takes two SHA-512 for each key of a filter of 27 slices, some 6 µs of Python; its keys here are hashes already, so
`positions` only spreads their 64 bits over the slices. All else is pybloom-live's: the size, the layout of the bits, the file. An
object made by `new` or `read` is a `pybloom_live.BloomFilter` whose own `add` and `in` set and find the same bits as `fill` and `ask`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from struct import calcsize
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pybloom_live import BloomFilter

from webtext.ngrams.normalise import Hashes, mix

Bits = NDArray[np.uint8]

HEADER = calcsize(BloomFilter.FILE_FMT)  # of pybloom-live's file: error rate, slices, bits a slice, capacity, count
BITS_AT_MOST = 2**32  # of a slice: positions take 32 bits of a hash by 32 bits of a length

_STEP = np.uint64(0x9E3779B97F4A7C15)
_LOW, _S32, _S3, _S7 = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(3), np.uint64(7)
_ONE = np.uint8(1)
_BLOCK = 2**20  # keys that are asked together


class Keys:
    """`make_hashes` for pybloom-live: the position of a 64-bit key (an int) in each slice."""

    def __init__(self, slices: int, bits: int) -> None:
        self._slices, self._bits = slices, bits

    def __call__(self, key: int) -> Iterator[int]:
        return iter(positions(np.uint64(key), self._slices, np.uint64(self._bits)).tolist())


def new(capacity: int, error_rate: float) -> Any:
    """An empty filter of pybloom-live for 64-bit keys. Raises ValueError where a slice would be longer than 2^32 bits."""
    return _keyed(BloomFilter(max(capacity, 1), error_rate))


def _keyed(filter_: Any) -> Any:
    if filter_.bits_per_slice > BITS_AT_MOST:
        raise ValueError(f"a filter of {filter_.capacity} n-grams is too large; raise ngrams.partitions")
    filter_.make_hashes = Keys(filter_.num_slices, filter_.bits_per_slice)
    return filter_


def bits_of(filter_: Any) -> Bits:
    """The bits of a filter as bytes, not copied: writing to them is writing to the filter."""
    return np.frombuffer(filter_.bitarray, np.uint8)


def fill(filter_: Any, blocks: Iterable[Hashes]) -> None:
    """Add keys in bulk. They must be distinct and new to the filter."""
    bits = bits_of(filter_)
    for keys in blocks:
        _set(bits, keys, filter_.num_slices, np.uint64(filter_.bits_per_slice))
        filter_.count += len(keys)


def ask(bits: Bits, slices: int, bits_per_slice: int, keys: Hashes) -> NDArray[np.bool_]:
    """Which keys a filter holds: bool [keys]."""
    found = np.empty(len(keys), np.bool_)
    _get(bits, keys, slices, np.uint64(bits_per_slice), found)
    return found


def false_positive_rate(bits: Bits, slices: int, bits_per_slice: int) -> float:
    """The probability that a filter claims a key it was not given: the product of the shares of its slices that are set. Six digits."""
    rate = 1.0
    for slice_ in range(slices):
        rate *= _ones(bits, slice_ * bits_per_slice, (slice_ + 1) * bits_per_slice) / bits_per_slice
    return float(f"{rate:.6g}")


def built(blocks: Any, count: int, error_rate: float) -> tuple[Any, float]:
    """A filter of `count` distinct keys and its false positive rate, which is at most `error_rate`.

    `blocks()` gives the keys. pybloom-live's size for exactly `count` keys misses the rate by 0.1 %, and a small filter may be
    unlucky; so it gets room for 0.1 % more, and 1 % more again until what its bits say is within the rate.
    """
    capacity = count + count // 1000 + 1
    while True:
        filter_ = new(capacity, error_rate)
        fill(filter_, blocks())
        rate = false_positive_rate(bits_of(filter_), filter_.num_slices, filter_.bits_per_slice)
        if rate <= error_rate:
            return filter_, rate
        capacity += math.ceil(capacity / 100)


def read(data: bytes) -> Any:
    """A filter out of the bytes that pybloom-live's `tofile` wrote."""
    return _keyed(BloomFilter.fromfile(io.BytesIO(data)))


@njit(cache=True)
def positions(key, slices, bits):  # type: ignore[no-untyped-def]  # numba
    """The position of a key in each slice: floor(mix(key + (i + 1) * 0x9e3779b97f4a7c15) * bits / 2^64), int64 [slices]."""
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
def _set(bits, keys, slices, bits_per_slice):  # type: ignore[no-untyped-def]  # numba
    """Slice by slice, as a slice of a partition of some ten million keys stays in the processor's cache and the whole filter does not."""
    for slice_ in range(slices):
        turn, offset = np.uint64(slice_ + 1), np.uint64(slice_) * bits_per_slice
        for key in keys:
            at = offset + _position(key, turn, bits_per_slice)
            bits[at >> _S3] |= _ONE << np.uint8(at & _S7)


@njit(cache=True, nogil=True)
def _get(bits, keys, slices, bits_per_slice, found):  # type: ignore[no-untyped-def]  # numba
    """Slice by slice too: `alive` are the keys of a block whose bits were set so far, half of the foreign ones fewer each time."""
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
def _ones(bits, first, last):  # type: ignore[no-untyped-def]  # numba
    """How many of the bits from `first` to `last` - 1 are set."""
    total = 0
    for index in range(first >> 3, (last + 7) >> 3):
        byte = np.int64(bits[index])
        if index == first >> 3:
            byte &= 255 << (first & 7)
        if index == last >> 3:
            byte &= (1 << (last & 7)) - 1
        while byte:
            byte &= byte - 1
            total += 1
    return total
