"""Bytes to text: which encoding a page is in, and what kind of content it is.

The order is that of the WHATWG (https://html.spec.whatwg.org/#determining-the-character-encoding): byte order mark, charset of the
Content-Type header, meta element or XML declaration, detection. One departure serves old pages: bytes that are valid UTF-8 beyond
ASCII are UTF-8 whatever a label says, since servers label everything with their default and no other text looks like that by chance.
A page said to be UTF-8, or with no label, stays UTF-8 with wrong bytes in it, as in browsers.
"""

from __future__ import annotations

import codecs
import re
from functools import cache

import pycld2
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
FEW = 10  # wrong sequences that never make a page said to be UTF-8, and with others that are right, something else
KANA = 0.2  # share of the characters beyond ASCII from which on a text is Japanese; Chinese has hardly any
JUDGED = 2000  # characters by which CLD2 tells the Latin encodings apart, which charset_normalizer confuses
LATIN = ("cp1252", "cp1250", "iso8859-2", "cp1254", "cp1257", "mac-roman")  # the more frequent before the others

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
_JAPANESE = re.compile(rb"\x1b\$[@B]")  # how ISO-2022-JP, which is ASCII to all others, turns to Japanese
_KANA = re.compile("[\u3041-\u30fa]")
_CONTROL = re.compile("[\x80-\x9f]")
_C0 = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


def kind_of(body: bytes, content_type: str | None) -> str:
    """What a body is: "html", "text", or the name of what it is instead ("pdf", "png", "application/json").

    The first bytes speak before the header where they are sure; a body without a known type is judged by its bytes alone.

    >>> kind_of(b"%PDF-1.4 ...", "text/html")
    'pdf'
    """
    head = body[:SNIFFED].lstrip(b"\x00\t\n\x0c\r \xef\xbb\xbf")
    if (read_bom(body)[0] or "").startswith("utf-16"):
        head = head[2:].replace(b"\x00", b"")
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

    Bytes that the encoding does not have become U+FFFD. One alone between ASCII, in UTF-8, is read as windows-1252: it nearly always is a
    letter or a curly quote of it. NUL is dropped: parsers stop at it.

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
    if wide := _utf16(body, labelled):
        return wide
    if labelled is not None and labelled.startswith("utf-16"):
        labelled = None  # and no UTF-16
    if body.isascii():
        return "iso2022_jp" if labelled in (None, "iso2022_jp") and _JAPANESE.search(body) else "utf-8"
    right, lost = _utf8_sequences(body)
    if not lost or (labelled in (None, "utf-8") and right and right >= lost) or (labelled == "utf-8" and right and lost <= FEW):
        return "utf-8"
    if labelled is not None and labelled != "utf-8":
        return labelled
    return _detect(body)


def _utf16(body: bytes, labelled: str | None) -> str | None:
    """UTF-16, where a body has the zeros that the ASCII of its markup has there: one in four with no label, any with one."""
    head = body[:SNIFFED]
    little, big = head[1::2].count(0), head[0::2].count(0)
    if max(little, big) <= (0 if labelled is not None and labelled.startswith("utf-16") else len(head) // 4):
        return None
    return "utf-16-le" if little >= big else "utf-16-be"


def _declared(body: bytes) -> str | None:
    # NB: a meta element that can be read at all is not in UTF-16, so the standard takes its "utf-16" for UTF-8.
    declared = html_body_declared_encoding(body)
    return "utf-8" if declared is not None and declared.startswith("utf-16") else _allowed(declared)


def _allowed(encoding: str | None) -> str | None:
    if encoding == "utf-16":
        return "utf-16-le"
    return encoding if encoding in ENCODINGS else None


def _utf8_sequences(data: bytes) -> tuple[int, int]:
    """How many characters beyond ASCII a body has as UTF-8, and how many places that are none, one cut off at the end not counted.

    In texts of other encodings less than 0.55 of a character is there for each place that is none (EUC-JP), mostly none at all.
    """
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(data)
    lost = text.count("\ufffd") - data.count("\ufffd".encode())
    return sum(1 for _ in re.finditer("[^\x00-\x7f\ufffd]", text)), lost


@cache
def _candidates() -> list[str]:
    return sorted(ENCODINGS - {"utf-16-le", "utf-16-be", "utf-8"})


def _detect(body: bytes) -> str:
    """Guess the encoding of bytes that no label explains, by what is beyond ASCII: Japanese by its kana, else by charset_normalizer.

    What that takes for a Latin encoding, it has often wrong (ISO-8859-2 in nine of ten Czech and Polish texts): CLD2 tells in which of
    them the text is most like a language.
    """
    sample = _sample(body)
    for encoding in ("euc_jp", "cp932"):
        text = sample.decode(encoding, "replace")
        beyond = len(text) - sum(map(str.isascii, text))
        if text.count("\ufffd") <= 1 and len(_KANA.findall(text)) > KANA * beyond:
            return encoding
    best = from_bytes(sample, steps=5, chunk_size=1024, cp_isolation=_candidates()).best()
    found = _allowed(codecs.lookup(best.encoding).name) if best else None
    if found is None or found in LATIN or found.startswith("iso8859-1") or found in ("iso8859-2", "iso8859-3", "iso8859-4", "cp1258"):
        return max(LATIN, key=lambda encoding: _likeness(sample, encoding))
    return found


def _likeness(sample: bytes, encoding: str) -> float:
    """CLD2's score of a text in an encoding, 0 where it has control characters, which nobody writes."""
    text = sample.decode(encoding, "replace")[:JUDGED]
    if _CONTROL.search(text) or "\ufffd" in text:
        return 0.0
    reliable, _, found = pycld2.detect(_C0.sub(" ", text), isPlainText=True)
    return float(sum(percent * score for _, _, percent, score in found)) * (1 if reliable else 0.5)


def _sample(body: bytes) -> bytes:
    """The lines that have bytes beyond ASCII, the markup of the others being no evidence."""
    lines = [line for line in re.findall(rb"[^\n<>]+", body) if _BEYOND_ASCII.search(line)]
    return b"\n".join(lines)[:DETECTED]


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler: U+FFFD; in UTF-8 the letter or quote of windows-1252 that a single byte between ASCII nearly always is."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    around = error.object[max(0, error.start - 1) : error.start] + error.object[error.end : error.end + 1]
    wrong = error.object[error.start : error.end]
    if error.encoding == "utf-8" and not (len(wrong) == 1 and around.isascii()):
        return "\ufffd", error.end
    return wrong.decode("cp1252", "replace"), error.end


codecs.register_error(WINDOWS, _as_windows_1252)
