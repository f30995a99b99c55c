"""Releases made of releases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.webtext.ngrams import twin
from tests.webtext.ngrams.corpora import run_ngrams, write_corpus
from webtext.core.config import NgramsSection
from webtext.core.errors import WebtextError
from webtext.ngrams import Filters, merge_releases
from webtext.ngrams.filters import filter_name, hashes_name

TEXTS = [" ".join(f"w{word * step % 97}" for word in range(200)) for step in (1, 3, 5)]


@pytest.fixture
def releases(tmp_path: Path) -> list[Path]:
    for index, texts in enumerate((TEXTS[:2], TEXTS[1:])):
        build = tmp_path / str(index)
        write_corpus(build, {f"http://{number}.example/": text for number, text in enumerate(texts)}, 1)
        run_ngrams(build, 1, NgramsSection(partitions=index + 2, keep_hashes=True))
    return [tmp_path / "0" / "ngrams", tmp_path / "1" / "ngrams"]


def test_a_merged_release_is_that_of_all_texts(releases: list[Path], tmp_path: Path) -> None:
    headers = merge_releases(releases, tmp_path / "out", NgramsSection(partitions=3, keep_hashes=True))
    filters = Filters.open(tmp_path / "out")
    expected = {hash_ for text in TEXTS for hash_ in twin.ngram_hashes(text, 8)}
    assert sum(header.count for header in headers) == filters.count == len(expected)
    assert filters.contains(np.array(list(expected), np.uint64)).all()
    whole = tmp_path / "whole"
    write_corpus(whole, {f"http://{number}.example/": text for number, text in enumerate(TEXTS)}, 1)
    run_ngrams(whole, 1, NgramsSection(partitions=3, keep_hashes=True))
    for partition in range(3):
        ours, theirs = ((path / hashes_name(partition)).read_bytes() for path in (tmp_path / "out", whole / "ngrams"))
        assert ours[4096:] == theirs[4096:]
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".bloom"] * 3 + [".u64"] * 3


def test_merging_is_blind_to_order(releases: list[Path], tmp_path: Path) -> None:
    merge_releases(releases, tmp_path / "a", NgramsSection(partitions=1))
    merge_releases(releases[::-1], tmp_path / "b", NgramsSection(partitions=1))
    assert (tmp_path / "a" / filter_name(0)).read_bytes() == (tmp_path / "b" / filter_name(0)).read_bytes()


def test_what_cannot_be_merged_is_named(releases: list[Path], tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match="its n-grams have 8 words, not 5"):
        merge_releases(releases, tmp_path / "out", NgramsSection(words=5))
    (releases[1] / hashes_name(0)).unlink()
    with pytest.raises(WebtextError, match="keep_hashes = true"):
        merge_releases(releases, tmp_path / "out", NgramsSection())
