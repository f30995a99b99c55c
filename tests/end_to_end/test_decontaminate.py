"""Pages that quote a test set, from an archive to a corpus without them and a report that shows it."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from tests.end_to_end.commands import manifests, webtext

WORDS = (
    "the of and to in a is that it was for on are with as his they be at one have this from had not but what all were when we there can "
    "your which their said if do will each about how up out them then she many some so these would other into has more her two like him "
    "see time could no make than first been its who now people my made over did down only way find use may water long little very after"
).split()


def prose(words: int, seed: int) -> str:
    """Sentences of common words in an order that no other seed has."""
    draw = random.Random(seed)
    chosen = [draw.choice(WORDS) for _ in range(words)]
    return " ".join(word.capitalize() if place % 12 == 0 else f"{word}." if place % 12 == 11 else word for place, word in enumerate(chosen))


QUESTION, PASSAGE = prose(20, 901), prose(50, 902)
PAGES = {
    "http://one.example/clean": prose(300, 1),
    "http://one.example/phrase": f"{prose(200, 2)} {' '.join(PASSAGE.split()[:10])} {prose(100, 3)}",
    "http://two.example/quotes": f"{prose(200, 4)} {PASSAGE} {prose(200, 5)}",
    "http://three.example/asks": f"{prose(200, 6)} {QUESTION} {prose(200, 7)}",
    "http://four.example/nothing-else": f"{prose(30, 8)} {PASSAGE}",
    "http://five.example/clean": prose(300, 9),
}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("decontaminate")
    with open(path / "pages.warc.gz", "wb") as file:
        writer = WARCWriter(file, gzip=True)
        for url, text in PAGES.items():
            paragraphs = "".join(f"<p>{text[start : start + 600]}</p>" for start in range(0, len(text), 600))
            body = f"<html lang=en><head><title>A page</title></head><body><article>{paragraphs}</article></body></html>".encode()
            head = StatusAndHeaders("200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1")
            writer.write_record(writer.create_warc_record(url, "response", payload=io.BytesIO(body), http_headers=head))
    rows = [{"id": "passage", "text": PASSAGE}, {"id": "question", "text": QUESTION}, {"id": "free", "text": prose(40, 903)}]
    (path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (path / "c.toml").write_text(
        f'[run]\nworkers = 1\n[build]\nshards = 2\n[fetch]\nwarcs = ["{path}/pages.warc.gz"]\n'
        '[clean]\nlanguages = []\npreset = "none"\n'
        f"[dedup]\npartitions = 2\nval_share = 0.0\ntest_share = 0.0\n[ngrams]\npartitions = 1\n"
        f'[overlap]\nprobes = 1000\n[[overlap.benchmarks]]\nname = "A set"\npath = "{path}/set.jsonl"\n'
    )
    for stage in ("fetch", "extract", "clean"):
        webtext(stage, path / "c.toml", "--out", path / "b")
    return path / "c.toml"


def corpus(build: Path) -> dict[str, str]:
    rows = [row for path in sorted(build.glob("corpus/*.parquet")) for row in pq.read_table(path).to_pylist()]
    return {row["url"]: row["text"] for row in rows}


def test_a_corpus_without_a_test_set(config: Path) -> None:
    build = config.parent / "b"
    kept = ("http://one.example/clean", "http://one.example/phrase", "http://five.example/clean")

    webtext("dedup", config, "--out", build, "--decontaminate", "A set", "--decontaminate-by", "cut")
    cut = corpus(build)
    assert set(cut) == {*kept, "http://two.example/quotes", "http://three.example/asks"}
    assert PASSAGE[:40] not in cut["http://two.example/quotes"]
    assert manifests(build)["dedup"]["counters"]["documents-cut"] == 2
    story = webtext("why", "http://three.example/asks", "--out", build).stdout
    assert "kept, train" in story
    assert "20 words of A set (question) cut out" in story

    webtext("dedup", config, "--out", build, "--decontaminate", config.parent / "set.jsonl")
    assert set(corpus(build)) == set(kept)
    dedup = manifests(build)["dedup"]
    assert (dedup["records"]["in"], dedup["records"]["out"], dedup["records"]["rejected"]) == (6, 3, 3)
    assert [source["name"] for source in dedup["sources"]] == ["set.jsonl"]
    assert "quotes-test-set (50 words of set (passage): " in " ".join(
        webtext("why", "http://two.example/quotes", "--out", build).stdout.split()
    )

    for stage in ("ngrams", "overlap"):
        webtext(stage, config, "--out", build)
    report = json.loads((build / "overlap" / "A-set.json").read_text())
    assert (report["documents_that_quote"], report["longest_in_a_document"], report["longest_words"]) == (0, 10, 10)
    assert json.loads((build / "overlap" / "samples" / "dirty.json").read_text()) == {"A set": [0]}


def test_an_unknown_benchmark_is_told(config: Path) -> None:
    error = webtext("dedup", config, "--out", config.parent / "b", "--decontaminate", "LAMBDA", status=2).stderr
    assert "LAMBDA is neither a file nor the name of a benchmark (overlap.benchmarks has: A set)" in error
