"""One page to its text, for people who call the extraction from their own program."""

from __future__ import annotations

from dataclasses import dataclass

from webtext.clean.language import UNKNOWN, detect
from webtext.core.config import CleanSection
from webtext.extract import embedded
from webtext.extract.decode import decode
from webtext.extract.engines import engine as engine_of
from webtext.extract.text import tidy


@dataclass(frozen=True)
class Page:
    """The main text of a page: `text` has a paragraph a line, `markdown` marks headings, lists, tables, code and quotations as well.

    `language` is ISO 639-1, None where it is not known; `confidence` runs from 0 (nothing found) to 1; `engine` names what found the text.
    """

    title: str
    text: str
    markdown: str
    language: str | None
    confidence: float
    engine: str


def extract_html(html: str | bytes, url: str | None = None, *, engine: str = "combined", content_type: str | None = None) -> Page:
    """The main text of a page. Bytes are decoded as browsers do, by `content_type` (of HTTP), byte order mark and markup.

    Nothing limits the time or memory that a hostile page takes here; the stage `extract` does.

    >>> import webtext
    >>> webtext.extract("<title>Soup</title><p>Boil the water, then add the salt and the beans.</p>").title
    'Soup'
    """
    text = html if isinstance(html, str) else decode(html, content_type)[0]
    found = embedded.instead(engine_of(engine)(text, url or ""), text)
    code = detect(found.text, CleanSection().language_certainty).code if found.text else UNKNOWN
    title = " ".join(tidy(found.title).split())
    language = None if code == UNKNOWN else code
    return Page(title, found.text, found.markdown, language, round(float(found.confidence), 4), found.engine)
