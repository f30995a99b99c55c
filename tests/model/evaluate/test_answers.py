"""Answers beside gold answers, and sentences, scored by hand."""

from __future__ import annotations

import pytest

from model.evaluate.answers import exact_match, f1, normalise
from model.evaluate.sentences import sentences


@pytest.mark.parametrize(
    ("answer", "gold", "exact", "overlap"),
    [
        ("The White House", "white house.", 1.0, 1.0),
        ("in the old barn", "a barn", 0.0, 0.5),  # in old barn, barn: 1 of 3 and 1 of 1
        ("two two dogs", "two cats", 0.0, 0.4),  # two counts once: 1 of 3 and 1 of 2
        ("14 December 1972", "December 1972 UTC", 0.0, 2 / 3),
        ("the", "", 1.0, 1.0),  # neither has words
        ("yes", "the", 0.0, 0.0),
    ],
    ids=["same", "part", "twice", "date", "none", "one-none"],
)
def test_scores_by_hand(answer: str, gold: str, exact: float, overlap: float) -> None:
    assert exact_match(answer, gold) == exact
    assert f1(answer, gold) == pytest.approx(overlap)
    assert f1(gold, answer) == pytest.approx(overlap)


def test_articles_are_words_of_their_own() -> None:
    assert normalise("An apple, the theatre and A.A. Milne") == "apple theatre and aa milne"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("Mr. A. Smith of the U.S. Army paid $3.50. It rained.", ["Mr. A. Smith of the U.S. Army paid $3.50.", "It rained."]),
        ("A headline\n\nA line. and no more\n", ["A headline", "A line. and no more"]),
        ("Il pleut. Élise rit… « Bon. » Fin.", ["Il pleut.", "Élise rit…", "« Bon. »", "Fin."]),
        (" \n ", []),
    ],
    ids=["plain", "quotes", "abbreviations", "lines", "french", "nothing"],
)
def test_sentences_by_hand(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected
