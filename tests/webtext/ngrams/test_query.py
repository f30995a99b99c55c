"""What is covered, and what a measured rate of false positives says."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webtext.ngrams.corpora import run_ngrams, write_corpus
from webtext.core.config import NgramsSection
from webtext.ngrams.filters import Filters
from webtext.ngrams.query import merge_hits, probe, upper_limit


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 9))
def test_covered_ranges(found: list[bool], words: int) -> None:
    ranges = merge_hits(np.array(found, np.bool_), words)
    assert [any(first <= index <= last - words for first, last in ranges) for index in range(len(found))] == found
    assert all(second - first > 1 for (_, first), (second, _) in zip([(0, last - words) for _, last in ranges], ranges[1:]))


def test_the_limit_of_no_hits_is_three_in_all_trials() -> None:
    assert upper_limit(0, 1_000_000) == pytest.approx(-math.log(0.05) / 1e6, rel=1e-5)
    assert upper_limit(0, 300_000_000) < 1e-8


@pytest.mark.parametrize(("hits", "mean"), [(1, 4.743865), (5, 10.513034), (100, 118.079)])  # half the 95 % points of chi-squared
def test_the_limit_of_some_hits(hits: int, mean: float) -> None:
    assert upper_limit(hits, 10**6) == pytest.approx(mean / 1e6, rel=1e-4)


def test_probes_find_the_rate_of_a_bad_filter(tmp_path: Path) -> None:
    write_corpus(tmp_path, {"http://a.example/": " ".join(map(str, range(5000)))}, 1)
    run_ngrams(tmp_path, 1, NgramsSection(error_rate=0.01, partitions=3))
    filters = Filters.open(tmp_path / "ngrams")
    hits = probe(filters, 200_000)
    assert hits / 200_000 == pytest.approx(filters.false_positive_rate, abs=0.001)
    assert hits == probe(filters, 200_000)
    assert filters.false_positive_rate <= upper_limit(hits, 200_000)
