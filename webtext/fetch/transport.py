"""One request over requests and urllib3: to an address that was checked, within a deadline, with every byte that passed kept.

requests brings keep-alive, TLS and HTTP; three things are added underneath. The connection is opened by `addresses`, every wait on
the socket ends at the page's deadline (so a server that sends a byte a second cannot hold a thread), and what is sent and received is
recorded, so that the WARC has the exact bytes.
"""

from __future__ import annotations

import io
import re
import socket
import ssl
import time
from contextlib import suppress
from typing import IO, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from webtext.fetch import addresses
from webtext.fetch.failure import Failure
from webtext.fetch.http_message import BLOCK, HEAD_BYTES, Headers, parse_head, tokens, values

LINE_BYTES = 65536  # of a header line, at most
COOKIES = 50  # of one answer; http.client takes a hundred headers
_END_OF_HEAD = (b"\r\n", b"\n", b"")
POOLS = 2  # hosts a thread keeps a connection to: its own over http and over https, or with and without www


class ScratchError(Exception):
    """A temporary file could not be written, for the reason of the OSError that it carries."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Wire:
    """The sockets of one thread: where they lead, until when they wait, and what has passed in the present exchange."""

    def __init__(self, *, allow_private: bool, connect_to: str, connect_timeout: float) -> None:
        self._allow_private = allow_private
        self._stand_in = split_host_port(connect_to) if connect_to else None
        self._connect_timeout = connect_timeout
        self._names = addresses.Names()
        self._socket: socket.socket | None = None
        self.deadline = 0.0
        self.received: IO[bytes] = io.BytesIO()
        self.sent = bytearray()
        self.arrived = self.consumed = 0
        self.ip = ""
        self.opened = False  # whether the present exchange had to open a connection
        self.head: tuple[int, Headers] = (0, ())  # status and headers of the present answer

    def begin(self, deadline: float, received: IO[bytes]) -> None:
        self.deadline, self.received = deadline, received
        self.sent.clear()
        self.arrived = self.consumed = 0
        self.opened = False

    def remaining(self) -> float:
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise Failure("page-timeout")
        return seconds

    def connect(self, host: str, port: int) -> socket.socket:
        self.opened = True
        target = self._stand_in or (host, port)
        seconds = min(self._connect_timeout, self.remaining())
        found = self._names.resolve(*target, allow_private=self._allow_private, seconds=seconds)
        connection, ip = addresses.connect(found, host, min(self._connect_timeout, self.remaining()))
        self.ip = "" if self._stand_in else ip
        self._socket = connection
        return connection

    def abort(self) -> None:
        """End the present exchange, from another thread."""
        connection = self._socket
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def split_host_port(text: str) -> tuple[str, int]:
    """`("127.0.0.1", 8080)` of `127.0.0.1:8080`. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{text!r} is not host:port")
    return host.strip("[]"), int(port)


def _framing(status_line: bytes, status: int, headers: Headers) -> bytes:
    """A header block with nothing but what http.client, urllib3 and the jar of cookies act on."""
    version = "1.0" if status_line[5:8] == b"1.0" else "1.1"
    if "chunked" in tokens(headers, "transfer-encoding"):
        fields = [("Transfer-Encoding", "chunked")]
    else:
        fields = [("Content-Length", length) for length in tokens(headers, "content-length") if length.isascii() and length.isdigit()][:2]
    fields += [("Connection", token) for token in tokens(headers, "connection") if token in ("close", "keep-alive")][:1]
    fields += [("Set-Cookie", value.replace("\r", " ")) for value in values(headers, "set-cookie")[:COOKIES]]
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/{version} {status} -\r\n{lines}\r\n".encode()


class _Socket:
    """A connected socket, plain or TLS, whose traffic is recorded and ends at the deadline."""

    def __init__(self, inner: socket.socket, wire: Wire) -> None:
        self._inner = inner
        self._wire = wire

    def sendall(self, data: bytes) -> None:
        self._inner.settimeout(self._wire.remaining())
        try:
            self._inner.sendall(data)
        except OSError as error:
            raise _failure_of(error) from error
        self._wire.sent += data

    def makefile(self, mode: str, *_: Any, **__: Any) -> _Reader:
        return _Reader(self._inner, self._wire)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Raw(io.RawIOBase):
    def __init__(self, inner: socket.socket, wire: Wire) -> None:
        self._socket = inner
        self._file = inner.makefile("rb", buffering=0)
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(self._wire.remaining())
        try:
            count = self._file.readinto(buffer) or 0
        except OSError as error:
            raise _failure_of(error) from error
        self._wire.arrived += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class _Reader:
    """What http.client reads an answer from. Only what it consumes is recorded, so bytes behind the answer do not enter the archive.

    The header block is read here, by the parser that reads it in archives: http.client gives up where browsers do not (a line without a
    colon, more than 100 lines, `http/1.1`, 103 before the answer). It is handed a block of its own, with what it needs to find the body.
    """

    def __init__(self, inner: socket.socket, wire: Wire) -> None:
        self._buffered = io.BufferedReader(_Raw(inner, wire), BLOCK)
        self._wire = wire
        self._head: io.BytesIO | None = None

    def _keep(self, data: bytes) -> bytes:
        try:
            self._wire.received.write(data)
        except OSError as error:  # NB: of our disk, and not to be taken for the server's
            raise ScratchError(error) from error
        self._wire.consumed += len(data)
        return data

    def read(self, size: int = -1) -> bytes:
        return self._keep(self._buffered.read(size))

    def read1(self, size: int = -1) -> bytes:
        return self._keep(self._buffered.read1(size))

    def readline(self, size: int = -1) -> bytes:
        if self._head is None:
            self._head = io.BytesIO(self._read_head())
        return self._head.readline() or self._keep(self._buffered.readline(size))

    def _read_head(self) -> bytes:
        """The header block of the answer as http.client wants it; empty where the connection was closed before one.

        Interim answers (1xx, RFC 9110 15.2) are passed over.
        """
        size, status = 0, 0
        while status < 200 and status != 101:
            lines: list[bytes] = []
            while (line := self._keep(self._buffered.readline(LINE_BYTES + 1))) not in _END_OF_HEAD:
                lines.append(line)
                size += len(line)
                if size > HEAD_BYTES or len(line) > LINE_BYTES:
                    raise Failure("invalid-headers", f"a line or all of more than {LINE_BYTES} or {HEAD_BYTES} bytes")
                if len(lines) == 1 and parse_head(line) is None:
                    raise Failure("invalid-response", "no status line")
            if not lines:
                return b""
            status, headers = self._wire.head = parse_head(b"".join(lines)) or (0, ())
        return _framing(lines[0], status, headers)

    def readinto(self, buffer: Any) -> int:
        count = self._buffered.readinto(buffer)
        self._keep(bytes(memoryview(buffer)[:count]))
        return count

    def peek(self, size: int = 0) -> bytes:
        return self._buffered.peek(size)

    def flush(self) -> None:
        """http.client flushes what it reads from."""

    def close(self) -> None:
        self._buffered.close()

    @property
    def closed(self) -> bool:
        return self._buffered.closed


def _failure_of(error: OSError) -> Failure:
    if isinstance(error, TimeoutError):
        return Failure("page-timeout")
    return Failure("tls", tls_reason(error)) if isinstance(error, ssl.SSLError) else Failure("connection-closed")


def tls_reason(error: BaseException) -> str:
    """What OpenSSL says without its source lines: `certificate verify failed: self-signed certificate`."""
    text = str(getattr(error, "verify_message", "") or getattr(error, "reason", "") or error)
    return re.sub(r"\s*\(_ssl\.c:\d+\)", "", text)[:200]


class _Recorded:
    """Put before a connection class of urllib3: its socket is the wire's."""

    wire: Wire
    sock: Any
    _dns_host: str
    port: int

    def _new_conn(self) -> socket.socket:
        return self.wire.connect(self._dns_host, self.port)

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.sock = _Socket(self.sock, self.wire)


class Adapter(HTTPAdapter):
    """requests' adapter with connections of the wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        super().__init__(pool_connections=POOLS, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **kwargs)

        class Plain(_Recorded, HTTPConnection):  # type: ignore[misc]
            wire = self._wire

        class Secure(_Recorded, HTTPSConnection):  # type: ignore[misc]
            wire = self._wire

        class PlainPool(HTTPConnectionPool):  # type: ignore[misc]
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):  # type: ignore[misc]
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
