"""The media type of a Content-Type header, read in one way wherever a page's kind matters."""

from __future__ import annotations

import re


def media_type(content_type: str | None) -> str:
    """The media type of a Content-Type header without its parameters, in lower case; "" where there is none.

    NB: where a header is sent twice the values come joined by a comma (RFC 9110 5.3), and the first one counts.

    >>> media_type("Text/HTML; charset=utf-8")
    'text/html'
    """
    return re.split(r"[;,]", content_type or "", maxsplit=1)[0].strip().lower()
