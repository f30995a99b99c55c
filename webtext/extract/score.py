"""How good an extraction is: word F1 against a gold text, and strings that must and must not be in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_WORD = re.compile(r"\w+")


def word_f1(text: str, gold: str) -> float:
    r"""F1 of the words (`\w+`, lower case) as multisets, as in WCXB's evaluation; 1 where both are empty.

    >>> word_f1("the cat sat", "The cat sat down, the end")
    0.6666666666666666
    """
    found, expected = Counter(_WORD.findall(text.lower())), Counter(_WORD.findall(gold.lower()))
    total = found.total() + expected.total()
    return 2 * (found & expected).total() / total if total else 1.0


@dataclass
class Strings:
    """Counts over pages of strings that must be in a text and strings that must not, white space collapsed (trafilatura's evaluation)."""

    kept: int = 0
    lost: int = 0
    leaked: int = 0
    left_out: int = 0

    def add(self, text: str, with_: Iterable[str], without: Iterable[str]) -> None:
        flat = " ".join(text.split())
        for string in with_:
            present = " ".join(string.split()) in flat
            self.kept += present
            self.lost += not present
        for string in without:
            present = " ".join(string.split()) in flat
            self.leaked += present
            self.left_out += not present

    @property
    def precision(self) -> float:
        return self.kept / (self.kept + self.leaked) if self.kept + self.leaked else 0.0

    @property
    def recall(self) -> float:
        return self.kept / (self.kept + self.lost) if self.kept + self.lost else 0.0

    @property
    def f1(self) -> float:
        total = 2 * self.kept + self.leaked + self.lost
        return 2 * self.kept / total if total else 0.0
