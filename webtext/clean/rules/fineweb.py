"""The preset `fineweb`: Gopher's rules, C4's but for terminal punctuation and bad words, and three of its own.

Penedo et al. 2024, "The FineWeb datasets: decanting the web for the finest text data at scale", sections 3.3, 3.5 and 3.6. The program
behind it differs from the paper: it takes 1 % of repeated lines for too much, not 10 %, 5 sentences and 3 words for C4's 3 and 5, and
has a rule of its own against lists.
"""

from __future__ import annotations

import re

from webtext.clean.rules import Draft, c4, gopher, repeated_lines
from webtext.core.config import CleanSection
from webtext.core.errors import Rejected

# Marks that end a sentence, of the larger scripts, with the quotes and brackets behind them
_PUNCTUATED = re.compile(r"[.!?…。！？｡।॥؟۔։።၊။][\"'”’»)\]』」]*$", re.MULTILINE)


def punctuation(draft: Draft, section: CleanSection) -> str:
    """A text of which no more than `fineweb_min_punctuated_lines` of the lines end with punctuation is rejected."""
    share = len(_PUNCTUATED.findall(draft.text)) / (draft.text.count("\n") + 1)
    if share <= section.fineweb_min_punctuated_lines:
        raise Rejected("punctuation", f"{share:.2f}")
    return draft.text


def line_duplicates(draft: Draft, section: CleanSection) -> str:
    """A text of which `fineweb_max_duplicate_lines` or more of the characters stand in lines seen earlier in the text is rejected."""
    _, share = repeated_lines(draft.text)
    if share >= section.fineweb_max_duplicate_lines:
        raise Rejected("line-duplicates", f"{share:.2f}")
    return draft.text


def short_lines(draft: Draft, section: CleanSection) -> str:
    """A text of which `fineweb_max_short_lines` or more of the lines have less than `fineweb_short_line` characters is rejected."""
    lines = draft.text.split("\n")
    share = sum(len(line) < section.fineweb_short_line for line in lines) / len(lines)
    if share >= section.fineweb_max_short_lines:
        raise Rejected("short-lines", f"{share:.2f}")
    return draft.text


RULES = (
    *gopher.REPETITION,
    *gopher.QUALITY,
    *(rule for rule in c4.RULES if rule not in (c4.terminal_punctuation, c4.bad_words)),
    punctuation,
    line_duplicates,
    short_lines,
)
