"""A web server on loopback that is all hosts of a world: the Host header decides, and some hosts misbehave.

Equal requests get equal bytes: there is no Date, and nothing is counted.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from webtext.demo.builder import Response, World
from webtext.demo.looks import render_notice, style

PATIENCE = 120.0  # seconds after which a host that hangs or drips gives up, should the client not
DRIP = 0.2  # seconds between two bytes
CHUNK = 1000  # bytes
LISTED = 256  # connections that may wait to be accepted


class Server(ThreadingHTTPServer):
    """Serves a world; `port` is the one that it listens at."""

    daemon_threads = True
    request_queue_size = LISTED

    def __init__(self, world: World, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.world = world
        self.stopping = threading.Event()
        self.missing = Response(render_notice("404 Not Found", "There is nothing here.").encode(), 404)
        self.style = Response(style().encode(), headers=(("Content-Type", "text/css"),))

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def find(self, host: str, target: str) -> Response:
        """The answer for a host and a request target. A page is found without its query too, where it is not one of several."""
        pages = self.world.pages
        path = target.partition("?")[0]
        found = pages.get((host, target)) or pages.get((host, path))
        return found or (self.style if path == "/style.css" else self.missing)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no error of the server."""


@contextmanager
def serve(world: World, port: int = 0) -> Iterator[Server]:
    """Serve a world from a thread while the block runs. Raises OSError where the port is taken; 0 is any that is free.

    >>> with serve(make_world()) as server: server.port
    """
    server = Server(world, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE

    def do_GET(self) -> None:
        host = (self.headers.get("Host") or "").partition(":")[0].lower()
        response = self.server.find(host, self.path)
        send = _WAYS[response.behaviour]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client has gone
            send(self, response)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def head(self, response: Response, *more: tuple[str, str]) -> bytes:
        """Status line and headers. NB: send_response() would add a Date and the version of Python."""
        phrase = self.responses[response.status][0]
        headers = (*response.headers, ("Server", "webtext-demo"), *more)
        lines = [f"HTTP/1.1 {response.status} {phrase}", *(f"{name}: {value}" for name, value in headers), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _answer(handler: _Handler, response: Response) -> None:
    handler.wfile.write(handler.head(response, ("Content-Length", str(len(response.body)))) + response.body)


def _chunked(handler: _Handler, response: Response) -> None:
    parts = [handler.head(response, ("Transfer-Encoding", "chunked"))]
    for start in range(0, len(response.body), CHUNK):
        piece = response.body[start : start + CHUNK]
        parts.append(b"%x\r\n%s\r\n" % (len(piece), piece))
    handler.wfile.write(b"".join([*parts, b"0\r\n\r\n"]))


def _broken_chunks(handler: _Handler, response: Response) -> None:
    handler.wfile.write(handler.head(response, ("Transfer-Encoding", "chunked")) + b"many\r\n" + response.body + b"\r\n0\r\n\r\n")
    handler.hang_up()


def _hang(handler: _Handler, response: Response) -> None:
    handler.server.stopping.wait(PATIENCE)
    handler.hang_up()


def _drip(handler: _Handler, response: Response) -> None:
    handler.wfile.write(handler.head(response, ("Content-Length", "1000000")))
    for _ in range(int(PATIENCE / DRIP)):
        handler.wfile.write(b" ")
        if handler.server.stopping.wait(DRIP):
            break
    handler.hang_up()


def _close(handler: _Handler, response: Response) -> None:
    handler.hang_up()


def _short(handler: _Handler, response: Response) -> None:
    handler.wfile.write(handler.head(response, ("Content-Length", str(len(response.body) + 5000))) + response.body)
    handler.hang_up()


def _garbage(handler: _Handler, response: Response) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_7.4\r\n")
    handler.hang_up()


_WAYS: dict[str, Callable[[_Handler, Response], None]] = {
    "answer": _answer,
    "chunked": _chunked,
    "broken-chunks": _broken_chunks,
    "hang": _hang,
    "drip": _drip,
    "close": _close,
    "short": _short,
    "garbage": _garbage,
}
