"""Documents that stand in others, which copy stays, and what is said of it."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webtext.dedup import stage
from tests.webtext.dedup.test_stage import edited, planted, prose
from webtext.core.records import LEDGER
from webtext.core.tables import Record, writing_table
from webtext.dedup import kernels
from webtext.dedup.rank import address_form
from webtext.dedup.splits import split_of
from webtext.report.why import why

VALUES = st.lists(st.integers(0, 6), max_size=30)


@given(VALUES, st.sets(st.integers(0, 6)), st.integers(1, 4))
def test_coverage_is_of_the_words_of_common_shingles(shingles: list[int], others: set[int], size: int) -> None:
    words = [False] * (len(shingles) + size - 1)
    run, longest = 0, 0
    for place, shingle in enumerate(shingles):
        run = (run + 1 if run else size) if shingle in others else 0
        longest = max(longest, run)
        if shingle in others:
            words[place : place + size] = [True] * size
    own = max((len(part) for part in "".join("x" if word else "." for word in words).split("x")), default=0)
    found = kernels.coverage(np.array(shingles, np.uint32), np.array(sorted(others), np.uint32), size)
    assert found == (sum(words), longest, own)


@given(VALUES, st.integers(1, 5))
def test_a_sketch_has_the_smallest_keys(shingles: list[int], size: int) -> None:
    last = len(shingles) - 1
    keys = {int(kernels.mix64(np.uint64(one << 32 | shingles[min(i + 2, last)]))) for i, one in enumerate(shingles)}
    smallest = np.empty(size, np.uint64)
    count = kernels.sketch(np.array(shingles, np.uint32), smallest)
    assert smallest[:count].tolist() == sorted(keys)[:size]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_groups_are_what_pairs_join(pairs: list[tuple[int, int]]) -> None:
    groups = np.arange(10)
    first, second = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    kernels.join_groups(groups, first, second)
    for _ in range(10):
        groups = groups[groups]
    expected = list(range(10))
    for _ in range(10):
        for one, other in pairs:
            expected[one] = expected[other] = min(expected[one], expected[other])
    assert groups.tolist() == expected


def name(url: str) -> str:
    return url.rsplit("/", 1)[-1]


@pytest.mark.parametrize("first", ["whole", "part"])
@pytest.mark.parametrize(
    "copy",
    [
        lambda words: words[60:200],
        lambda words: words[100:200],
        lambda words: ["menu", *words[:150]],
        lambda words: edited(words[:150], 5),
    ],
    ids=["cut to 70 %", "half", "framed", "edited"],
)
def test_the_part_goes_whichever_is_older(tmp_path: Path, first: str, copy: object) -> None:
    words = prose(1)
    part = copy(words)  # type: ignore[operator]
    documents = [stage.document("whole", " ".join(words), 2), stage.document("part", " ".join(part), 1 if first == "part" else 3)]
    stage.dedup(tmp_path / "off", documents)
    assert len(stage.corpus(tmp_path / "off")) == 2
    stage.dedup(tmp_path / "on", documents, containment=0.9)
    assert [name(url) for url in stage.corpus(tmp_path / "on")] == ["whole"]
    (pair,) = stage.pairs(tmp_path / "on").values()
    assert (pair["method"], pair["decided_by"], name(pair["kept_url"])) == ("containment", "the whole text", "whole")
    assert pair["contained"] == pytest.approx(sum(word in words for word in part) / len(part))
    longest = max(sum(1 for _ in run) for run in _runs(part, words))
    assert pair["shared_run"] == longest
    told = [event.text for event in why(tmp_path / "on", pair["removed_url"])]
    assert any(f"{longest} words in a row; that has the whole text" in text for text in told)


def _runs(part: list[str], words: list[str]) -> list[list[str]]:
    runs: list[list[str]] = [[]]
    for word in part:
        runs.append([*runs.pop(), word]) if word in words else runs.append([])
    return runs


def test_two_edited_copies_stand_in_each_other_and_the_older_stays(tmp_path: Path) -> None:
    words = prose(1, 300)
    documents = [stage.document(number, " ".join(edited(words, 16 * (number - 1), number))) for number in (1, 2)]
    stage.dedup(tmp_path, documents, containment=0.9)
    (pair,) = stage.pairs(tmp_path).values()
    assert (name(pair["kept_url"]), pair["method"], pair["decided_by"]) == ("1", "shared runs", "the older post")


def test_a_frame_with_content_of_its_own_stays(tmp_path: Path) -> None:
    frame = prose("frame", 400)
    documents = [stage.document(number, " ".join([*frame[:200], *prose(number, 110), *frame[200:]])) for number in range(40)]
    stage.dedup(tmp_path, documents, containment=0.75)
    assert len(stage.corpus(tmp_path)) == 40


def test_more_is_removed_and_nothing_that_similarity_removes_stays(tmp_path: Path) -> None:
    rng = random.Random(4)
    documents = planted(120)
    parts = [" ".join(record["text"].split()[: rng.choice([80, 120, 160])]) for record in documents[::3]]
    documents += [stage.document(1000 + number, text, rng.choice([50, 400])) for number, text in enumerate(parts)]
    results = []
    for shards, partitions in ((1, 1), (3, 4)):
        stage.dedup(tmp_path / str(shards), documents, shards=shards, partitions=partitions, containment=0.9)
        results.append({url: (pair["kept_url"], pair["method"]) for url, pair in stage.pairs(tmp_path / str(shards)).items()})
    assert results[0] == results[1]
    stage.dedup(tmp_path / "off", documents)
    assert stage.pairs(tmp_path / "off").keys() <= results[0].keys()
    assert all(url in results[0] for url in (record["url"] for record in documents[120:]))
    corpus = stage.corpus(tmp_path / "3")
    heads = {row["id"]: row for row in stage.read_all(tmp_path / "3", "duplicates/clusters/*.parquet")}
    assert {row["id"] for row in heads.values() if row["kept"]} == {row["cluster"] for row in heads.values()}
    assert all(heads[pair["removed_id"]]["kept"] is False for pair in stage.pairs(tmp_path / "3").values())
    assert all(heads[row["cluster"]]["url"] in corpus for row in heads.values())


def test_what_shares_half_of_its_words_falls_into_one_split(tmp_path: Path) -> None:
    documents = []
    for number in range(60):
        words = prose(number, 300)
        documents.append(stage.document(2 * number, " ".join(words)))
        documents.append(stage.document(2 * number + 1, " ".join([*words[:170], *prose(f"own {number}", 130)])))
    stage.dedup(tmp_path, documents, containment=0.9, val_share=0.4)
    corpus = stage.corpus(tmp_path)
    assert len(corpus) == 120
    splits = [corpus[record["url"]]["split"] for record in documents]
    assert [one == other for one, other in zip(splits[::2], splits[1::2])] == [True] * 60
    assert splits[::2] == [split_of(record["id"], 0.4, 0.005) for record in documents[::2]]
    assert {"train", "val"} <= set(splits)


KEEPS: list[tuple[Record, str, str]] = [
    ({"keep": "first"}, "a", "the older post"),
    ({"keep": "best-score"}, "b", "the higher score"),
    ({"keep": "longest"}, "c", "the longer text"),
    ({"keep": "preferred-hosts", "preferred_hosts": ["D.example", "b.example"]}, "d", "a preferred host"),
]


@pytest.mark.parametrize(("keys", "kept", "reason"), KEEPS, ids=[keys["keep"] for keys, _, _ in KEEPS])
def test_which_copy_stays_is_a_choice(tmp_path: Path, keys: Record, kept: str, reason: str) -> None:
    text = " ".join(prose(1))
    documents = [
        stage.document(letter, text + (" and more" if letter == "c" else ""), time, score, f"http://www.{letter}.example/{letter}")
        for letter, time, score in (("a", 1, 5), ("b", 2, 9), ("c", 3, 5), ("d", 4, 5))
    ]
    stage.dedup(tmp_path, documents, **keys)
    (url,) = stage.corpus(tmp_path)
    assert name(url) == kept
    assert {pair["decided_by"] for pair in stage.pairs(tmp_path).values()} == {reason}
    told = [event.text for event in why(tmp_path, url)]
    assert any(text.endswith(f"stays of 4 by dedup.keep = {keys['keep']}") for text in told)
    assert sum(text.startswith("in a cluster with") and text.endswith(f"that has {reason}") for text in told) == 3


def test_with_none_all_copies_go(tmp_path: Path) -> None:
    documents = [stage.document(number, " ".join(prose(number // 2 if number < 6 else number))) for number in range(9)]
    manifest = stage.dedup(tmp_path, documents, keep="none")
    assert sorted(name(url) for url in stage.corpus(tmp_path)) == ["6", "7", "8"]
    assert manifest.counters["rejected-has-copies"] == manifest.counters["rejected-exact-copy"] == 3
    assert len(stage.read_all(tmp_path, "duplicates/clusters/*.parquet")) == 6


def test_a_plain_address_stays_where_posts_do_not_decide(tmp_path: Path) -> None:
    ordered = ["https://x.example/a", "http://x.example/a", "https://m.x.example/a", "http://m.x.example/a", "https://amp.x.example/a"]
    ordered += ["http://x.example/a/amp", "https://web.archive.org/web/2016/http://x.example/a"]
    assert all(address_form(one) < address_form(other) for one, other in pairwise(ordered))
    documents = [{**stage.document("", " ".join(prose(1)), None, None, url), "created_utc": None} for url in reversed(ordered)]
    stage.dedup(tmp_path, documents)
    assert list(stage.corpus(tmp_path)) == ordered[:1]


def test_a_capture_has_a_date_where_there_is_no_post(tmp_path: Path) -> None:
    documents = [{**stage.document(letter, " ".join(prose(1))), "created_utc": None, "score": None} for letter in "ab"]
    with writing_table(tmp_path / "pages" / "ledger" / "shard-00000.parquet", LEDGER) as table:
        for record, year in zip(documents, (2012, 2010)):
            row = {"id": record["id"], "url": record["url"], "captured": datetime(year, 1, 1, tzinfo=timezone.utc)}
            table.write({**dict.fromkeys(LEDGER.names), **row})
    stage.dedup(tmp_path, documents, shards=1)
    (pair,) = stage.pairs(tmp_path).values()
    assert (name(pair["kept_url"]), pair["decided_by"]) == ("b", "the older post")
