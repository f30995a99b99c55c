"""The block list against the evidence that OpenAI published, and what counts as Wikipedia."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tldextract
from hypothesis import given, settings
from hypothesis import strategies as st

from webtext.links.host_rules import _WIKIPEDIA_INSIDE, BUILT_IN, HostRules, shows_wikipedia

# Copies of Wikipedia that WebText's list names all the same: the paper removes Wikipedia, and so do we, copies and all.
KNOWN_COPIES = {"wikiwand.com", "encyclopedia.thefreedictionary.com"}


def test_no_domain_of_webtext_is_blocked(data_dir: Path) -> None:
    lines = (data_dir / "gpt2/webtext_domains.txt").read_text().splitlines()
    listed = {line.split()[1].lower() for line in lines if len(line.split()) == 2}
    assert len(listed) == 999  # one of the thousand lines has a count and no name
    name_of = tldextract.TLDExtract(suffix_list_urls=())
    assert {host for host in BUILT_IN if name_of(host).domain.lower() in listed} == KNOWN_COPIES
    rules = HostRules([], [])
    for name in listed - {"wikiwand"}:
        for top in ("com", "org", "net", "co.uk", "kr", "ly"):
            assert rules.decide(f"www.{name}.{top}")[0] is None
    assert not listed & {"wikipedia", "reddit", "imgur", "youtube", "twitter", "facebook", "tumblr"}


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("reddit.com", "reddit-host"),
        ("np.reddit.com", "reddit-host"),
        ("i.redd.it", "reddit-host"),
        ("notreddit.com", None),
        ("reddit.com.example", None),
        ("redditmetrics.com", None),
        ("i.imgur.com", "media-host"),
        ("youtu.be", "media-host"),
        ("twitter.com", "blocked-host"),
        ("me.tumblr.com", "blocked-host"),
        ("en.wikipedia.org", "wikipedia-host"),
        ("de.zero.wikipedia.org", "wikipedia-host"),
        ("www.wikiwand.com", "wikipedia-host"),
        ("en.wiktionary.org", None),
        ("en.wikiquote.org", None),
        ("starwars.wikia.com", None),
        ("memory-alpha.org", None),
        ("wiki.archlinux.org", None),
        ("upload.wikimedia.org", "media-host"),
        ("www.google.com", None),
        ("github.com", None),
        ("www.ebay.com", None),
        ("www.walmart.com", None),
        ("web.archive.org", None),
        ("127.0.0.1", None),
        ("[::1]", None),
        ("localhost", None),
    ],
)
def test_hosts(host: str, reason: str | None) -> None:
    assert HostRules([], []).decide(host)[0] == reason


def test_a_configuration_adds_and_takes() -> None:
    rules = HostRules(block=["Example.org", "images.imgur.com"], allow=["imgur.com", "old.reddit.com"])
    assert [rules.decide(host)[0] for host in ("www.example.org", "i.imgur.com", "images.imgur.com", "old.reddit.com", "reddit.com")] == [
        "blocked-host",
        None,
        "blocked-host",
        None,
        "reddit-host",
    ]


@pytest.mark.parametrize(
    ("host", "rest", "expected"),
    [
        ("webcache.googleusercontent.com", "/search?q=cache:xY:en.wikipedia.org/wiki/Beam+x&hl=en", True),
        ("72.14.207.104", "/search?q=cache:abc:en.wikipedia.org/wiki/Beam", True),
        ("webcache.googleusercontent.com", "/search?q=cache:xY:example.org/", False),
        ("example.org", "/search?q=en.wikipedia.org", False),
        ("www.google.com", "/search?q=en.wikipedia.org/wiki", False),
        ("web.archive.org", "/web/2012/http://en.wikipedia.org/wiki/A", True),
        ("web.archive.org", "/web/2012/http://example.org/", False),
        ("web.archive.org", "/web/2012/http://notwikipedia.org/", False),
        ("web.archive.org", "/web/2012/http://wikipedia.org.example.net/", False),
        ("web.archive.org", "/web/2012/http%3A%2F%2Fde.wikipedia.org%2Fwiki%2FA", True),
        ("translate.google.com", "/translate?hl=en&u=http://de.wikipedia.org/wiki/A", True),
        ("en-m-wikipedia-org.translate.goog", "/wiki/A", True),
        ("en.wikipedia.org.nyud.net", "/wiki/A", True),
        ("www.example.org.nyud.net", "/en.wikipedia.org", False),
        ("secure.wikimedia.org", "/wikipedia/en/wiki/A", True),
        ("secure.wikimedia.org", "/wiktionary/en/wiki/a", False),
    ],
)
def test_copies_of_wikipedia(host: str, rest: str, expected: bool) -> None:
    assert shows_wikipedia(host, rest) is expected


# The rule as it was first written: clear, but it takes 2^n steps for a slug of n hyphens.
AS_WRITTEN = re.compile(r"(?:^|[/:=+.@]|%2F|%3A)(?:[a-z-]+[.-])*wikipedia[.-]org(?![a-z0-9-]|\.[a-z])", re.IGNORECASE)


@given(
    st.lists(st.sampled_from(["wikipedia", ".org", "-org", "en", "a", "-", ".", "/", ":", "%2F", "=", "1", "org"]), max_size=9).map("".join)
)
@settings(max_examples=500)
def test_the_fast_pattern_finds_what_the_clear_one_finds(text: str) -> None:
    assert bool(_WIKIPEDIA_INSIDE.search(text)) == bool(AS_WRITTEN.search(text))


def test_a_slug_of_many_hyphens_is_no_work() -> None:
    assert not shows_wikipedia("web.archive.org", "/web/2010/" + "a-" * 30_000)
