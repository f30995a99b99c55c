"""The preset `gpt2`. The paper says only "some heuristic based cleaning" (Radford et al. 2019, section 2.1): these rules are ours."""

from __future__ import annotations

from webtext.clean.rules import Draft
from webtext.clean.rules.phrases import BOILERPLATE, ERRORS, HINDRANCES
from webtext.core.config import CleanSection
from webtext.core.errors import Rejected

HINDERED = 1000  # characters below which a sentence about a hindrance is what the page has to say


def boilerplate_lines(draft: Draft, section: CleanSection) -> str:
    """Lines that are a button, a cookie notice or a copyright line and nothing else are removed."""
    return "\n".join(line for line in draft.text.split("\n") if not BOILERPLATE.match(line.strip()))


def duplicate_lines(draft: Draft, section: CleanSection) -> str:
    """A text is rejected when more than `max_duplicate_lines` of its characters stand in one stretch of lines seen earlier in the text.

    Labels, prices, refrains and notices that come back between other lines are what pages have to say; of WCXB's pages with a good text
    none has more than 0.12 in one stretch, and what stands in the markup twice has 0.27 and more.
    """
    seen: set[str] = set()
    stretch = longest = total = 0
    for line in map(str.strip, draft.text.split("\n")):
        total += len(line)
        stretch = stretch + len(line) if line in seen else 0
        longest = max(longest, stretch)
        seen.add(line)
    if longest > section.max_duplicate_lines * total:
        raise Rejected("duplicate-lines", f"{longest / total:.2f}")
    return draft.text


def error_page(draft: Draft, section: CleanSection) -> str:
    """What servers, walls and parked domains show with status 200 is rejected: by its title, or as a sentence of a short text."""
    heading = draft.title.strip()
    first = draft.text.split("\n", 1)[0].strip()
    for line in (heading, first):
        if ERRORS.match(line) and len(draft.text) < 2 * HINDERED:
            raise Rejected("error-page", line[:80])
    if len(draft.text) < HINDERED and (match := HINDRANCES.search(draft.text)):
        raise Rejected("error-page", match[0][:80])
    return draft.text


def too_short(draft: Draft, section: CleanSection) -> str:
    """A text of less than `min_characters` is rejected."""
    if len(draft.text) < section.min_characters:
        raise Rejected("too-short", f"{len(draft.text)} characters")
    return draft.text


RULES = (error_page, boilerplate_lines, too_short, duplicate_lines)
