"""The exact hashes of a release beside its filters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webtext.ngrams import twin
from tests.webtext.ngrams.corpora import run_ngrams, write_corpus
from webtext.core.config import NgramsSection
from webtext.core.errors import WebtextError
from webtext.ngrams import Exact, Filters, query
from webtext.ngrams.filters import contains_by_partition, hashes_name

TEXT = " ".join(f"w{word * 7 % 97}" for word in range(300))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("build")
    write_corpus(build, {"http://a.example/": TEXT, "http://b.example/": "eight words are enough for a single ngram"}, 2)
    run_ngrams(build, 2, NgramsSection(partitions=3, keep_hashes=True, error_rate=0.2))
    return build / "ngrams"


def test_the_hashes_answer_as_a_set_does(release: Path) -> None:
    exact, filters = Exact.open(release), Filters.open(release)
    known = set(twin.ngram_hashes(TEXT, 8)) | set(twin.ngram_hashes("eight words are enough for a single ngram", 8))
    asked = np.array([*known, *(hash_ ^ 1 for hash_ in known), 0, 2**64 - 1], np.uint64)
    assert exact.contains(asked).tolist() == [hash_ in known for hash_ in asked.tolist()]
    assert exact.count == filters.count == len(known)
    assert filters.contains(asked).sum() > len(known)  # a filter this bad errs where the hashes do not
    assert query(exact, f"no {TEXT[:200]} no").matches[0].first == 1


def test_without_hashes_the_key_is_named(release: Path, tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match=r"only releases made with `ngrams\.keep_hashes = true` can"):
        Exact.open(tmp_path)
    for partition in (0, 2):
        (tmp_path / hashes_name(partition)).write_bytes((release / hashes_name(0)).read_bytes())
    with pytest.raises(WebtextError, match=r"hashes-00001\.u64: cannot be read"):
        Exact.open(tmp_path)
    (tmp_path / hashes_name(1)).write_bytes((release / hashes_name(2)).read_bytes())
    with pytest.raises(WebtextError, match="of another release"):
        Exact.open(tmp_path)


def test_a_release_of_nothing(tmp_path: Path) -> None:
    write_corpus(tmp_path, {}, 1)
    run_ngrams(tmp_path, 1, NgramsSection(keep_hashes=True))
    assert not Exact.open(tmp_path / "ngrams").contains(np.arange(5, dtype=np.uint64)).any()


@given(st.lists(st.integers(0, 2**64 - 1), max_size=50), st.integers(1, 7))
def test_each_hash_comes_to_its_partition_and_answers_keep_their_order(hashes: list[int], partitions: int) -> None:
    def ask(partition: int, part: np.ndarray) -> np.ndarray:
        assert all(hash_ * partitions >> 64 == partition for hash_ in part.tolist())
        return part % np.uint64(3) == 0

    assert contains_by_partition(np.array(hashes, np.uint64), partitions, ask).tolist() == [hash_ % 3 == 0 for hash_ in hashes]
