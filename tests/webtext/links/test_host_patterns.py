"""Lists of hosts as people write them."""

from __future__ import annotations

import pytest

from tests.webtext.links.test_submissions import post
from webtext.core.config import LinksSection
from webtext.core.errors import UsageError
from webtext.fetch.opt_out import OptOut
from webtext.links.host_patterns import parse_hosts, parse_pattern
from webtext.links.host_rules import HostRules
from webtext.links.rules import Rules

WRITTEN = {
    "bücher.de": "http://www.xn--bcher-kva.de/x",
    "BÜCHER.de.": "http://xn--bcher-kva.de/",
    "*.example.org": "https://a.b.example.org/",
    ".example.org": "https://example.org/",
    "https://example.org/": "http://www.example.org/deep",
    "http://example.org:80": "https://sub.example.org/",
    "192.0.2.7": "http://192.0.2.7/",
    "0xC0.0.2.7": "http://192.0.2.7/",
    "[2001:DB8:0::1]": "http://[2001:db8::1]/",
}


@pytest.mark.parametrize("entry", WRITTEN)
def test_hosts_as_people_write_them(entry: str) -> None:
    url = WRITTEN[entry]
    assert OptOut([entry]).entry(url) == entry
    if "[" not in url:
        host = url.split("/")[2]
        assert HostRules([entry], []).decide(host) == ("blocked-host", f"block_hosts {entry}")
        assert HostRules([], [entry]).decide(host) == (None, f"allow_hosts {entry}")


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        ("example.org:8080", "http://example.org:8080/x", "http://example.org/x"),
        ("example.org/a b/", "http://example.org/a%20b/c", "http://example.org/a"),
        ("https://example.org/é", "http://example.org/%C3%A9t%C3%A9", "http://example.org/e"),
        ("example.org?q=1", "http://example.org/?q=12", "http://example.org/q=1"),
    ],
)
def test_parts_of_a_host(entry: str, inside: str, outside: str) -> None:
    assert OptOut([entry]).entry(inside) == entry
    assert OptOut([entry]).entry(outside) is None
    with pytest.raises(UsageError, match="is a part of a host; write the host alone"):
        parse_hosts([entry], "links.block_hosts")


NOT_HOSTS = ("*", "exam*ple.org", "example.*", "ftp://example.org/", "exa mple.org", "https://", "a@example.org", "http:example.org")


@pytest.mark.parametrize("entry", NOT_HOSTS)
def test_what_could_match_nothing_is_refused(entry: str) -> None:
    with pytest.raises(UsageError, match=r"^fetch\.opt_out: ") as told:
        parse_pattern(entry, "fetch.opt_out")
    assert repr(entry) in str(told.value)


def test_the_first_of_several_entries_counts() -> None:
    assert OptOut(["example.org/a", "example.org/a/b", "www.example.org"]).entry("http://example.org/a/b") == "example.org/a"
    assert OptOut(["", " "]).entry("http://example.org/") is None


def test_posts_are_counted_by_the_entry_that_decides() -> None:
    rules = Rules(LinksSection(block_hosts=["*.Example.org", "never.example"], allow_hosts=["i.imgur.com"]), 4)
    for host in ("example.org", "a.example.org", "other.example", "i.imgur.com"):
        rules.judge(post(url=f"http://{host}/page"))
    assert rules.matches == {"block_hosts *.Example.org": 2, "block_hosts never.example": 0, "allow_hosts i.imgur.com": 1}
