"""A Reddit submission, in the field names of any year, and the rules that it must meet to count as a link.

A submission is judged by itself here; what the posts of a URL are worth together is judged in `webtext.links.phases`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from webtext.core.config import LinksSection
from webtext.core.hashing import shard_of_host
from webtext.links.file_types import NOT_TEXT, file_type
from webtext.links.host_rules import HostRules, is_proxy, shows_wikipedia
from webtext.links.scan_columns import DELETED, OVER_18, PROMOTED, REMOVED, SELF
from webtext.links.urls import BadUrl, canonical, is_variant_host, may_track

_DAY = 86_400
_EPOCH = date(1970, 1, 1)


class BrokenLine(ValueError):
    """A line that is not a submission; the text says why."""


class Submission(NamedTuple):
    """What is kept of a post. `flags` are those of `webtext.links.scan_columns`."""

    id: str
    url: str
    subreddit: str
    title: str
    score: int
    created_utc: int
    flags: int


def read_submission(line: bytes) -> Submission:
    """Read a line of a dump with a full parser. Raises BrokenLine.

    Fields as they were over the years: `created_utc` is an integer, a float or a string of digits; `score` is absent in some early
    dumps, which have `ups` and `downs`; a crosspost's target is `url_overridden_by_dest`; removal is `removed_by_category` since 2018,
    `[removed]` and `[deleted]` as text before; advertisements of 2013-2018 are marked `promoted`. Self posts of dumps without
    `is_self` are known by their URL, which is Reddit's (NB: not by a `domain` that begins with "self.", which self.com does). URLs and
    titles are as the API gave them, with &, < and > as HTML entities or without.
    """
    try:
        post = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BrokenLine(f"not JSON: {error}") from None
    if not isinstance(post, dict):
        raise BrokenLine("not a JSON object")
    name = post.get("id") or str(post.get("name") or "").removeprefix("t3_")
    if not isinstance(name, str) or not name:
        raise BrokenLine("no id")
    created = _integer(post.get("created_utc"))
    if created is None:
        raise BrokenLine("no created_utc")
    score = _integer(post.get("score"))
    if score is None:
        ups, downs = _integer(post.get("ups")), _integer(post.get("downs") or 0)
        if ups is None or downs is None:
            raise BrokenLine("no score")
        score = ups - downs
    url = _text(post.get("url_overridden_by_dest")) or _text(post.get("url"))
    title = _text(post.get("title"))
    return Submission(name, unescape(url), _text(post.get("subreddit")), unescape(title), score, created, _flags(post, title))


def _flags(post: dict[str, object], title: str) -> int:
    own_text, removed_by = post.get("selftext"), _text(post.get("removed_by_category"))
    flags = OVER_18 if post.get("over_18") is True else 0
    flags |= PROMOTED if post.get("promoted") is True else 0
    flags |= SELF if post.get("is_self") is True else 0
    flags |= DELETED if own_text == "[deleted]" or removed_by in ("deleted", "author") or title == "[deleted by user]" else 0
    flags |= REMOVED if own_text == "[removed]" or removed_by not in ("", "deleted", "author") else 0
    return flags


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _integer(value: object) -> int | None:
    """An integer that fits 64 bits, from what the years made of it."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        digits = value.removesuffix(".0")
        value = int(digits) if len(digits) < 20 and digits.isascii() and digits.removeprefix("-").isdigit() else None
    if isinstance(value, float):
        value = math.floor(value) if math.isfinite(value) else None
    return value if isinstance(value, int) and -(2**62) < value < 2**62 else None


def unescape(text: str) -> str:
    """Undo the three entities that Reddit's API writes unless it is asked not to.

    >>> unescape("a?b=1&amp;c=2")
    'a?b=1&c=2'
    """
    if "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


# What becomes of a post: the canonical URL (as given where there is none), its shard, the reason why it is left out ("": it stays), detail.
Verdict = tuple[str, int, str, str]
Numbers = NDArray[np.int64]


# Why a post is left out by itself. A post that fails more than one rule is named after the first of them in this order.
REASONS = (
    "", "promoted", "self-post", "removed", "deleted", "bad-url", "reddit-host", "media-host", "wikipedia-host", "blocked-host",
    "not-text-type", "blocked-subreddit", "over-18", "too-new", "too-old",
)  # fmt: skip
_CODES = {reason: code for code, reason in enumerate(REASONS)}

# What is known of an authority as a number: the code of the reason why it is left out, a bit where its URLs need a closer look, its shard.
_REASON_BITS, _SPECIAL, _SHARD_SHIFT = 0x7F, 0x80, 8
_AUTHORITIES = 50_000  # known at a time


class Rules:
    """The rules of a configuration."""

    def __init__(self, section: LinksSection, shards: int) -> None:
        self.subreddits = frozenset(name.lower().removeprefix("r/") for name in section.block_subreddits)
        self._hosts = HostRules(section.block_hosts, section.allow_hosts)
        self._shards = shards
        self._before = _seconds(section.before)
        self._after = -(2**62) if section.after is None else _seconds(section.after)
        self._over_18 = 0 if section.over_18 else OVER_18
        refused = [(PROMOTED, "promoted"), (SELF, "self-post")]
        refused += [] if section.removed else [(REMOVED, "removed"), (DELETED, "deleted")]
        self._refused = sum(flag for flag, _ in refused)
        every = range(2 * max(flag for flag, _ in refused))
        self._by_flags = np.array([next((_CODES[reason] for flag, reason in refused if flags & flag), 0) for flags in every])
        self._places = _Places(self._place)

    def judge(self, url: str, subreddit: str, created: int, flags: int) -> Verdict:
        """What becomes of a post that links to `url`."""
        reason = REASONS[self._by_flags[flags & self._refused]]
        try:
            url = canonical("https://www.reddit.com" + url if url.startswith("/") else url)
        except BadUrl as error:
            return url, 0, reason or "bad-url", "" if reason else str(error)
        if reason:
            return url, 0, reason, ""
        slash = url.index("/", 8)
        authority = url[url.index("/") + 2 : slash]
        place, host = self._places[authority], _PORT.sub("", authority)
        if place & _REASON_BITS:
            return url, 0, REASONS[place & _REASON_BITS], host
        if shows_wikipedia(host, url[slash:]):
            return url, 0, "wikipedia-host", host
        kind = file_type(url)
        if kind in NOT_TEXT:
            return url, 0, "not-text-type", kind
        if self.subreddits and subreddit.lower() in self.subreddits:
            return url, 0, "blocked-subreddit", subreddit
        if flags & self._over_18:
            return url, 0, "over-18", ""
        if created >= self._before:
            return url, 0, "too-new", day(created)
        if created < self._after:
            return url, 0, "too-old", day(created)
        return url, place >> _SHARD_SHIFT, "", ""

    # For many posts at once, whose URLs the scanner found CLEAN and no closer look is needed at:

    def codes(self, flags: Numbers, kinds: Numbers, created: Numbers, places: Numbers, blocked: Numbers | None) -> Numbers:
        """The reasons that `judge` gives, as their places in REASONS. `kinds` are -1 for a file that may hold text."""
        codes = np.where(created < self._after, _CODES["too-old"], 0)
        codes[created >= self._before] = _CODES["too-new"]
        codes[(flags & self._over_18) != 0] = _CODES["over-18"]
        if blocked is not None:
            codes[blocked != 0] = _CODES["blocked-subreddit"]
        codes[kinds >= 0] = _CODES["not-text-type"]
        of_host, of_flags = places & _REASON_BITS, self._by_flags[flags & self._refused]
        codes = np.where(of_host != 0, of_host, codes)
        return np.where(of_flags != 0, of_flags, codes)

    def places(self, hosts: list[str]) -> Numbers:
        """What is known of each host, for the functions around this one."""
        return np.fromiter(map(self._places.__getitem__, hosts), np.int64, len(hosts))

    def blocked(self, subreddits: list[str]) -> Numbers:
        """1 for each that the configuration leaves out."""
        return np.fromiter((name.lower() in self.subreddits for name in subreddits), np.int64, len(subreddits))

    @staticmethod
    def special(places: Numbers) -> Numbers:
        """Not 0 where a URL of the host may have another canonical form, or show the page of another host: `judge` knows."""
        return places & _SPECIAL

    @staticmethod
    def shards_of(places: Numbers) -> Numbers:
        return places >> _SHARD_SHIFT

    def _place(self, authority: str) -> int:
        host = _PORT.sub("", authority)
        special = is_variant_host(host) or is_proxy(host)
        reason = _CODES[self._hosts.reason(host) or ""]
        return reason | (_SPECIAL if special else 0) | shard_of_host(host.strip("[]"), self._shards) << _SHARD_SHIFT


class _Places(dict[str, int]):
    """Makes what it is asked for and has not; forgets all when it is full."""

    def __init__(self, make: Callable[[str], int]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, authority: str) -> int:
        if len(self) >= _AUTHORITIES:
            self.clear()
        self[authority] = place = self._make(authority)
        return place


_PORT = re.compile(r":\d+$")


def may_change(url: str) -> bool:
    """Whether the parameters of a clean URL need a closer look, because some may go or because they are Google's cache's."""
    return may_track(url[url.index("?") + 1 :]) or "q=cache" in url


def _seconds(day: date) -> int:
    return (day - _EPOCH).days * _DAY


def day(seconds: int) -> str:
    """The day (UTC) of a time since 1970, or the number itself where no calendar has it."""
    try:
        return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%d")
    except OverflowError:
        return str(seconds)
