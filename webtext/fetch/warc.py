"""WARC 1.1 (ISO 28500:2017): records as they are written, gzip a record, and pages as they are read back, from our files or others'.

The bytes depend on the exchange alone: a record's id is a UUID of its content, gzip headers have no time. Digests are SHA-1 in Base32
over the bytes in the record, as CDX servers and `warcio check` compute them.
"""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import uuid
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecordLoader

from webtext.core.errors import WebtextError
from webtext.core.hashing import shard_name
from webtext.core.tables import Record, read_table
from webtext.fetch.client import Exchange
from webtext.fetch.failure import Failure
from webtext.fetch.http_message import BLOCK, HEAD_BYTES, Headers, body_of, bounds, kind_of, parse_head
from webtext.fetch.warc_records import ARC, GZIP, ZSTD, ZstdFrame, gunzipper, read_dictionary

LEVEL = 6
OPEN_FILES = 16  # WARC files kept open while pages are read in the order of ids
MAX_RECORD = 2**28 + 2**20  # bytes of a record that are held: the largest `max_bytes`, and headers


@dataclass(frozen=True)
class Page:
    """A page of the ledger: the URL that answered, HTTP status, headers, and the body with transfer and content coding undone."""

    url: str
    status: int
    headers: Headers
    body: bytes

    @property
    def content_type(self) -> str | None:
        return kind_of(self.headers)


def warcinfo(filename: str, agent: str, when: datetime, robots: bool) -> bytes:
    """The record that opens a file, compressed."""
    fields = {
        "software": agent.split(" ")[0],
        "format": "WARC File Format 1.1",
        "http-header-user-agent": agent,
        "robots": "obey" if robots else "ignore",
    }
    block = "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode()
    digest = _base32(hashlib.sha1(block))
    head = {
        "WARC-Type": "warcinfo",
        "WARC-Date": rfc3339(when),
        "WARC-Filename": filename,
        "WARC-Record-ID": _record_id("warcinfo", filename, rfc3339(when), digest),
        "WARC-Block-Digest": digest,
        "Content-Type": "application/warc-fields",
    }
    output = io.BytesIO()
    _write(output, head, [block], len(block))
    return output.getvalue()


def write_exchange(output: IO[bytes], exchange: Exchange, when: datetime) -> tuple[int, int, str]:
    """Append the request and the response of an exchange: (offset, length, payload digest) of the response record.

    `when` is when it took place. A capture is dated by the archive.
    """
    received = exchange.received
    received.seek(0)
    begin, _, body = bounds(received.read(HEAD_BYTES))
    block_digest, payload_digest, end = _digests(received, begin, body)
    request_digest = _base32(hashlib.sha1(exchange.sent))
    common = {"WARC-Date": rfc3339(when), "WARC-Target-URI": exchange.url}
    if exchange.archived:
        # As pywb records what it has from other archives: the page as it was then, and beside it where and when it was had.
        common = {
            "WARC-Date": rfc3339(exchange.archived.when),
            "WARC-Target-URI": exchange.archived.url,
            "WARC-Source-URI": exchange.url,
            "WARC-Creation-Date": rfc3339(when),
        }
    date = common["WARC-Date"]
    response_id = _record_id("response", exchange.url, date, block_digest)
    if exchange.ip:
        common["WARC-IP-Address"] = exchange.ip
    request = {
        "WARC-Type": "request",
        **common,
        "WARC-Record-ID": _record_id("request", exchange.url, date, block_digest, request_digest),
        "WARC-Concurrent-To": response_id,
        "WARC-Block-Digest": request_digest,
        "Content-Type": "application/http; msgtype=request",
    }
    if exchange.sent:
        _write(output, request, [exchange.sent], len(exchange.sent))
    offset = output.tell()
    head = {
        "WARC-Type": "response",
        **common,
        "WARC-Record-ID": response_id,
        "WARC-Block-Digest": block_digest,
        "WARC-Payload-Digest": payload_digest,
    }
    if not exchange.whole:
        head["WARC-Truncated"] = "length"
    head["Content-Type"] = "application/http; msgtype=response"
    received.seek(begin)
    _write(output, head, iter(lambda: received.read(BLOCK), b""), end - begin)
    return offset, output.tell() - offset, payload_digest


def _digests(file: IO[bytes], begin: int, body: int) -> tuple[str, str, int]:
    block, payload = hashlib.sha1(), hashlib.sha1()
    file.seek(begin)
    block.update(file.read(body - begin))
    end = body
    while data := file.read(BLOCK):
        block.update(data)
        payload.update(data)
        end += len(data)
    return _base32(block), _base32(payload), end


def _base32(digest: Any) -> str:
    return f"sha1:{base64.b32encode(digest.digest()).decode()}"


def _record_id(*parts: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ' '.join(parts))}>"


def _write(output: IO[bytes], head: dict[str, str], block: Any, length: int) -> None:
    engine = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)  # NB: zlib's gzip header has no time and no name
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**head, "Content-Length": str(length)}.items())
    output.write(engine.compress(f"WARC/1.1\r\n{lines}\r\n".encode()))
    for piece in block:
        output.write(engine.compress(piece))
    output.write(engine.compress(b"\r\n\r\n") + engine.flush())


def rfc3339(when: datetime) -> str:
    """`2017-12-31T23:59:59.123Z`, and without the fraction where it is zero."""
    text = when.astimezone(timezone.utc).isoformat(timespec="milliseconds" if when.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def parse_warc_date(text: str) -> datetime | None:
    """The time of a WARC-Date; None where it is none."""
    try:
        when = datetime.fromisoformat(text.strip().replace("Z", "+00:00")[:32])
    except ValueError:
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=timezone.utc)


class Pages:
    """Reads pages of a build; a few files stay open, so a shard in the order of its ledger is read from front to back.

    >>> with Pages(build) as pages:
    ...     for row in read_table(build / "pages/ledger/shard-00000.parquet"): page = pages.read(row)
    """

    def __init__(self, build: Path) -> None:
        self._directory = build / "pages"
        self._open: OrderedDict[str, tuple[IO[bytes], bytes]] = OrderedDict()  # files and their dictionaries

    def __enter__(self) -> Pages:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._open.popitem()[1][0].close()

    def read(self, row: Record) -> Page:
        """The page of a ledger's record that has one. Raises WebtextError where the file is gone or is not what it was."""
        where = f"{row['warc']} at {row['offset']}"
        try:
            file, dictionary = self._file(row["warc"])
            file.seek(row["offset"])
            data = file.read(min(row["length"], MAX_RECORD))
        except OSError as error:
            raise WebtextError(f"{where}: cannot be read ({error.strerror}); was the archive moved? run `fetch` again") from None
        return page_of(data, where, row["bytes"], dictionary)

    def _file(self, name: str) -> tuple[IO[bytes], bytes]:
        if name in self._open:
            self._open.move_to_end(name)
        else:
            if len(self._open) >= OPEN_FILES:
                self._open.popitem(last=False)[1][0].close()
            file = open(self._directory / name, "rb")  # noqa: SIM115 - an absolute name stays as it is
            self._open[name] = (file, read_dictionary(file))
        return self._open[name]


def read_page(build: Path, row: Record) -> Page:
    """The page of one record of the ledger; `Pages` is quicker for many."""
    with Pages(build) as pages:
        return pages.read(row)


def pages_of_shard(build: Path, shard: int) -> Iterator[tuple[Record, Page]]:
    """The pages of a shard in the order of its ledger, each with its record; the URLs that failed are passed over."""
    with Pages(build) as pages:
        for row in read_table(build / "pages" / "ledger" / f"{shard_name(shard)}.parquet"):
            if row["error"] is None:
                yield row, pages.read(row)


def page_of(data: bytes, where: str, limit: int, dictionary: bytes = b"") -> Page:
    """The page in the bytes of a record, compressed or plain, its body cut at `limit` bytes. Raises WebtextError that names `where`."""
    try:
        uri, message = response_of(data, dictionary)
        begin, end, body = bounds(message)
        parsed = parse_head(message[begin:end])
        if parsed is None:
            raise WebtextError(f"{where}: not an HTTP response; was the archive changed? run `fetch` again")
        status, headers = parsed
        return Page(uri, status, headers, body_of(message[body:], headers, limit)[0])
    except (zlib.error, EOFError, ArchiveLoadFailed, Failure) as error:
        raise WebtextError(f"{where}: not the record that was indexed ({error}); was the archive changed? run `fetch` again") from None


logging.getLogger("warcio").setLevel(logging.ERROR)  # it warns of blanks in URLs, which it mends
_LOADER = ArcWarcRecordLoader()


def response_of(data: bytes, dictionary: bytes = b"") -> tuple[str, bytes]:
    """Target URI and HTTP message of a WARC or ARC record. Raises zlib.error, EOFError, ArchiveLoadFailed."""
    record = parse_record(unpacked(data, MAX_RECORD, dictionary))
    return record.rec_headers.get_header("WARC-Target-URI") or "", message_of(record)


def message_of(record: Any) -> bytes:
    """The HTTP message of a record; of a resource, which has none, as if it had been sent as a page."""
    content: bytes = record.raw_stream.read()
    if record.rec_type != "resource":
        return content
    return f"HTTP/1.1 200 OK\r\nContent-Type: {record.rec_headers.get_header('Content-Type') or ''}\r\n\r\n".encode() + content


def unpacked(data: bytes, limit: int, dictionary: bytes = b"") -> bytes:
    """The first `limit` bytes of a record, which may be gzip, zstd or plain. Raises zlib.error, EOFError."""
    if data[:2] != GZIP[:2] and data[:4] != ZSTD:
        return data[:limit]
    pieces = []
    left = limit
    while data and left:  # NB: a record may lie in several members
        engine = gunzipper() if data[:2] == GZIP[:2] else ZstdFrame(dictionary)
        pieces.append(engine.decompress(data, left))
        left -= len(pieces[-1])
        if left and not engine.eof:
            raise EOFError("it is cut")
        data = engine.unused_data
    return b"".join(pieces)


def parse_record(data: bytes) -> Any:
    """warcio's record of the uncompressed bytes of one, ARC headers as WARC's. Raises EOFError, ArchiveLoadFailed."""
    data = data.lstrip(b"\r\n")
    if arc := ARC.match(data):  # in the one form that warcio knows
        url, address, date, kind, length = arc.groups()
        fields = [url.replace(b" ", b"%20"), address or b"0.0.0.0", date.ljust(14, b"0"), (kind.split() or [b"-"])[0], length]
        data = b" ".join(fields) + b"\n" + data[arc.end() :]
    return _LOADER.parse_record_stream(io.BytesIO(data), no_record_parse=True)
