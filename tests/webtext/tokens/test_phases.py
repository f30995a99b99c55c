from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenizer import ByteBPE
from webtext.config import TokenizerSection, TokenizeSection
from webtext.errors import WebtextError
from webtext.hashing import shard_name, url_id
from webtext.records import CORPUS, SPLITS
from webtext.shards import open_shard
from webtext.tables import read_table, writing_table
from webtext.task import Place, Report, run_task
from webtext.tokens.phases import encode_shard, lay_out, write_file
from webtext.tokens.vocabulary import count_shard, take_vocabulary, train_vocabulary

SHARDS = 3
TEXT = "The quick brown fox jumps over the lazy dog; the dog sleeps, and the fox goes on. "


def documents() -> list[dict[str, Any]]:
    rows = []
    for number in range(60):
        url = f"http://host{number % 7}.example/{number}"
        split = "val" if number % 10 == 3 else "test" if number % 20 == 5 else "train"
        text = TEXT * (1 + number % 5) + f"Number {number}, ünïcode ☃."
        rows.append({"id": url_id(url), "url": url, "title": "", "text": text, "language": "en", "split": split, "subreddits": []})
    return sorted(rows, key=lambda row: row["id"])


def write_corpus(build: Path, rows: list[dict[str, Any]]) -> None:
    for shard in range(SHARDS):
        with writing_table(build / f"corpus/{shard_name(shard)}.parquet", CORPUS) as table:
            for row in rows[shard::SHARDS]:
                table.write({name: row.get(name) for name in CORPUS.names})


def learn(build: Path, vocabulary: int = 400) -> list[Report]:
    place = Place(build, "tokenizer", "key")
    counts = [run_task(place, f"count-{shard:05d}", count_shard, shard) for shard in range(SHARDS)]
    spills = [report.outputs[0][1] for report in counts]
    return [*counts, run_task(place, "train-00000", train_vocabulary, 0, spills, TokenizerSection(vocabulary=vocabulary))]


def tokenize(build: Path, shard_tokens: int) -> list[Report]:
    place = Place(build, "tokens", "key")
    reports = [run_task(place, f"encode-{shard:05d}", encode_shard, shard) for shard in range(SHARDS)]
    shards = [report.outputs[0][1] for report in reports]
    layout = run_task(place, "layout-00000", lay_out, 0, shards[::-1], TokenizeSection.model_construct(shard_tokens=shard_tokens))
    return [
        *reports,
        layout,
        *(run_task(place, f"write-{index:05d}", write_file, index, name, pieces) for index, name, pieces in layout.outputs),
    ]


@pytest.fixture
def build(tmp_path: Path) -> Path:
    write_corpus(tmp_path, documents())
    return tmp_path


def test_held_out_text_has_no_say_in_the_vocabulary(build: Path) -> None:
    reports = learn(build)
    rows = documents()
    held_out = sum(row["split"] != "train" for row in rows)
    assert sum(report.records_in for report in reports) == len(rows)
    assert sum(report.rejected for report in reports) == held_out
    before = {path.name: path.read_bytes() for path in (build / "tokenizer").glob("*.json")}
    assert {"vocab.json", "tokenizer.json"} <= before.keys()
    changed = [row if row["split"] == "train" else {**row, "text": "zzzz yyyy " * 50} for row in rows]
    write_corpus(build, changed)
    (build / "tokenizer").rename(build / "first")
    learn(build)
    assert {path.name: path.read_bytes() for path in (build / "tokenizer").glob("*.json")} == before


def test_an_empty_corpus_is_told(tmp_path: Path) -> None:
    write_corpus(tmp_path, [])
    with pytest.raises(WebtextError, match="no training text"):
        learn(tmp_path)


def test_a_given_tokenizer_is_taken(build: Path) -> None:
    learn(build, 300)
    (build / "tokenizer").rename(build / "given")
    run_task(Place(build, "tokenizer", "key"), "take-00000", take_vocabulary, 0, str(build / "given"))
    assert ByteBPE.load(build / "tokenizer") == ByteBPE.load(build / "given")


def test_what_is_no_tokenizer_is_told_in_a_sentence(build: Path) -> None:
    (build / "broken").mkdir()
    (build / "broken" / "tokenizer.json").write_text("{")
    with pytest.raises(WebtextError, match=r"tokenizer\.json"):
        run_task(Place(build, "tokenizer", "key"), "take-00000", take_vocabulary, 0, str(build / "broken" / "tokenizer.json"))


@pytest.mark.parametrize("shard_tokens", [10**9, 1500, 1])
def test_every_document_is_where_the_index_says(build: Path, shard_tokens: int) -> None:
    learn(build)
    reports = tokenize(build, shard_tokens)
    rows = documents()
    assert sum(report.records_in for report in reports) == sum(report.records_out for report in reports) == len(rows)
    bpe = ByteBPE.load(build / "tokenizer")
    found = {}
    for path in sorted((build / "tokens" / "index").glob("*.parquet")):
        index = list(read_table(path))
        tokens = open_shard(build / "tokens" / f"{path.stem}.bin")
        assert sum(row["length"] for row in index) == len(tokens)
        assert len(tokens) <= shard_tokens or len(index) == 1
        for row in index:
            piece = tokens[row["offset"] : row["offset"] + row["length"]]
            assert piece[-1] == bpe.eot
            found[row["url"]] = (bpe.decode(piece[:-1].tolist()), row["split"])
            assert row["shard"].startswith(row["split"])
    assert found == {row["url"]: (row["text"], row["split"]) for row in rows}


def test_a_file_ends_only_where_the_next_document_does_not_fit(build: Path) -> None:
    learn(build)
    tokenize(build, 1500)
    files = sorted((build / "tokens" / "index").glob("train-*.parquet"))
    assert len(files) > 2
    for path, following in itertools.pairwise(files):
        first = next(read_table(following))
        assert sum(row["length"] for row in read_table(path)) + first["length"] > 1500


def test_llm_c_and_nanogpt_read_the_files(build: Path) -> None:
    learn(build)
    tokenize(build, 10**9)
    path = build / "tokens" / "train-00000.bin"
    header = np.fromfile(path, dtype=np.int32, count=256)  # as llm.c's loader does
    assert (header[0], header[1]) == (20240520, 1)
    tokens = np.memmap(path, dtype=np.uint16, mode="r", offset=1024)  # as nanoGPT's does
    assert header[2] == len(tokens) == len(open_shard(path))


def test_every_split_has_a_file_also_where_it_is_empty(tmp_path: Path) -> None:
    write_corpus(tmp_path, [row for row in documents() if row["split"] == "train"])
    learn(tmp_path)
    tokenize(tmp_path, 10**9)
    assert sorted(path.name for path in (tmp_path / "tokens").glob("*.bin")) == [f"{split}-00000.bin" for split in sorted(SPLITS)]
    assert len(open_shard(tmp_path / "tokens" / "val-00000.bin")) == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(1, 9), max_size=6), min_size=1, max_size=4), st.integers(1, 20))
def test_the_layout_is_that_of_one_list(tmp_path_factory: pytest.TempPathFactory, lengths: list[list[int]], size: int) -> None:
    from webtext.tokens.phases import ENCODED

    place = Place(tmp_path_factory.mktemp("layout"), "tokens", "key")
    for shard, numbers in enumerate(lengths):
        with writing_table(place.spill(f"encode-{shard:05d}.parquet"), ENCODED) as table:
            for number in numbers:
                table.write({"id": "", "url": "", "split": "train", "length": number})
    files = run_task(
        place, "layout-00000", lay_out, 0, list(range(len(lengths))), TokenizeSection.model_construct(shard_tokens=size)
    ).outputs
    laid = [
        [lengths[shard][first + i] for shard, first, count in pieces for i in range(count)] for _, name, pieces in files if "train" in name
    ]
    expected: list[list[int]] = [[]]  # one document after another into one list of files
    for length in (number for numbers in lengths for number in numbers):
        if expected[-1] and sum(expected[-1]) + length > size:
            expected.append([])
        expected[-1].append(length)
    assert laid == expected
