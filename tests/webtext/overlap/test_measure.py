"""Figures and matches against a twin that goes over words one by one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.webtext.ngrams import twin
from webtext.overlap.hash_lookup import build_lookup, find_rows
from webtext.overlap.measure import (
    examples_above,
    found_by_example,
    found_in_texts,
    hash_examples,
    longest_by_example,
    matches,
    percent,
    share,
)
from webtext.overlap.readers import Example
from webtext.overlap.samples import overlap_of
from webtext.overlap.spans import longest_examples, marked_words, shown

TEXTS = st.lists(st.text("ab ", max_size=24), max_size=6)


@given(TEXTS, TEXTS, st.integers(1, 4))
@settings(max_examples=400)
def test_figures_are_those_of_plain_counting(texts: list[str], train: list[str], n: int) -> None:
    test = hash_examples([Example(str(index), text) for index, text in enumerate(texts)], n)
    found = found_in_texts(test, train, n)
    known = {hash_ for text in train for hash_ in twin.ngram_hashes(text, n)}
    ngrams = [twin.ngram_hashes(text, n) for text in texts]
    everything = [hash_ for hashes in ngrams for hash_ in hashes]
    measured = share(test, found)
    assert (measured.occurrences, measured.occurrences_found) == (len(everything), sum(hash_ in known for hash_ in everything))
    assert (measured.distinct, measured.distinct_found) == (len(set(everything)), len(set(everything) & known))
    assert found_by_example(test, found).tolist() == [sum(hash_ in known for hash_ in hashes) for hashes in ngrams]
    runs = matches(test, found)
    assert list(zip(*(part.tolist() for part in runs))) == [
        (example, *run) for example, hashes in enumerate(ngrams) for run in plain_runs([hash_ in known for hash_ in hashes])
    ]
    assert longest_by_example(test, runs).tolist() == [
        max((last - first for first, last in plain_runs([hash_ in known for hash_ in hashes])), default=0) for hashes in ngrams
    ]


def plain_runs(flags: list[bool]) -> list[tuple[int, int]]:
    runs, start = [], None
    for index, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = index
        if not flag and start is not None:
            runs.append((start, index))
            start = None
    return runs


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 9))
def test_words_in_a_found_ngram_are_marked(flags: list[bool], n: int) -> None:
    marked = marked_words(np.array(flags, np.bool_), len(flags) + n - 1, n).tolist()
    assert marked == [any(flags[max(0, word - n + 1) : word + 1]) for word in range(len(flags) + n - 1)]


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)).filter(lambda pair: pair[0] <= pair[1]), max_size=30))
def test_examples_above(pairs: list[tuple[int, int]]) -> None:
    hits, ngrams = (np.array([pair[i] for pair in pairs], np.int64) for i in (0, 1))
    expected = [sum(100 * Fraction(hit, count) > limit for hit, count in pairs if count) for limit in range(100)]
    assert examples_above(hits, ngrams) == expected


def test_a_whole_percentage_is_not_above_itself() -> None:
    for percentage in range(100):  # 7, 14, 28, 55 and 56 are those that floating point gets wrong
        assert examples_above(np.array([percentage]), np.array([100]))[percentage] == 0


def test_heavy_is_more_than_the_share() -> None:
    assert [overlap_of(found, 100, 0.15) for found in (0, 1, 15, 16)] == ["none", "some", "some", "heavy"]
    assert overlap_of(0, 0, 0.15) == "short"


@given(st.sets(st.integers(0, 2**64 - 1), max_size=50), st.lists(st.integers(0, 2**64 - 1), max_size=50))
def test_wanted_hashes_are_found(keys: set[int], others: list[int]) -> None:
    ordered = sorted(keys)
    asked = [*others, *ordered, *(key ^ 1 << 63 for key in ordered)]
    found = find_rows(np.array(asked, np.uint64), build_lookup(np.array(ordered, np.uint64))).tolist()
    assert found == [ordered.index(hash_) if hash_ in keys else -1 for hash_ in asked]


def test_percent_of_nothing() -> None:
    assert percent(0, 0) == 0
    assert percent(1, 3) == 33.3333


def test_the_longest_match_of_each_example_comes_first_and_once() -> None:
    train = ["one two three four five six seven eight", "red green blue black white grey"]
    texts = [
        "x one two three four y red green blue",
        "Red, green, blue, black!",
        "one two three four z",
        "nothing of it here",
        "one two three four",
    ]
    test = hash_examples([Example(f"e{index}", text) for index, text in enumerate(texts)], 3)
    found = found_in_texts(test, train, 3)
    runs = matches(test, found)
    chosen = [shown(test, runs, run, found, 3) for run in longest_examples(test, runs, 10)]
    assert [(match["example"], match["text"], match["words"]) for match in chosen] == [
        ("e0", "one two three four", 4),
        ("e1", "Red, green, blue, black", 4),
    ]
    assert (chosen[0]["found_of_example"], chosen[0]["ngrams_of_example"]) == (3, 7)
    assert [(piece["text"], piece["marked"]) for piece in chosen[0]["pieces"]] == [
        ("x ", False),
        ("one two three four", True),
        (" y ", False),
        ("red green blue", True),
    ]
    assert len(longest_examples(test, runs, 1)) == 1


def test_a_long_match_is_shown_by_its_ends() -> None:
    text = " ".join(f"w{index}" for index in range(500))
    test = hash_examples([Example("0", f"{'before ' * 50}{text} after")], 8)
    found = found_in_texts(test, [text], 8)
    runs = matches(test, found)
    match = shown(test, runs, 0, found, 8)
    assert match["words"] == 500
    assert match["text"] == text
    assert [piece.get("left_out", piece.get("marked")) for piece in match["pieces"]] == [False, False, True, 340, True, False]
    assert match["pieces"][0]["text"] == "…"
    assert match["pieces"][2]["text"].startswith("w0 w1")
    assert match["pieces"][4]["text"].endswith("w499")
