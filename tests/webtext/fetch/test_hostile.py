"""A hostile server: each of its tricks ends under a name of its own, in bounded time, memory and traffic."""

from __future__ import annotations

import gzip
import random
import resource
import socket
import ssl
import subprocess
import time
import zlib
from pathlib import Path

import brotli
import pytest
import zstandard

from tests.webtext.fetch.conftest import Builder
from tests.webtext.fetch.server import Connection, Server
from webtext.fetch.page import redirect_target
from webtext.fetch.warc import read_page

BOMB = gzip.compress(bytes(50_000_000))
BOMB_BR = brotli.compress(bytes(50_000_000), quality=5)
OK = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


def drip(c: Connection, _: str) -> None:
    c.send(f"{OK}Content-Length: 100000\r\n\r\n".encode())
    for _number in range(1000):
        c.send(b"x")
        time.sleep(0.05)


def drip_head(c: Connection, _: str) -> None:
    c.send(b"HTTP/1.1 200 OK\r\n")
    for number in range(1000):
        c.send(f"X-{number}: ".encode())
        time.sleep(0.05)


def endless(c: Connection, _: str) -> None:
    c.send(f"{OK}\r\n".encode())
    while True:
        c.send(b"<p>more and more</p>" * 1000)


def bomb(c: Connection, _: str) -> None:
    c.page(BOMB, headers="Content-Type: text/html\r\nContent-Encoding: gzip\r\n")


def bomb_br(c: Connection, _: str) -> None:
    c.page(BOMB_BR, headers="Content-Type: text/html\r\nContent-Encoding: br\r\n")


def bomb_zstd(c: Connection, _: str) -> None:
    c.page(zstandard.compress(bytes(50_000_000)), headers="Content-Type: text/html\r\nContent-Encoding: zstd\r\n")


def bomb_twice(c: Connection, _: str) -> None:
    c.page(gzip.compress(BOMB), headers="Content-Type: text/html\r\nContent-Encoding: gzip, gzip\r\n")


def raw(data: str | bytes, wait: float = 0.0) -> object:
    def handler(c: Connection, _: str) -> None:
        c.send(data.encode("latin-1") if isinstance(data, str) else data)
        time.sleep(wait)
        c.end()

    return handler


def silent(c: Connection, _: str) -> None:
    time.sleep(10)


def reset(c: Connection, _: str) -> None:
    c.send(f"{OK}Content-Length: 100\r\n\r\nabc".encode())
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    c.end()


def typed(kind: str, body: bytes = b"%PDF-1.5") -> object:
    return lambda c, _: c.page(body, headers=f"Content-Type: {kind}\r\n")


def to(target: str) -> object:
    return lambda c, _: c.redirect(target)


CASES: dict[str, tuple[object, str]] = {
    "/drip": (drip, "page-timeout"),
    "/drip-head": (drip_head, "page-timeout"),
    "/silent": (silent, "page-timeout"),
    "/bomb": (bomb, "decompression-bomb"),
    "/bomb-br": (bomb_br, "decompression-bomb"),
    "/bomb-zstd": (bomb_zstd, "decompression-bomb"),
    "/bomb-twice": (bomb_twice, "decompression-bomb"),
    "/length-too-long": (raw(f"{OK}Content-Length: 100\r\n\r\nabc"), "short-body"),
    "/chunk-garbage": (raw(f"{OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\nworld\r\n0\r\n\r\n"), "broken-chunking"),
    "/chunk-cut": (raw(f"{OK}Transfer-Encoding: chunked\r\n\r\n50\r\nhello"), "short-body"),
    "/chunk-none": (raw(f"{OK}Transfer-Encoding: chunked\r\n\r\n<p>Not chunked</p>"), "broken-chunking"),
    "/gzip-cut": (raw(f"{OK}Content-Encoding: gzip\r\n\r\n".encode() + gzip.compress(b"abc" * 1000)[:-12]), "broken-encoding"),
    "/gzip-wrong": (raw(f"{OK}Content-Encoding: gzip\r\n\r\n".encode() + b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"abc" * 99), "broken-encoding"),
    "/br-wrong": (raw(f"{OK}Content-Encoding: br\r\n\r\nabcdefgh"), "broken-encoding"),
    "/closed": (raw(""), "connection-closed"),
    "/reset": (reset, "connection-closed"),
    "/no-http": (raw("SSH-2.0-OpenSSH_9.6\r\n\r\n"), "invalid-response"),
    "/bad-status": (raw("HTTP/1.1 abc OK\r\n\r\n"), "invalid-response"),
    "/status-2_00": (raw("HTTP/1.1 2_00 OK\r\nContent-Type: text/html\r\n\r\nabc"), "invalid-response"),
    "/long-header": (raw(f"{OK}X-Long: {'y' * 100_000}\r\n\r\n"), "invalid-headers"),
    "/endless-interim": (raw("HTTP/1.1 103 Early Hints\r\nLink: </x.css>\r\n\r\n" * 5_000), "invalid-headers"),
    "/interim-alone": (raw("HTTP/1.1 103 Early Hints\r\n\r\n"), "connection-closed"),
    "/switched": (raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), "http-101"),
    "/long-headers": (raw(OK + "".join(f"X-{n}: {'y' * 50_000}\r\n" for n in range(5)) + "\r\n"), "invalid-headers"),
    "/loop": (to("/loop"), "redirect-loop"),
    "/loop-a": (to("/loop-b"), "redirect-loop"),
    "/loop-b": (to("/loop-a"), "redirect-loop"),
    "/to-file": (to("file:///etc/passwd"), "bad-scheme"),
    "/to-ftp": (to("ftp://example.org/"), "bad-scheme"),
    "/to-script": (to("javascript:alert(1)"), "bad-scheme"),
    "/to-nowhere": (raw("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"), "bad-redirect"),
    "/to-bad-host": (to("http://[::1/"), "bad-redirect"),
    "/to-bad-port": (to("http://example.org:99999/"), "bad-redirect"),
    "/404": (lambda c, _: c.page(b"gone", "404 Not Found"), "http-404"),
    "/404-endless": (raw("HTTP/1.1 404 Not Found\r\n\r\n" + "x" * 500_000), "http-404"),
    "/404-cut": (raw("HTTP/1.1 404 Not Found\r\nContent-Length: 500\r\n\r\n"), "http-404"),
    "/500": (lambda c, _: c.page(b"oh", "500 Internal Server Error"), "http-500"),
    "/204": (raw("HTTP/1.1 204 No Content\r\n\r\n"), "http-204"),
    "/pdf": (typed("application/pdf"), "bad-content-type"),
    "/multipart": (typed("multipart/x-mixed-replace"), "bad-content-type"),
    "/untyped": (raw(b"HTTP/1.1 200 OK\r\n\r\n\x89PNG\0\0\0"), "bad-content-type"),
    "/noai-header": (lambda c, _: c.page(headers="Content-Type: text/html\r\nX-Robots-Tag: noai, nofollow\r\n"), "noai"),
    "/noai-ours": (lambda c, _: c.page(headers="Content-Type: text/html\r\nX-Robots-Tag: webtext: noai\r\n"), "noai"),
    "/tdm-header": (lambda c, _: c.page(headers="Content-Type: text/html\r\nTDM-Reservation: 1\r\n"), "tdm-reservation"),
    "/signal-header": (lambda c, _: c.page(headers="Content-Type: text/html\r\nContent-Signal: ai-train=no\r\n"), "content-signal"),
    "/usage-header": (lambda c, _: c.page(headers="Content-Type: text/html\r\nContent-Usage: train-ai=n\r\n"), "content-usage"),
    "/noai-meta": (lambda c, _: c.page(b'<meta content="noindex, NoAI" NAME=Robots><p>x'), "noai"),
}


def test_each_trick_has_its_own_name(builder: Builder, server: Server) -> None:
    for path, (handler, _) in CASES.items():
        server.handlers[path] = handler  # type: ignore[assignment]
    urls = {f"http://{path[1:]}.example{path}": error for path, (_, error) in CASES.items()}
    # Long enough for the bombs on a busy machine; what drips or keeps silent would go on for ten seconds and more.
    fetched = builder.fetch(list(urls), page_timeout=4.0, max_bytes=100_000, tdm_reservation=True)
    assert {url: row["error"] for url, row in fetched.rows.items()} == urls
    assert all(row["attempts"] == 1 and row["warc"] is None for row in fetched.rows.values())
    # the status is told wherever one came
    assert fetched.rows["http://404-cut.example/404-cut"]["status"] == 404
    assert fetched.rows["http://pdf.example/pdf"]["status"] == 200
    assert fetched.rows["http://closed.example/closed"]["status"] is None


def test_endless_body_is_cut_and_marked(builder: Builder, server: Server) -> None:
    server.handlers["/endless"] = endless
    fetched = builder.fetch(["http://a.example/endless", "http://a.example/next"], max_bytes=100_000)
    row = fetched.rows["http://a.example/endless"]
    assert (row["error"], row["truncated"], row["bytes"]) == (None, True, 100_000)
    page = read_page(fetched.build, row)
    assert len(page.body) == 100_000
    assert page.body.startswith(b"<p>more and more</p><p>more")
    assert read_page(fetched.build, fetched.rows["http://a.example/next"]).body == b"<p>This is /next.</p>"
    assert fetched.report.counters["truncated"] == 1


def test_big_compressed_page_is_cut_at_the_decoded_size(builder: Builder, server: Server) -> None:
    text = b"".join(b"<p>%d</p>" % (n * 7919) for n in range(50_000))
    server.handlers["/big"] = lambda c, _: c.page(gzip.compress(text), headers="Content-Type: text/html\r\nContent-Encoding: gzip\r\n")
    fetched = builder.fetch(["http://a.example/big"], max_bytes=200_000)
    row = fetched.rows["http://a.example/big"]
    assert row["truncated"]
    assert read_page(fetched.build, row).body == text[:200_000]


def test_a_bomb_takes_no_memory(builder: Builder, server: Server) -> None:
    body = gzip.compress(bytes(2_000_000_000 // 4), compresslevel=9)
    server.default = lambda c, _: c.page(body, headers="Content-Type: text/html\r\nContent-Encoding: gzip\r\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fetched = builder.fetch([f"http://host{n}.example/" for n in range(8)])
    assert {row["error"] for row in fetched.rows.values()} == {"decompression-bomb"}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def chunked(body: bytes) -> bytes:
    return f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


def test_tolerated(builder: Builder, server: Server) -> None:
    """What browsers put up with is put up with here."""
    text = b"<p>One page, many ways to say it.</p>" * 100
    deflate = zlib.compressobj(wbits=-15)
    ways: dict[str, bytes] = {
        "/length-too-short": f"{OK}Content-Length: {len(text)}\r\n\r\n".encode() + text + b"and more",
        "/http-1.0": b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + text,
        "/interim": b"HTTP/1.1 100 Continue\r\n\r\n" + f"{OK}\r\n".encode() + text,
        "/chunked": f"{OK}Transfer-Encoding: chunked\r\n\r\n{len(text):x};a=b\r\n".encode() + text + b"\r\n0\r\nX: trailer\r\n\r\n",
        "/gzip-that-is-not": f"{OK}Content-Encoding: gzip\r\n\r\n".encode() + text,
        "/unknown-coding": f"{OK}Content-Encoding: utf-8\r\n\r\n".encode() + text,
        "/gzip": f"{OK}Content-Encoding: x-gzip\r\n\r\n".encode() + gzip.compress(text),
        "/gzip-members": f"{OK}Content-Encoding: gzip\r\n\r\n".encode() + gzip.compress(text[:99]) + gzip.compress(text[99:]),
        "/gzip-garbage": f"{OK}Content-Encoding: gzip\r\n\r\n".encode() + gzip.compress(text) + b"garbage",
        "/zlib": f"{OK}Content-Encoding: deflate\r\n\r\n".encode() + zlib.compress(text),
        "/deflate": f"{OK}Content-Encoding: deflate\r\n\r\n".encode() + deflate.compress(text) + deflate.flush(),
        "/br": f"{OK}Content-Encoding: br\r\n\r\n".encode() + brotli.compress(text),
        "/zstd": f"{OK}Content-Encoding: zstd\r\n\r\n".encode() + zstandard.compress(text),
        "/two": f"{OK}Content-Encoding: gzip, br\r\n\r\n".encode() + brotli.compress(gzip.compress(text)),
        "/untyped": b"HTTP/1.1 200 OK\r\n\r\n" + text,
        "/folded": b"HTTP/1.1 200 OK\r\nContent-Type: text/html;\r\n charset=utf-8\r\n\r\n" + text,
        "/no-colon": f"{OK}this is no header\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text,
        "/many-headers": (OK + "".join(f"X-{n}: y\r\n" for n in range(500)) + f"Content-Length: {len(text)}\r\n\r\n").encode() + text,
        "/blank-first": b"HTTP/1.1 200 OK\r\n Content-Type: text/html\r\n\r\n" + text,
        "/blank-before-colon": f"HTTP/1.1 200 OK\r\nContent-Type : text/html\r\nContent-Length : {len(text)}\r\n\r\n".encode() + text,
        "/hints": b"HTTP/1.1 103 Early Hints\r\nLink: </x.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + f"{OK}\r\n".encode() + text,
        "/small-letters": f"http/1.1 200 ok\r\nContent-Type: text/html\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text,
        "/line-feeds": f"HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: {len(text)}\n\n".encode() + text,
        "/typed-twice": b"HTTP/1.1 200 OK\r\nContent-Type: application/x-gzip\r\nContent-Type: text/html\r\n\r\n" + text,
        "/long-twice": f"{OK}Content-Length: {len(text)}, {len(text)}\r\n\r\n".encode() + text,
        "/gzip-transfer": f"{OK}Transfer-Encoding: gzip, chunked\r\n\r\n".encode() + chunked(gzip.compress(text)),
        "/gzip-in-gzip": f"{OK}Content-Encoding: gzip\r\n\r\n".encode() + gzip.compress(gzip.compress(text)),
        "/gzip-untold": f"{OK}\r\n".encode() + gzip.compress(text),
        "/utf-8-header": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX: \xc3\xa9\xff\r\n\r\n" + text,
    }
    for path, answer in ways.items():
        server.handlers[path] = raw(answer)  # type: ignore[assignment]
    fetched = builder.fetch([f"http://a.example{path}" for path in ways])
    for path in ways:
        row = fetched.rows[f"http://a.example{path}"]
        assert row["error"] is None, path
        page = read_page(fetched.build, row)
        assert (page.status, page.body) == (200, text), path
        assert (row["bytes"], row["truncated"]) == (len(text), False)


def test_bytes_behind_an_answer_are_not_the_next_answer(builder: Builder, server: Server) -> None:
    forged = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\nforged"
    server.handlers["/split"] = lambda c, _: c.send(f"{OK}Content-Length: 3\r\n\r\nabc".encode() + forged)
    fetched = builder.fetch([f"http://a.example/{n}" for n in range(20)] + ["http://a.example/split"])
    for url, row in fetched.rows.items():
        assert read_page(fetched.build, row).body == (b"abc" if url.endswith("split") else f"<p>This is {url[16:]}.</p>".encode())


def test_the_body_of_a_redirect_does_not_matter(builder: Builder, server: Server) -> None:
    head = "HTTP/1.1 301 Moved\r\nLocation: /end\r\nContent-Type: text/html\r\n"
    server.handlers["/bomb"] = raw(f"{head}Content-Encoding: gzip\r\n\r\n".encode() + BOMB)  # type: ignore[assignment]
    server.handlers["/cut"] = raw(f"{head}Content-Length: 99\r\n\r\n")  # type: ignore[assignment]

    def endless_redirect(c: Connection, _: str) -> None:
        c.send(f"{head}\r\n".encode())
        while True:
            c.send(b"x" * 100_000)

    server.handlers["/endless"] = endless_redirect
    fetched = builder.fetch([f"http://a.example/{name}" for name in ("bomb", "cut", "endless")])
    for row in fetched.rows.values():
        assert read_page(fetched.build, row).body == b"<p>This is /end.</p>"


def test_redirects_are_followed_up_to_the_limit(builder: Builder, server: Server) -> None:
    for number in range(20):
        server.handlers[f"/r{number}"] = to(f"/r{number - 1}" if number else "/end#part")  # type: ignore[assignment]
    fetched = builder.fetch(["http://a.example/r3", "http://a.example/r4"], max_redirects=4)
    row = fetched.rows["http://a.example/r3"]
    assert row["redirects"] == [f"http://a.example/r{n}" for n in (3, 2, 1, 0)]
    assert row["final_url"] == "http://a.example/end"
    assert read_page(fetched.build, row).body == b"<p>This is /end.</p>"
    assert fetched.error("http://a.example/r4") == "too-many-redirects"
    assert server.paths().count("/r4") == 1


REDIRECTS = {
    "\\\\b.example\\x": "http://b.example/x",
    "///b.example/x": "http://b.example/x",
    "//b.example/x#y": "http://b.example/x",
    "/\\b.example/x": "http://b.example/x",
    " http://user:secret@b.example/x\t": "http://b.example/x",
    "HTTP://B.EXAMPLE:80/./y/../x": "http://b.example/x",
    "http:b.example/x": "http://a.example/dir/b.example/x",
    "x y": "http://a.example/dir/x%20y",
    "?q": "http://a.example/dir/page?q",
    "/caf\u00e9": "http://a.example/caf%C3%A9",
}


@pytest.mark.parametrize("location", REDIRECTS, ids=range(len(REDIRECTS)))
def test_redirects_lead_where_browsers_go(location: str) -> None:
    assert redirect_target("http://a.example/dir/page", (("Location", location),), 302) == REDIRECTS[location]


def test_a_password_is_neither_sent_nor_kept(builder: Builder, server: Server) -> None:
    url = "http://me:secret@a.example/first"
    server.handlers["/first"] = to("http://me:secret@b.example/second")  # type: ignore[assignment]
    fetched = builder.fetch([url])
    row = fetched.rows[url]
    assert (row["error"], row["final_url"], row["redirects"]) == (None, "http://b.example/second", ["http://a.example/first"])
    assert server.paths() == ["/first", "/second"]
    assert not any(b"secret" in one.head or b"uthorization" in one.head for one in server.asked)
    (warc,) = (fetched.build / "pages").glob("*.warc.gz")
    lines = gzip.decompress(warc.read_bytes()).split(b"\r\n")
    assert {line[:9] for line in lines if b"secret" in line} == {b"Location:"}  # what the server said, byte for byte


def test_203_is_a_page(builder: Builder, server: Server) -> None:
    server.default = lambda c, _: c.page(status="203 Non-Authoritative Information")
    fetched = builder.fetch(["http://a.example/"])
    row = fetched.rows["http://a.example/"]
    assert (row["error"], row["status"], read_page(fetched.build, row).body) == (None, 203, b"<p>Hello.</p>")


def test_cookie_walls_are_passed_and_cookies_forgotten(builder: Builder, server: Server) -> None:
    def wall(c: Connection, path: str) -> None:
        if b"Cookie: seen=1" in server.asked[-1].head:
            c.page()
        else:
            c.redirect(path, headers="Set-Cookie: seen=1\r\n")

    server.default = wall
    fetched = builder.fetch(["http://a.example/1", "http://a.example/2"])
    assert [row["error"] for row in fetched.rows.values()] == [None, None]
    assert len(server.paths()) == 4


def test_private_addresses_are_refused_before_and_after_redirects(builder: Builder, server: Server, tmp_path: Path) -> None:
    port = server.address.rpartition(":")[2]
    hosts = ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"]
    fetched = builder.fetch([f"http://{host}:{port}/" for host in hosts], allow_private=False, connect_to="", contact="me@example.org")
    assert {row["error"] for row in fetched.rows.values()} <= {"private-address", "dns", "unreachable"}
    assert [fetched.error(f"http://{host}:{port}/") for host in hosts[:2]] == ["private-address"] * 2
    assert server.asked == []


def test_tls_is_verified(builder: Builder, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=a.example -addext subjectAltName=DNS:a.example"
    subprocess.run([*command.split(), "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    secure = _secure(context)
    try:
        urls = ["https://a.example/1", "https://b.example/2"]
        refused = builder.fetch(urls, "refused", connect_to=secure.address)
        assert [refused.error(url) for url in urls] == ["bad-certificate"] * 2
        assert "self-signed" in refused.rows[urls[0]]["detail"]
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        fetched = builder.fetch(urls, "fetched", connect_to=secure.address)
        assert [fetched.error(url) for url in urls] == [None, "bad-certificate"]
        assert read_page(fetched.build, fetched.rows[urls[0]]).body == b"<p>This is /1.</p>"
        monkeypatch.delenv("SSL_CERT_FILE")
        unverified = builder.fetch(urls, "unverified", connect_to=secure.address, verify=False)
        assert [unverified.error(url) for url in urls] == [None, None]
    finally:
        secure.close()


def _secure(context: ssl.SSLContext) -> Server:
    class Secure(Server):
        def _serve(self, connection: Connection) -> None:
            try:
                connection.socket = context.wrap_socket(connection.socket, server_side=True)
            except OSError:
                connection.socket.close()
                return
            super()._serve(connection)

    return Secure()


def test_dead_ends(builder: Builder, server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    fetched = builder.fetch(
        [f"http://127.0.0.1:{port}/", "http://no-such-name.invalid/", "http://-.-/", "http://a.example:99999/", "ftp://a.example/"],
        connect_to="",
        contact="me@example.org",
    )
    assert fetched.error(f"http://127.0.0.1:{port}/") == "connection-refused"
    assert fetched.error("http://no-such-name.invalid/") in ("dns", "dns-temporary")
    assert fetched.error("http://a.example:99999/") == "bad-url"
    assert fetched.error("ftp://a.example/") == "bad-scheme"


def test_garbage_is_a_failure_or_a_page(builder: Builder, server: Server) -> None:
    """Whatever a server sends, the crawl goes on: answers with bytes changed, dropped, doubled at random."""
    text = b"<p>Some text to be coded.</p>" * 30
    heads = [
        f"{OK}Content-Length: {len(text)}\r\nSet-Cookie: a=b; Path=/; Expires=Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\n".encode() + text,
        f"{OK}Transfer-Encoding: chunked\r\n\r\n{len(text):x}\r\n".encode() + text + b"\r\n0\r\n\r\n",
        f"{OK}Content-Encoding: gzip\r\n\r\n".encode() + gzip.compress(text),
        f"{OK}Content-Encoding: br\r\n\r\n".encode() + brotli.compress(text),
        f"{OK}Content-Encoding: zstd\r\n\r\n".encode() + zstandard.compress(text),
        f"{OK}Content-Encoding: deflate\r\nTransfer-Encoding: gzip, chunked\r\n\r\n".encode() + zlib.compress(text),
        b"HTTP/1.1 302 Found\r\nLocation: http://b.example:80/x?y=z#w\r\nContent-Length: 0\r\n\r\n",
    ]

    def garble(c: Connection, path: str) -> None:
        seed = random.Random(path)
        data = bytearray(heads[seed.randrange(len(heads))])
        for _number in range(seed.randrange(1, 6)):
            place = seed.randrange(len(data) if seed.random() < 0.5 else 120)
            data[place : place + seed.randrange(4)] = seed.randbytes(seed.randrange(4))
        c.send(bytes(data))
        c.end()

    server.default = garble
    fetched = builder.fetch([f"http://host{n % 30}.example/{n}" for n in range(600)], page_timeout=2.0)
    outcomes = {row["error"] for row in fetched.rows.values()}
    assert outcomes > {None, "invalid-response", "broken-chunking", "broken-encoding", "short-body"}
    for row in fetched.rows.values():
        if row["error"] is None:
            assert len(read_page(fetched.build, row).body) == row["bytes"]
