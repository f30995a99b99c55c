"""Passages of real test sets planted in a corpus are found to the word."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.webtext.ngrams import twin
from tests.webtext.ngrams.corpora import run_ngrams, run_overlap, write_corpus
from tests.webtext.overlap.test_phases import prose
from tests.webtext.overlap.test_readers import REAL
from webtext.core.config import Benchmark, NgramsSection, OverlapSection
from webtext.ngrams.normalise import ngram_hashes, scan
from webtext.overlap.readers import read_examples

SHARDS = 2


def passage(benchmark: Benchmark) -> tuple[str, str]:
    """An example from the middle of a test set, and a passage of its words as they are written."""
    examples = [example for example in read_examples(benchmark) if ngram_hashes(example.text, 1)[1] >= 9]
    example = examples[len(examples) // 2]
    scanned = scan(example.text, 1)
    return example.id, scanned.text(1, min(len(scanned.starts) - 1, 40))


def test_planted_passages_of_real_test_sets(data_dir: Path, tmp_path: Path) -> None:
    paths = [path for path in REAL if not path.startswith("formats/cnn")]  # whose articles are stubs of two lines
    benchmarks = [Benchmark(name=path.replace("/", " "), path=str(data_dir / "benchmarks" / path)) for path in paths]
    planted = {benchmark.name: passage(benchmark) for benchmark in benchmarks}
    documents = {
        f"http://host{index}.example/": f"{prose(300, index)} “{text}” {prose(300, 1000 + index)}"
        for index, (_, text) in enumerate(planted.values())
    }
    write_corpus(tmp_path, documents, SHARDS)
    run_ngrams(tmp_path, SHARDS, NgramsSection())
    run_overlap(tmp_path, SHARDS, OverlapSection(benchmarks=benchmarks, probes=1000))
    for (name, (example, text)), url in zip(planted.items(), documents):
        stem = name.replace(" ", "-")
        found = {match["text"]: match for match in json.loads((tmp_path / "overlap" / f"{stem}.json").read_text())["matches"]}
        assert found[text]["words"] == len(twin.words(text)), name
        assert url in [document["url"] for document in found[text]["documents"]], name
        with open(tmp_path / "overlap" / "examples" / f"{stem}.csv", newline="") as file:
            row = next(row for row in csv.DictReader(file) if row["example"] == example)
        assert int(row["longest_match_words"]) == len(twin.words(text)), name
