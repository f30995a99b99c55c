"""Quotations of test sets in documents, and what is left without them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.webtext.ngrams import twin
from tests.webtext.overlap.test_phases import prose
from webtext.overlap.decontaminate import cut_quotations, quotations, remove_spans
from webtext.overlap.ngram_index import NgramIndex, index_set, join_sets
from webtext.overlap.readers import Example

QUOTED = prose(30, 900)
LEAST = 13


def sets_of(*texts: Sequence[str], min_match_words: int = LEAST) -> NgramIndex:
    """Test sets a, b, … with examples 0, 1, …"""
    return join_sets(
        [index_set(name, [Example(str(i), text) for i, text in enumerate(each)], min_match_words) for name, each in zip("abcdef", texts)]
    )


@pytest.fixture(scope="module")
def sets() -> NgramIndex:
    return sets_of([QUOTED, prose(12, 901)], [f"{prose(20, 902)} {' '.join(QUOTED.split()[:9])}", prose(7, 912)])


def test_a_quotation_is_found_to_the_word(sets: NgramIndex) -> None:
    text = f"{prose(90, 903)} — “{QUOTED.upper()}” — {prose(90, 904)}"
    (found,) = quotations(text, sets)
    assert text.encode()[found.start : found.end].decode() == found.text == QUOTED.upper()
    assert (found.words, found.of) == (30, [("a", "0"), ("b", "0")])


def test_a_quotation_is_long_or_a_whole_example(sets: NgramIndex) -> None:
    def around(quoted: str) -> str:
        return f"{prose(20, 905)} {quoted} {prose(20, 906)}"

    assert quotations(around(" ".join(QUOTED.split()[:12])), sets) == []
    (found,) = quotations(around(" ".join(QUOTED.split()[:13])), sets)
    assert found.words == 13
    assert quotations(around(" ".join(prose(12, 901).split()[:11])), sets) == []
    (found,) = quotations(around(prose(12, 901)), sets)
    assert (found.words, found.of) == (12, [("a", "1")])
    assert quotations(around(prose(7, 912)), sets) == []  # too short to be found
    assert quotations(prose(500, 907), sets) == []
    assert quotations("", sets) == []


def test_the_example_with_most_of_a_quotation_is_named() -> None:
    sets = sets_of([" ".join(QUOTED.split()[:9]), QUOTED, QUOTED])
    assert quotations(QUOTED, sets)[0].of == [("a", "1")]
    assert quotations(" ".join(QUOTED.split()[:9]), sets)[0].of == [("a", "0")]


def test_without_test_sets_there_are_no_quotations() -> None:
    for sets in (sets_of(), sets_of([]), sets_of(["five words are too few"])):
        assert quotations(QUOTED, sets) == []


def test_what_is_left_has_no_quotation_and_whole_words(sets: NgramIndex) -> None:
    before, after = prose(90, 908), prose(90, 909)
    text = f"{before} {QUOTED} {after}"
    pieces = remove_spans(text, quotations(text, sets))
    assert len(pieces) == 2
    assert before.startswith(pieces[0])
    assert after.endswith(pieces[1])
    assert set(" ".join(pieces).split()) <= set(f"{before} {after}".split())
    assert 190 <= len(before) - len(pieces[0]) <= 220
    assert remove_spans(f"{prose(10, 910)} {QUOTED}", quotations(f"x {QUOTED}", sets)) == []
    assert remove_spans(text, []) == [text]
    assert cut_quotations(text, quotations(text, sets), sets) == "\n\n".join(pieces)


def test_scripts_without_spaces_are_cut_between_characters() -> None:
    story = "".join(chr(0x4E00 + 7 * number) for number in range(400))
    sets = sets_of([story[150:190]])
    (found,) = quotations(story, sets)
    assert (found.words, found.text) == (40, story[150:190])
    before, after = remove_spans(story, [found])
    assert story.startswith(before)
    assert story.endswith(after)
    assert 66 <= 150 - len(before) <= 69  # 200 bytes are 66 characters and two thirds
    assert 66 <= 210 - len(after) <= 69


def test_documents_that_fall_apart_are_left_out(sets: NgramIndex) -> None:
    def alternating(quotations_: int) -> str:
        return " ".join(f"{prose(120, 1000 + turn)} {QUOTED}" for turn in range(quotations_))

    assert len((cut_quotations(alternating(10), quotations(alternating(10), sets), sets) or "").split("\n\n")) == 10
    assert cut_quotations(alternating(11), quotations(alternating(11), sets), sets) is None
    assert cut_quotations(QUOTED, quotations(QUOTED, sets), sets) is None


def test_a_quotation_that_the_cut_would_make_is_not_left() -> None:
    before, after = prose(90, 913), prose(90, 914)
    text = f"{before} {QUOTED} {after}"
    left = cut_quotations(text, quotations(text, sets_of([QUOTED])), sets_of([QUOTED]))
    assert left is not None
    first, second = left.split("\n\n")
    joined = " ".join(first.split()[-7:] + second.split()[:7])
    both = sets_of([QUOTED, joined])
    assert cut_quotations(text, quotations(text, both), both) is None


@given(st.lists(st.integers(0, 3), max_size=8), st.integers(8, 20))
@settings(max_examples=60)
def test_quotations_are_the_runs_of_known_ngrams(order: list[int], min_match_words: int) -> None:
    known = [QUOTED, prose(12, 901), f"{prose(20, 902)} {' '.join(QUOTED.split()[:9])}"]
    sets = sets_of(known[:2], known[2:], min_match_words=min_match_words)
    shortest: dict[int, int] = {}
    for part in known:
        for hash_ in twin.ngram_hashes(part, 8):
            shortest[hash_] = min(shortest.get(hash_, 99), min_match_words, len(part.split()))
    text = ". ".join([QUOTED, prose(12, 901), prose(9, 911), prose(20, 902)][index] for index in order)
    expected, run = [], []
    for need in [*(shortest.get(hash_) for hash_ in twin.ngram_hashes(text, 8)), None]:
        if need is not None:
            run.append(need)
            continue
        if run and len(run) + 7 >= min(run):
            expected.append(len(run) + 7)
        run = []
    assert [found.words for found in quotations(text, sets)] == expected
    for found in quotations(text, sets):
        assert text.encode()[found.start : found.end].decode() == found.text


@given(
    st.lists(st.sampled_from([f"{prose(60, 920)}\n", "日本語の文章です。" * 9, QUOTED, " é" * 120, prose(14, 921), "x" * 300]), max_size=9)
)
@settings(max_examples=60)
def test_what_is_left_is_of_the_text_and_quotes_nothing(parts: list[str]) -> None:
    sets = sets_of([QUOTED], [prose(14, 921)])
    text = " ".join(parts)
    quoted = quotations(text, sets)
    left = cut_quotations(text, quoted, sets)
    if left is not None:
        assert quotations(left, sets) == []
        assert all(piece in text for piece in left.split("\n\n"))
        assert len(left.encode()) <= len(text.encode())
