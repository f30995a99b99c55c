"""HTTP messages: decoded as the standard library decodes them, and bounded."""

from __future__ import annotations

import gzip
import http.client
import io
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from webtext.fetch.failure import Failure
from webtext.fetch.http_message import Pieces, body_of, bounds, dechunk, decoded, header, kind_of, parse_head, robots_directives

LIMIT = 10**9


def deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
    "identity": bytes,
}


def chunked(data: bytes, sizes: list[int]) -> bytes:
    pieces = []
    for size in sizes:
        if data:
            pieces.append(b"%x\r\n" % len(data[:size]) + data[:size] + b"\r\n")
            data = data[size:]
    if data:
        pieces.append(b"%X ; name=value\r\n" % len(data) + data + b"\r\n")
    return b"".join(pieces) + b"0\r\n\r\n"


@given(
    st.binary(max_size=5000),
    st.lists(st.sampled_from(sorted(ENCODERS)), max_size=3),
    st.lists(st.integers(1, 900), max_size=5),
    st.booleans(),
)
def test_what_is_coded_is_decoded(data: bytes, codings: list[str], sizes: list[int], in_chunks: bool) -> None:
    payload = data
    for coding in codings:
        payload = ENCODERS[coding](payload)
    headers = [("Content-Encoding", ", ".join(codings))] if codings else []
    if in_chunks:
        payload = chunked(payload, sizes)
        headers.append(("Transfer-Encoding", "chunked"))
    if codings or in_chunks:  # plain bytes may be anything
        assert body_of(payload, tuple(headers), LIMIT) == (data, True)
    assert body_of(payload, tuple(headers), 100)[0] == data[:100]


@given(st.binary(max_size=3000), st.sampled_from(sorted(ENCODERS)), st.lists(st.integers(1, 300), max_size=20))
def test_the_same_in_any_pieces(data: bytes, coding: str, sizes: list[int]) -> None:
    coded = ENCODERS[coding](data)
    pieces, position = [], 0
    for size in sizes:
        pieces.append(coded[position : position + size])
        position += size
    source = decoded(Pieces([*pieces, coded[position:]]), (("content-encoding", coding),))
    assert b"".join(iter(lambda: source.read(77), b"")) == data


@given(st.binary(min_size=1, max_size=2000), st.lists(st.integers(1, 400), max_size=6))
def test_dechunk_is_http_client_s(data: bytes, sizes: list[int]) -> None:
    class Socket:
        def makefile(self, _: str) -> io.BytesIO:
            return io.BytesIO(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(data, sizes))

    response = http.client.HTTPResponse(Socket())  # type: ignore[arg-type]
    response.begin()
    assert dechunk(chunked(data, sizes)) == response.read() == data


@given(st.binary(max_size=300))
@example(b"FFFFFFFF\r\nshort")
@example(b"5\r\nhello\r\nno size\r\n")
def test_dechunk_takes_anything(data: bytes) -> None:
    assert len(dechunk(data)) <= len(data)


@given(st.sampled_from(["gzip", "deflate", "br", "zstd"]), st.binary(max_size=500))
def test_a_coding_that_is_none_is_an_error_or_the_bytes(coding: str, data: bytes) -> None:
    headers = (("Content-Encoding", coding),)
    try:
        body, _ = body_of(data, headers, 10_000)
    except Failure:
        with pytest.raises(Failure, match="broken-encoding"):
            body_of(data, headers, 10_000)
    else:
        assert len(body) <= 10_000


@given(st.binary(max_size=400))
def test_a_head_can_be_anything(data: bytes) -> None:
    begin, end, body = bounds(data)
    assert 0 <= begin <= end <= body <= len(data)
    parse_head(data[begin:end])


def test_head() -> None:
    message = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    message += b"http/1.0 200\nContent-Type:  Text/HTML ; charset=x\n a\nno header\nX-\xe9: \xff\n\nbody"
    begin, end, body = bounds(message)
    parsed = parse_head(message[begin:end])
    assert parsed == (200, (("Content-Type", "Text/HTML ; charset=x a"), ("X-é", "ÿ")))
    assert kind_of(parsed[1]) == "text/html"
    assert header(parsed[1], "content-type") == "Text/HTML ; charset=x a"
    assert message[body:] == b"body"
    assert parse_head(b"<html>") is None
    assert kind_of(()) is kind_of((("content-type", " ; x"),)) is None


@pytest.mark.parametrize(
    ("headers", "start", "expected"),
    [
        ((), b"", set()),
        ((("X-Robots-Tag", "noai"),), b"", {"noai"}),
        ((("x-robots-tag", "NoAI, noindex"), ("X-Robots-Tag", "nofollow")), b"", {"noai", "noindex", "nofollow"}),
        ((("X-Robots-Tag", "otherbot: noai, noindex"),), b"", set()),
        ((("X-Robots-Tag", "webtext: noai, noindex"),), b"", {"noai", "noindex"}),
        ((("X-Robots-Tag", "otherbot: noai, webtext: noindex"),), b"", {"noindex"}),
        ((("X-Robots-Tag", "max-snippet: 5, noai"),), b"", {"max-snippet: 5", "noai"}),
        ((), b"<meta name=robots content=noai>", {"noai"}),
        ((), b"<META\ncontent='NOAI , noimageai'\nname = \"Robots\"/>", {"noai", "noimageai"}),
        ((), b"<meta name=webtext content=noai><meta name=googlebot content=noindex>", {"noai"}),
        ((), b"<meta name=robots><meta name=description content=noai><p>robots noai", set()),
        ((), b" " * 200_000 + b"<meta name=robots content=noai>", set()),
    ],
)
def test_wishes(headers: tuple[tuple[str, str], ...], start: bytes, expected: set[str]) -> None:
    assert robots_directives(headers, start, "webtext") == expected
