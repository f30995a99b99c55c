"""Politeness, as the server sees it."""

from __future__ import annotations

import io
import itertools
import subprocess
import tarfile
import time
from collections import defaultdict
from email.utils import formatdate
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tests.webtext.fetch.conftest import Builder, write_links
from tests.webtext.fetch.server import Asked, Connection, Server
from tests.webtext.fetch.test_shard import start
from webtext.core.hashing import shard_of_url
from webtext.core.tables import read_table
from webtext.fetch.failure import Failure
from webtext.fetch.opt_out import OptOut
from webtext.fetch.page import parse_retry_after
from webtext.fetch.rate_limit import HostRateLimiter, Stopped
from webtext.fetch.robots import MAX_BYTES, Robots, Rules, parse


def robots(server: Server, text: str | bytes, status: str = "200 OK", headers: str = "Content-Type: text/plain\r\n") -> None:
    body = text.encode() if isinstance(text, str) else text
    server.handlers["/robots.txt"] = lambda c, _: c.page(body, status, headers)


def gaps(asked: list[Asked]) -> list[float]:
    """Seconds between two requests to the same host, robots.txt included."""
    hosts = defaultdict(list)
    for one in asked:
        hosts[one.host].append(one.when)
    return [after - before for times in hosts.values() for before, after in itertools.pairwise(sorted(times))]


def test_delay_and_one_connection_a_host(builder: Builder, server: Server) -> None:
    fetched = builder.fetch([f"http://host{n % 8}.example/{n}" for n in range(32)], per_host_delay=0.25)
    assert fetched.report.records_out == 32
    assert len(gaps(server.asked)) == 8 * 4
    assert 0.25 <= min(gaps(server.asked)) < 0.4
    connections = defaultdict(set)
    for one in server.asked:
        connections[one.host].add(one.connection)
    assert all(len(numbers) == 1 for numbers in connections.values())
    assert [path for one in server.asked if (path := one.path) == "/robots.txt"] == ["/robots.txt"] * 8


def test_delay_holds_between_processes(builder: Builder, server: Server, tmp_path: Path) -> None:
    """Four workers on shards of their own, whose pages all redirect to one more host."""

    def handler(c: Connection, path: str) -> None:
        host = next(one.host for one in reversed(server.asked) if one.connection == c.number)
        if host == "all.example":
            c.page()
        else:
            c.redirect(f"http://all.example{path}")

    server.default = handler
    build = tmp_path / "build"
    for shard in range(4):
        write_links(build, [f"http://host{shard}.example/{n}" for n in range(3)], shard)
    section = builder.section(per_host_delay=0.2)
    workers: list[subprocess.Popen[bytes]] = [start(build, section, shard) for shard in range(4)]
    assert [worker.wait() for worker in workers] == [0] * 4
    there = [one for one in server.asked if one.host == "all.example" and one.path != "/robots.txt"]
    assert len(there) == 12
    assert min(gaps(server.asked)) >= 0.2


@pytest.mark.parametrize("workers", [1, 4])
def test_what_the_server_sees(builder: Builder, server: Server, tmp_path: Path, workers: int) -> None:
    """A second between two requests to a host, and no path that its robots.txt forbids; with one worker and with four.

    Every host has links of its own, and every page of one leads to a host that all workers meet at.
    """

    def handler(c: Connection, path: str) -> None:
        host = next(one.host for one in reversed(server.asked) if one.connection == c.number)
        if path.startswith("/to") and host != "all.example":
            c.redirect(f"http://all.example{path}")
        else:
            c.page()

    server.default = handler
    robots(server, "User-agent: *\nDisallow: /no\n")
    build = tmp_path / "build"
    urls = [f"http://host{n}.example/{path}" for n in range(8) for path in ("1", "no/1", "to" if n % 4 == 0 else "2")]
    for shard in range(workers):
        write_links(build, [url for url in urls if shard_of_url(url, workers) == shard], shard)
    section = builder.section(per_host_delay=1.0)
    running = [start(build, section, shard) for shard in range(workers)]
    assert [worker.wait() for worker in running] == [0] * workers
    assert min(gaps(server.asked)) >= 1.0
    assert not [one.path for one in server.asked if one.path.startswith("/no")]
    assert sorted(server.paths()) == sorted(["/1"] * 8 + ["/2"] * 6 + ["/to"] * 4)
    rows = [row for path in sorted((build / "pages/ledger").glob("*.parquet")) for row in read_table(path)]
    assert {row["error"] for row in rows if "/no/" in row["url"]} == {"robots"}
    assert {row["error"] for row in rows if "/no/" not in row["url"]} == {None}


def test_robots_is_obeyed(builder: Builder, server: Server) -> None:
    robots(server, "User-agent: *\nDisallow: /\n\nUser-agent: webtext\nDisallow: /private\nAllow: /private/open\nDisallow: /*.cgi$\n")
    urls = [f"http://a.example/{path}" for path in ("", "private/x", "private/open", "private", "a.cgi", "a.cgi?b")]
    fetched = builder.fetch(urls)
    forbidden = {url for url in urls if fetched.error(url)}
    assert forbidden == {"http://a.example/private/x", "http://a.example/private", "http://a.example/a.cgi"}
    assert {fetched.error(url) for url in forbidden} == {"robots"}
    assert sorted(server.paths()) == ["/", "/a.cgi?b", "/private/open"]
    assert [one.path for one in server.asked].count("/robots.txt") == 1
    server.asked.clear()
    assert builder.fetch(urls, "rude", robots=False).report.records_out == 6
    assert "/robots.txt" not in [one.path for one in server.asked]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("404 Not Found", None),
        ("403 Forbidden", None),
        ("401 Unauthorized", None),
        ("204 No Content", None),
        ("429 Too Many Requests", "robots-unreachable"),
        ("500 Internal Server Error", "robots-unreachable"),
        ("503 Service Unavailable", "robots-unreachable"),
    ],
)
def test_robots_by_status(builder: Builder, server: Server, status: str, error: str | None) -> None:
    robots(server, "User-agent: *\nDisallow: /", status)
    fetched = builder.fetch(["http://a.example/1", "http://a.example/2"], retries=1)
    assert {row["error"] for row in fetched.rows.values()} == {error}
    assert len(server.asked) == (2 if error else 3)  # a failed one is tried again as often as a page, once for the host


def test_robots_that_is_slow_or_broken_disallows(builder: Builder, server: Server) -> None:
    server.handlers["slow.example/robots.txt"] = lambda c, _: time.sleep(2)
    server.handlers["cut.example/robots.txt"] = lambda c, _: (c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nUser"), c.end())[0]  # type: ignore[func-returns-value]
    fetched = builder.fetch(["http://slow.example/1", "http://slow.example/2", "http://cut.example/"], page_timeout=0.5)
    assert {row["error"] for row in fetched.rows.values()} == {"robots-unreachable"}
    assert fetched.rows["http://slow.example/1"]["detail"] == "page-timeout"
    assert server.paths() == []


def test_robots_redirects(builder: Builder, server: Server) -> None:
    server.handlers["a.example/robots.txt"] = lambda c, _: c.redirect("http://b.example/r")
    server.handlers["b.example/r"] = lambda c, _: c.page(b"User-agent: *\nDisallow: /no", headers="Content-Type: text/plain\r\n")
    server.handlers["loop.example/robots.txt"] = lambda c, path: c.redirect(path)
    fetched = builder.fetch(["http://a.example/no", "http://a.example/yes", "http://loop.example/"])
    assert fetched.error("http://a.example/no") == "robots"
    assert fetched.error("http://a.example/yes") is None
    assert fetched.error("http://loop.example/") is None  # more than five: as if there were none
    assert [one.path for one in server.asked if one.host == "loop.example"] == ["/robots.txt"] * 6 + ["/"]


def test_robots_of_the_redirect_target(builder: Builder, server: Server) -> None:
    server.handlers["a.example/"] = lambda c, _: c.redirect("http://b.example/no")
    server.handlers["b.example/robots.txt"] = lambda c, _: c.page(b"User-agent: *\nDisallow: /no", headers="Content-Type: text/plain\r\n")
    fetched = builder.fetch(["http://a.example/"])
    row = fetched.rows["http://a.example/"]
    assert (row["error"], row["detail"], row["redirects"]) == ("robots", "b.example", ["http://a.example/"])
    assert server.paths("b.example") == []


def test_robots_of_all_sorts(builder: Builder, server: Server) -> None:
    long = "".join(f"Disallow: /{n}/\n" for n in range(100_000))  # 1.8 MB
    middle = long[:400_000].rpartition("\n")[0]
    texts: dict[str, bytes] = {
        "html": b"<!DOCTYPE html><html><body>User-agent: nobody<br>Disallow: /</body></html>",
        "long": f"User-agent: *\nDisallow: /early\n{long}Disallow: /late\n".encode(),
        "middle": f"User-agent: *\n{middle}\nDisallow: /late\n".encode(),
        "empty": b"",
        "bom": b"\xef\xbb\xbfUser-agent: *\nDisallow: /early",
        "binary": bytes(range(256)) * 100,
        "mac": b"User-agent: *\rDisallow: /early\r",
        "one-line": b"x" * 600_000,
    }
    for name, text in texts.items():
        server.handlers[f"{name}.example/robots.txt"] = lambda c, _, body=text: c.page(body)  # type: ignore[misc]
    fetched = builder.fetch([f"http://{name}.example/{path}" for name in texts for path in ("early", "late")])
    refused = {url for url, row in fetched.rows.items() if row["error"]}
    assert refused == {"http://long.example/early", "http://middle.example/late", "http://bom.example/early", "http://mac.example/early"}


def test_all_real_robots_txt_parse(data_dir: Path) -> None:
    count = rules = delays = 0
    with zstandard.open(data_dir / "robots/real_robots_txt.tar.zst", "rb") as stream:
        content = io.BytesIO(stream.read())
    with tarfile.open(fileobj=content) as tar:
        for member in tar:
            if member.isfile():
                file = tar.extractfile(member)
                assert file is not None
                parsed = parse(file.read(), "webtext")
                count += 1
                rules += not parsed.allows("http://example.org/search?q=x")
                delays += parsed.delay is not None
    assert count == 4231
    assert (rules, delays) == (516, 533)


@given(st.binary(max_size=2000))
def test_any_bytes_are_a_robots_txt(content: bytes) -> None:
    rules = parse(content, "webtext")
    assert isinstance(rules.allows("http://example.org/"), bool)
    assert rules.delay is None or rules.delay >= 0


def test_a_long_robots_txt_is_cut_at_a_line() -> None:
    line = b"Disallow: /a\n"
    content = b"User-agent: *\n" + line * (MAX_BYTES // len(line) + 10)
    assert parse(content, "webtext").size <= MAX_BYTES
    assert parse(b"User-agent: *\n" + b"#" * (MAX_BYTES - 24) + b"\nDisallow: /abc", "webtext").allows("http://example.org/a")


def test_robots_cache_asks_once_and_is_bounded() -> None:
    cache = Robots()
    asked = []

    def ask(name: str, size: int) -> Rules:
        asked.append(name)
        return Rules(None, "webtext", size)

    for _ in range(3):
        cache.rules("http://a", lambda: ask("a", 10))
    assert asked == ["a"]

    def fail() -> Rules:
        asked.append("b")
        raise Failure("dns")

    for _ in range(2):
        with pytest.raises(Failure) as caught:
            cache.rules("http://b", fail)
        assert caught.value.error == "dns"
        assert not caught.value.transient
    assert asked == ["a", "b"]
    for number in range(100):
        cache.rules(f"http://{number}", lambda: ask("big", MAX_BYTES))
    cache.rules("http://99", lambda: ask("again", 1))
    cache.rules("http://a", lambda: ask("a", 10))
    assert asked.count("again") == 0
    assert asked.count("a") == 2


def test_crawl_delay(builder: Builder, server: Server) -> None:
    robots(server, "User-agent: *\nCrawl-delay: 0.4")
    builder.fetch([f"http://a.example/{n}" for n in range(3)], per_host_delay=0.1)
    times = [one.when for one in server.asked]
    assert [round(b - a, 1) for a, b in itertools.pairwise(times)] == [0.1, 0.4, 0.4]
    robots(server, "User-agent: *\nCrawl-delay: 99")
    fetched = builder.fetch(["http://b.example/1"], "long", longest_wait=50.0)
    assert (fetched.error("http://b.example/1"), fetched.rows["http://b.example/1"]["detail"]) == ("crawl-delay", "99 s")


def test_retry_after_is_waited_for(builder: Builder, server: Server) -> None:
    def busy(c: Connection, path: str) -> None:
        if server.paths().count(path) == 1:
            c.page(b"", "503 Service Unavailable", "Retry-After: 1\r\n")
        else:
            c.page()

    server.default = busy
    fetched = builder.fetch(["http://a.example/1", "http://a.example/2"], retries=1)
    assert [row["attempts"] for row in fetched.rows.values()] == [2, 2]
    times = [one.when for one in server.asked if one.path != "/robots.txt"]
    assert [b - a >= 1 for a, b in itertools.pairwise(times)] == [True, False, True]


def test_retry_after_holds_for_the_next_page_too(builder: Builder, server: Server) -> None:
    server.default = lambda c, _: c.page(b"", "429 Too Many Requests", "Retry-After: 1\r\n")
    builder.fetch(["http://a.example/1", "http://a.example/2"])
    times = [one.when for one in server.asked if one.path != "/robots.txt"]
    assert times[1] - times[0] >= 1


def test_a_host_that_asks_for_too_long_a_wait_is_given_up(builder: Builder, server: Server) -> None:
    server.default = lambda c, _: c.page(b"", "429 Too Many Requests", "Retry-After: 86400\r\n")
    fetched = builder.fetch([f"http://a.example/{n}" for n in range(4)] + ["http://b.example/"], retries=2)
    assert sorted(row["error"] for row in fetched.rows.values()) == ["host-down"] * 3 + ["http-429"] * 2
    assert len(server.paths("a.example")) == 1


def test_retries(builder: Builder, server: Server) -> None:
    def shaky(c: Connection, path: str) -> None:
        if server.paths().count(path) <= 2:
            c.end()
        else:
            c.page()

    server.default = shaky
    fetched = builder.fetch(["http://a.example/1"], retries=2, retry_wait=0.2, robots=False)
    assert (fetched.rows["http://a.example/1"]["error"], fetched.rows["http://a.example/1"]["attempts"]) == (None, 3)
    first, second = gaps(server.asked)
    assert (first >= 0.2, second >= 0.4) == (True, True)
    server.asked.clear()
    fetched = builder.fetch(["http://a.example/2"], "two", retries=1, robots=False)
    assert (fetched.rows["http://a.example/2"]["error"], fetched.rows["http://a.example/2"]["attempts"]) == ("connection-closed", 2)
    server.handlers["/404"] = lambda c, _: c.page(b"", "404 Not Found")
    assert builder.fetch(["http://a.example/404"], "three", retries=2).rows["http://a.example/404"]["attempts"] == 1


def test_a_host_that_is_down_is_not_asked_for_ever(builder: Builder, server: Server) -> None:
    server.default = lambda c, _: c.page(b"", "503 Service Unavailable")
    urls = [f"http://a.example/{n}" for n in range(20)]
    fetched = builder.fetch(urls)
    assert [row["error"] for row in fetched.rows.values()] == ["http-503"] * 5 + ["host-down"] * 15
    assert len(server.paths()) == 5
    # one answer in between, and it goes on
    server.asked.clear()
    server.handlers[sorted(fetched.rows)[0][16:]] = lambda c, _: c.page()
    alive = builder.fetch(urls, "alive")
    assert [row["error"] for row in alive.rows.values()].count("http-503") <= 10


def test_a_kept_connection_that_the_server_closes_costs_no_attempt(builder: Builder, server: Server) -> None:
    """Nor does a server that closes it when the next request is there; it is asked again after the delay, as ever."""
    server.default = lambda c, _: (c.page(), time.sleep(0.02), c.end())[0]  # type: ignore[func-returns-value]
    fetched = builder.fetch([f"http://a.example/{n}" for n in range(10)], per_host_delay=0.02)
    assert {(row["error"], row["attempts"]) for row in fetched.rows.values()} == {(None, 1)}
    asked: list[int] = []

    def second_is_closed(c: Connection, _: str) -> None:
        asked.append(c.number)
        c.end() if asked.count(c.number) == 2 else c.page()

    server.default = second_is_closed
    server.asked.clear()
    fetched = builder.fetch([f"http://b.example/{n}" for n in range(4)], "second", per_host_delay=0.1, robots=False)
    assert {(row["error"], row["attempts"]) for row in fetched.rows.values()} == {(None, 1)}
    assert len(asked) == 7
    assert min(gaps(server.asked)) >= 0.1


def test_opt_out_is_never_asked(builder: Builder, server: Server) -> None:
    server.handlers["b.example/to"] = lambda c, _: c.redirect("http://www.a.example/x")
    server.handlers["c.example/robots.txt"] = lambda c, _: c.redirect("http://a.example/robots.txt")
    server.handlers["d.example/"] = lambda c, _: c.redirect("http://no..label/")
    urls = ["http://a.example/", "http://x.A.example/", "http://b.example/private/1", "http://b.example/privat", "http://b.example/to"]
    fetched = builder.fetch([*urls, "http://c.example/", "http://d.example/"], opt_out=["a.example", "https://b.example/private/"])
    assert [fetched.error(url) for url in urls] == ["opt-out", "opt-out", "opt-out", None, "opt-out"]
    assert fetched.error("http://c.example/") is None
    assert fetched.error("http://d.example/") == "bad-url"
    assert {one.host for one in server.asked} == {"b.example", "c.example", "d.example"}


def test_noindex_is_a_choice(builder: Builder, server: Server) -> None:
    server.default = lambda c, _: c.page(b"<META NAME='robots' CONTENT='noindex,follow'>")
    url = "http://a.example/"
    assert builder.fetch([url], "kept").error(url) is None
    assert builder.fetch([url], "left", noindex=True).error(url) == "noindex"
    server.default = lambda c, _: c.page(headers="Content-Type: text/html\r\nX-Robots-Tag: otherbot: noai, noindex\r\n")
    assert builder.fetch([url], "other", noindex=True).error(url) is None


def test_opt_out_entries() -> None:
    entries = OptOut(["Example.org", " http://example.com/a/b ", "https://example.net:8080/", ""])
    for url in ("http://example.org/x", "https://sub.example.org", "http://example.com/a/bc", "https://user@example.com:443/a/b"):
        assert entries.entry(url), url
    for url in ("http://notexample.org/", "http://example.com/a/", "http://example.net/", "http://example.org.uk/"):
        assert entries.entry(url) is None, url
    assert entries.entry("http://example.net:8080/x") == "https://example.net:8080/"


def test_gate(tmp_path: Path) -> None:
    asked: list[float] = []  # what the gate waits for, whatever the machine makes of it

    class Recording(HostRateLimiter):
        def pause(self, seconds: float) -> None:
            asked.append(seconds)
            super().pause(seconds)

    rate_limiter = Recording(tmp_path, longest=1.0)
    ended = 0.0
    for _ in range(3):
        with rate_limiter.acquire("a", 0.1):
            assert time.monotonic() - ended >= 0.1
            time.sleep(0.05)
            ended = time.monotonic()
    with rate_limiter.acquire("b", 0.1):
        pass
    held = time.monotonic()
    rate_limiter.block("b", 0.2)
    with rate_limiter.acquire("b", 0.1):
        assert time.monotonic() - held >= 0.2
    rate_limiter.block("c", 1e9)  # a clock of another start of the machine
    asked.clear()
    with rate_limiter.acquire("c", 0.1):
        assert asked[-1] == 1.0
    rate_limiter.stop.set()
    with pytest.raises(Stopped), rate_limiter.acquire("a", 0.1):
        pass


def test_retry_after_forms() -> None:
    assert parse_retry_after("120") == 120
    assert parse_retry_after(" 0 ") == 0
    assert parse_retry_after(None) is parse_retry_after("soon") is parse_retry_after("-5") is parse_retry_after("") is None
    assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    later = parse_retry_after(formatdate(time.time() + 100, usegmt=True))
    assert later is not None
    assert 97 <= later <= 101
