"""Which posts count as links: the rules for one post (`Rules.judge`), and the karma rule for the posts of one URL (`reaches_karma`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from webtext.core.config import LinksSection
from webtext.core.hashing import shard_of_host
from webtext.links.file_types import NOT_TEXT, file_type
from webtext.links.host_rules import HostRules, shows_wikipedia
from webtext.links.submissions import ALL_FLAGS, DELETED, OVER_18, PROMOTED, REMOVED, SELF, Submission
from webtext.links.urls import BadUrl, canonical

_HOSTS_CACHED = 50_000  # enough for most hosts of a month of Reddit, in some 10 MB
_EPOCH = date(1970, 1, 1)
_PORT = re.compile(r":\d+$")


class Verdict(NamedTuple):
    """What the rules say of a post: its canonical URL (as given if it has none), shard, reason of rejection ("" if it is kept), detail."""

    url: str
    shard: int
    reason: str
    detail: str


class HostInfo(NamedTuple):
    """What depends on host and port alone."""

    host: str  # without port
    shard: int
    reason: str  # why its URLs are rejected, or ""
    entry: str  # of the configuration that decides so, or ""


class Rules:
    """The rules of a configuration for one post."""

    def __init__(self, section: LinksSection, shards: int) -> None:
        self._subreddits = frozenset(name.lower().removeprefix("r/") for name in section.block_subreddits)
        self._hosts = HostRules(section.block_hosts, section.allow_hosts)
        # Posts that an entry of the configuration's lists of hosts decided on, also those of entries that no post belongs to.
        self.matches = dict.fromkeys(self._hosts.entries, 0)
        self._shards = shards
        self.min_score = section.min_score
        self._before = _seconds(section.before)
        self._after = None if section.after is None else _seconds(section.after)
        self._over_18 = 0 if section.over_18 else OVER_18
        flag_reasons = [(PROMOTED, "promoted"), (SELF, "self-post")]
        if not section.removed:
            flag_reasons += [(REMOVED, "removed"), (DELETED, "deleted")]
        # By all flags of a post, the reason of the first that rejects it.
        self._flag_reason = [next((reason for flag, reason in flag_reasons if flags & flag), "") for flags in range(ALL_FLAGS + 1)]
        # NB: a dump links to the same hosts over and over, and a look at the lists of host_rules takes as long as the rest of `judge`.
        self._host_info = lru_cache(_HOSTS_CACHED)(self._look_up_host)

    def judge(self, post: Submission) -> Verdict:
        """Keep or reject a post. A post that fails several rules is rejected by the first of them, in the order of these lines."""
        flags = post.flags
        reason = self._flag_reason[flags]
        try:
            url = canonical("https://www.reddit.com" + post.url if post.url.startswith("/") else post.url)
        except BadUrl as error:
            return Verdict(post.url, 0, reason or "bad-url", "" if reason else str(error))
        if reason:
            return Verdict(url, 0, reason, "")
        slash = url.index("/", 8)
        info = self._host_info(url[url.index("/") + 2 : slash])
        if info.entry:
            self.matches[info.entry] += 1
        if info.reason:
            return Verdict(url, 0, info.reason, info.host)
        if shows_wikipedia(info.host, url[slash:]):
            return Verdict(url, 0, "wikipedia-host", info.host)
        kind = file_type(url)
        if kind in NOT_TEXT:
            return Verdict(url, 0, "not-text-type", kind)
        if self._subreddits and post.subreddit.lower() in self._subreddits:
            return Verdict(url, 0, "blocked-subreddit", post.subreddit)
        if flags & self._over_18:
            return Verdict(url, 0, "over-18", "")
        if post.created_utc is None:
            return Verdict(url, info.shard, "", "")
        if post.created_utc >= self._before:
            return Verdict(url, 0, "too-new", day(post.created_utc))
        if self._after is not None and post.created_utc < self._after:
            return Verdict(url, 0, "too-old", day(post.created_utc))
        return Verdict(url, info.shard, "", "")

    def _look_up_host(self, authority: str) -> HostInfo:
        host = _PORT.sub("", authority)
        reason, entry = self._hosts.decide(host)
        return HostInfo(host, shard_of_host(host.strip("[]"), self._shards), reason or "", entry)


def reaches_karma(scores: Sequence[int], section: LinksSection) -> bool:
    """The karma rule: whether the posts of a URL, by their scores, make it a link."""
    return (sum(scores) if section.score_rule == "sum" else max(scores)) >= section.min_score


def _seconds(day: date) -> int:
    return (day - _EPOCH).days * 86_400


def day(seconds: int) -> str:
    """The day (UTC) of a time in seconds since 1970, or the number itself where it is outside the calendar's years 1 to 9999."""
    return _day_of(seconds // 86_400) or str(seconds)


@lru_cache(10_000)
def _day_of(number: int) -> str:
    try:
        return (_EPOCH + timedelta(days=number)).isoformat()
    except OverflowError:
        return ""
