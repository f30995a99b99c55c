"""HTML as a tree, and what every engine needs of it: the title and the language that a page claims."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from lxml import etree
from lxml.html import HTMLParser, document_fromstring

from webtext.extract.flatten import flatten
from webtext.extract.formulas import to_latex

Tree = Any  # lxml.html.HtmlElement, the root of a page

# What XML does not allow: as bytes, and the last two code points of the basic plane in UTF-8 (surrogates have none)
_CONTROLS = bytes([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
_NONCHARACTERS = re.compile(b"\xef\xbf[\xbe\xbf]")
_PROLOGUE = re.compile(r"^[\s\ufeff]*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!doctype[^>]*>)?", re.IGNORECASE | re.DOTALL)
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"\w+")
MAX_TITLE = 300  # characters
TITLES = (("property", "og:title"), ("name", "twitter:title"))
CONFIRMED = 0.5  # share of a heading's words that the page's titles must have

# What stands between the name of a page and that of its site
_SEPARATORS = " |»·•—–:-"
_SEPARATOR = re.compile(r"(?<!\s)\s+(?:[|»·•—–:-]|::)\s+|:\s+")  # only from the first blank on, or many blanks take quadratic time

# Elements left above one another on a page that the parser gives up on: half of its 2,048, since it closes some otherwise, or a few.
DEPTHS = (1000, 100)
FLATTENED: Counter[str] = Counter()  # "pages": how many this process has made flat, for those who count them

_PARSER = HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, collect_ids=False, default_doctype=False)


def parse(html: str) -> Tree | None:
    """The tree of a page or a fragment of one, without comments and processing instructions; None where there is no element.

    The text that a frameset has for readers without frames takes its place, and the source of a formula that of what is drawn.

    NB: libxml2 stops at a depth of 256 and drops what follows, and old pages that never close `<font>` go deeper; with `huge_tree`
    it goes to 2,048, and a page that goes deeper still is flattened (see webtext.extract.flatten). A document type that it does not
    like makes it lose the page, so that is cut off.
    """
    prologue = _PROLOGUE.match(html)
    html = html[prologue.end() if prologue else 0 :]
    tree = _tree(html)
    if _too_deep():
        FLATTENED["pages"] += 1
        for depth in DEPTHS:
            tree = _tree(flatten(html, depth))
            if not _too_deep():
                break
    if tree is None:
        return None
    if (frames := tree.find("frameset")) is not None:
        _without_frames(tree, frames)
    to_latex(tree)
    return tree


def _tree(html: str) -> Tree | None:
    body = html.encode("utf-8", "ignore").translate(None, _CONTROLS)
    if 0xEF in body:
        body = _NONCHARACTERS.sub(b"", body)
    try:
        return document_fromstring(body, parser=_PARSER)
    except etree.ParserError:  # nothing but white space
        return None


def _too_deep() -> bool:
    """Whether the parser gave up on the last page for its depth."""
    last = _PARSER.error_log.last_error
    return last is not None and last.type_name == "ERR_RESOURCE_LIMIT"


def _without_frames(tree: Tree, frames: Tree) -> None:
    # NB: its markup is text to the parser, as for browsers, which have frames.
    noframes = tree.find(".//noframes")
    inner = parse(noframes.text_content()) if noframes is not None else None
    body = inner.find("body") if inner is not None else None
    if body is not None:
        tree.replace(frames, body)


def title(tree: Tree) -> str:
    """The title of a page: the main heading (h1) that the page's own titles (for social media, title element) confirm, else such a title.

    The name of the site is cut off. "" where there is none.
    """
    found: dict[str, list[Tree]] = {"meta": [], "title": [], "h1": []}
    for element in tree.iterdescendants(*found):
        found[element.tag].append(element)
    said = [meta.get("content") or "" for attribute, name in TITLES for meta in found["meta"] if meta.get(attribute) == name]
    given = [text for text in map(_clean, (*said, *(element.text or "" for element in found["title"][:1]))) if text]
    site = next((_clean(meta.get("content") or "") for meta in found["meta"] if meta.get("property") == "og:site_name"), "").lower()
    known = set(_WORD.findall(" ".join(given).lower()))
    best, most = "", 0.0
    for heading in found["h1"]:
        text = _clean(_in_one_line(heading))
        words = _WORD.findall(text.lower())
        confirmed = sum(word in known for word in words)
        if text.lower() != site and confirmed >= len(words) * CONFIRMED and confirmed > most:
            best, most = text, confirmed
    if best or not given:
        return best
    return _without_site(given[0], site)


def _in_one_line(element: Tree) -> str:
    if next(element.iterdescendants("br"), None) is None:
        return "".join(element.itertext())
    return "".join(piece if isinstance(piece, str) else " " for piece in element.xpath(".//text() | .//br"))


def language(tree: Tree) -> str:
    """The language that a page says it is in: two letters of its lang attribute, "" where there is none."""
    claimed = tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    return claimed[:2].lower() if re.match(r"[A-Za-z]{2}(?:$|[-_])", claimed) else ""


def visible_text(tree: Tree) -> str:
    """All that a reader could see, white space collapsed: the measure of how much of a page an engine took."""
    pieces = tree.xpath("//body//text()[not(ancestor::script or ancestor::style or ancestor::noscript or ancestor::template)]")
    return _clean_space(" ".join(pieces))


def _clean_space(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _clean(text: str) -> str:
    return _clean_space(text)[:MAX_TITLE]


def _without_site(whole: str, site: str) -> str:
    """Cut the name of the site where it is the first or last part."""
    parts = _SEPARATOR.split(whole)
    if len(parts) > 1 and parts[-1].lower() == site:
        return whole[: -len(parts[-1])].rstrip(_SEPARATORS)
    if len(parts) > 1 and parts[0].lower() == site:
        return whole[len(parts[0]) :].lstrip(_SEPARATORS)
    return whole
