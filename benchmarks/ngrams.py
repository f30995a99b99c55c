"""8-gram filters: this project beside pybloom-live and rbloom, from text to answer, in one run on one core.

    python benchmarks/ngrams.py                        # three minutes, 3 GB of memory
    python benchmarks/ngrams.py --json figures.json
    python benchmarks/ngrams.py --quick                # half a minute, to see that it runs

The text is the novels of $WEBTEXT_DATA (see README). Every side normalises the text, makes its 8-grams and puts them into a filter for one
false positive in 10^8; then other text is asked about. The peers are used as their documentation says, with strings as keys; what is
Python's own share of their time (normalising and joining) is stated. Times are processor time; the best of the rounds counts.

pybloom-live is there anyway; rbloom is left out where it is not installed: pip install --target peers rbloom; PYTHONPATH=peers python …
Then the reports of `overlap_reports.py`. What is promised is printed beside what was measured, and the exit status is 1 where it is not
held; --json has all figures.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from overlap_reports import benchmarks, reports
from pybloom_live import BloomFilter

from webtext.core.config import Benchmark
from webtext.ngrams.bloom import ask, bits_of, built
from webtext.ngrams.normalise import Hashes, ngram_hashes, scan
from webtext.ngrams.runs import sorted_distinct
from webtext.overlap.decontaminate import quotations
from webtext.overlap.locate import indices, wanted
from webtext.overlap.readers import read_examples
from webtext.overlap.testsets import index_set, join_sets

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
    ours = figures["webtext"]
    for name in fills:
        if name != "webtext":
            times = {part: ours[f"{part}_per_second"] / figures[name][f"{part}_per_second"] for part in ("fill", "ask")}
            times["text_to_answer"] = figures[name]["fill_and_ask_seconds"] / ours["fill_and_ask_seconds"]
            figures[f"times_faster_than_{name}"] = {part: round(value, 1) for part, value in times.items()}
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
    """Microseconds a document of some 5,000 characters: to look for LAMBADA's n-grams, and to find the quotations of all test sets."""
    benchmark = Benchmark(name="LAMBADA", path=str(DATA / "benchmarks" / "lambada_test.jsonl"))
    keys: Hashes = sorted_distinct(ngram_hashes(example.text, N)[0] for example in read_examples(benchmark))
    search = wanted(keys)
    pieces = [text[first : first + characters] for text in texts for first in range(0, len(text) - characters, characters)]

    def look() -> int:
        return sum(bool((indices(ngram_hashes(pieces[turn % len(pieces)], N)[0], search) >= 0).any()) for turn in range(documents))

    everything = join_sets([index_set(each.name, read_examples(each), 13) for each in benchmarks()])
    quotations(pieces[0], everything)

    def quote() -> int:
        return sum(bool(quotations(pieces[turn % len(pieces)], everything)) for turn in range(documents))

    seconds, found = best(look, 1)
    all_seconds, quoting = best(quote, 1)
    return {
        "documents": documents,
        "wanted_ngrams": len(keys),
        "with_a_match": found,
        "microseconds_per_document": round(seconds / documents * 1e6, 1),
        "ngrams_of_all_test_sets": len(everything.search.keys),
        "with_a_quotation_of_any": quoting,
        "microseconds_per_document_for_all": round(all_seconds / documents * 1e6, 1),
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


def bounds(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is promised, by name: the figure, the bound, and whether it is held."""
    held: dict[str, dict[str, Any]] = {}

    def at_least(name: str, figure: float, bound: float) -> None:
        held[name] = {"measured": figure, "at_least": bound, "held": figure >= bound}

    def at_most(name: str, figure: float, bound: float) -> None:
        held[name] = {"measured": figure, "at_most": bound, "held": figure <= bound}

    for peer, times in (("pybloom-live", 30), ("rbloom", 3)):
        if measured := figures["side_by_side"].get(f"times_faster_than_{peer}"):
            for part, value in measured.items():
                at_least(f"times faster than {peer}, {part.replace('_', ' ')}", value, times)
    exact, memory_, planted = figures["against_a_set"], figures["memory"], figures["reports"]
    at_most("8-grams of a set missed by the filter", exact["missed"], 0)
    at_most("false positives beside a set", exact["false_positives"], max(1, math.ceil(exact["expected_at_most"])))
    at_most("microseconds a document scanned", figures["overlap_scan"]["microseconds_per_document"], 100)
    at_most("microseconds a document scanned for all test sets", figures["overlap_scan"]["microseconds_per_document_for_all"], 100)
    at_most("bytes of a filter, times those predicted", round(memory_["filter_bytes"] / memory_["predicted_bytes"], 4), 1.02)
    at_most("bytes a process grew by, times those of its filter", round(memory_["process_grew_by_bytes"] / memory_["filter_bytes"], 2), 1.5)
    at_least("planted passages found to the word", planted["found_to_the_word"], planted["planted"])
    return held


def show(held: dict[str, dict[str, Any]]) -> None:
    for name, figure in held.items():
        word, bound = ("at least", figure["at_least"]) if "at_least" in figure else ("at most", figure["at_most"])
        print(f"{'held' if figure['held'] else 'NOT HELD':8}  {name:60} {figure['measured']:>12,}   {word} {bound:,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything: to see that it runs, not to measure")
    arguments = parser.parse_args()
    part = 10 if arguments.quick else 1
    peers = [name for name in ("rbloom",) if importlib.util.find_spec(name)]
    if "rbloom" not in peers:
        print("rbloom is not installed (pip install rbloom): left out")
    texts = novels()
    ngram_hashes("to be compiled before it counts " * 4, N)
    ours_ask(ours_fill(texts[:1]), texts[:1])
    few = [text[: len(text) // part] for text in texts]
    figures = {
        "side_by_side": side_by_side(few[:4], few[4:6], peers),
        "parts": parts(few),
        "memory": memory(20_000_000 // part),
        "overlap_scan": overlap_scan(texts, 100_000 // part),
        "against_a_set": against_a_set(few, 10_000_000 // part),
    }
    with tempfile.TemporaryDirectory() as scratch:
        figures["reports"] = reports(Path(scratch))
    figures["bounds"] = bounds(figures)
    show(figures["bounds"])
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    sys.exit(0 if all(bound["held"] for bound in figures["bounds"].values()) else 1)


if __name__ == "__main__":
    main()
