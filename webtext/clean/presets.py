"""Cleaning: presets of rules, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from webtext.clean.rules import Draft, Rule, c4, datatrove, fineweb, gopher, gpt2
from webtext.core.config import CleanSection
from webtext.core.errors import Rejected

PRESETS: dict[str, tuple[Rule, ...]] = {
    "none": (),
    "gpt2": gpt2.RULES,
    "c4": c4.RULES,
    "gopher": gopher.RULES,
    "fineweb": fineweb.RULES,
    "c4-datatrove": datatrove.C4,
    "gopher-datatrove": datatrove.GOPHER,
    "fineweb-datatrove": datatrove.FINEWEB,
}


def clean(draft: Draft, section: CleanSection, rules: Sequence[Rule] = ()) -> tuple[str, tuple[str, ...]]:
    """The text after the rules of `section.preset` and then further `rules`, and the names of those that changed it.

    Raises Rejected, also where the rules left nothing of the text: the reason is then the rule that took the last of it.
    """
    changed = []
    for rule in (*PRESETS[section.preset], *rules):
        text = rule(draft, section)
        if text != draft.text:
            name = rule.__name__.replace("_", "-")
            if not text.strip():
                raise Rejected(name, "nothing was left")
            changed.append(name)
            draft = replace(draft, text=text)
    return draft.text, tuple(changed)
