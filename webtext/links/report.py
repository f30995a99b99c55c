"""What each rule of the stage `links` removed, and how near the domains that stay come to WebText's: what `webtext links --report` shows.

OpenAI published the 1,000 domains that WebText has most links of, with their numbers (data/gpt2/webtext_domains.txt). It names them
without top level ("google", "bbc"), so everything is counted by that name here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tldextract
from numpy.typing import NDArray

from webtext.core.directories import DIRECTORIES, rejected_directory
from webtext.core.errors import WebtextError
from webtext.links.host_rules import BUILT_IN

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


@dataclass(frozen=True)
class Tally:
    """Posts removed by (reason, domain); links and posts kept by domain. The domain of what is no URL is ""."""

    removed: Counter[tuple[str, str]]
    kept_links: Counter[str]
    kept_posts: Counter[str]


def count(build: Path) -> Tally:
    """Count what links kept and rejected in a build. Memory is bounded by the number of hosts, not of posts."""
    tally = Tally(Counter(), Counter(), Counter())
    for path in sorted((build / rejected_directory("links")).glob("*.parquet")):
        for reason, name, rows, _ in _grouped(path, "reason"):
            tally.removed[reason, name] += rows
    for path in sorted((build / DIRECTORIES["links"]).glob("shard-*.parquet")):
        for _, name, rows, posts in _grouped(path, "posts.list.element.score"):
            tally.kept_links[name] += rows
            tally.kept_posts[name] += posts
    return tally


def _grouped(path: Path, column: str) -> Iterator[tuple[str, str, int, int]]:
    """(reason, domain, rows, posts) of a table, some rows of it at a time: neither a row nor its URL becomes an object of Python's."""
    for batch in pq.ParquetFile(path).iter_batches(batch_size=100_000, columns=["url", column]):
        table = pa.table(
            {
                "host": pc.struct_field(pc.extract_regex(batch["url"], _HOST), "host"),
                "url": batch["url"],
                "reason": batch["reason"] if column == "reason" else pa.nulls(len(batch), pa.string()),
                "posts": pa.nulls(len(batch), pa.int64()) if column == "reason" else pc.list_value_length(batch["posts"]),
            }
        )
        named = pc.is_valid(table["host"])
        groups = table.filter(named).group_by(["reason", "host"]).aggregate([("posts", "sum"), ([], "count_all")])
        for reason, host, posts, rows in zip(*(groups[name].to_pylist() for name in ("reason", "host", "posts_sum", "count_all"))):
            yield reason, _domain_of_host(host), rows, posts
        for row in table.filter(pc.invert(named)).to_pylist():
            yield row["reason"], domain_of(row["url"]), 1, row["posts"]


# The host of most canonical URLs; those with a port or an address, and what is no URL, are looked at one by one.
_HOST = r"^https?://(?P<host>[a-z0-9._-]+)/"


def measure(tally: Tally, listed: Mapping[str, int]) -> LinksFigures:
    """The figures from what was counted and OpenAI's list, which may be empty."""
    removed, kept_links, kept_posts = tally.removed, tally.kept_links, tally.kept_posts
    posts = sum(removed.values()) + sum(kept_posts.values())
    rules_of: dict[str, set[str]] = {}
    for reason, name in removed:
        rules_of.setdefault(name, set()).add(reason)
    domains = (set(rules_of) | set(kept_links)) - {""}
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
