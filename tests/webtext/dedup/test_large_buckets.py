"""Buckets of boilerplate: linear, and still right."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from tests.webtext.dedup import stage, twins
from tests.webtext.dedup.test_stage import prose
from webtext.core.tables import Record
from webtext.dedup import bands, buckets, minhash
from webtext.dedup.shingles import shingles


def family(followers: int) -> list[Record]:
    """A leader; an older page that is near to it alone; followers that are near to it and to each other."""
    words = prose("family", 300)
    leader = stage.document("leader", " ".join(words), 10)
    left = words[:]
    for k in range(6):
        left[3 + 10 * k] = f"left{k}"
    older = stage.document("older", " ".join(left), 1)
    members = []
    for number in range(followers):
        right = words[:]
        for k in range(3):
            right[200 + 10 * k] = f"right{number}x{k}"
        members.append(stage.document(f"follower{number}", " ".join(right), 20 + number))
    return [leader, older, *members]


@pytest.mark.parametrize("followers", [5, 17, 60])
def test_followers_of_a_leader_that_goes_are_compared_again(tmp_path: Path, followers: int) -> None:
    documents = family(followers)
    leader, older, first, second = (twins.runs(record["text"], 5) for record in documents[:4])
    assert min(twins.jaccard(older, leader), twins.jaccard(leader, first), twins.jaccard(first, second)) > 0.8 > twins.jaccard(older, first)
    stage.dedup(tmp_path, documents, permutations=256)
    assert sorted(url.rsplit("/")[-1] for url in stage.corpus(tmp_path)) == ["follower0", "older"]
    assert {url: pair["kept_url"] for url, pair in stage.pairs(tmp_path).items()} == twins.greedy(documents, 5, 0.8)


def drifting(count: int, seed: int) -> list[Record]:
    """Pages of one site: each has some words of its own place, changed from a page made before it."""
    rng = random.Random(seed)
    pages = [prose(f"site{seed}", 300)]
    while len(pages) < count:
        words = list(rng.choice(pages))
        for _ in range(rng.choice([1, 2, 3, 4, 6])):
            words[rng.randrange(150)] = rng.choice(["x", "y", f"z{rng.random()}"])
        pages.append(words)
    return [stage.document(number, " ".join(words), rng.choice([None, 1, 2, 3])) for number, words in enumerate(rng.sample(pages, count))]


def greedy_among_those_that_met(documents: list[Record], permutations: int) -> dict[str, str]:
    """The rule of webtext.dedup.survivors with nothing left out: every pair that shares a band or a text is looked at."""
    low, _, sure = minhash.equal_bounds(0.8, permutations)
    ordered = sorted(documents, key=twins.rank_key)
    sets = [shingles(record["text"], 5) for record in ordered]
    signatures = np.array([minhash.signature(one, permutations) for one in sets])
    keys = bands.keys(signatures, *bands.shape(0.8, permutations))
    gone: dict[int, int] = {}
    for later in range(len(ordered)):
        for earlier in range(later):
            equal = (signatures[later] == signatures[earlier]).sum()
            if earlier in gone or equal < low or not (keys[later] == keys[earlier]).any():
                continue
            common = len(np.intersect1d(sets[later], sets[earlier]))
            if equal >= sure or common / (len(sets[later]) + len(sets[earlier]) - common) >= 0.8:
                gone[later] = earlier
                break
    return {ordered[later]["url"]: ordered[earlier]["url"] for later, earlier in gone.items()}


@pytest.mark.parametrize(("seed", "count", "again"), [(0, 150, 0), (4, 400, 0), (16, 400, 1)])
@pytest.mark.parametrize("memory", [buckets.MEMORY, 4000])
def test_crowded_buckets_are_settled_as_if_all_pairs_were_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, count: int, again: int, memory: int
) -> None:
    monkeypatch.setattr(buckets, "MEMORY", memory)  # 15 signatures: a bucket takes several calls
    documents = drifting(count, seed)
    manifest = stage.dedup(tmp_path, documents, permutations=256)
    expected = greedy_among_those_that_met(documents, 256)
    assert manifest.counters["crowded-buckets"] > 5
    assert manifest.counters["looked-again"] == again
    assert stage.pairs(tmp_path).keys() == expected.keys()


def test_twenty_thousand_equal_pages_take_linear_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "MEMORY", 2**20)  # 8,000 signatures: a bucket takes several calls
    text = "You need to enable JavaScript to run this app."
    documents = [stage.document(number, text, number) for number in range(20_000)]
    manifest = stage.dedup(tmp_path, documents, shards=2)
    assert list(stage.corpus(tmp_path)) == [documents[0]["url"]]
    assert manifest.counters["rejected-exact-copy"] == 19_999
    assert manifest.counters["candidates"] == 19_999
    assert manifest.counters["comparisons"] == 22 * 19_999  # in each of 21 bands, and by the text: with one page that leads


def test_twenty_thousand_near_equal_pages_take_linear_work(tmp_path: Path) -> None:
    words = prose("boilerplate", 60)
    documents = [stage.document(number, " ".join([*words, f"n{number}"]), number) for number in range(20_000)]
    manifest = stage.dedup(tmp_path, documents, shards=2)
    assert list(stage.corpus(tmp_path)) == [documents[0]["url"]]
    assert manifest.counters["candidates"] < 2 * 20_000
    assert manifest.counters["comparisons"] < 2 * 21 * 20_000


def test_twenty_thousand_pages_with_much_in_common_take_linear_work(tmp_path: Path) -> None:
    words = prose("boilerplate", 60)
    documents = [stage.document(number, " ".join(words + prose(number, 20)), number) for number in range(20_000)]
    manifest = stage.dedup(tmp_path, documents, shards=2)
    assert 20_000 < manifest.counters["comparisons"] < 64 * 21 * 20_000
    assert len(stage.corpus(tmp_path)) > 19_900
