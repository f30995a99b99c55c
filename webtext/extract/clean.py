"""Cleaning: rules that a text must meet or that change it, one function each, in named presets.

The paper says only "some heuristic based cleaning" (section 2.1). A rule takes the page so far and gives its text, changed or not, or
raises Refused with its reason. Thresholds are keys of the configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from webtext.config import ExtractSection
from webtext.extract.phrases import BOILERPLATE, ERRORS, HINDRANCES


class Refused(Exception):
    """A page is left out: `reason` is a counter's name, `detail` the figure or words that decided."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Draft:
    """A page on its way: `text` is tidy (see webtext.extract.text)."""

    title: str
    text: str


HINDERED = 1000  # characters below which a sentence about a hindrance is what the page has to say

Rule = Callable[[Draft, ExtractSection], str]


def boilerplate_lines(draft: Draft, section: ExtractSection) -> str:
    """Lines that are a button, a cookie notice or a copyright line and nothing else go."""
    return "\n".join(line for line in draft.text.split("\n") if not BOILERPLATE.match(line.strip()))


def duplicate_lines(draft: Draft, section: ExtractSection) -> str:
    """A text is left out when more than `max_duplicate_lines` of its characters stand in lines that were there before."""
    seen: set[str] = set()
    repeated = total = 0
    for line in draft.text.split("\n"):
        bare = line.strip()
        total += len(bare)
        repeated += len(bare) if bare in seen else 0
        seen.add(bare)
    if total and repeated / total > section.max_duplicate_lines:
        raise Refused("duplicate-lines", f"{repeated / total:.2f}")
    return draft.text


def error_page(draft: Draft, section: ExtractSection) -> str:
    """What servers, walls and parked domains show with status 200 is left out: by its title, or as a sentence of a short text."""
    heading = draft.title.strip()
    first = draft.text.split("\n", 1)[0].strip()
    for line in (heading, first):
        if ERRORS.match(line) and len(draft.text) < 2 * HINDERED:
            raise Refused("error-page", line[:80])
    if len(draft.text) < HINDERED and (match := HINDRANCES.search(draft.text)):
        raise Refused("error-page", match[0][:80])
    return draft.text


def too_short(draft: Draft, section: ExtractSection) -> str:
    """A text of less than `min_characters` is left out."""
    if len(draft.text) < section.min_characters:
        raise Refused("too-short", f"{len(draft.text)} characters")
    return draft.text


PRESETS: dict[str, tuple[Rule, ...]] = {
    "none": (),
    "gpt2": (error_page, boilerplate_lines, too_short, duplicate_lines),
}


def clean(draft: Draft, section: ExtractSection) -> tuple[str, tuple[str, ...]]:
    """The text after the rules of `section.cleaning`, and the names of those that changed it. Raises Refused."""
    changed = []
    for rule in PRESETS[section.cleaning]:
        text = rule(draft, section)
        if text != draft.text:
            changed.append(rule.__name__.replace("_", "-"))
            draft = replace(draft, text=text)
    return draft.text, tuple(changed)
