"""8-gram filters: this project beside pybloom-live and rbloom, from text to answer, in one run on one core.

    python benchmarks/ngrams.py                        # two minutes, 3 GB of memory
    python benchmarks/ngrams.py --json figures.json

The text is the novels of $WEBTEXT_DATA (see README). Every side normalises the text, makes its 8-grams and puts them into a filter for one
false positive in 10^8; then other text is asked about. The peers are used as their documentation says, with strings as keys; what is
Python's own share of their time (normalising and joining) is stated. Times are processor time; the best of the rounds counts.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from pybloom_live import BloomFilter

from webtext.config import Benchmark
from webtext.ngrams.bloom import ask, bits_of, built
from webtext.ngrams.normalise import Hashes, ngram_hashes, scan
from webtext.ngrams.runs import sorted_distinct
from webtext.overlap.locate import indices, wanted
from webtext.overlap.readers import read_examples

DATA = Path(os.environ.get("WEBTEXT_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
N, ERROR_RATE = 8, 1e-8
WORD = re.compile(r"[^\W_]+")
ROUNDS = 3


def novels() -> list[str]:
    with (
        open(DATA / "text" / "novels.tar.zst", "rb") as file,
        tarfile.open(fileobj=zstandard.ZstdDecompressor().stream_reader(file), mode="r|") as archive,
    ):
        members = (archive.extractfile(member) for member in archive)
        return [data.read().decode("utf-8", "replace") for data in members if data is not None]


def best(work: Callable[[], Any], rounds: int = ROUNDS) -> tuple[float, Any]:
    """Processor seconds of the fastest round, and what the work gives."""
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        value = work()
        seconds.append(time.process_time() - start)
    return min(seconds), value


def python_ngrams(text: str) -> Iterator[str]:
    """8-grams as a user of the peers would make them."""
    words = WORD.findall(text.lower())
    for first in range(len(words) - N + 1):
        yield " ".join(words[first : first + N])


def ours_fill(texts: list[str]) -> Any:
    distinct = sorted_distinct(ngram_hashes(text, N)[0] for text in texts)
    return built(lambda: [distinct], len(distinct), ERROR_RATE)[0]


def ours_ask(filter_: Any, texts: list[str]) -> int:
    bits = bits_of(filter_)
    return sum(int(ask(bits, filter_.num_slices, filter_.bits_per_slice, ngram_hashes(text, N)[0]).sum()) for text in texts)


def pybloom_fill(texts: list[str], capacity: int) -> Any:
    filter_ = BloomFilter(capacity, ERROR_RATE)
    for text in texts:
        for ngram in python_ngrams(text):
            filter_.add(ngram)
    return filter_


def rbloom_fill(texts: list[str], capacity: int) -> Any:
    from rbloom import Bloom  # type: ignore[import-not-found]  # a peer that need not be there

    filter_ = Bloom(capacity, ERROR_RATE)
    for text in texts:
        filter_.update(python_ngrams(text))
    return filter_


def peer_ask(filter_: Any, texts: list[str]) -> int:
    return sum(ngram in filter_ for text in texts for ngram in python_ngrams(text))


def side_by_side(texts: list[str], others: list[str], peers: list[str]) -> dict[str, Any]:
    """N-grams a second from text to filter and from text to answer, of each side; the text asked about is half known, half new."""
    asked = texts[: len(texts) // 2] + others
    count = sum(len(ngram_hashes(text, N)[0]) for text in texts)
    questions = sum(len(ngram_hashes(text, N)[0]) for text in asked)
    figures: dict[str, Any] = {"ngrams_filled": count, "ngrams_asked": questions}
    python = best(lambda: sum(1 for text in texts for _ in python_ngrams(text)))[0]
    figures["python_normalising_and_joining_per_second"] = round(count / python)
    fills: dict[str, Callable[[], Any]] = {"webtext": lambda: ours_fill(texts), "pybloom-live": lambda: pybloom_fill(texts, count)}
    if "rbloom" in peers:
        fills["rbloom"] = lambda: rbloom_fill(texts, count)
    for name, fill in fills.items():
        rounds = 1 if name == "pybloom-live" else ROUNDS
        filling, filter_ = best(fill, rounds)
        answer = ours_ask if name == "webtext" else peer_ask
        asking, found = best(partial(answer, filter_, asked), rounds)
        figures[name] = {
            "fill_per_second": round(count / filling),
            "ask_per_second": round(questions / asking),
            "fill_and_ask_seconds": round(filling + asking, 3),
            "found": found,
        }
    for name in fills:
        if name != "webtext":
            figures[f"times_faster_than_{name}"] = {
                part: round(figures["webtext"][f"{part}_per_second"] / figures[name][f"{part}_per_second"], 1) for part in ("fill", "ask")
            }
    return figures


def parts(texts: list[str]) -> dict[str, Any]:
    """What the parts of the way do alone."""
    size = sum(len(text.encode()) for text in texts)
    hashing, hashes = best(lambda: [ngram_hashes(text, N)[0] for text in texts])
    spans, _ = best(lambda: [scan(text, N) for text in texts])
    distinct = sorted_distinct(hashes)
    filling, (filter_, rate) = best(lambda: built(lambda: [distinct], len(distinct), ERROR_RATE))
    bits = bits_of(filter_)
    foreign = ~distinct
    hit, _ = best(lambda: ask(bits, filter_.num_slices, filter_.bits_per_slice, distinct))
    miss, _ = best(lambda: ask(bits, filter_.num_slices, filter_.bits_per_slice, foreign))
    return {
        "megabytes": round(size / 1e6, 1),
        "hashing_megabytes_per_second": round(size / hashing / 1e6, 1),
        "hashing_with_spans_megabytes_per_second": round(size / spans / 1e6, 1),
        "keys": len(distinct),
        "fill_million_keys_per_second": round(len(distinct) / filling / 1e6, 2),
        "ask_million_keys_per_second_all_there": round(len(distinct) / hit / 1e6, 2),
        "ask_million_keys_per_second_none_there": round(len(distinct) / miss / 1e6, 2),
        "bits_per_key": round(filter_.num_bits / len(distinct), 3),
        "false_positive_rate_of_the_bits": rate,
    }


def against_a_set(texts: list[str], at_most: int = 10_000_000) -> dict[str, Any]:
    """The filter's answers on 10 M 8-grams beside those of a plain set of strings, filled with every other text."""
    known: set[str] = set()
    filter_ = ours_fill(texts[::2])
    for text in texts[::2]:
        known.update(python_ngrams(text))
    asked = wrong = missed = 0
    for text in texts:
        truth = np.fromiter((ngram in known for ngram in python_ngrams(text)), np.bool_)
        answer = ask(bits_of(filter_), filter_.num_slices, filter_.bits_per_slice, ngram_hashes(text, N)[0])
        wrong += int((answer & ~truth).sum())
        missed += int((truth & ~answer).sum())
        asked += len(truth)
        if asked >= at_most:
            break
    return {"ngrams": asked, "false_positives": wrong, "expected_at_most": round(asked * ERROR_RATE, 3), "missed": missed}


def overlap_scan(texts: list[str], documents: int = 100_000, characters: int = 5_000) -> dict[str, Any]:
    """Microseconds a document to look for a benchmark's n-grams in documents of some 5,000 characters."""
    benchmark = Benchmark(name="LAMBADA", path=str(DATA / "benchmarks" / "lambada_test.jsonl"))
    keys: Hashes = sorted_distinct(ngram_hashes(example.text, N)[0] for example in read_examples(benchmark))
    search = wanted(keys)
    pieces = [text[first : first + characters] for text in texts for first in range(0, len(text) - characters, characters)]

    def look() -> int:
        return sum(bool((indices(ngram_hashes(pieces[turn % len(pieces)], N)[0], search) >= 0).any()) for turn in range(documents))

    seconds, found = best(look, 1)
    return {
        "documents": documents,
        "wanted_ngrams": len(keys),
        "with_a_match": found,
        "microseconds_per_document": round(seconds / documents * 1e6, 1),
    }


MEMORY = """
import sys
import numpy as np
import psutil
from webtext.ngrams.bloom import built
built(lambda: [np.zeros(1, np.uint64)], 1, 1e-8)  # compiled before it counts
count = int(sys.argv[1])
def blocks():
    for first in range(0, count, 2**20):
        yield np.arange(first, min(first + 2**20, count), dtype=np.uint64)
before = psutil.Process().memory_info().rss
filter_, rate = built(blocks, count, 1e-8)
print(filter_.num_bits // 8, psutil.Process().memory_info().rss - before)
"""


def memory(keys: int = 20_000_000) -> dict[str, Any]:
    """Bytes of a filter, as predicted and as a process that fills it in blocks takes."""
    run = subprocess.run([sys.executable, "-c", MEMORY, str(keys)], capture_output=True, text=True, check=True)
    size, taken = map(int, run.stdout.split())
    predicted = keys * -np.log(ERROR_RATE) / np.log(2) ** 2 / 8
    return {"keys": keys, "predicted_bytes": round(predicted), "filter_bytes": size, "process_grew_by_bytes": taken}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    peers = [name for name in ("rbloom",) if importlib.util.find_spec(name)]
    if "rbloom" not in peers:
        print("rbloom is not installed (pip install rbloom): left out")
    texts = novels()
    ngram_hashes("to be compiled before it counts " * 4, N)
    ours_ask(ours_fill(texts[:1]), texts[:1])
    figures = {
        "side_by_side": side_by_side(texts[:4], texts[4:6], peers),
        "parts": parts(texts),
        "memory": memory(),
        "overlap_scan": overlap_scan(texts),
        "against_a_set": against_a_set(texts),
    }
    print(json.dumps(figures, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
