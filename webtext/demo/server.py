"""A web server on loopback that serves all hosts of a world: the Host header decides, and some hosts misbehave.

Equal requests get equal bytes: there is no Date, and nothing is counted.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from webtext.demo.cases import Response
from webtext.demo.resources import TEMPLATES
from webtext.demo.site import render_template
from webtext.demo.world import World

MAX_WAIT = 120.0  # seconds after which a host that hangs or drips gives up, should the client not
DRIP_INTERVAL = 0.2  # seconds between two bytes
CHUNK_SIZE = 1000  # bytes
BACKLOG = 256  # connections that may wait to be accepted


class Server(ThreadingHTTPServer):
    """Serves a world; `port` is the one it listens on."""

    daemon_threads = True
    request_queue_size = BACKLOG

    def __init__(self, world: World, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.world = world
        self.stopping = threading.Event()
        self.missing = Response(render_template("notice.html", title="404 Not Found", text="There is nothing here.").encode(), 404)
        self.style = Response((TEMPLATES / "style.css").read_bytes(), headers=(("Content-Type", "text/css"),))

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def find(self, host: str, target: str) -> Response:
        """The answer for a host and a request target. Without an answer for the query, that of the path alone counts."""
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
    timeout = MAX_WAIT

    def do_GET(self) -> None:
        host = (self.headers.get("Host") or "").partition(":")[0].lower()
        response = self.server.find(host, self.path)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client has gone
            self.wfile.writelines(self.pieces(response))
        if response.behavior not in ("answer", "chunked"):
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def pieces(self, response: Response) -> Iterator[bytes]:
        """What is sent, piece by piece; for all but `answer` and `chunked`, the connection is closed afterwards."""
        body = response.body
        match response.behavior:
            case "answer":
                yield self.head(response, "Content-Length", len(body)) + body
            case "chunked":
                chunks = [body[start : start + CHUNK_SIZE] for start in range(0, len(body), CHUNK_SIZE)] + [b""]
                yield self.head(response, "Transfer-Encoding", "chunked") + b"".join(
                    b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks
                )
            case "broken-chunks":
                yield self.head(response, "Transfer-Encoding", "chunked") + b"many\r\n" + body + b"\r\n0\r\n\r\n"
            case "short":
                yield self.head(response, "Content-Length", len(body) + 5000) + body
            case "garbage":
                yield b"SSH-2.0-OpenSSH_7.4\r\n"
            case "hang":
                self.server.stopping.wait(MAX_WAIT)
            case "drip":
                yield self.head(response, "Content-Length", 1_000_000)
                for _ in range(int(MAX_WAIT / DRIP_INTERVAL)):
                    yield b" "
                    if self.server.stopping.wait(DRIP_INTERVAL):
                        break

    def head(self, response: Response, *length: object) -> bytes:
        """Status line and headers, the last of which is `length`. NB: send_response() would add a Date and the version of Python."""
        lines = [f"HTTP/1.1 {response.status} {self.responses[response.status][0]}"]
        lines += [f"{name}: {value}" for name, value in (*response.headers, ("Server", "webtext-demo"), length)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")
