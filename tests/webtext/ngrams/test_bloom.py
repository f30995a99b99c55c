"""Bulk filling and asking against pybloom-live's own `add` and `in`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.webtext.ngrams import twin
from webtext.ngrams import bloom

KEYS = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=200, unique=True)


def array(keys: list[int]) -> NDArray[np.uint64]:
    return np.array(keys, np.uint64)


def random_keys(count: int, seed: int) -> NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(0, 2**64, count, np.uint64)


@given(KEYS, KEYS, st.sampled_from([1e-8, 1e-3, 0.4]))
@settings(max_examples=60)
def test_bulk_is_what_pybloom_live_does(keys: list[int], others: list[int], error_rate: float) -> None:
    bulk, one_by_one = bloom.new(len(keys), error_rate), bloom.new(len(keys), error_rate)
    bloom.fill(bulk, [array(keys[: len(keys) // 2]), array(keys[len(keys) // 2 :])])
    for key in keys:
        one_by_one.add(key, skip_check=True)
    assert bulk.bitarray == one_by_one.bitarray
    assert bulk.count == one_by_one.count == len(keys)
    asked = bloom.contains(bloom.bits_of(bulk), bulk.num_slices, bulk.bits_per_slice, array(keys + others))
    assert asked.tolist() == [key in one_by_one for key in keys + others]
    assert asked[: len(keys)].all()


@given(st.integers(0, 2**64 - 1), st.integers(1, 30), st.integers(1, 2**32))
def test_positions(key: int, slices: int, bits: int) -> None:
    assert list(bloom.SliceHashes(slices, bits)(key)) == twin.positions(key, slices, bits)


def test_size_is_pybloom_lives() -> None:
    filter_ = bloom.new(1_000_000, 1e-8)
    assert filter_.num_slices == 27
    assert filter_.num_bits / 1_000_000 == pytest.approx(38.34, abs=0.01)


@pytest.mark.parametrize("count", [0, 1, 2, 10, 100, 1000, 50_000])
def test_a_built_filter_keeps_its_error_rate(count: int) -> None:
    keys = random_keys(count, 1)
    filter_, rate = bloom.built(lambda: [keys], count, 1e-8)
    assert rate <= 1e-8
    assert rate == pytest.approx(expected_rate(filter_), rel=1e-5)
    assert filter_.count == count
    assert filter_.capacity <= count * 1.05 + 2


def expected_rate(filter_: Any) -> float:
    rate = 1.0
    for slice_ in range(filter_.num_slices):
        part = filter_.bitarray[slice_ * filter_.bits_per_slice : (slice_ + 1) * filter_.bits_per_slice]
        rate *= part.count() / filter_.bits_per_slice
    return rate


@pytest.mark.parametrize("error_rate", [0.1, 1e-2, 1e-3])
def test_false_positives_are_as_the_bits_say(error_rate: float) -> None:
    keys, others = random_keys(20_000, 2), random_keys(500_000, 3)
    filter_, rate = bloom.built(lambda: [keys], len(keys), error_rate)
    hits = bloom.contains(bloom.bits_of(filter_), filter_.num_slices, filter_.bits_per_slice, others).sum()
    assert hits / len(others) == pytest.approx(rate, abs=5 * (rate / len(others)) ** 0.5)


def test_bits_are_pybloom_lives() -> None:
    """Its own `add` and `in` use the bits that were filled in bulk, and nothing else."""
    keys = random_keys(1000, 4)
    filter_, _ = bloom.built(lambda: [keys], 1000, 1e-8)
    again = bloom.new(filter_.capacity, 1e-8)
    for key in keys.tolist():
        again.add(key)
    assert bloom.bits_of(again).tobytes() == bloom.bits_of(filter_).tobytes()
    assert all(int(key) in filter_ for key in keys)
    assert not any(int(key) in filter_ for key in random_keys(1000, 5))
    assert len(filter_) == 1000


def test_a_filter_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bloom, "MAX_SLICE_BITS", 1000)
    with pytest.raises(ValueError, match=r"raise ngrams\.partitions"):
        bloom.new(1000, 1e-8)
