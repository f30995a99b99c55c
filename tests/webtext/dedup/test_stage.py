"""The stage from documents to corpus: what goes, for whose sake, and what has no say in it."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.webtext.dedup import stage, twins
from webtext.core.config import DedupSection
from webtext.core.errors import WebtextError
from webtext.core.hashing import shard_name
from webtext.core.records import CORPUS, PAIR
from webtext.core.tables import Record
from webtext.core.task import DONE
from webtext.dedup import phases
from webtext.dedup.splits import split_of

VOCABULARY = [f"w{number}" for number in range(3000)]


def prose(seed: int | str, words: int = 200) -> list[str]:
    return random.Random(seed).choices(VOCABULARY, k=words)


def edited(words: list[str], changes: int, seed: int = 0) -> list[str]:
    """With so many words changed, far from each other."""
    out = list(words)
    for k in range(changes):
        out[(k + 1) * len(words) // (changes + 1)] = f"edit{seed}x{k}"
    return out


def planted(count: int) -> list[Record]:
    """Documents with exact and near copies of all degrees, in an order of rank of their own."""
    rng = random.Random(5)
    documents = []
    for number in range(count):
        words = prose(number // 4) if number % 4 else prose(number)
        if number % 4:
            words = edited(words, rng.choice([0, 1, 2, 3, 5, 9]), rng.choice([1, 2]))
        time = rng.choice([None, 100, 200, 300])
        documents.append(stage.document(number, " ".join(words), time, rng.choice([None, 3, 4])))
        documents[-1]["created_utc"] = time
    return documents


def test_every_document_that_goes_names_one_that_stays(tmp_path: Path) -> None:
    documents = planted(120)
    manifest = stage.dedup(tmp_path, documents)
    corpus, pairs, rejected = stage.corpus(tmp_path), stage.pairs(tmp_path), stage.rejected(tmp_path)
    assert {name: manifest.records[name] for name in ("in", "out", "rejected")} == {
        "in": 120,
        "out": len(corpus),
        "rejected": len(rejected),
    }
    assert corpus.keys() | rejected.keys() == {document["url"] for document in documents}
    assert pairs.keys() == rejected.keys()
    by_url = {document["url"]: document for document in documents}
    for url, pair in pairs.items():
        kept = by_url[pair["kept_url"]]
        similarity = twins.jaccard(twins.runs(by_url[url]["text"], 5), twins.runs(kept["text"], 5))
        assert pair["kept_url"] in corpus
        assert pair["kept_id"] == kept["id"]
        assert twins.rank_key(kept) < twins.rank_key(by_url[url])
        assert pair["jaccard"] == pytest.approx(similarity, abs=1e-12 if pair["method"] != "signature" else 0.1)
        assert (pair["band"] is None) == (pair["method"] == "exact text") == (rejected[url]["reason"] == "exact-copy")
        assert rejected[url]["detail"].startswith(f"of {pair['kept_url']} ({pair['kept_id']})")
    assert {pair["method"] for pair in pairs.values()} == {"exact text", "signature", "text"}


def test_who_stays_is_what_comparing_all_pairs_says(tmp_path: Path) -> None:
    documents = planted(240)
    stage.dedup(tmp_path, documents, permutations=256)
    gone = twins.greedy(documents, 5, 0.8)
    assert {url: pair["kept_url"] for url, pair in stage.pairs(tmp_path).items()} == gone
    assert len(gone) > 60


def test_what_stays_is_unchanged_and_in_order(tmp_path: Path) -> None:
    documents = planted(60)
    stage.dedup(tmp_path, documents, shards=2)
    for shard in range(2):
        path = f"{shard_name(shard)}.parquet"
        before = stage.read_all(tmp_path, f"cleaned/{path}")
        after = stage.read_all(tmp_path, f"corpus/{path}")
        urls = {record["url"] for record in after}
        assert [{name: record[name] for name in before[0]} for record in after] == [r for r in before if r["url"] in urls]
    import pyarrow.parquet as pq

    assert pq.read_schema(tmp_path / "corpus" / "shard-00000.parquet").equals(CORPUS)
    assert pq.read_schema(tmp_path / "duplicates" / "pairs" / "shard-00000.parquet").equals(PAIR)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"created_utc": 5, "score": 1, "url": "http://z.example/"}, {"created_utc": 6, "score": 9, "url": "http://a.example/"}),
        ({"created_utc": 5, "score": 9, "url": "http://z.example/"}, {"created_utc": 5, "score": 8, "url": "http://a.example/"}),
        ({"created_utc": 5, "score": 9, "url": "http://a.example/"}, {"created_utc": 5, "score": 9, "url": "http://b.example/"}),
        ({"created_utc": 5, "score": -9, "url": "http://z.example/"}, {"created_utc": None, "score": 9, "url": "http://a.example/"}),
        ({"created_utc": 5, "score": -9, "url": "http://z.example/"}, {"created_utc": 5, "score": None, "url": "http://a.example/"}),
        (
            {"created_utc": None, "score": None, "url": "http://a.example/"},
            {"created_utc": None, "score": None, "url": "http://b.example/"},
        ),
        ({"created_utc": -5, "score": 1, "url": "http://z.example/"}, {"created_utc": 0, "score": 1, "url": "http://a.example/"}),
    ],
)
@pytest.mark.parametrize("changes", [0, 1])
def test_the_oldest_post_stays_then_the_higher_score_then_the_url(tmp_path: Path, first: Record, second: Record, changes: int) -> None:
    documents = []
    for number, record in enumerate((second, first)):
        document = stage.document(number, " ".join(edited(prose(1), changes * number)), url=record["url"])
        documents.append({**document, **record})
    stage.dedup(tmp_path, documents, shards=2, partitions=1)
    assert list(stage.corpus(tmp_path)) == [first["url"]]
    assert stage.pairs(tmp_path)[second["url"]]["kept_url"] == first["url"]


def chain(length: int) -> list[list[str]]:
    """Texts of which each is near to the next, and to no other."""
    words = prose("chain", 300)
    texts = []
    for number in range(length):
        texts.append(list(words))
        for k in range(5):  # five words apart change 25 of 296 shingles: Jaccard 0.84 to the next, 0.71 to the one after
            words[(number * 5 + k) * 10 % 300 + 3] = f"link{number}x{k}"
    return texts


def test_a_chain_of_unlike_documents_is_not_closed(tmp_path: Path) -> None:
    texts = chain(5)
    shingles = [twins.runs(" ".join(text), 5) for text in texts]
    near = [[twins.jaccard(one, other) >= 0.8 for other in shingles] for one in shingles]
    assert near == [[abs(i - j) <= 1 for i in range(5)] for j in range(5)]
    documents = [stage.document(number, " ".join(text)) for number, text in enumerate(texts)]
    stage.dedup(tmp_path, documents, permutations=256)
    pairs = stage.pairs(tmp_path)
    assert {url.rsplit("/")[-1] for url in stage.corpus(tmp_path)} == {"0", "2", "4"}
    assert {url.rsplit("/")[-1]: pair["kept_url"].rsplit("/")[-1] for url, pair in pairs.items()} == {"1": "0", "3": "2"}


def test_documents_that_share_bands_and_are_unlike_all_stay(tmp_path: Path) -> None:
    shared = prose("boilerplate", 170)
    documents = [stage.document(number, " ".join(shared + prose(number, 64))) for number in range(60)]
    manifest = stage.dedup(tmp_path, documents, permutations=256, threshold=0.6)
    assert manifest.counters["candidates"] > 100
    assert len(stage.corpus(tmp_path)) == 60


def test_copies_in_other_shards_are_found_whatever_the_number_of_shards_and_partitions(tmp_path: Path) -> None:
    documents = planted(100)
    results = []
    for shards, partitions in ((1, 1), (3, 4), (13, 5)):
        build = tmp_path / f"{shards}"
        stage.dedup(build, documents, shards=shards, partitions=partitions)
        corpus = sorted(stage.corpus(build).values(), key=lambda record: record["url"])
        results.append((corpus, sorted(stage.pairs(build).values(), key=lambda pair: pair["removed_url"])))
    assert results[0] == results[1] == results[2]


def test_the_order_of_tasks_has_no_say_in_the_bytes(tmp_path: Path) -> None:
    documents = planted(100)
    first, second = (stage.dedup(tmp_path / str(seed), documents, shuffle=seed) for seed in (1, 2))
    assert stage.contents(tmp_path / "1", first) == stage.contents(tmp_path / "2", second)
    assert first.hash() == second.hash()


def test_the_order_of_documents_has_no_say_in_who_stays(tmp_path: Path) -> None:
    documents = planted(100)
    results = []
    for seed in (1, 2):
        build = tmp_path / str(seed)
        stage.dedup(build, random.Random(seed).sample(documents, len(documents)))
        pairs = {path.name: path.read_bytes() for path in (build / "duplicates" / "pairs").iterdir()}
        results.append((stage.corpus(build), pairs))
    assert results[0] == results[1]


def test_a_task_that_is_done_again_writes_the_same_bytes(tmp_path: Path) -> None:
    documents = planted(60)
    manifest = stage.dedup(tmp_path, documents)
    before = stage.contents(tmp_path, manifest)
    forgotten = sorted((tmp_path / "stages/dedup/.work").glob(f"*-00001{DONE}"))
    assert len(forgotten) == 4
    for report in forgotten:
        report.unlink()
    again, _ = stage.run(tmp_path, DedupSection(partitions=4), 3)
    assert all(report.exists() for report in forgotten)
    assert stage.contents(tmp_path, again) == before
    assert again.hash() == manifest.hash()


def test_no_near_copy_of_a_held_out_document_is_in_train(tmp_path: Path) -> None:
    documents = planted(200)
    stage.dedup(tmp_path, documents, val_share=0.3, test_share=0.1, permutations=256)
    corpus = stage.corpus(tmp_path)
    parts = {split: [r for r in corpus.values() if r["split"] == split] for split in ("train", "val", "test")}
    assert all(len(part) > 5 for part in parts.values())
    train = [twins.runs(record["text"], 5) for record in parts["train"]]
    for record in parts["val"] + parts["test"]:
        own = twins.runs(record["text"], 5)
        assert max(twins.jaccard(own, other) for other in train) < 0.8


def test_documents_that_share_a_copy_that_went_may_be_in_two_parts_and_are_unlike(tmp_path: Path) -> None:
    texts = chain(3)
    documents = [stage.document(url, " ".join(text), time) for url, text, time in zip(("a", "b", "c0"), texts, (1, 3, 2))]
    others = [stage.document(f"c{number}", " ".join(texts[2]), 2) for number in range(1, 30)]
    parts = {record["url"]: split_of(record["id"], 0.45, 0.0) for record in [*documents, *others]}
    other = next(record for record in [documents[2], *others] if parts[record["url"]] != parts[documents[0]["url"]])
    stage.dedup(tmp_path, [documents[0], documents[1], other], val_share=0.45, test_share=0.0, permutations=256)
    corpus = stage.corpus(tmp_path)
    assert {url: record["split"] for url, record in corpus.items()} == {r["url"]: parts[r["url"]] for r in (documents[0], other)}
    assert {record["split"] for record in corpus.values()} == {"train", "val"}
    first, shared, last = (twins.runs(" ".join(text), 5) for text in texts)
    assert min(twins.jaccard(first, shared), twins.jaccard(shared, last)) >= 0.8
    assert 0.6 <= twins.jaccard(first, last) < 0.8


def test_splits_have_the_shares_they_should_have() -> None:
    splits = [split_of(f"{number:032x}", 0.05, 0.005) for number in range(100_000)]
    assert splits.count("val") == pytest.approx(5000, abs=4 * 69)
    assert splits.count("test") == pytest.approx(500, abs=4 * 23)
    assert {split_of("0" * 32, 0.0, 0.0), split_of("1" * 32, 0.0, 0.0)} == {"train"}


@pytest.mark.parametrize("shards", [1, 4])
def test_a_build_month_by_month_gives_what_one_build_gives(tmp_path: Path, shards: int) -> None:
    documents = [{**document, "created_utc": 10 + number} for number, document in enumerate(planted(150))]
    stage.dedup(tmp_path / "all", documents, shards=shards)
    monthly: dict[str, Record] = {}
    for month in range(3):
        stage.dedup(
            tmp_path / str(month),
            documents[50 * month : 50 * month + 50],
            shards=shards,
            against=[str(tmp_path / str(earlier)) for earlier in range(month)],
        )
        monthly |= stage.corpus(tmp_path / str(month))
    assert monthly == stage.corpus(tmp_path / "all")
    rejected = stage.rejected(tmp_path / "2")
    assert sum(record["detail"].endswith(", in an earlier build") for record in rejected.values()) > 3
    assert not any(record["detail"].endswith("build") for record in stage.rejected(tmp_path / "0").values())


def test_an_earlier_build_is_believed_whatever_its_posts(tmp_path: Path) -> None:
    text = " ".join(prose(1))
    stage.dedup(tmp_path / "1", [stage.document("old", text, 900)])
    manifest = stage.dedup(tmp_path / "2", [stage.document("new", text, 100)], against=[str(tmp_path / "1")])
    assert (manifest.records["in"], manifest.records["out"]) == (1, 0)
    assert manifest.counters["documents-of-earlier-builds"] == 1


def test_a_directory_without_a_corpus_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match=r"nothing.*: holds no corpus/shard"):
        phases.parts_of(1, DedupSection(against=[str(tmp_path / "nothing")]))


def test_an_id_that_is_none_is_refused_by_url(tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match=r"http://a\.example/: the id 'x' is not 32 hexadecimal digits"):
        stage.dedup(tmp_path, [{**stage.document(1, "text", url="http://a.example/"), "id": "x"}], shards=1)


def test_a_stage_without_documents_ends(tmp_path: Path) -> None:
    manifest = stage.dedup(tmp_path, [])
    assert manifest.records == {"unit": "documents", "in": 0, "out": 0, "rejected": 0}


@pytest.mark.parametrize("texts", [["", ""], ["!!!", "!!!"], ["ok", "ok"]])
def test_equal_texts_are_copies_however_short(tmp_path: Path, texts: list[str]) -> None:
    stage.dedup(tmp_path, [stage.document(number, text) for number, text in enumerate(texts)])
    assert len(stage.corpus(tmp_path)) == 1


def test_texts_without_words_are_not_near_to_each_other(tmp_path: Path) -> None:
    stage.dedup(tmp_path, [stage.document(number, text) for number, text in enumerate(["", "!!!", "???", "-- --"])])
    assert len(stage.corpus(tmp_path)) == 4


def test_near_copies_without_spaces_are_found(tmp_path: Path) -> None:
    text = "".join(chr(0x4E00 + value) for value in random.Random(1).choices(range(3000), k=400))
    stage.dedup(tmp_path, [stage.document(1, text), stage.document(2, text[:200] + "変" + text[201:])])
    (pair,) = stage.pairs(tmp_path).values()
    assert pair["jaccard"] == pytest.approx(391 / 401, abs=0.05)


def test_a_part_that_is_cut_is_refused_by_the_next_phase(tmp_path: Path) -> None:
    documents = planted(30)
    stage.dedup(tmp_path, documents)
    shutil.rmtree(tmp_path / "corpus")
    work = tmp_path / "stages/dedup/.work"
    for report in work.glob(f"*{DONE}"):
        if not report.name.startswith("sign"):
            report.unlink()
    path = work / "part-00001.bands"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WebtextError, match=r"part-00001\.bands: not a whole Arrow file"):
        stage.run(tmp_path, DedupSection(partitions=4), 3)
