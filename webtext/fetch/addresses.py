"""Protection of private networks: only public addresses are connected to, and the check is on the address that is used.

A name is resolved here, its addresses are checked, and the socket is opened to an address that passed. The name is never resolved a
second time, so a name server that changes its answer (DNS rebinding) cannot redirect the crawler into a private network.
"""

from __future__ import annotations

import csv
import ipaddress
import queue
import socket
import threading
import time
from collections import OrderedDict
from functools import cache
from pathlib import Path
from typing import NamedTuple

from webtext.fetch.failure import Failure

TRIED = 4  # addresses of a name that are tried one after another
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
REGISTRY = Path(__file__).with_name("data") / "special_purpose.csv"  # IANA's IPv4 and IPv6 special-purpose address registries
REMEMBERED = 300.0  # seconds for which the addresses of a name are used: the time to live that many names have
NAMES = 10_000  # whose addresses are kept

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Address(NamedTuple):
    family: socket.AddressFamily
    sockaddr: tuple[str, int] | tuple[str, int, int, int]

    @property
    def ip(self) -> str:
        return self.sockaddr[0]


def is_public(text: str) -> bool:
    """Whether an IP address is one of the Internet's: the narrowest block of IANA's registries that has it says so.

    An IPv6 address that carries an IPv4 address (mapped, 6to4, Teredo, NAT64) is as public as that.

    >>> is_public("93.184.216.34"), is_public("169.254.169.254"), is_public("::ffff:127.0.0.1")
    (True, False, False)
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = _carried(address)
        if inner is not None:
            return all(is_public(str(one)) for one in inner)
    return next(public for block, public in _registry() if address in block)


@cache
def _registry() -> list[tuple[Network, bool]]:
    """Blocks of addresses, and whether they are public; narrow ones first."""
    with open(REGISTRY, encoding="ascii", newline="") as file:
        blocks = [(ipaddress.ip_network(row["block"]), row["public"] == "yes") for row in csv.DictReader(file)]
    return sorted(blocks, key=lambda entry: -entry[0].prefixlen)


def _carried(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address] | None:
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address.teredo is not None:
        return list(address.teredo)
    if address in NAT64 or (int(address) >> 32 == 0 and int(address) > 1):  # the latter: IPv4-compatible, RFC 4291 2.5.5.1
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return None


def resolve(host: str, port: int, *, allow_private: bool) -> list[Address]:
    """The addresses of a host that may be connected to.

    Raises Failure: `dns`, `dns-temporary`, or `private-address` where none of them is public.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise Failure("dns-temporary" if error.errno == socket.EAI_AGAIN else "dns", host) from error
    except (UnicodeError, OverflowError) as error:  # a label that IDNA refuses, a port beyond 65,535
        raise Failure("bad-url", f"{host} is not a host name") from error
    addresses = list(dict.fromkeys(Address(family, sockaddr) for family, _, _, _, sockaddr in found))  # type: ignore[arg-type]
    allowed = [address for address in addresses if allow_private or is_public(address.ip)]
    if not allowed:
        raise Failure("private-address", host)
    return allowed


class Names:
    """The addresses of names, each looked up once in a while and within a time of its own: the C library has none that can be set."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], tuple[float, list[Address]]] = OrderedDict()

    def resolve(self, host: str, port: int, *, allow_private: bool, seconds: float) -> list[Address]:
        """What `resolve` says. Raises its Failures, and `dns-temporary` where no answer comes within so many seconds."""
        until, found = self._known.get((host, port), (0.0, []))
        if until > time.monotonic():
            return found
        answers: queue.SimpleQueue[list[Address] | Exception] = queue.SimpleQueue()

        def look_up() -> None:
            try:
                answers.put(resolve(host, port, allow_private=allow_private))
            except Exception as error:  # noqa: BLE001 - it is raised below
                answers.put(error)

        threading.Thread(target=look_up, daemon=True).start()
        try:
            answer = answers.get(timeout=seconds)
        except queue.Empty:
            raise Failure("dns-temporary", host) from None
        if isinstance(answer, Exception):
            raise answer
        self._known[host, port] = (time.monotonic() + REMEMBERED, answer)
        self._known.move_to_end((host, port))
        if len(self._known) > NAMES:
            self._known.popitem(last=False)
        return answer


def connect(addresses: list[Address], host: str, seconds: float) -> tuple[socket.socket, str]:
    """Open a connection to the first address that answers, within so many seconds in all. Returns the socket and the address.

    Raises Failure: `connect-timeout`, `connection-refused`, `unreachable`; `host` is only for its text.
    """
    deadline = time.monotonic() + seconds
    failure = Failure("connect-timeout", host)
    for address in addresses[:TRIED]:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            break
        connection = socket.socket(address.family, socket.SOCK_STREAM)
        try:
            connection.settimeout(remaining)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.connect(address.sockaddr)
        except OSError as error:
            connection.close()
            failure = Failure(_class_of(error), host)
            continue
        return connection, address.ip
    raise failure


def _class_of(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "connect-timeout"
    return "connection-refused" if isinstance(error, ConnectionRefusedError) else "unreachable"
