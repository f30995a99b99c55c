"""HTTP messages as they lie in a WARC: header block, transfer coding, content coding; bounded in what they may grow to.

Real archives hold bodies that are not coded as their headers say. So a body whose coding does not even begin as named is taken
as it is. One that breaks in its middle is an error on the network, and in an archive the end of the body (RFC 9110 8.4, RFC 9112 7.1).
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

import brotli
import zstandard

from webtext.core.media_type import media_type
from webtext.fetch.failure import Failure

Headers = tuple[tuple[str, str], ...]

_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)\d\d", re.IGNORECASE)  # 101 is the last answer in HTTP
_CHUNK = re.compile(rb"\s*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")

BLOCK = 65536
HEAD_BYTES = 131072  # of a header block, at most; browsers allow about that
HEAD = 131072  # bytes of a page in which its meta tags are looked for
WINDOW = 8 * 2**20  # RFC 9659: a zstd window on the web is at most 8 MiB
PAGE = frozenset({200, 203})  # statuses of pages; 203: a proxy on the way has changed it
REENCODED = 2  # further gzip codings that are undone although no header names them
BOMB = 100  # a page that grows by more than this and beyond the size cap is a bomb; HTML shrinks to a tenth, rarely a thirtieth


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def header(headers: Headers, name: str) -> str | None:
    """The first value of a header, None where it is absent."""
    return next((value for key, value in headers if key.lower() == name), None)


def values(headers: Headers, name: str) -> list[str]:
    return [value for key, value in headers if key.lower() == name]


def tokens(headers: Headers, name: str) -> list[str]:
    """The elements of a list header, lower-cased."""
    return [token.strip().lower() for value in values(headers, name) for token in value.split(",")]


def kind_of(headers: Headers) -> str | None:
    """The media type that the headers name, None where they name none. Of several the last valid one counts (WHATWG Fetch 2.2.2)."""
    kinds = (media_type(part) for value in values(headers, "content-type") for part in value.split(","))
    return next((kind for kind in reversed(list(kinds)) if "/" in kind), None)


def bounds(message: bytes) -> tuple[int, int, int]:
    """Where the header block of an HTTP response begins and ends (without its empty line), and where the body begins.

    Interim answers (1xx, RFC 9110 15.2) before it are passed over.
    """
    begin = 0
    while True:
        end = _EMPTY_LINE.search(message, begin)
        if end is None:
            return begin, len(message), len(message)
        if not _INTERIM.match(message, begin):
            return begin, end.start(), end.end()
        begin = end.end()


def parse_head(head: bytes) -> tuple[int, Headers] | None:
    """Status and headers of a response; None where it does not begin with an HTTP status line.

    As browsers do: a line that begins with a blank goes on with the line before, or is a header itself where there is none; a line without
    a colon is passed over.
    """
    lines = re.split(rb"\r?\n", head)
    status = re.match(rb"HTTP/\d(?:\.\d)?\s+(\d{3})(?:\s|$)", lines[0], re.IGNORECASE)
    if status is None:
        return None
    headers: list[tuple[str, str]] = []
    for line in lines[1:]:
        text = _text(line)
        if text[:1] in (" ", "\t") and headers:
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {text.strip()}")
        else:
            name, colon, value = text.partition(":")
            if colon:
                headers.append((name.strip(), value.strip()))
    return int(status[1]), tuple(headers)


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def dechunk(body: bytes) -> bytes:
    """Undo the chunked coding (RFC 9112 7.1). What is no chunk, at the start or later, comes back as it is."""
    pieces: list[bytes] = []
    position = 0
    while size := _CHUNK.match(body, position):
        length = int(size[1], 16)
        if length == 0:
            return b"".join(pieces)
        pieces.append(body[size.end() : size.end() + length])
        position = size.end() + length
    if not pieces:
        return body
    rest = body[position:]
    return b"".join(pieces) + (b"" if rest.strip() == b"" else rest)


class Pieces:
    """The bytes of an iterable of pieces, to be read like a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces: Iterator[bytes] = iter(pieces)
        self._rest = b""
        self.taken = 0

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end alone."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = piece
        data, self._rest = self._rest[:size], self._rest[size:]
        self.taken += len(data)
        return data

    def put_back(self, data: bytes) -> None:
        self._rest = data + self._rest
        self.taken -= len(data)


def decoded(source: Pieces, headers: Headers) -> Readable:
    """Undo the codings of a body but `chunked`, last applied first. A coding that is unknown or not there leaves the bytes as they are.

    What is gzip still although it is to be text is unpacked too: servers name one coding where two were applied, or none.
    """
    result = source
    for coding in reversed([*tokens(headers, "content-encoding"), *tokens(headers, "transfer-encoding")]):
        make = _DECODERS.get(coding)
        start = _peek(result, 4)
        if make is not None and start and (coding != "gzip" or start[:2] == b"\x1f\x8b") and (coding != "zstd" or start == _ZSTD):
            result = Pieces(make(result))
    layers = REENCODED if (kind_of(headers) or "").startswith(("text/", "application/xhtml")) else 0
    while layers and _peek(result, 3) == GZIP:
        layers -= 1
        result = Pieces(_gunzip(result))
    return result


def _peek(source: Pieces, size: int) -> bytes:
    start = b""
    while len(start) < size and (more := source.read(size - len(start))):
        start += more
    source.put_back(start)
    return start


def _inflate(source: Pieces, window: int) -> Iterator[bytes]:
    engine = zlib.decompressobj(window)
    data = source.read(BLOCK)
    while data:
        try:
            yield engine.decompress(data, BLOCK)
        except zlib.error as error:
            raise Failure("broken-encoding", "gzip or deflate") from error
        data = engine.unconsumed_tail
        if engine.eof:
            data = engine.unused_data or source.read(BLOCK)
            if window != 31 or data[:2] != b"\x1f\x8b":
                return  # NB: bytes behind the end are of no use to anyone
            engine = zlib.decompressobj(window)
        data = data or source.read(BLOCK)
    if not engine.eof:
        raise Failure("broken-encoding", "gzip or deflate ends early")


def _gunzip(source: Pieces) -> Iterator[bytes]:
    return _inflate(source, 31)


def _deflate(source: Pieces) -> Iterator[bytes]:
    start = _peek(source, 2)
    # NB: `deflate` is zlib's format (RFC 9110 8.4.1.2), but servers send the bare stream too.
    wrapped = len(start) == 2 and start[0] & 15 == 8 and (start[0] << 8 | start[1]) % 31 == 0
    return _inflate(source, 15 if wrapped else -15)


def _unbrotli(source: Pieces) -> Iterator[bytes]:
    engine = brotli.Decompressor()
    try:
        while not engine.is_finished():
            data = source.read(BLOCK) if engine.can_accept_more_data() else b""
            if not data and engine.can_accept_more_data():
                raise Failure("broken-encoding", "br ends early")
            yield engine.process(data, output_buffer_limit=BLOCK)
    except brotli.error as error:
        raise Failure("broken-encoding", "br") from error


def _unzstd(source: Pieces) -> Iterator[bytes]:
    reader = zstandard.ZstdDecompressor(max_window_size=WINDOW).stream_reader(source, read_across_frames=True)  # type: ignore[arg-type]
    try:
        while data := reader.read(BLOCK):
            yield data
    except zstandard.ZstdError as error:
        raise Failure("broken-encoding", "zstd") from error


GZIP = b"\x1f\x8b\x08"
_ZSTD = b"\x28\xb5\x2f\xfd"
_DECODERS = {"gzip": _gunzip, "x-gzip": _gunzip, "deflate": _deflate, "br": _unbrotli, "zstd": _unzstd}


def body_of(payload: bytes, headers: Headers, limit: int) -> tuple[bytes, bool]:
    """The first `limit` bytes of the body of a stored message, both codings undone, and whether its content coding was whole so far.

    Of a coding that breaks, what came before is the body: archives cut long answers, and some gave a length that is too short. Raises
    Failure `broken-encoding` where nothing came.
    """
    if "chunked" in tokens(headers, "transfer-encoding"):
        payload = dechunk(payload)
    body = io.BytesIO()
    try:
        source = decoded(Pieces([payload]), headers)
        while body.tell() < limit and (data := source.read(min(BLOCK, limit - body.tell()))):
            body.write(data)
    except Failure:
        if not body.tell():
            raise
        return body.getvalue(), False
    return body.getvalue(), True


_META = re.compile(rb"<meta\s[^>]{0,500}>", re.IGNORECASE)
_NAME = re.compile(rb"""\bname\s*=\s*["']?\s*([\w.-]+)""", re.IGNORECASE)
_CONTENT = re.compile(rb"""\bcontent\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.IGNORECASE)


# Headers that keep a page from training: their directive, and what says so in them.
WISHES = {
    "content-signal": ("content-signal: ai-train=no", re.compile(r"\bai-train\s*=\s*no\b")),
    "content-usage": ("content-usage: train-ai=n", re.compile(r"\btrain-(?:gen)?ai\s*=\s*n\b")),
}
NOT_FOR_US = frozenset({"noai", "none-ai", "noindex", "none", "tdm-reservation: 1", *(wish for wish, _ in WISHES.values())})


def robots_directives(headers: Headers, start: bytes, agent: str) -> set[str]:
    """The robots directives of a page (`noai`, `noindex`, …), lower-cased, from X-Robots-Tag and the meta tags in its first bytes.

    A directive that names a crawler counts only for the crawler `agent`. Wishes about training have the names of WISHES; of a
    reservation by TDMRep the meta tag comes before the header.

    >>> robots_directives((("X-Robots-Tag", "noai, otherbot: noindex"),), b"", "webtext")
    {'noai'}
    """
    found: set[str] = set()
    # NB: an archive hands on the page's own fields under this name, and may have a robots tag of its own
    archived = any(name.lower().startswith("x-archive-") for name, _ in headers)

    def sent(name: str) -> list[str]:
        return values(headers, f"x-archive-orig-{name}" if archived else name)

    reserved = next(iter(sent("tdm-reservation")), None)
    for value in sent("x-robots-tag"):
        mine = True
        for rule in value.lower().split(","):
            name, colon, directive = rule.partition(":")
            if colon and name.strip() not in ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"):
                mine = name.strip() == agent.lower()
                rule = directive
            if mine:
                found.add(rule.strip())
    for tag in _META.findall(start[:HEAD]):
        name_found, content = _NAME.search(tag), _CONTENT.search(tag)
        name = name_found[1].decode("ascii", "replace").lower() if name_found else ""
        text = next(group for group in content.groups() if group is not None).decode("utf-8", "replace") if content else ""
        if content and name in ("robots", agent.lower()):
            found.update(rule.strip() for rule in text.lower().split(","))
        elif name == "tdm-reservation":
            reserved = text
    if reserved is not None and reserved.strip() in ("0", "1"):
        found.add(f"tdm-reservation: {reserved.strip()}")
    return found | {wish for name, (wish, pattern) in WISHES.items() for value in sent(name) if pattern.search(value.lower())}
