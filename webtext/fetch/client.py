"""One request with the library requests, and its response: read up to a limit, refused where it is not valid HTTP or never ends."""

from __future__ import annotations

import http.client
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import urlsplit

import requests
import urllib3
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from urllib3.exceptions import HTTPError, InvalidChunkLength

from webtext.fetch.failure import Failure
from webtext.fetch.http_message import BLOCK, BOMB, HEAD, PAGE, Headers, Pieces, Readable, decoded
from webtext.fetch.transport import Adapter, Wire, tls_reason

IN_MEMORY = 2**20  # bytes of an answer that are held in memory; the rest waits in a temporary file


class Archived(NamedTuple):
    """Of a page from an archive: its original URL and the time of its capture."""

    url: str
    when: datetime


@dataclass
class Exchange:
    """A request and its response. `received` has the raw bytes from the status line on, up to where reading stopped.

    `sent` is empty where the answer was taken out of an archive's WARC file, whose URL is `url` then.
    """

    url: str
    status: int
    headers: Headers
    sent: bytes
    received: IO[bytes]
    start: bytes  # of the decoded body, for its meta tags
    bytes: int  # of the decoded body
    truncated: bool
    whole: bool  # whether the answer was read to its end
    ip: str
    when: datetime
    archived: Archived | None = None


Limit = Callable[[int, Headers], int]


class Client:
    """HTTP client of one thread. Cookies last for one page, so that no page depends on the ones before it.

    NB: no requests.Session, which takes proxies and passwords from the environment (a proxy would connect where the guard does not look)
    and reads the body of a redirect that it is not to follow.
    """

    def __init__(self, agent: str, scratch: Path, wire: Wire, verify: bool = True) -> None:
        self._wire = wire
        self._scratch = scratch
        self._adapter = Adapter(wire)
        self._authorities = verify and (os.environ.get("SSL_CERT_FILE") or True)
        if not verify:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # of each request
        self._headers = {"User-Agent": agent, "Accept-Encoding": "gzip, deflate, br, zstd", "Accept-Language": "en,*;q=0.5"}
        self._jar = RequestsCookieJar()
        self.spent = 0.0  # seconds in all exchanges so far

    def forget_cookies(self) -> None:
        self._jar = RequestsCookieJar()

    def cookies(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted((cookie.name, cookie.value or "") for cookie in self._jar))

    def close(self) -> None:
        """Close the connections that are kept."""
        self._adapter.close()

    def abort(self) -> None:
        self._wire.abort()

    def get(
        self, url: str, *, accept: str, seconds: float, limit: Limit, held: int = HEAD, more: Mapping[str, str] | None = None
    ) -> Exchange:
        """Send one GET without following redirects. `Exchange.start` has at most `held` bytes; `more` are further header fields.

        `limit(status, headers)` says how many bytes of the decoded body are wanted, or raises Failure to refuse it. Raises Failure.
        """
        prepared = self._prepare(url, {**self._headers, "Accept": accept, "Connection": "keep-alive", **(more or {})})
        received: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(self._scratch))  # noqa: SIM115 - the caller closes it
        when, clock = datetime.now(timezone.utc), time.monotonic()
        self._wire.begin(clock + seconds, received)
        try:
            return self._answer(prepared, received, limit, held, when)
        except BaseException as error:
            received.close()
            if isinstance(error, Failure):
                error.stale = error.error == "connection-closed" and not self._wire.opened and not self._wire.arrived
            raise
        finally:
            self.spent += time.monotonic() - clock

    def _prepare(self, url: str, headers: dict[str, str]) -> requests.PreparedRequest:
        scheme = urlsplit_or_fail(url).scheme
        if scheme not in ("http", "https"):
            raise Failure("bad-scheme", scheme or "none")
        prepared = requests.PreparedRequest()
        try:
            prepared.prepare("GET", url, headers=headers, cookies=self._jar)
        except (ValueError, UnicodeError, requests.RequestException, HTTPError) as error:
            raise Failure("bad-url", "it cannot be asked for") from error
        return prepared

    def _answer(self, prepared: requests.PreparedRequest, received: IO[bytes], limit: Limit, held: int, when: datetime) -> Exchange:
        status = None
        try:
            response = self._adapter.send(prepared, stream=True, timeout=self._wire.remaining(), verify=self._authorities)
            extract_cookies_to_jar(self._jar, prepared, response.raw)  # type: ignore[no-untyped-call]
            status, headers = self._wire.head
            raw = response.raw
            try:
                start, count, truncated, whole = _read_body(raw, headers, limit(status, headers), held, self._wire)
            finally:
                # NB: an answer that is not read to its end, or has more behind it, must not be the beginning of the next one.
                if self._wire.arrived != self._wire.consumed or not raw.closed:
                    raw.close()
                    self.close()
        except Failure as failure:
            failure.status = failure.status or status
            raise
        except (requests.RequestException, HTTPError, http.client.HTTPException, ValueError) as error:
            raise classify(error, status) from error
        url = prepared.url or ""
        return Exchange(url, status, headers, bytes(self._wire.sent), received, start, count, truncated, whole, self._wire.ip, when)


def urlsplit_or_fail(url: str) -> Any:
    """urlsplit with a port and a host that are checked. Raises Failure `bad-url`."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise Failure("bad-url", "it cannot be parsed") from error
    if parts.scheme in ("http", "https") and not parts.hostname:
        raise Failure("bad-url", "it has no host")
    return parts


def _read_body(raw: urllib3.BaseHTTPResponse, headers: Headers, limit: int, held: int, wire: Wire) -> tuple[bytes, int, bool, bool]:
    """Read at most `limit` decoded bytes: (the first of them, their number, whether there were more, whether the answer ended)."""
    if limit <= 0:
        return b"", 0, False, False
    coded = Pieces(raw.stream(BLOCK, decode_content=False))
    try:
        return _read_decoded(coded, headers, limit, held, wire)
    except (Failure, HTTPError, http.client.HTTPException):
        if raw.status in PAGE:
            raise
        return b"", 0, False, False  # NB: what a redirect or a 404 says beside its headers does not matter


def _read_decoded(coded: Pieces, headers: Headers, limit: int, held: int, wire: Wire) -> tuple[bytes, int, bool, bool]:
    source = decoded(coded, headers)
    start, count = bytearray(), 0
    while data := source.read(min(BLOCK, limit + 1 - count)):
        count += len(data)
        if len(start) < held:
            start += data[: held - len(start)]
        if count > limit:
            _refuse_bomb(coded, source, count)
            return bytes(start), limit, True, False
    while coded.read(BLOCK):  # behind the end of a coding
        if wire.consumed > limit + BLOCK:
            return bytes(start), count, False, False
    return bytes(start), count, False, True


def _refuse_bomb(coded: Pieces, source: Readable, count: int) -> None:
    """Raise Failure where what was read so far goes on growing: decoded and thrown away, as long as it takes no more input."""
    taken = coded.taken
    while coded.taken == taken and (data := source.read(BLOCK)):
        count += len(data)
        if count > BOMB * taken:
            raise Failure("decompression-bomb", f"grows by more than {BOMB}")


def classify(error: BaseException, status: int | None) -> Failure:
    """The Failure that an exception of requests, urllib3 or http.client stands for."""
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, Failure):
            one.status = one.status or status
            return one
    for kind, name in _KINDS:
        for one in chain:
            if isinstance(one, kind) and not isinstance(one, requests.RequestException):  # NB: which are OSErrors, whatever they wrap
                detail = tls_reason(one) if name in ("tls", "bad-certificate") else ""
                return Failure(name, detail, status=status)
    return Failure("invalid-response", type(error).__name__, status=status)


def _chain(error: BaseException) -> Any:
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [*one.args, one.__cause__, one.__context__, getattr(one, "reason", None)]


_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLCertVerificationError, "bad-certificate"),
    (ssl.SSLError, "tls"),
    (urllib3.exceptions.SSLError, "tls"),
    (InvalidChunkLength, "broken-chunking"),
    (http.client.RemoteDisconnected, "connection-closed"),
    (http.client.BadStatusLine, "invalid-response"),
    (urllib3.exceptions.IncompleteRead, "short-body"),
    (http.client.IncompleteRead, "short-body"),
    (http.client.HTTPException, "invalid-response"),
    (TimeoutError, "connect-timeout"),
    (OSError, "connection-closed"),
)
