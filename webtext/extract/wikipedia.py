"""A second test for Wikipedia, on what a page says: mirrors on other hosts hold its text too.

The paper removes Wikipedia since benchmarks are made of it. Hosts are left out by `links`; here goes what quotes a whole article.
"""

from __future__ import annotations

import re

# The line under the title of every article, in the larger Wikipedias (MediaWiki:Tagline)
TAGLINES = (
    "From Wikipedia, the free encyclopedia",
    "aus Wikipedia, der freien Enzyklopädie",
    "Un article de Wikipédia, l'encyclopédie libre",
    "De Wikipedia, la enciclopedia libre",
    "Da Wikipedia, l'enciclopedia libera",
    "Origem: Wikipédia, a enciclopédia livre",
    "Uit Wikipedia, de vrije encyclopedie",
    "Z Wikipedii, wolnej encyklopedii",
    "Från Wikipedia",
    "Материал из Википедии — свободной энциклопедии",
)

# What licence and courtesy make a mirror say of the whole page
CREDITS = re.compile(
    r"(?:this|the above) (?:article|page|content|text|entry)[^.\n]{0,60}"
    r"(?:uses material from|is (?:taken|copied|adapted|licensed|derived)[^.\n]{0,80}) (?:the )?(?:english )?wikipedia"
    r"|(?:text|content|article|material) (?:is )?(?:taken |adapted |copied )?from (?:the )?wikipedia(?: article)?[^.\n]{0,80}"
    r"(?:gnu free documentation license|gfdl|creative commons|cc[- ]by[- ]sa)"
    # NB: with the page's version, as MediaWiki prints it; a bibliography, too, has "Retrieved from https://en.wikipedia.org/wiki/…"
    r"|retrieved from (?:[\"“]|&quot;)?(?:<a [^>]{0,300}>)?https?://[a-z-]+\.(?:m\.)?wikipedia\.org/w/index\.php\?title=[^\s<]{1,300}oldid="
    r"|wikipedia® is a registered trademark of the wikimedia foundation",
    re.IGNORECASE,
)

_TAGS = re.compile(r">\s*(?:" + "|".join(re.escape(line).replace("'", "(?:'|’|&#0?39;)") for line in TAGLINES) + r")\.?\s*<", re.IGNORECASE)
_EDIT = re.compile(r"\[\s*edit\s*\]")
EDITS = 3  # marks for editing a section, left over in a text, that tell a copy


def is_copy(html: str, text: str) -> bool:
    """Whether a page is a copy of a Wikipedia article: the tagline is an element of the page or a line of the text, the page
    credits Wikipedia for all of it, or the text has kept the edit marks of its sections and names Wikipedia.

    A page that quotes or discusses Wikipedia stays, as do other wikis (wiktionary, fandom).
    """
    if "ikip" not in html and "икип" not in html:
        return False
    if _TAGS.search(html) or CREDITS.search(html):
        return True
    lines = {line.strip().rstrip(".").replace("’", "'").lower() for line in text.split("\n")}
    return any(tagline.lower() in lines for tagline in TAGLINES) or len(_EDIT.findall(text)) >= EDITS
