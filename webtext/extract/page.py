"""A page to a document: all that happens to its bytes, in order, as one pure function."""

from __future__ import annotations

from webtext.core.config import ExtractSection
from webtext.extract import wikipedia
from webtext.extract.clean import clean
from webtext.extract.decode import decode, kind_of
from webtext.extract.engines import MODULES, Extraction, engine
from webtext.extract.language import UNKNOWN, detect
from webtext.extract.result import Rejection, Text
from webtext.extract.rules import Draft, Refused
from webtext.extract.text import tidy

# Loaded with this module, so that no page has to pay for them out of its budget; see also the end of this file.
ENGINES = {name: engine(name) for name in MODULES}


def extract_page(body: bytes, content_type: str | None, url: str, section: ExtractSection) -> Text | Rejection:
    """The document that a response's body (transfer and content coding undone) holds, or why there is none.

    >>> extract_page(b"%PDF-1.4", "application/pdf", "http://example.org/a.pdf", ExtractSection())
    Rejection(reason='pdf', detail='')
    """
    try:
        return _extract(body, content_type, url, section)
    except Refused as refused:
        return Rejection(refused.reason, refused.detail)


def _extract(body: bytes, content_type: str | None, url: str, section: ExtractSection) -> Text:
    if not body or body.isspace():
        raise Refused("empty")
    if len(body) > section.max_bytes:
        raise Refused("too-big", f"{len(body)} bytes")
    kind = kind_of(body, content_type)
    if kind == "pdf":
        raise Refused("pdf")
    if kind not in ("html", "text"):
        raise Refused("not-html", kind)
    html, _ = decode(body, content_type)
    found = Extraction("", html, 1.0, "text") if kind == "text" else ENGINES[section.engine](html, url)
    title, text = " ".join(tidy(found.title).split()), tidy(found.text)
    if not text:
        raise Refused("no-text")
    text, changed = clean(Draft(title, text), section)
    if section.cleaning != "none" and wikipedia.is_copy(html, text):
        raise Refused("wikipedia-text")
    language = detect(text, section.language_certainty)
    if section.languages and language.code not in section.languages:
        raise Refused("language", f"{language.code} {language.share:.2f}")
    return Text(title, text, None if language.code == UNKNOWN else language.code, found.engine, language.bytes, changed)


# The first page loads the model and the kernels, half a second; on a new installation it compiles them, half a minute.
extract_page(b"<h1>A heading</h1><p>A paragraph, which is as long as a paragraph has to be.</p>", "text/html", "", ExtractSection())
