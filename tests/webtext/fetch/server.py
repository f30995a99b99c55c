"""A web server on loopback that speaks raw bytes, so that it can break every rule; it writes down who asked for what, and when."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple


class Asked(NamedTuple):
    when: float
    host: str
    path: str
    head: bytes
    connection: int


Handler = Callable[["Connection", str], None]


@dataclass
class Connection:
    """One connection. A handler sends what it likes and may end it."""

    socket: socket.socket
    number: int
    open: bool = True

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def page(self, body: bytes = b"<p>Hello.</p>", status: str = "200 OK", headers: str = "Content-Type: text/html\r\n") -> None:
        self.send(f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def redirect(self, target: str, status: str = "302 Found", headers: str = "") -> None:
        self.page(b"moved", status, f"{headers}Location: {target}\r\n")

    def end(self) -> None:
        self.open = False


class Server:
    """Answers `http://HOST/PATH` by `handlers[PATH]`, `handlers[HOST + PATH]` or `default`. Serves every host name it is asked for."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.handlers: dict[str, Handler] = {"/robots.txt": lambda c, _: c.page(b"", "404 Not Found")}
        self.default: Handler = lambda c, path: c.page(f"<p>This is {path}.</p>".encode())
        self.asked: list[Asked] = []
        self._listener = socket.create_server((address, 0), backlog=512)
        self.address = f"{address}:{self._listener.getsockname()[1]}"
        self._connections = 0
        self._sockets: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def paths(self, host: str | None = None) -> list[str]:
        return [one.path for one in self.asked if (host is None or one.host == host) and one.path != "/robots.txt"]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections += 1
                self._sockets.add(connection)
                threading.Thread(target=self._serve, args=(Connection(connection, self._connections),), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        with suppress(OSError), connection.socket:
            buffer = b""
            while connection.open:
                while b"\r\n\r\n" not in buffer:
                    data = connection.socket.recv(65536)
                    if not data:
                        return
                    buffer += data
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")
                path = lines[0].split(" ")[1]
                host = next(line.partition(":")[2].strip() for line in lines if line.lower().startswith("host:"))
                self.asked.append(Asked(time.monotonic(), host, path, head, connection.number))
                handler = self.handlers.get(host + path) or self.handlers.get(path) or self.default
                handler(connection, path)
        self._sockets.discard(connection.socket)

    def close(self) -> None:
        self._listener.close()
        for one in list(self._sockets):
            with suppress(OSError):
                one.close()
