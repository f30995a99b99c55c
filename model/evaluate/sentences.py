"""Text to sentences, for measures that take the first ones: a rule of ours for English and French, without data files."""

from __future__ import annotations

import re

# Behind . ! ? or … with closing quotes and brackets, before white space and what may begin a sentence; and at every line end.
_BETWEEN = re.compile(r"""(?<=[.!?…])(?:\s?»|["'”’)\]]{0,2})\s+(?=["'“‘«(\[¿¡]{0,2}\s?[A-ZÀ-ÖØ-Þ0-9])|\s*\n\s*""")
# Before whose full stop no sentence ends: an initial, or an abbreviation that a name or a number follows.
_ABBREVIATED = re.compile(
    r"(?:^|[\s(\"'“‘.-])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|Gen|Gov|Sen|Rep|Lt|Col|Sgt|Capt|Rev|Hon|Mt|vs|v|cf|e\.g|i\.e|MM|Mme|Mlle|art)\.$"
)


def sentences(text: str) -> list[str]:
    """The sentences of a text, stripped.

    >>> sentences("Dr. J. Smith paid 3.50 dollars. \\"Why?\\" he asked. Nobody knew\\nA new line")
    ['Dr. J. Smith paid 3.50 dollars.', '"Why?" he asked.', 'Nobody knew', 'A new line']
    """
    found, begin = [], 0
    for match in _BETWEEN.finditer(text):
        if "\n" not in match[0] and _ABBREVIATED.search(text, max(0, match.start() - 12), match.start()):
            continue
        found.append(text[begin : match.end()].strip())
        begin = match.end()
    return [sentence for sentence in (*found, text[begin:].strip()) if sentence]
