"""The host of a URL as browsers read it: names by UTS #46, IPv4 in all its spellings, IPv6 (WHATWG URL Standard, section 3)."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote_to_bytes

import idna


class BadUrl(ValueError):
    """Not an http or https URL that a browser could open; the text says why."""


_FORBIDDEN = re.compile(r"[\x00-\x20#/:<>?@\[\\\]^|%\x7f]")
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")


def parse_host(text: str) -> str:
    """The host in lower case ASCII: `example.org`, `xn--bcher-kva.example`, `127.0.0.1`, `[::1]`. Raises BadUrl.

    >>> parse_host("B%C3%BCCHER.example"), parse_host("0x7f.1")
    ('xn--bcher-kva.example', '127.0.0.1')
    """
    if text.startswith("["):
        if not text.endswith("]"):
            raise BadUrl(f"host {text[:100]}")
        return f"[{_ipv6(text[1:-1])}]"
    name = unquote_to_bytes(text).decode("utf-8", "replace")
    ascii_name = _to_ascii(name)
    if _FORBIDDEN.search(ascii_name):
        raise BadUrl(f"host {text[:100]}")
    labels = ascii_name.removesuffix(".").split(".")
    if labels[-1].isdigit() or _NUMBER.fullmatch(labels[-1]):
        return _ipv4(labels)
    return ascii_name


def _to_ascii(name: str) -> str:
    """Domain to ASCII, not strict and without transitional mapping (UTS #46, section 4)."""
    if name.isascii():
        name = name.lower()
        if not name.startswith("xn--") and ".xn--" not in name:
            return name
    return _idna(name)


@lru_cache(maxsize=4096)
def _idna(name: str) -> str:
    try:
        # NB: it also brings the name to NFC.
        labels = [_unicode_label(label) for label in idna.uts46_remap(name, std3_rules=False, transitional=False).split(".")]
        bidi = any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for label in labels for character in label)
        for label in labels:
            _check_label(label, bidi)
        result = ".".join(label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii") for label in labels)
    except ValueError as error:  # a UnicodeError, or idna's of a joiner after a character that has no name
        raise BadUrl(f"host {name[:100]}: {error}") from None
    if not result:
        raise BadUrl("no host")
    return result


def _unicode_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    decoded = label[4:].encode("ascii").decode("punycode")
    mapped = idna.uts46_remap(decoded, std3_rules=False, transitional=False) if decoded else ""
    if not decoded or decoded.isascii() or mapped != decoded:
        raise UnicodeError(f"{label} is not what it stands for")
    return decoded


def _check_label(label: str, bidi: bool) -> None:
    """The validity criteria that are left once the code points are known to be mapped: combining marks, joiners, direction."""
    if label.isascii() and not bidi:
        return
    if label and unicodedata.category(label[0]).startswith("M"):
        raise UnicodeError("a label begins with a combining mark")
    for position, character in enumerate(label):
        if character in "\u200c\u200d" and not idna.core.valid_contextj(label, position):
            raise UnicodeError("a joiner out of place")
    if bidi and label:
        idna.core.check_bidi(label, check_ltr=True)


def _ipv4(labels: list[str]) -> str:
    if len(labels) > 4:
        raise BadUrl(f"host {'.'.join(labels)[:100]}: more than four numbers")
    numbers = [_number(label) for label in labels]
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= 256 ** (5 - len(numbers)):
        raise BadUrl(f"host {'.'.join(labels)[:100]}: a number is too large")
    value = numbers[-1] + sum(number << (8 * (3 - index)) for index, number in enumerate(numbers[:-1]))
    return str(ipaddress.IPv4Address(value))


def _number(label: str) -> int:
    if _NUMBER.fullmatch(label) is None:
        raise BadUrl(f"host with {label[:20]} among numbers")
    try:
        if label[:2] in ("0x", "0X"):
            return int(label[2:] or "0", 16)
        return int(label, 8 if len(label) > 1 and label[0] == "0" else 10)
    except ValueError:
        raise BadUrl(f"host with {label[:20]}, which is no octal number") from None


def _ipv6(text: str) -> str:
    """The shortest spelling (RFC 5952), without dots."""
    try:
        if "%" in text:
            raise ValueError("a zone")
        value = int(ipaddress.IPv6Address(text))
    except ValueError:
        raise BadUrl(f"host [{text[:60]}]") from None
    groups = [f"{value >> shift & 0xFFFF:x}" for shift in range(112, -1, -16)]
    runs = [match.span() for match in re.finditer("0+", "".join("0" if group == "0" else "-" for group in groups))]
    start, end = max(runs, key=lambda run: (run[1] - run[0], -run[0]), default=(0, 0))
    if end - start < 2:
        return ":".join(groups)
    return ":".join(groups[:start]) + "::" + ":".join(groups[end:])
