"""Which addresses may be asked."""

from __future__ import annotations

import csv
import ipaddress
import socket
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webtext.fetch.conftest import Builder
from tests.webtext.fetch.server import Server
from webtext.fetch.addresses import REGISTRY, Address, Names, connect, is_public, resolve
from webtext.fetch.failure import Failure

# IANA's special-purpose registries, by hand: the slow, obviously right twin.
PRIVATE = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 "
        "198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32"
    ).split()
]


@given(st.ip_addresses(v=4) | st.sampled_from(PRIVATE).flatmap(lambda network: st.ip_addresses(network=network)))
def test_ipv4_in_every_dress(address: ipaddress.IPv4Address) -> None:
    if address in ipaddress.ip_network("192.0.0.0/24") or address in ipaddress.ip_network("192.88.99.0/24"):
        return  # partly global by the registry
    public = not any(address in network for network in PRIVATE)
    assert is_public(str(address)) == public
    number = int(address)
    assert is_public(str(ipaddress.IPv6Address(0xFFFF << 32 | number))) == public  # IPv4-mapped
    assert is_public(str(ipaddress.IPv6Address(0x2002 << 112 | number << 80))) == public  # 6to4
    assert is_public(str(ipaddress.IPv6Address(0x64_FF9B << 96 | number))) == public  # NAT64


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("::1", False),
        ("::", False),
        ("::127.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("2001:db8::1", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),  # Teredo that carries a private address
        ("100::1", False),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("2a00:1450:4001:82a::200e", True),
        ("169.254.169.254", False),
        ("8.8.8.8", True),
    ],
)
def test_well_known(address: str, public: bool) -> None:
    assert is_public(address) == public


def test_public_addresses_of_a_mixed_name_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("10.0.0.1", "8.8.8.8", "8.8.8.8")]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    assert [address.ip for address in resolve("x", 80, allow_private=False)] == ["8.8.8.8"]
    assert [address.ip for address in resolve("x", 80, allow_private=True)] == ["10.0.0.1", "8.8.8.8"]


def test_a_name_is_resolved_once_a_connection(builder: Builder, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the second answer of the name server, a private address, is never asked for."""
    genuine, answers = socket.getaddrinfo, []

    def answer(host: str, *args: Any, **options: Any) -> list[Any]:
        answers.append(host)
        if host != "rebinding.example":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return genuine("127.0.0.1" if len(answers) == 1 else "127.0.0.2", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    port = server.address.rpartition(":")[2]
    url = f"http://rebinding.example:{port}/"
    fetched = builder.fetch([url], connect_to="", contact="me@example.org")
    assert fetched.error(url) is None
    assert answers == ["rebinding.example"]


def test_a_redirect_to_a_private_address_is_refused(builder: Builder, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number, by a name that leads there, and in robots.txt; one loopback address stands for a public one."""
    port = server.address.rpartition(":")[2]
    genuine = socket.getaddrinfo

    def answer(host: str, *args: Any, **options: Any) -> list[Any]:
        names = {"public.example": "127.0.0.1", "inside.example": "127.0.0.2", "robots.example": "127.0.0.1"}
        return genuine(names.get(host, host), *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    monkeypatch.setattr("webtext.fetch.addresses.is_public", lambda ip: ip == "127.0.0.1")
    targets = {
        "/number": "http://127.0.0.2",
        "/name": "http://inside.example",
        "/v6": "http://[::1]",
        "/metadata": "http://169.254.169.254",
    }
    for path, target in targets.items():
        server.handlers[path] = lambda c, _, target=target: c.redirect(f"{target}:{port}/secret")  # type: ignore[misc]
    server.handlers[f"robots.example:{port}/robots.txt"] = lambda c, _: c.redirect(f"http://127.0.0.2:{port}/secret")
    urls = [f"http://public.example:{port}{path}" for path in targets]
    fetched = builder.fetch([*urls, f"http://robots.example:{port}/"], connect_to="", allow_private=False, contact="me@example.org")
    assert [fetched.error(url) for url in urls] == ["private-address"] * 4
    assert fetched.error(f"http://robots.example:{port}/") == "private-address"
    assert "/secret" not in [one.path for one in server.asked]


def test_connect_goes_through_the_addresses_within_its_time(server: Server) -> None:
    port = int(server.address.rpartition(":")[2])
    dead = Address(socket.AF_INET, ("127.0.0.1", 1))
    alive = Address(socket.AF_INET, ("127.0.0.1", port))
    connection, ip = connect([dead, alive], "x", 5)
    connection.close()
    assert ip == "127.0.0.1"
    with pytest.raises(Failure) as caught:
        connect([dead], "x", 5)
    assert caught.value.error == "connection-refused"


def test_connect_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:  # fill the queue of a server that never accepts
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        time.sleep(0.1)
        given: list[float] = []  # seconds to each address

        class Recording(socket.socket):
            def settimeout(self, value: float | None) -> None:
                given.append(value or 0.0)
                super().settimeout(value)

        monkeypatch.setattr("webtext.fetch.addresses.socket.socket", Recording)
        with pytest.raises(Failure) as caught:
            connect([Address(socket.AF_INET, full.getsockname())] * 3, "x", 0.5)
        assert caught.value.error == "connect-timeout"
        assert given[0] == pytest.approx(0.5, abs=0.4)
        assert sum(given) < 0.6  # for all addresses together: the first one took it all
        for one in waiting:
            one.close()


def test_names_are_looked_up_once_and_within_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    hanging = threading.Event()
    genuine = socket.getaddrinfo

    def answer(host: str, *args: Any, **options: Any) -> list[Any]:
        asked.append(host)
        if host == "slow.example":
            hanging.wait(30)
        return genuine("127.0.0.1", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    names = Names()
    for _ in range(3):
        assert [one.ip for one in names.resolve("a.example", 80, allow_private=True, seconds=5)] == ["127.0.0.1"]
    with pytest.raises(Failure, match=r"dns-temporary: slow\.example"):
        names.resolve("slow.example", 80, allow_private=True, seconds=0.05)
    with pytest.raises(Failure, match="private-address"):
        names.resolve("b.example", 80, allow_private=False, seconds=5)
    hanging.set()
    assert asked == ["a.example", "slow.example", "b.example"]


def test_the_registry_decides_by_the_narrowest_block() -> None:
    with open(REGISTRY, encoding="ascii", newline="") as file:
        blocks = {row["block"]: row["public"] == "yes" for row in csv.DictReader(file)}
    carrying = {"0.0.0.0/0", "::/0", "2000::/3", "::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32", "::1/128", "::/128"}
    for block, public in blocks.items():
        if block not in carrying:
            network = ipaddress.ip_network(block)
            assert is_public(str(network[-1])) == public, block  # no narrower block ends where a wider one does
    for passed_once in ("64:ff9b:1::1", "5f00::1", "3fff::1", "::ffff:0:7f00:1", "fec0::1", "2001:db8::1", "100:0:0:1::1", "4000::1"):
        assert not is_public(passed_once), passed_once


@pytest.mark.parametrize("host", ["-.-", "a" * 300, "no-such-name.invalid"])
def test_names_that_are_none(host: str) -> None:
    with pytest.raises(Failure) as caught:
        resolve(host, 80, allow_private=True)
    assert caught.value.error in ("dns", "dns-temporary", "bad-url")
