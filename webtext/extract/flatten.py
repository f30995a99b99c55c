"""Markup that is nested too deep for a parser, made flat: what stands deeper stays, only the elements around it go."""

from __future__ import annotations

import re
from collections import Counter

# A tag, or an element that has no elements in it
_TAG = re.compile(r"<(script|style|textarea|title)\b.*?(?:</\1\s*>|\Z)|<(/?)([a-zA-Z][^\s<>/]*)[^<>]*>", re.IGNORECASE | re.DOTALL)
VOID = frozenset("area base basefont br col embed frame hr img input link meta param source track wbr".split())
INLINE = frozenset("a abbr acronym b big cite code em font i ins kbd label nobr q s samp small span strike strong sub sup tt u var".split())
CLOSED_BY_THE_NEXT = frozenset("p li dd dt tr td th option".split())


def flatten(html: str, depth: int) -> str:
    """The same markup without the tags of elements deeper than `depth`. A break takes the place of those that are not in a line.

    >>> flatten("<div>one<div>two<b>!</b><p>three</div></div>", 1)
    '<div>one<br>two!<br>three<br></div>'
    """
    pieces: list[str] = []
    above: list[tuple[str, bool]] = []  # the elements that are open, and whether their tags were left
    count: Counter[str] = Counter()
    end = 0
    for tag in _TAG.finditer(html):
        pieces.append(html[end : tag.start()])
        end = tag.end()
        name = (tag[3] or "").lower()
        left = True
        if tag[2] and count[name]:
            while True:
                last, left = above.pop()
                count[last] -= 1
                if last == name:
                    break
        elif name and not tag[2] and name not in VOID:
            if name in CLOSED_BY_THE_NEXT and above and above[-1][0] == name:
                above.pop()
                count[name] -= 1
            left = len(above) < depth
            above.append((name, left))
            count[name] += 1
        pieces.append(tag[0] if left else "" if name in INLINE else "<br>")
    return "".join((*pieces, html[end:]))
