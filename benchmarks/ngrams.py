"""8-gram filters: this project beside pybloom-live and rbloom, from text to answer, in one run on one core.

    pip install rbloom
    python -m benchmarks.ngrams --json figures.json    # ten minutes, nearly all of them pybloom-live's; 3 GB of memory
    python -m benchmarks.ngrams --quick                # half a minute

Every side normalises the novels, makes their 8-grams and puts them into a filter for one false positive in 10^8; then text is asked about,
half known, half new. The peers are used as their documentation says, with strings as keys; what is Python's own share of their time
(normalising and joining) is stated. Times are processor time in the median of the rounds, as many for each side.

    peers   from text to filter and from text to answer. Expected: 72 x pybloom-live, 6 x rbloom
    alone   hashing, filling and asking on their own; the memory of a filter of 20 M keys
    scan    a document of 5,000 characters looked through for LAMBADA's 8-grams, and for quotations of all test sets. Expected: 55 µs

tests/webtext/ngrams compares the answers with those of sets and of pybloom-live, tests/webtext/overlap/test_real.py has the reports.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from pybloom_live import BloomFilter

from benchmarks.corpus import documents_of, novels
from benchmarks.harness import Figures, alone, bar, in_turn, installed, rates, run
from webtext.core.config_file import load_config
from webtext.ngrams.bloom import bits_of, built, contains
from webtext.ngrams.normalise import ngram_hashes, scan
from webtext.ngrams.runs import sorted_distinct
from webtext.overlap.decontaminate import quotations
from webtext.overlap.hash_lookup import build_lookup, find_rows
from webtext.overlap.ngram_index import index_set, join_sets
from webtext.overlap.readers import read_examples

N, ERROR_RATE = 8, 1e-8
TEST_SETS = load_config(Path(__file__).with_name("test_sets.toml")).overlap.benchmarks
WORD = re.compile(r"[^\W_]+")
PEERS = ("pybloom-live", "rbloom")


def texts_of(options: argparse.Namespace) -> list[str]:
    """The novels, or a tenth of each; kernels are compiled or loaded, so that no figure has that in it."""
    ours_ask(ours_fill(["to be compiled before it counts " * 4]), ["to be compiled before it counts " * 4])
    return [text[: len(text) // 10] if options.quick else text for text in novels().values()]


def python_ngrams(text: str) -> Iterator[str]:
    """8-grams as a user of the peers would make them."""
    words = WORD.findall(text.lower())
    for first in range(len(words) - N + 1):
        yield " ".join(words[first : first + N])


def ours_fill(texts: list[str]) -> Any:
    distinct = sorted_distinct(ngram_hashes(text, N)[0] for text in texts)
    return built(lambda: [distinct], len(distinct), ERROR_RATE)[0]


def answers(filter_: Any, hashes: Any) -> Any:
    return contains(bits_of(filter_), filter_.num_slices, filter_.bits_per_slice, hashes)


def ours_ask(filter_: Any, texts: list[str]) -> int:
    return sum(int(answers(filter_, ngram_hashes(text, N)[0]).sum()) for text in texts)


def pybloom_fill(texts: list[str], capacity: int) -> Any:
    filter_ = BloomFilter(capacity, ERROR_RATE)
    for text in texts:
        for ngram in python_ngrams(text):
            filter_.add(ngram)
    return filter_


def rbloom_fill(texts: list[str], capacity: int) -> Any:
    from rbloom import Bloom

    filter_ = Bloom(capacity, ERROR_RATE)
    for text in texts:
        filter_.update(python_ngrams(text))
    return filter_


def peer_ask(filter_: Any, texts: list[str]) -> int:
    return sum(ngram in filter_ for text in texts for ngram in python_ngrams(text))


def peers(options: argparse.Namespace) -> Figures:
    """Four novels into a filter; two of them and two others asked about."""
    texts = texts_of(options)
    known, asked = texts[:4], texts[:2] + texts[4:6]
    count, questions = (sum(len(ngram_hashes(text, N)[0]) for text in each) for each in (known, asked))
    fills: dict[str, Callable[[], Any]] = {
        "webtext": lambda: ours_fill(known),
        "pybloom-live": lambda: pybloom_fill(known, count),
        "python's own share": lambda: sum(1 for text in known for _ in python_ngrams(text)),
    }
    if installed("rbloom"):
        fills["rbloom"] = lambda: rbloom_fill(known, count)
    filled = in_turn(fills, options.rounds)
    filters = {name: timing.result for name, timing in filled.items() if name != "python's own share"}
    asks = {name: partial(ours_ask if name == "webtext" else peer_ask, filter_, asked) for name, filter_ in filters.items()}
    answered = in_turn(asks, options.rounds)
    figures = {f"{name}, fill": row for name, row in rates(filled, count).items()}
    figures |= {f"{name}, ask": {**row, "found": answered[name].result} for name, row in rates(answered, questions).items()}
    whole = {name: filled[name].seconds + answered[name].seconds for name in filters}
    for name, seconds in whole.items():
        figures[f"{name}, text to answer"] = {"seconds": seconds, "ours_is_times_as_fast": seconds / whole["webtext"]}
    return figures


def filled_in_blocks(count: int) -> Callable[[], tuple[int, int]]:
    """Fills a filter of so many keys in blocks; returns its bytes and those that the process grew by."""
    built(lambda: [np.zeros(1, np.uint64)], 1, ERROR_RATE)
    before = psutil.Process().memory_info().rss

    def blocks() -> Iterator[Any]:
        for first in range(0, count, 2**20):
            yield np.arange(first, min(first + 2**20, count), dtype=np.uint64)

    def fill() -> tuple[int, int]:
        filter_, _ = built(blocks, count, ERROR_RATE)
        return filter_.num_bits // 8, psutil.Process().memory_info().rss - before

    return fill


def single(options: argparse.Namespace) -> Figures:
    """What the parts of the way do alone, and the memory of a filter, as predicted and as a process that fills it takes."""
    texts = texts_of(options)
    distinct = sorted_distinct(ngram_hashes(text, N)[0] for text in texts)
    filter_, rate = built(lambda: [distinct], len(distinct), ERROR_RATE)
    keys = 2_000_000 if options.quick else 20_000_000
    size, grew = alone(filled_in_blocks, keys)["result"]
    steps = {
        "hashing, characters": (lambda: [ngram_hashes(text, N) for text in texts], sum(map(len, texts))),
        "hashing with spans, characters": (lambda: [scan(text, N) for text in texts], sum(map(len, texts))),
        "filling, keys": (lambda: built(lambda: [distinct], len(distinct), ERROR_RATE), len(distinct)),
        "asking, all there": (lambda: answers(filter_, distinct), len(distinct)),
        "asking, none there": (lambda: answers(filter_, ~distinct), len(distinct)),
    }
    timings = in_turn({name: step for name, (step, _) in steps.items()}, options.rounds)
    predicted = keys * -math.log(ERROR_RATE) / math.log(2) ** 2 / 8
    return {
        "bits_per_key": filter_.num_bits / len(distinct),
        "false_positive_rate_of_the_bits": rate,
        "predicted_bytes": predicted,
        "filter_bytes": size,
        "process_grew_by_bytes": grew,
        **{name: {"seconds": timings[name].seconds, "a_second": count / timings[name].seconds} for name, (_, count) in steps.items()},
    }


def scanning(options: argparse.Namespace) -> Figures:
    """Microseconds a document."""
    pieces = [piece for text in texts_of(options) for piece in documents_of(text)]
    lambada = next(each for each in TEST_SETS if each.name == "LAMBADA")
    search = build_lookup(sorted_distinct(ngram_hashes(example.text, N)[0] for example in read_examples(lambada)))
    everything = join_sets([index_set(each.name, read_examples(each), 13) for each in TEST_SETS])
    looks: dict[str, Callable[[str], bool]] = {
        "LAMBADA's 8-grams": lambda piece: bool((find_rows(ngram_hashes(piece, N)[0], search) >= 0).any()),
        "quotations of 14 test sets": lambda piece: bool(quotations(piece, everything)),
    }
    for look in looks.values():
        look(pieces[0])  # kernels are loaded
    timings = in_turn({name: lambda look=look: sum(map(look, pieces)) for name, look in looks.items()}, options.rounds)
    rows = {name: {"µs": 1e6 * timing.seconds / len(pieces), "with_a_match": timing.result} for name, timing in timings.items()}
    return {"documents": len(pieces), **rows}


def bars(figures: Figures) -> Iterator[Figures]:
    for name, row in figures.get("peers", {}).items():
        for peer, times in zip(PEERS, (30, 3)):
            if name.startswith(peer):
                yield bar(f"times as fast as {name}", row["ours_is_times_as_fast"], least=times)
    if "alone" in figures:
        memory = figures["alone"]
        yield bar("bytes of a filter, times those predicted", memory["filter_bytes"] / memory["predicted_bytes"], most=1.02)
        yield bar("bytes a process grew by, times its filter's", memory["process_grew_by_bytes"] / memory["filter_bytes"], most=1.5)
    for name, row in figures.get("scan", {}).items():
        if name != "documents":
            yield bar(f"µs a document, {name}", row["µs"], most=100)


if __name__ == "__main__":
    run(__doc__, {"peers": peers, "alone": single, "scan": scanning}, None, bars)
