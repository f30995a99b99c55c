"""The demo's server, asked over real HTTP."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from webtext.demo import Server, World, serve


@pytest.fixture(scope="module")
def server(world: World) -> Iterator[Server]:
    with serve(world) as server:
        yield server


def get(server: Server, url: str, *, timeout: float = 5.0) -> requests.Response:
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    address = f"http://127.0.0.1:{server.port}{target}"
    return requests.get(address, headers={"Host": parts.netloc}, allow_redirects=False, timeout=timeout)


def url_of(world: World, name: str) -> str:
    return next(case.url for case in world.cases if case.name == name)


def test_every_page_comes_as_it_is(world: World, server: Server) -> None:
    def check(key: tuple[str, str]) -> None:
        expected = world.pages[key]
        answer = get(server, f"http://{key[0]}{key[1]}")
        assert answer.status_code == expected.status
        if ("Content-Encoding", "gzip") not in expected.headers:
            assert answer.content == expected.body
        assert set(expected.headers) <= set(answer.headers.items())

    ordinary = [
        key
        for key, answer in world.pages.items()
        if answer.behavior in ("answer", "chunked") and answer.headers[-1][0] != "Content-Encoding"
    ]
    assert len(ordinary) > 400
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(check, ordinary))


def test_the_host_decides(world: World, server: Server) -> None:
    pages = {get(server, f"http://{host}/").text for host in ("offbyone.example", "blog.indentation.example")}
    assert len(pages) == 2
    assert get(server, "http://nobody.example/").status_code == 404
    assert get(server, "http://OFFBYONE.example:80/").status_code == 200


def test_equal_requests_get_equal_bytes(world: World, server: Server) -> None:
    def raw() -> bytes:
        with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: offbyone.example\r\nConnection: close\r\n\r\n")
            return b"".join(iter(lambda: connection.recv(65536), b""))

    first = raw()
    time.sleep(1.1)  # a Date would differ
    assert raw() == first
    head = first.split(b"\r\n\r\n", 1)[0].lower()
    assert b"date:" not in head
    assert b"python" not in head


def test_connections_are_kept(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    ports = set()
    for _ in range(3):
        connection.request("GET", "/", headers={"Host": "offbyone.example"})
        assert connection.getresponse().read().rstrip().endswith(b"</html>")
        ports.add(connection.sock.getsockname()[1])
    assert len(ports) == 1
    connection.close()


def test_queries(world: World, server: Server) -> None:
    thread = next(url for url in world.ordinary if "viewtopic" in url)
    assert get(server, thread).status_code == 200
    assert get(server, thread.rpartition("=")[0] + "=1").status_code == 404
    page = next(url for url in world.ordinary if "?" not in url)
    assert get(server, page + "?utm_source=reddit").content == get(server, page).content


def test_gzip_and_chunks(world: World, server: Server) -> None:
    answer = get(server, url_of(world, "gzip"))
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "<article" in answer.text
    answer = get(server, url_of(world, "chunked"))
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.text.rstrip().endswith("</html>")


def test_the_bomb_is_one(world: World, server: Server) -> None:
    answer = get(server, url_of(world, "gzip-bomb"))
    assert int(answer.headers["Content-Length"]) < 20_000
    assert len(answer.content) > 16 * 2**20


def test_redirects(world: World, server: Server) -> None:
    seen = [url_of(world, "redirect-loop")]
    for _ in range(2):
        seen.append(get(server, seen[-1]).headers["Location"])
    assert seen[2] == seen[0] != seen[1]
    url = url_of(world, "redirects-on-and-on")
    for _ in range(25):
        answer = get(server, url)
        assert answer.status_code == 302
        url = answer.headers["Location"]
    assert "Location" not in get(server, url_of(world, "redirect-nowhere")).headers


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("hangs", requests.exceptions.ReadTimeout),
        ("closes", requests.exceptions.ConnectionError),
        ("not-http", requests.exceptions.ConnectionError),
        ("ends-early", requests.exceptions.ChunkedEncodingError),
        ("broken-chunks", requests.exceptions.ChunkedEncodingError),
        ("broken-gzip", requests.exceptions.ContentDecodingError),
    ],
)
def test_misbehaviour(world: World, server: Server, name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        get(server, url_of(world, name), timeout=0.5)


def test_a_dripping_page_never_ends(world: World, server: Server) -> None:
    parts = urlsplit(url_of(world, "drips"))
    with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
        connection.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        received = b""
        while not received.endswith(b"\r\n\r\n   "):
            received += connection.recv(1)  # each byte comes within the time of a read
    assert b"Content-Length: 1000000" in received


def test_robots(world: World, server: Server) -> None:
    assert "Disallow: /members/" in get(server, "http://www.closed-gates.example/robots.txt").text
    assert get(server, "http://robots-broken.example/robots.txt").status_code == 500
    assert get(server, "http://offbyone.example/robots.txt").status_code == 404
    assert "noai" in get(server, url_of(world, "noai-header")).headers["X-Robots-Tag"]
    assert '<meta name="robots" content="noai">' in get(server, url_of(world, "noai-meta")).text


def test_style(server: Server) -> None:
    answer = get(server, "http://offbyone.example/style.css")
    assert answer.headers["Content-Type"] == "text/css"
    assert "body {" in answer.text


def test_it_stops_although_a_client_waits(world: World) -> None:
    with serve(world) as server:
        parts = urlsplit(url_of(world, "hangs"))
        connection = socket.create_connection(("127.0.0.1", server.port), 5)
        connection.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        time.sleep(0.2)  # until the server has read the request that it never answers
    assert connection.recv(100) == b""
    connection.close()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", server.port), 1)


def test_the_port_can_be_chosen(world: World) -> None:
    with serve(world) as first:
        port = first.port
        with pytest.raises(OSError), serve(world, port):
            pass
    with serve(world, port) as second:
        assert second.port == port
