"""Quotations of test sets in documents, and what is left without them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.webtext.ngrams import twin
from tests.webtext.overlap.test_phases import prose
from webtext.config import Benchmark
from webtext.overlap.decontaminate import Sets, gather_sets, quotations, without

QUOTED = prose(30, 900)


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Sets:
    path = tmp_path_factory.mktemp("sets")
    (path / "a.txt").write_text(f"{QUOTED}\n\n{prose(12, 901)}")
    (path / "b.txt").write_text(f"{prose(20, 902)} {' '.join(QUOTED.split()[:9])}")
    return gather_sets([Benchmark(name=name, path=str(path / f"{name}.txt")) for name in "ab"])


def test_a_quotation_is_found_to_the_word(sets: Sets) -> None:
    text = f"{prose(90, 903)} — “{QUOTED.upper()}” — {prose(90, 904)}"
    (found,) = quotations(text, sets)
    assert text.encode()[found.start : found.end].decode() == QUOTED.upper()
    assert (found.words, found.names) == (30, ["a", "b"])


def test_short_runs_are_not_quotations(sets: Sets) -> None:
    text = f"{prose(20, 905)} {prose(12, 901)} {prose(20, 906)}"
    assert quotations(text, sets) == []
    (found,) = quotations(text, sets, least=12)
    assert (found.words, found.names) == (12, ["a"])
    assert quotations(prose(500, 907), sets, least=8) == []


def test_what_is_left_has_no_quotation_and_whole_words(sets: Sets) -> None:
    before, after = prose(90, 908), prose(90, 909)
    text = f"{before} {QUOTED} {after}"
    pieces = without(text, quotations(text, sets))
    assert len(pieces) == 2
    assert before.startswith(pieces[0])
    assert after.endswith(pieces[1])
    assert set(" ".join(pieces).split()) <= set(f"{before} {after}".split())
    assert 190 <= len(before) - len(pieces[0]) <= 220
    assert without(f"{prose(10, 910)} {QUOTED}", quotations(f"x {QUOTED}", sets)) == []
    assert without(text, []) == [text]


@given(st.lists(st.integers(0, 3), max_size=8), st.integers(8, 20))
@settings(max_examples=60, deadline=None)
def test_quotations_are_the_runs_of_known_ngrams(sets: Sets, order: list[int], least: int) -> None:
    parts = [QUOTED, prose(12, 901), prose(9, 911), prose(20, 902)]
    text = ". ".join(parts[index] for index in order)
    known = {hash_ for part in (*parts[:2], f"{parts[3]} {' '.join(QUOTED.split()[:9])}") for hash_ in twin.ngram_hashes(part, 8)}
    flags = [hash_ in known for hash_ in twin.ngram_hashes(text, 8)]
    expected, start = [], None
    for index, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = index
        if not flag and start is not None:
            if index - start + 7 >= least:
                expected.append(index - start + 7)
            start = None
    assert [found.words for found in quotations(text, sets, least)] == expected
