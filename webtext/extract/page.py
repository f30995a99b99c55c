"""A page to a document: all that happens to its bytes, in order, as one pure function."""

from __future__ import annotations

from webtext.core.config import ExtractSection
from webtext.core.errors import Rejected
from webtext.extract import dom, embedded, wikipedia
from webtext.extract.decode import decode, kind_of
from webtext.extract.engines import MODULES, Engine, Extraction, engine
from webtext.extract.result import Rejection, Text
from webtext.extract.text import tidy

# Loaded with this module, so that no page has to pay for them out of its budget; see also the end of this file.
ENGINES = {name: engine(name) for name in MODULES}


def engine_of(name: str) -> Engine:
    """An engine; one of the user's own is loaded by its first page."""
    if name not in ENGINES:
        ENGINES[name] = engine(name)
    return ENGINES[name]


def extract_page(body: bytes, content_type: str | None, url: str, section: ExtractSection) -> Text | Rejection:
    """The document that a response's body (transfer and content coding undone) holds, or why there is none.

    >>> extract_page(b"%PDF-1.4", "application/pdf", "http://example.org/a.pdf", ExtractSection())
    Rejection(reason='pdf', detail='')
    """
    try:
        return _extract(body, content_type, url, section)
    except Rejected as rejected:
        return Rejection(rejected.reason, rejected.detail)


def _extract(body: bytes, content_type: str | None, url: str, section: ExtractSection) -> Text:
    if not body or body.isspace():
        raise Rejected("empty")
    if len(body) > section.max_bytes:
        raise Rejected("too-big", f"{len(body)} bytes")
    kind = kind_of(body, content_type)
    if kind == "pdf":
        raise Rejected("pdf")
    if kind not in ("html", "text"):
        raise Rejected("not-html", kind)
    html, _ = decode(body, content_type)
    flattened = dom.FLATTENED["pages"]
    found = Extraction("", tidy(html), 1.0, "text") if kind == "text" else embedded.instead(engine_of(section.engine)(html, url), html)
    title = " ".join(tidy(found.title).split())
    if not found.text:
        raise Rejected("no-text")
    if section.drop_wikipedia and wikipedia.is_copy(html, found.text):
        raise Rejected("wikipedia-text")
    # Part of the name, so that the counters of the stage count such pages.
    name = found.engine + ("+flattened" if dom.FLATTENED["pages"] > flattened else "")
    return Text(title, found.markdown if section.markdown else found.text, name)


# The first page loads the model and the kernels, half a second; on a new installation it compiles them, half a minute.
extract_page(b"<h1>A heading</h1><p>A paragraph, which is as long as a paragraph has to be.</p>", "text/html", "", ExtractSection())
