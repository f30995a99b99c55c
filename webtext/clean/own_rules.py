"""Cleaning rules of the user's own: functions of a text, named in `clean.rules`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from webtext.clean.rules import Draft, Rule
from webtext.core.config import CleanSection
from webtext.core.errors import Rejected, WebtextError
from webtext.core.plugins import load_function

FAILED = "rule-failed"


class Edited(str):
    """What a rule returns in place of a reason when it has changed the text.

    >>> def plain_quotes(text): return webtext.Edited(text.replace("“", '"').replace("”", '"'))
    """

    __slots__ = ()


def load_rules(section: CleanSection) -> tuple[Rule, ...]:
    """The rules of `section.rules`, in order. Raises UsageError where one cannot be loaded."""
    return tuple(_rule(reference, load_function(reference, "clean.rules")) for reference in section.rules)


def _rule(reference: str, function: Callable[[str], Any]) -> Rule:
    name = reference.rpartition(":")[2]

    def rule(draft: Draft, section: CleanSection) -> str:
        try:
            answer = function(draft.text)
        except Exception as error:
            raise Rejected(FAILED, f"{reference}: {type(error).__name__}: {error}") from error
        if answer is None:
            return draft.text
        if isinstance(answer, Edited):
            return str(answer)
        if isinstance(answer, str):
            raise Rejected(name.replace("_", "-"), answer)
        raise WebtextError(f"{reference}: returned {type(answer).__name__}; a rule returns None, a reason as text, or webtext.Edited(text)")

    rule.__name__ = name
    return rule


def check_failures(failures: int, documents: int, first: str, section: CleanSection) -> None:
    """Raise WebtextError where rules failed on more documents of a shard than one and than `section.max_failed` of them."""
    if failures > 1 and failures > section.max_failed * documents:
        raise WebtextError(f"{first}; rules failed on {failures:,} of {documents:,} documents of a shard, more than clean.max_failed")
