"""The preset `c4`: the rules for a page of the Colossal Clean Crawled Corpus.

Raffel et al. 2020, "Exploring the limits of transfer learning with a unified text-to-text transformer", section 2.2, in the version of JMLR
21(140): 3 sentences and 5 words (the first version on arXiv had 5 and 3). Two of its rules are elsewhere: the language (`languages`,
`language_certainty`), and sentences that stand in several pages (`dedup`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from webtext.clean.rules import Draft
from webtext.core.config import CleanSection
from webtext.core.errors import Rejected

# Between two sentences: a mark with the quotes and brackets behind it, and white space before what does not begin small. Not after an
# initial or a title, unless a second mark follows. It begins only at the first of several marks, or many marks take quadratic time.
_SENTENCE_BREAK = re.compile(
    r"(?<![.!?])(?:[.!?](?<!\b[A-Z]\.)(?<!\b[DJMS]r\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bSt\.)|[.!?]{2})[.!?]*[\"'”’»)\]]*\s+(?=[^\sa-z])"
)
_TERMINAL = re.compile(r"[.!?\"”»]$")
_CITATION = re.compile(
    r" ?\[\s*(?:\d{1,3}|[a-z]|note \d{1,3}|edit|citation needed|clarification needed|when\?|who\?|according to whom\?)\s*\]"
)
POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")


def citation_markers(draft: Draft, section: CleanSection) -> str:
    """Wikipedia's marks of citations ("[1]", "[citation needed]") are removed."""
    lines = (_CITATION.sub("", line).rstrip() for line in draft.text.split("\n"))
    return "\n".join(line for line in lines if line)


def terminal_punctuation(draft: Draft, section: CleanSection) -> str:
    """Lines that do not end in a full stop, an exclamation mark, a question mark or a closing quotation mark are removed.

    As in the program behind the paper, three dots at the end are no full stop: there the line was cut off.
    """
    return "\n".join(line for line in draft.text.split("\n") if _TERMINAL.search(line) and not line.endswith("..."))


def words_per_line(draft: Draft, section: CleanSection) -> str:
    """Lines of fewer than `c4_min_words` words are removed."""
    return "\n".join(line for line in draft.text.split("\n") if len(line.split()) >= section.c4_min_words)


def javascript(draft: Draft, section: CleanSection) -> str:
    """Lines with the word Javascript are removed: most of them ask to turn it on."""
    return "\n".join(line for line in draft.text.split("\n") if "javascript" not in line.lower())


def policy_notices(draft: Draft, section: CleanSection) -> str:
    """Lines that name terms of use, a privacy policy or the use of cookies are removed."""
    lines = ((line, line.lower()) for line in draft.text.split("\n"))
    return "\n".join(line for line, lower in lines if not any(notice in lower for notice in POLICIES))


def lorem_ipsum(draft: Draft, section: CleanSection) -> str:
    """A text with the words "lorem ipsum" is rejected."""
    if "lorem ipsum" in draft.text.lower():
        raise Rejected("lorem-ipsum")
    return draft.text


def curly_bracket(draft: Draft, section: CleanSection) -> str:
    """A text with a curly bracket is rejected: it is program code."""
    if "{" in draft.text:
        raise Rejected("curly-bracket")
    return draft.text


def bad_words(draft: Draft, section: CleanSection) -> str:
    """A text with one of `c4_bad_words`, as a whole word in any case, is rejected. The list of the paper is published by its makers."""
    if section.c4_bad_words and (match := _any_of(tuple(section.c4_bad_words)).search(draft.text)):
        raise Rejected("bad-words", match[0].lower())
    return draft.text


@lru_cache(1)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(r"(?<!\w)(?:" + "|".join(re.escape(word) for word in words) + r")(?!\w)", re.IGNORECASE)


def sentences(text: str) -> int:
    """How many sentences a text has; a line ends one in any case.

    >>> sentences("Mr. Smith paid $3.50 for it. Why?\\nA heading")
    3
    """
    return sum(1 + len(_SENTENCE_BREAK.findall(line)) for line in text.split("\n") if line)


def sentences_per_page(draft: Draft, section: CleanSection) -> str:
    """A text of fewer than `c4_min_sentences` sentences is rejected."""
    count = sentences(draft.text)
    if count < section.c4_min_sentences:
        raise Rejected("sentences-per-page", str(count))
    return draft.text


# What changes lines comes before what judges the page by them, and marks of citations first, since they stand behind full stops.
RULES = (
    citation_markers,
    terminal_punctuation,
    words_per_line,
    javascript,
    policy_notices,
    lorem_ipsum,
    curly_bracket,
    bad_words,
    sentences_per_page,
)
