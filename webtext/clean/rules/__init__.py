"""Cleaning rules, one function each, by the paper that they are from.

A rule takes the page so far and gives its text, changed or not, or raises Rejected with its reason. Thresholds are keys of the
configuration. A line of a text is a paragraph of its page (see webtext.extract.text).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from webtext.core.config import CleanSection


@dataclass(frozen=True)
class Draft:
    """A text on its way through the rules, and its title."""

    title: str
    text: str


Rule = Callable[[Draft, CleanSection], str]


def repeated_lines(text: str) -> tuple[float, float]:
    """Shares of the lines, and of their characters, that were there before.

    >>> repeated_lines("yes\\nno\\nyes\\nmaybe")
    (0.25, 0.23076923076923078)
    """
    seen: set[str] = set()
    count = repeated = characters = total = 0
    for line in text.split("\n"):
        bare = line.strip()
        count += 1
        total += len(bare)
        if bare in seen:
            repeated += 1
            characters += len(bare)
        seen.add(bare)
    return repeated / count, characters / max(1, total)
