"""Signatures and bands: datasketch's, only faster."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given
from hypothesis import strategies as st

from webtext.dedup import bands, minhash
from webtext.dedup.shingles import shingles

HASHES = st.lists(st.one_of(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 2**31, 2**32 - 1])), max_size=50)


@given(HASHES, st.sampled_from([16, 17, 128, 256]))
def test_signatures_are_those_of_datasketch(hashes: list[int], permutations: int) -> None:
    peer = MinHash(num_perm=permutations, seed=minhash.SEED, scheme="affine32", hashfunc=lambda value: value)
    peer.update_batch(hashes)
    assert minhash.signature(np.array(hashes, np.uint32), permutations).tolist() == peer.hashvalues.tolist()


def test_the_estimate_has_the_error_it_should_have() -> None:
    rng = random.Random(7)
    errors = []
    for _ in range(300):
        common, own = rng.sample(range(2**32), 800), rng.sample(range(2**32), 100)
        one, other = (np.array(common + part, np.uint32) for part in (own[:50], own[50:]))
        equal = (minhash.signature(one, 128) == minhash.signature(other, 128)).mean()
        errors.append(equal - 800 / 900)
    deviation = math.sqrt(8 / 9 / 9 / 128)
    assert abs(np.mean(errors)) < 4 * deviation / math.sqrt(300)
    assert np.std(errors) == pytest.approx(deviation, rel=0.2)


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("permutations", [128, 256])
def test_bands_are_datasketchs_optimum_and_miss_few(threshold: float, permutations: int) -> None:
    count, rows = bands.shape(threshold, permutations)
    index = MinHashLSH(threshold=threshold, num_perm=permutations, weights=bands.WEIGHTS)
    assert (count, rows) == (index.b, index.r)
    assert bands.meeting_probability(threshold, count, rows) > 0.94
    above = np.linspace(threshold, 1, 101)
    assert np.mean([bands.meeting_probability(similarity, count, rows) for similarity in above]) > 0.993


def test_keys_are_equal_where_the_rows_of_a_band_are() -> None:
    rng = np.random.default_rng(1)
    signatures = rng.integers(0, 2, (300, 16), np.uint32)  # so few values that bands coincide by chance
    keys = bands.keys(signatures, 5, 3)
    seen: dict[int, tuple[object, ...]] = {}
    for document in range(300):
        for band in range(5):
            content = (band, *signatures[document, 3 * band : 3 * band + 3].tolist())
            assert seen.setdefault(int(keys[document, band]), content) == content
    assert len(seen) == 5 * 8


def test_estimates_are_believed_outside_four_standard_errors() -> None:
    low, middle, high = minhash.equal_bounds(0.8, 128)
    error = math.sqrt(0.8 * 0.2 / 128)
    assert (low - 1) / 128 < 0.8 - 4 * error <= low / 128
    assert (middle - 1) / 128 < 0.8 <= middle / 128
    assert (high - 1) / 128 < 0.8 + 4 * error <= high / 128


def test_no_signature_is_believed_where_the_threshold_is_near_one() -> None:
    assert minhash.equal_bounds(0.99, 128)[2] > 128


def test_the_empty_set_has_a_signature_of_its_own() -> None:
    assert set(minhash.signature(shingles("", 5), 128).tolist()) == {2**32 - 1}
