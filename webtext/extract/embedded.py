"""The text of pages that a script builds: from the data that stand in the markup, JSON-LD (schema.org) and Next.js's `__NEXT_DATA__`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

from webtext.extract import dom
from webtext.extract.engines import Extraction
from webtext.extract.text import tidy

NO_TEXT = 100  # characters up to which what the document shows is a notice ("Loading", "Please enable JavaScript")
PROSE = 80  # characters of a string that can be a paragraph; labels, addresses and identifiers are shorter or have no blanks
_SCRIPT = re.compile(
    r"<script\b(?=[^<>]{0,500}(?:(application/ld\+json)|\bid=[\"']?__NEXT_DATA__\b))[^<>]*>(.*?)(?:</script|\Z)", re.IGNORECASE | re.DOTALL
)
_BREAK = re.compile(r"</?(?:p|div|br|li|h[1-6]|blockquote|tr|section)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def instead(found: Extraction, html: str) -> Extraction:
    """What an engine found, or what the data of the page say where it found next to nothing and the document shows no more than that."""
    if len(found.text) > NO_TEXT or (data := extract(html)) is None:
        return found
    tree = dom.parse(html)
    return data if tree is None or len(dom.visible_text(tree)) <= NO_TEXT else found


def extract(html: str) -> Extraction | None:
    """The article of a page's data, None where there is none: `articleBody` of JSON-LD, else the prose of `__NEXT_DATA__`.

    `engine` is "json-ld" or "next-data".
    """
    for found in sorted(_SCRIPT.finditer(html), key=lambda found: found[1] is None):
        try:
            data = json.loads(found[2], strict=False)
        except (ValueError, RecursionError):
            continue
        strings = list(_strings(data))
        bodies = [text for key, text in strings if key == "articleBody"]
        if found[1] is None and not bodies:
            bodies = [text for _, text in strings if len(text) >= PROSE and text.count(" ") > PROSE // 10 and text[0] not in "{["]
        elif bodies:
            bodies = [max(bodies, key=len)]
        title = next((text for key, text in strings if key in ("headline", "title")), "")
        text = tidy("\n".join(dict.fromkeys(map(_plain, bodies))))
        if len(text) > NO_TEXT:
            return Extraction(_plain(title), text, 0.5, "next-data" if found[1] is None else "json-ld")
    return None


def _strings(data: Any) -> Iterator[tuple[str, str]]:
    """Key and value of all strings, in the order of the document."""
    waiting = [("", data)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, str):
            if value.strip():
                yield key, value.strip()
        elif isinstance(value, dict):
            waiting += reversed(value.items())
        elif isinstance(value, list):
            waiting += ((key, each) for each in reversed(value))


def _plain(text: str) -> str:
    """A string of the data without its markup."""
    return unescape(_TAG.sub("", _BREAK.sub("\n", unescape(text) if "&lt;" in text else text)))
