"""What each rule of the stage `links` removed, and how near the domains that stay come to WebText's: what `webtext links --report` shows.

OpenAI published the 1,000 domains that WebText has most links of, with their numbers (data/gpt2/webtext_domains.txt). It names them
without top level ("google", "bbc"), so everything is counted by that name here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import tldextract
from numpy.typing import NDArray

from webtext.errors import WebtextError
from webtext.hosts import BUILT_IN
from webtext.tables import Record

# NB: the list of public suffixes that comes with the package, never one fetched or cached, so the figures are the same everywhere.
_names = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


@dataclass(frozen=True)
class Removed:
    """What a rule removed: posts and their share of all; the domains it took posts from, and how many it emptied without another's help."""

    reason: str
    posts: int
    posts_share: float
    domains: int
    domains_share: float
    domains_emptied: int


@dataclass(frozen=True)
class LinksFigures:
    """`rules` by falling number of posts. `listed` is the number of domains on OpenAI's list, `listed_found` how many of them stay.

    `rank_correlation` is Spearman's, over the domains on the list that stay; None where there are fewer than three.
    `listed_mass_blocked` is the share of the list's links whose domain the built-in host list has under some top level.
    """

    posts: int
    links: int
    domains: int
    rules: list[Removed]
    listed: int
    listed_found: int
    rank_correlation: float | None
    listed_mass_blocked: float


def read_domains(path: Path) -> dict[str, int]:
    """OpenAI's list: a count and a name a line (one of its lines has no name). Raises WebtextError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        pairs = [line.split() for line in lines if len(line.split()) == 2]
        return {name.lower(): int(count) for count, name in pairs}
    except FileNotFoundError:
        raise WebtextError(f"{path}: there is no such file; give OpenAI's domains.txt") from None
    except (OSError, ValueError) as error:
        raise WebtextError(f"{path}: not a list of counts and domains ({error})") from None


def measure(rejected: Iterable[Record], links: Iterable[Record], listed: Mapping[str, int]) -> LinksFigures:
    """The figures from the rows of links/rejected/ and of links/ (`url` and `posts` are enough) and OpenAI's list.

    Memory is bounded by the number of domains, not of posts.
    """
    removed: Counter[tuple[str, str]] = Counter()
    for row in rejected:
        removed[row["reason"], domain_of(row["url"])] += 1
    kept_posts: Counter[str] = Counter()
    kept_links: Counter[str] = Counter()
    for row in links:
        name = domain_of(row["url"])
        kept_links[name] += 1
        kept_posts[name] += len(row["posts"])
    posts = sum(removed.values()) + sum(kept_posts.values())
    rules_of: dict[str, set[str]] = {}
    for reason, name in removed:
        rules_of.setdefault(name, set()).add(reason)
    domains = (set(rules_of) | set(kept_posts)) - {""}
    rules = [_rule(reason, removed, rules_of, kept_posts, posts, len(domains)) for reason in {reason for reason, _ in removed}]
    found = sorted(name for name in listed if kept_links[name])
    blocked = {_names(host).domain for host, reason in BUILT_IN.items() if reason != "wikipedia-host"}
    mass = sum(listed.values())
    return LinksFigures(
        posts,
        sum(kept_links.values()),
        len(domains),
        sorted(rules, key=lambda rule: (-rule.posts, rule.reason)),
        len(listed),
        len(found),
        rank_correlation([listed[name] for name in found], [kept_links[name] for name in found]),
        sum(count for name, count in listed.items() if name in blocked) / mass if mass else 0.0,
    )


def _rule(
    reason: str, removed: Counter[tuple[str, str]], rules_of: dict[str, set[str]], kept: Counter[str], posts: int, domains: int
) -> Removed:
    counts = {name: count for (rule, name), count in removed.items() if rule == reason}
    touched = [name for name in counts if name]
    emptied = sum(not kept[name] and rules_of[name] == {reason} for name in touched)
    total = sum(counts.values())
    return Removed(reason, total, total / posts, len(touched), len(touched) / domains if domains else 0.0, emptied)


def domain_of(url: str) -> str:
    """The registered name without its top level, as OpenAI's list has it; the host where there is none; "" for what is no URL.

    >>> domain_of("http://news.bbc.co.uk/1/hi.stm")
    'bbc'
    """
    try:
        return _domain_of_host(urlsplit(url).hostname or "")
    except ValueError:
        return ""


@lru_cache(maxsize=2**16)
def _domain_of_host(host: str) -> str:
    return _names(host).domain or host


def rank_correlation(first: list[int], second: list[int]) -> float | None:
    """Spearman's rho: Pearson's of the ranks, equal values share their mean. None for fewer than three pairs and for ranks all equal."""
    if len(first) < 3:
        return None
    one, two = _ranks(first), _ranks(second)
    one, two = one - one.mean(), two - two.mean()
    norm = float(np.sqrt((one @ one) * (two @ two)))
    return float(one @ two) / norm if norm else None


def _ranks(values: list[int]) -> NDArray[np.float64]:
    _, place, counts = np.unique(np.array(values), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: NDArray[np.float64] = (ends - (counts - 1) / 2)[place]
    return ranks
