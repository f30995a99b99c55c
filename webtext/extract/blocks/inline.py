"""What a reader sees of inline elements, from their markup as libxml2 wrote it: where the text alone would say something else."""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape
from typing import NamedTuple

from webtext.extract.blocks.vocabulary import INLINE, SKIPPED

_TOKEN = re.compile(r"<!\[CDATA\[.*?\]\]>|<(/?)([^\s/<>\"]+)(?=[\s/>])((?:[^>\"]|\"[^\"]*\")*)>|([^<]+)", re.DOTALL)
_ATTRIBUTE = re.compile(r'(?<![^\s="])([^\s="]+)="([^"]*)"')  # only from its first character on, or a long name takes quadratic time
_HIDING = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_BOX_STYLE = re.compile(r"display\s*:\s*(?:inline-)?(?:block|flex|grid)|float\s*:|(?:margin|padding)", re.IGNORECASE)
_BLOCK_STYLE = re.compile(r"display\s*:\s*(?:block|flex|grid)", re.IGNORECASE)
BOXES = frozenset("span time label small data cite strong b a".split())  # what pages set apart by style alone
_NO_LINES = INLINE | {"br", "pre", "table", "tbody", "td", "th"}
CODE = frozenset("code kbd samp tt".split())
_SPECIAL = frozenset("sup sub rt q a".split())
_MARKS = frozenset("class id itemprop role".split())
# Classes of what belongs to the word that it stands in: marks of a search, initials
_IN_WORD = re.compile(
    r"(?:^|[\s_-])(?:hl|highlight\w*|match|mark|caps|small-?caps|sc|drop-?cap\w*|first-?letter|initial|letter|char)\b",
    re.IGNORECASE,
)
_DECORATION = re.compile(r"icon|(?:^|\s)fa[srb]?(?:\s|$)|anchor", re.IGNORECASE)
_LINKS_TO_SELF = re.compile(r"headerlink|anchor|permalink|hash-link", re.IGNORECASE)
LINE_NUMBERS = re.compile(
    r"(?:^|[\s_-])(?:line-?nos?|line-?num(?:ber)?s?|lnt?|lnum|gutter|blob-num|crayon-nums?(?:-content)?|hljs-ln-(?:numbers|n)|ln-num)(?:$|[\s_-])",
    re.IGNORECASE,
)
# Raised letters that belong to the word before: of ordinals after digits, of titles after a capital
_ORDINALS = frozenset("st nd rd th er re e ème eme ère d de s o a os as º ª".split())
_TITLES = frozenset("r rs lle lles me mes mme gr s t tm sm c".split())
_RAISED = str.maketrans("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ")
_LOWERED = str.maketrans("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")


class Tag(NamedTuple):
    """A start tag."""

    name: str
    attributes: dict[str, str]
    empty: bool
    hidden: bool
    line: bool  # whether it stands in lines of its own
    box: bool  # whether a style sheet may well set it apart
    special: bool  # whether its text may be seen otherwise than it stands


@lru_cache(1024)  # a listing has hundreds of tags and ten different ones
def _tag(name: str, rest: str) -> Tag:
    found = attributes(rest) if "=" in rest else {}
    names, style = found.get("class", ""), found.get("style", "")
    box = name in BOXES and not _IN_WORD.search(names)
    box = box and (name in ("time", "label") or not found.keys().isdisjoint(_MARKS) or _BOX_STYLE.search(style) is not None)
    line = name not in _NO_LINES or _BLOCK_STYLE.search(style) is not None
    special = name in _SPECIAL or "aria-hidden" in found or (names != "" and LINE_NUMBERS.search(names) is not None)
    return Tag(name, found, rest.endswith("/"), name in SKIPPED or is_hidden(found), line, box, special)


def attributes(tag: str) -> dict[str, str]:
    """The attributes of a start tag, names in lower case."""
    return {name.lower(): unescape(value) for name, value in _ATTRIBUTE.findall(tag)}


def is_hidden(found: dict[str, str]) -> bool:
    """Whether attributes hide an element from every reader."""
    return "hidden" in found or _HIDING.search(found.get("style", "")) is not None


def inline(markup: str, markdown: bool = False) -> str:
    """The text of a block from its markup: white space collapsed, what is hidden left out, what is raised, lowered or read aloud marked.

    >>> inline("10<sup>8</sup> kWh")
    '10⁸ kWh'
    """
    return " ".join(_Reader(False, markdown).read(markup).split())


def verbatim(markup: str) -> str:
    """The lines of a listing from its markup, without line numbers.

    >>> verbatim("<pre><span>if x:</span><br/>\\treturn</pre>")
    'if x:\\n\\treturn'
    """
    lines = [line.rstrip() for line in _Reader(True, False).read(markup).split("\n")]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    numbers = [re.match(r"\s*(\d+)(?:[\s|:]|$)", line) for line in lines]
    if len(lines) > 2 and all(number and int(number[1]) == int(lines[0].split()[0].rstrip(":|")) + k for k, number in enumerate(numbers)):
        lines = [line[number.end() :] for line, number in zip(lines, numbers) if number]
    return "\n".join(lines).rstrip()


def raised(text: str, before: str) -> str:
    """What stands above the line, behind the text `before`: 10⁸, 1st, e^(iπ)."""
    bare = text.strip()
    if not bare or not before or before.isspace() or not any(map(str.isalnum, bare)) or bare[0] in "[(*":
        return text
    last = before[-1]
    if (last.isdigit() and bare.lower() in _ORDINALS) or (last.isupper() and bare.lower() in _TITLES) or bare.upper() in ("TM", "SM"):
        return text
    return _shifted(bare, _RAISED, "^")


def _shifted(bare: str, table: dict[int, int], sign: str) -> str:
    if all(ord(character) in table for character in bare) and (len(bare) == 1 or not bare.isalpha()):
        return bare.translate(table)
    return f"{sign}{bare}" if len(bare) == 1 or bare.isdecimal() or (sign == "_" and bare.isalnum()) else f"{sign}({bare})"


class _Reader:
    """Reads tokens into pieces of text. `closed` and `opened`: the outermost elements that ended and began since the last text."""

    def __init__(self, listing: bool, markdown: bool) -> None:
        self.listing, self.markdown = listing, markdown
        self.pieces: list[str] = []
        self.open: list[tuple[Tag, int]] = []  # with the piece that its text begins with
        self.skipped = 0  # depth in an element that is left out
        self.code = self.pre = 0  # how many of the open ones are
        self.closed: Tag | None = None
        self.opened: Tag | None = None
        self.in_paragraph = self.after_line = False

    def read(self, markup: str) -> str:
        for closing, name, rest, text in _TOKEN.findall(markup):
            if self.skipped:
                self.skipped += 0 if text or not name else -1 if closing else not rest.endswith("/")
            elif text:
                self.add(unescape(text))
            elif not name:
                continue
            elif not closing:
                self.begin(_tag(name, rest))
            elif self.open and self.open[-1][0].name == name:
                self.end(*self.open.pop())
        return "".join(self.pieces)

    def begin(self, tag: Tag) -> None:
        name = tag.name
        if tag.hidden or (self.listing and name == "button"):
            self.skipped = not tag.empty
            return
        if name == "br" and self.listing:
            self.pieces.append("\n")
        if name not in INLINE and not self.listing:  # the boundary that the block begins with
            self.in_paragraph = name == "p"
            return
        if tag.line and self.pieces and not (self.listing and self.pieces[-1].endswith("\n")):
            self.pieces.append("\n" if self.listing else " ")
        if name == "q":
            self.pieces.append("“")
        self.opened = self.opened or tag
        if not tag.empty:
            self.open.append((tag, len(self.pieces)))
            self.code += name in CODE
            self.pre += name == "pre"

    def end(self, tag: Tag, start: int) -> None:
        self.closed, self.opened = tag, None
        self.code -= tag.name in CODE
        self.pre -= tag.name == "pre"
        if not (tag.line or tag.special or (self.markdown and tag.name in CODE)):
            return
        text = "".join(self.pieces[start:])
        changed = self.of_listing(tag, text) if self.listing else self.seen(tag, text, self.pieces[start - 1] if start else "")
        if changed != text:
            self.pieces[start:] = [changed] if changed else []  # no piece is empty
        if tag.line and not self.listing:
            self.pieces.append(" ")
        elif tag.line and changed == text:
            if not text.endswith("\n"):
                self.pieces.append("\n")
            self.after_line = True

    @staticmethod
    def of_listing(tag: Tag, text: str) -> str:
        numbers = LINE_NUMBERS.search(tag.attributes.get("class", "")) and not re.search(r"[^\d\s.:|]", text)
        return "" if numbers else text

    def seen(self, tag: Tag, text: str, before: str) -> str:
        name = tag.name
        if name == "sup":
            return raised(text, before)
        if name == "sub":
            return _shifted(text.strip(), _LOWERED, "_") if text.strip() and before and not before.isspace() else text
        if name == "rt" and text.strip():
            return text if before[-1:] in tuple("(（[〔【《") else f"({text.strip()})"
        if name == "q":
            return text + "”"
        plain = not any(map(str.isalnum, text))
        names = tag.attributes.get("class", "")
        if tag.attributes.get("aria-hidden") == "true" and (plain or _DECORATION.search(names)):
            return ""
        if name == "a" and plain and _LINKS_TO_SELF.search(names):
            return ""
        if self.markdown and name in CODE and text.strip() and not self.code:
            return f"``{text}``" if "`" in text else f"`{text}`"
        return text

    def add(self, text: str) -> None:
        if self.listing:
            text = text.replace("\r", "").replace("\u00a0", " ")
            between = (self.after_line or not self.pre) and "\n" in text and not text.strip()
            self.after_line = False
            if between or not text:
                return
        elif not self.code and self.pieces and text[0].isalnum() and self.apart("".join(self.pieces[-3:]), text):
            self.pieces.append(" ")
        self.closed = self.opened = None
        self.pieces.append(text)

    def apart(self, before: str, after: str) -> bool:
        """Whether what was read and what follows are two words, though no blank is between them; `after` begins with a letter or digit."""
        closed, opened = self.closed, self.opened
        if closed is None and opened is None:
            return False
        last, first = before[-1], after[0]
        if last == ":":
            return closed is not None and before[-2:-1].isalpha()
        words = re.search(r"\w+$", before)
        if words is None:
            return last in ".!?)%" and bool(closed and opened and closed.box and opened.box) and not before[-2:-1].isdigit()
        grown = len(words[0]) > 2
        camel = grown and (first.isupper() or (last.isalpha() and first.isdigit()))
        if first.isupper() and not last.islower():
            camel = last.isdigit()
        if closed and opened:
            if closed.name == opened.name == "a":
                return True
            if closed.box and opened.box:
                return not (len(words[0]) == 1 and last.isalpha() and first.islower()) and not len(words[0]) == len(after.strip()) == 1
            if closed.name == opened.name == "span" and not closed.attributes and not opened.attributes:
                return camel or (grown and not self.in_paragraph)
        return camel and any(tag is not None and tag.box and tag.name in ("span", "time", "label", "small") for tag in (closed, opened))
