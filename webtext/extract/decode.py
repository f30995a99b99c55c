"""Bytes to text: which encoding a page is in, and what kind of content it is.

The order is that of the WHATWG (https://html.spec.whatwg.org/#determining-the-character-encoding): byte order mark, charset of the
Content-Type header, meta element or XML declaration, detection. One departure serves old pages: bytes that are valid UTF-8 beyond
ASCII are UTF-8 whatever a label says, since servers label everything with their default and no other text looks like that by chance.
"""

from __future__ import annotations

import codecs
import re
from functools import cache

from charset_normalizer import from_bytes
from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, read_bom

from webtext.core.media_type import media_type

# The encodings of the WHATWG's standard (https://encoding.spec.whatwg.org/), by the name of the Python codec that reads them.
# NB: Python knows more, and a page must not choose them: `unicode_escape`, `punycode` and `utf-7` re-spell markup.
ENCODINGS = frozenset(
    "utf-8 utf-16-le utf-16-be cp866 iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-10 iso8859-13 "
    "iso8859-14 iso8859-15 iso8859-16 koi8-r koi8-u mac-roman mac-cyrillic cp874 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 "
    "cp1257 cp1258 gb18030 big5hkscs euc_jp iso2022_jp cp932 cp949".split()
)

WINDOWS = "webtext-windows-1252"  # name of the codec error handler below
SNIFFED = 1024  # bytes that are looked at for the kind of content
DETECTED = 20_000  # bytes that are looked at for the encoding
LOST = 0.1  # share of sequences beyond ASCII that are not UTF-8 above which the label `utf-8` is not believed

# First bytes of what servers wrongly call text/html (https://mimesniff.spec.whatwg.org/)
SIGNATURES = (
    (b"%PDF-", "pdf"),
    (b"%!PS-Adobe", "postscript"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"RIFF", "riff"),
    (b"\xd0\xcf\x11\xe0", "msword"),
    (b"ID3", "mp3"),
    (b"OggS", "ogg"),
    (b"{\\rtf", "rtf"),
)
_BEGINNINGS = tuple(signature for signature, _ in SIGNATURES)

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
XML_TYPES = frozenset({"text/xml", "application/xml"})
UNKNOWN_TYPES = frozenset({"", "unknown/unknown", "application/unknown", "*/*", "application/octet-stream"})
_MARKUP = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|meta|frameset|div|table|p|h[1-6])[\s>/]", re.IGNORECASE)
_XHTML = re.compile(rb"<html[\s>]", re.IGNORECASE)
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")  # mimesniff's "binary data byte"
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


def kind_of(body: bytes, content_type: str | None) -> str:
    """What a body is: "html", "text", or the name of what it is instead ("pdf", "png", "application/json").

    The first bytes speak before the header where they are sure; a body without a known type is judged by its bytes alone.

    >>> kind_of(b"%PDF-1.4 ...", "text/html")
    'pdf'
    """
    head = body[:SNIFFED].lstrip(b"\x00\t\n\x0c\r \xef\xbb\xbf")
    if head.startswith(_BEGINNINGS):
        return next(name for signature, name in SIGNATURES if head.startswith(signature))
    declared = media_type(content_type)
    if declared == "application/pdf":
        return "pdf"
    if declared in HTML_TYPES or (declared in XML_TYPES and _XHTML.search(head)):
        return "html"
    if declared == "text/plain" or declared in UNKNOWN_TYPES:
        if _MARKUP.search(head) and (declared != "text/plain" or head.startswith(b"<")):
            return "html"
        return "text" if declared == "text/plain" or read_bom(body)[0] or not _BINARY.search(body[:SNIFFED]) else "binary"
    return declared


def decode(body: bytes, content_type: str | None = None) -> tuple[str, str]:
    """The text of a body and the encoding that it was read with (Python's name). Total: no body makes it fail.

    Bytes that the encoding does not have are read as windows-1252, which is what they nearly always are on a page said to be UTF-8
    (its curly quotes), or become U+FFFD. NUL is dropped: parsers stop at it.

    >>> decode(b"na\\xefve \\x93quote\\x94", "text/html; charset=iso-8859-1")
    ('naïve “quote”', 'cp1252')
    """
    marked, mark = read_bom(body)
    if marked is not None and mark is not None:
        encoding, body = marked, body[len(mark) :]
    elif (text := _utf8(body)) is not None:
        return text, "utf-8"
    else:
        encoding = encoding_of(body, content_type)
    return _without_nul(body.decode(encoding, WINDOWS if encoding in ("utf-8", "cp1252") else "replace"), body), encoding


def _utf8(body: bytes) -> str | None:
    """The text of a body that is UTF-8 beyond ASCII, as most are: whatever its labels say, so they are not looked for. Else None."""
    try:
        return None if body.isascii() else _without_nul(body.decode("utf-8"), body)
    except UnicodeDecodeError:
        return None


def _without_nul(text: str, body: bytes) -> str:
    return text.replace("\x00", "") if 0 in body else text


def encoding_of(body: bytes, content_type: str | None) -> str:
    """The encoding of a body without byte order mark, one of ENCODINGS."""
    labelled = _allowed(http_content_type_encoding(content_type)) or _declared(body)
    found = None if body.isascii() else _BEYOND_ASCII.search(body)
    if found is None and labelled != "iso2022_jp" and body[:SNIFFED].count(b"\x00") < len(body[:SNIFFED]) // 4:
        return "utf-8"
    if found is not None:
        lost = _not_utf8(body[found.start() :])
        if lost == 0.0 or (lost < LOST and labelled in (None, "utf-8")):
            return "utf-8"
    if labelled is not None and labelled != "utf-8":
        return labelled
    return _detect(body)


def _declared(body: bytes) -> str | None:
    # NB: a meta element that can be read at all is not in UTF-16, so the standard takes its "utf-16" for UTF-8.
    declared = html_body_declared_encoding(body)
    return "utf-8" if declared is not None and declared.startswith("utf-16") else _allowed(declared)


def _allowed(encoding: str | None) -> str | None:
    if encoding == "utf-16":
        return "utf-16-le"
    return encoding if encoding in ENCODINGS else None


def _not_utf8(data: bytes) -> float:
    """Share of the runs beyond ASCII that are not valid UTF-8, a sequence cut off at the end not counted."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
        return 0.0
    except UnicodeDecodeError:
        pass
    text = data.decode("utf-8", "replace")
    lost = text.count("\ufffd")
    right = sum(1 for _ in re.finditer("[^\x00-\x7f\ufffd]", text))
    return lost / (lost + right)


@cache
def _candidates() -> list[str]:
    return sorted(ENCODINGS - {"utf-16-le", "utf-16-be", "utf-8"})


def _detect(body: bytes) -> str:
    """Guess the encoding of bytes that no label explains: UTF-16 by its zeros, else by charset_normalizer on what is beyond ASCII."""
    head = body[:SNIFFED]
    if head[1::2].count(0) > len(head) // 4:
        return "utf-16-le"
    if head[0::2].count(0) > len(head) // 4:
        return "utf-16-be"
    best = from_bytes(_sample(body), steps=5, chunk_size=1024, cp_isolation=_candidates()).best()
    return (_allowed(codecs.lookup(best.encoding).name) if best else None) or "cp1252"


def _sample(body: bytes) -> bytes:
    """The lines that have bytes beyond ASCII, the markup of the others being no evidence."""
    lines = [line for line in re.findall(rb"[^\n<>]+", body) if _BEYOND_ASCII.search(line)]
    return b"\n".join(lines)[:DETECTED]


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler: the bytes as windows-1252, U+FFFD for the five it does not have."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(WINDOWS, _as_windows_1252)
