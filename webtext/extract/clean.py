"""Cleaning: presets of rules, by name."""

from __future__ import annotations

from dataclasses import replace

from webtext.core.config import ExtractSection
from webtext.extract.rules import Draft, Refused, Rule, c4, fineweb, gopher, gpt2

PRESETS: dict[str, tuple[Rule, ...]] = {
    "none": (),
    "gpt2": gpt2.RULES,
    "c4": c4.RULES,
    "gopher": gopher.RULES,
    "fineweb": fineweb.RULES,
}


def clean(draft: Draft, section: ExtractSection) -> tuple[str, tuple[str, ...]]:
    """The text after the rules of `section.cleaning`, and the names of those that changed it.

    Raises Refused, also where the rules left nothing of the text: the reason is then the rule that took the last of it.
    """
    changed = []
    for rule in PRESETS[section.cleaning]:
        text = rule(draft, section)
        if text != draft.text:
            name = rule.__name__.replace("_", "-")
            if not text.strip():
                raise Refused(name, "nothing was left")
            changed.append(name)
            draft = replace(draft, text=text)
    return draft.text, tuple(changed)
