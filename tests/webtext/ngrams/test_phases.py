"""The ngrams stage, and the release that it makes."""

from __future__ import annotations

import random
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from pybloom_live import BloomFilter

from tests.webtext.ngrams import twin
from tests.webtext.ngrams.corpora import run_ngrams, write_corpus
from webtext.core.config import NgramsSection
from webtext.core.errors import WebtextError
from webtext.core.tables import read_table
from webtext.ngrams.filters import HASHES, HEADER_BYTES, Filters, filter_name, hashes_name, mapped_hashes, read_header
from webtext.ngrams.query import query

SHARDS = 3


def documents() -> dict[str, str]:
    draw = random.Random(5)
    texts = [" ".join(f"Word{draw.randrange(30)}" for _ in range(draw.randrange(60))) for _ in range(80)]
    return {f"http://host{index % 11}.example/{index}": text for index, text in enumerate(texts)}


@pytest.fixture
def build(tmp_path: Path) -> Path:
    write_corpus(tmp_path, documents(), SHARDS, held_out=HELD_OUT)
    return tmp_path


HELD_OUT = [url for url in documents() if url.endswith("7")]


def expected(words: int) -> set[int]:
    return {hash_ for url, text in documents().items() if url not in HELD_OUT for hash_ in twin.ngram_hashes(text, words)}


@pytest.mark.parametrize("words", [2, 8])
@pytest.mark.parametrize("partitions", [1, 3])
def test_the_filters_hold_the_ngrams_of_the_training_documents(build: Path, words: int, partitions: int) -> None:
    reports = run_ngrams(build, SHARDS, NgramsSection(words=words, partitions=partitions, keep_hashes=True))
    filters, hashes = Filters.open(build / "ngrams"), expected(words)
    assert filters.words == words
    assert filters.count == len(hashes)
    assert filters.false_positive_rate <= 1e-8
    assert filters.contains(np.array(sorted(hashes), np.uint64)[::-1]).all()
    others = np.random.default_rng(1).integers(0, 2**64, 100_000, np.uint64)
    assert not filters.contains(others).any()
    exact = [hash_ for partition in range(partitions) for hash_ in mapped_hashes(build / "ngrams" / hashes_name(partition)).tolist()]
    assert exact == sorted(hashes)
    assert sum(report.counters.get("distinct-n-grams", 0) for report in reports) == len(hashes)


def test_no_document_vanishes(build: Path) -> None:
    reports = run_ngrams(build, SHARDS, NgramsSection())
    rejected = [row for path in sorted((build / "stages/ngrams/rejected").iterdir()) for row in read_table(path)]
    assert sum(report.records_in for report in reports) == 80
    assert sum(report.records_out for report in reports) == 80 - len(rejected)
    short = {url for url, text in documents().items() if len(text.split()) < 8 and url not in HELD_OUT}
    assert {row["url"] for row in rejected if row["reason"] == "held-out"} == set(HELD_OUT)
    assert {row["url"] for row in rejected if row["reason"] == "too-short"} == short
    assert short


def test_any_order_gives_the_same_bytes(build: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(build / "corpus", other / "corpus")
    section = NgramsSection(keep_hashes=True)
    forward = {file.path: file for report in run_ngrams(build, SHARDS, section) for file in report.files}
    backward = {file.path: file for report in run_ngrams(other, SHARDS, section, backwards=True) for file in report.files}
    assert forward == backward
    assert len([path for path in forward if path.endswith((".bloom", ".u64"))]) == 8


def test_an_empty_corpus_gives_empty_filters(tmp_path: Path) -> None:
    write_corpus(tmp_path, {}, 1)
    run_ngrams(tmp_path, 1, NgramsSection(partitions=2, keep_hashes=True))
    filters = Filters.open(tmp_path / "ngrams")
    assert filters.count == 0
    assert not filters.contains(np.arange(1000, dtype=np.uint64)).any()
    assert not len(mapped_hashes(tmp_path / "ngrams" / hashes_name(1)))


def test_pybloom_live_does_not_take_it_for_its_own(build: Path) -> None:
    """Its positions are others, so it would answer wrongly."""
    run_ngrams(build, SHARDS, NgramsSection(partitions=1))
    data = (build / "ngrams" / filter_name(0)).read_bytes()
    for start in (0, HEADER_BYTES):
        error_rate, slices, bits, capacity, count = struct.unpack_from(BloomFilter.FILE_FMT, data, start)
        assert not (0 < error_rate < 1 and count <= capacity and slices * bits < 2**50)  # it would refuse these sizes


def test_changed_bits_are_noticed(build: Path) -> None:
    run_ngrams(build, SHARDS, NgramsSection(partitions=2))
    Filters.open(build / "ngrams").check(build / "ngrams")
    path = build / "ngrams" / filter_name(1)
    data = bytearray(path.read_bytes())
    data[-7] ^= 8
    path.write_bytes(data)
    with pytest.raises(WebtextError, match=r"filter-00001\.bloom: its bits were changed"):
        Filters.open(build / "ngrams").check(build / "ngrams")


def test_a_text_is_asked_about(build: Path) -> None:
    run_ngrams(build, SHARDS, NgramsSection())
    held = next(text for url, text in documents().items() if url not in HELD_OUT and len(text.split()) > 20)
    words = held.split()
    answer = query(Filters.open(build / "ngrams"), f"Foreign, {', '.join(words[3:15])}! foreign")
    assert (answer.words, answer.ngrams, answer.found) == (14, 7, 5)
    passage = ", ".join(words[3:15])
    assert answer.matches == [(1, 13, 9, 9 + len(passage), passage)]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda data: data[:-1], "its header says"),
        (lambda data: data[:100], "not a file of an n-gram filter"),
        (lambda data: b"x" + data[1:], "not a file of an n-gram filter"),
        (lambda data: data[:8] + b"\x09" + data[9:], "version 9"),
        (lambda data: data.replace(b'"words":8', b'"words":;'), "its header is damaged"),
        (lambda data: data.replace(b"webtext-words-2", b"webtext-words-9"), "normaliser webtext-words-9"),
        (lambda data: data.replace(b'"words":8', b'"words":7'), "of another release"),
        (None, "cannot be read"),
    ],
)
def test_a_broken_release_is_refused(build: Path, damage: object, sentence: str) -> None:
    run_ngrams(build, SHARDS, NgramsSection(partitions=2))
    path = build / "ngrams" / filter_name(1)
    if callable(damage):
        path.write_bytes(damage(path.read_bytes()))
    else:
        path.unlink()
    with pytest.raises(WebtextError, match=sentence) as raised:
        Filters.open(build / "ngrams")
    assert str(path) in str(raised.value)


def test_the_head_says_what_is_inside(build: Path) -> None:
    run_ngrams(build, SHARDS, NgramsSection(partitions=2, keep_hashes=True))
    header, hashes = read_header(build / "ngrams" / filter_name(1)), read_header(build / "ngrams" / hashes_name(1), HASHES)
    assert (header.words, header.partitions, header.partition, header.error_rate, header.slices, header.build) == (
        8,
        2,
        1,
        1e-8,
        27,
        "0" * 64,
    )
    assert (hashes.count, hashes.keys_digest) == (header.count, header.keys_digest)
