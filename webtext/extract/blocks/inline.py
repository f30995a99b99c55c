"""What a reader sees of inline elements, from their markup as libxml2 wrote it: where the text alone would say something else."""

from __future__ import annotations

import re
from html import unescape
from typing import NamedTuple

from webtext.extract.blocks.vocabulary import INLINE, SKIPPED

_TOKEN = re.compile(r"<!\[CDATA\[.*?\]\]>|<(/?)([^\s/>]+)((?:[^>\"]|\"[^\"]*\")*)>|([^<]+)", re.DOTALL)
_ATTRIBUTE = re.compile(r'([^\s="]+)="([^"]*)"')
_HIDING = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_BOX_STYLE = re.compile(r"display\s*:\s*(?:inline-)?(?:block|flex|grid)|float\s*:|(?:margin|padding)", re.IGNORECASE)
_BLOCK_STYLE = re.compile(r"display\s*:\s*(?:block|flex|grid)", re.IGNORECASE)
BOXES = frozenset("span time label small data cite strong b a".split())  # what pages set apart by style alone
_NO_LINES = INLINE | {"br", "pre", "table", "tbody", "td", "th"}
CODE = frozenset("code kbd samp tt".split())
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


class Element(NamedTuple):
    """An open element; `start` is where its text begins in the pieces."""

    name: str
    attributes: dict[str, str]
    start: int

    @property
    def names(self) -> str:
        return self.attributes.get("class", "")

    @property
    def box(self) -> bool:
        """Whether a style sheet may well set it apart."""
        if self.name not in BOXES or _IN_WORD.search(self.names):
            return False
        marks = self.attributes.keys() & {"class", "id", "itemprop", "role"}
        return self.name in ("time", "label") or bool(marks) or bool(_BOX_STYLE.search(self.attributes.get("style", "")))


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
        self.open: list[Element] = []
        self.skipped = 0  # depth in an element that is left out
        self.closed: Element | None = None
        self.opened: Element | None = None
        self.in_paragraph = False
        self.after_line = False

    def read(self, markup: str) -> str:
        for closing, name, rest, text in _TOKEN.findall(markup):
            if self.skipped:
                self.skipped += 0 if text or not name else -1 if closing else not rest.endswith("/")
            elif text:
                self.add(unescape(text))
            elif not name:
                continue
            elif closing:
                if self.open and self.open[-1].name == name:
                    self.end(self.open.pop())
            else:
                self.begin(name, rest)
        return "".join(self.pieces)

    def begin(self, name: str, rest: str) -> None:
        empty = rest.endswith("/")
        found = attributes(rest)
        if name in SKIPPED or is_hidden(found) or (self.listing and name == "button"):
            self.skipped = not empty
            return
        if name == "br" and self.listing:
            self.pieces.append("\n")
        if name not in INLINE and not self.listing:  # the boundary that the block begins with
            self.in_paragraph = name == "p"
            return
        element = Element(name, found, len(self.pieces))
        if self.listing and self.is_line(element):
            self.end_line()
        elif not self.listing and self.pieces and self.is_line(element):
            self.pieces.append(" ")
        if name == "q":
            self.pieces.append("“")
        self.opened = self.opened or element
        if not empty:
            self.open.append(element)

    def is_line(self, element: Element) -> bool:
        return element.name not in _NO_LINES or bool(_BLOCK_STYLE.search(element.attributes.get("style", "")))

    def end_line(self) -> None:
        if self.pieces and not self.pieces[-1].endswith("\n"):  # no piece is empty
            self.pieces.append("\n")

    def end(self, element: Element) -> None:
        self.closed, self.opened = element, None
        text = "".join(self.pieces[element.start :])
        before = next((piece for piece in reversed(self.pieces[: element.start]) if piece), "")
        changed = self.of_listing(element, text) if self.listing else self.seen(element, text, before)
        if not self.listing and self.is_line(element):
            changed += " "
        if changed != text:
            self.pieces[element.start :] = [changed] if changed else []
        if self.listing and changed is text and self.is_line(element):
            if not text.endswith("\n"):
                self.pieces.append("\n")
            self.after_line = True

    def of_listing(self, element: Element, text: str) -> str:
        numbers = LINE_NUMBERS.search(element.names) and not re.search(r"[^\d\s.:|]", text)
        return "" if numbers else text

    def seen(self, element: Element, text: str, before: str) -> str:
        name = element.name
        if name == "sup":
            return raised(text, before)
        if name == "sub":
            return _shifted(text.strip(), _LOWERED, "_") if text.strip() and before and not before.isspace() else text
        if name == "rt" and text.strip():
            return text if before[-1:] in tuple("(（[〔【《") else f"({text.strip()})"
        if name == "q":
            return text + "”"
        plain = not any(map(str.isalnum, text))
        if element.attributes.get("aria-hidden") == "true" and (plain or _DECORATION.search(element.names)):
            return ""
        if name == "a" and plain and _LINKS_TO_SELF.search(element.names):
            return ""
        if self.markdown and name in CODE and text.strip() and not any(around.name in CODE for around in self.open):
            return f"``{text}``" if "`" in text else f"`{text}`"
        return text

    def add(self, text: str) -> None:
        if self.listing:
            text = text.replace("\r", "").replace("\u00a0", " ")
            between = "\n" in text and not text.strip() and (self.after_line or not any(each.name == "pre" for each in self.open))
            self.after_line = False
            if between or not text:
                return
        elif self.pieces and not text[0].isspace() and not any(element.name in CODE for element in self.open):
            before = "".join(self.pieces[-3:])
            if before and self.apart(before, text):
                self.pieces.append(" ")
        self.closed = self.opened = None
        self.pieces.append(text)

    def apart(self, before: str, after: str) -> bool:
        """Whether what was read and what follows are two words, though no blank is between them."""
        closed, opened = self.closed, self.opened
        last, first = before[-1], after[0]
        if (closed is None and opened is None) or not first.isalnum():
            return False
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
        around = (element for element in (closed, opened) if element is not None)
        return camel and any(element.box and element.name in ("span", "time", "label", "small") for element in around)
