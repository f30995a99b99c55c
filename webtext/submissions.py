"""A Reddit submission, in the field names of any year, and the rules that it must meet to count as a link.

A submission is judged by itself here; what the posts of a URL are worth together is judged in `webtext.links`.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

import orjson

from webtext.config import LinksSection
from webtext.hashing import shard_of_host
from webtext.hosts import HostRules, is_proxy, shows_wikipedia
from webtext.scan import DELETED, OVER_18, PROMOTED, QUERY, REMOVED, SELF
from webtext.urls import BadUrl, canonical, is_variant_host, may_track

# Endings of paths whose files hold no text, or none that a page's extractor reads.
NOT_TEXT = frozenset(
    "jpg jpeg jpe png gif gifv bmp webp tif tiff svg ico psd apng avif heic "  # pictures
    "mp3 m4a ogg oga opus wav flac aac wma mid midi "  # sound
    "mp4 m4v webm avi mov mkv flv wmv mpg mpeg 3gp ogv swf "  # films
    "zip rar 7z tar gz tgz bz2 xz zst iso dmg exe msi apk deb rpm jar bin torrent "  # archives and programs
    "pdf ps eps djvu doc docx xls xlsx ppt pptx odt ods odp rtf epub mobi "  # documents that are not pages of the web
    "ttf otf woff woff2 css".split()
)

_DAY = 86_400
_EPOCH = date(1970, 1, 1)


class BrokenLine(ValueError):
    """A line that is not a submission; the text says why."""


class Submission(NamedTuple):
    """What is kept of a post. `flags` are those of `webtext.scan`."""

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


class Place(NamedTuple):
    """What is known of an authority: its host, the shard, why it is left out ("": it is not), and whether its URLs need a closer look."""

    host: str
    shard: int
    reason: str
    special: bool


class Rules:
    """The rules of a configuration, in this order; the first that a post fails names it.

    promoted, self-post, removed, deleted, bad-url, the host's (reddit-host, media-host, wikipedia-host, blocked-host), not-text-type,
    blocked-subreddit, over-18, too-new, too-old.
    """

    def __init__(self, section: LinksSection, shards: int) -> None:
        self._hosts = HostRules(section.block_hosts, section.allow_hosts)
        self._subreddits = frozenset(name.lower().removeprefix("r/") for name in section.block_subreddits)
        self._shards = shards
        self._before = _seconds(section.before)
        self._after = -(2**62) if section.after is None else _seconds(section.after)
        self._over_18 = 0 if section.over_18 else OVER_18
        refused = [(PROMOTED, "promoted"), (SELF, "self-post")]
        refused += [] if section.removed else [(REMOVED, "removed"), (DELETED, "deleted")]
        self._refused = sum(flag for flag, _ in refused)
        every = range(2 * max(flag for flag, _ in refused))
        self._reasons = {flags: next((reason for flag, reason in refused if flags & flag), "") for flags in every}
        self._places: dict[str, Place] = {}

    def judge(self, url: str, subreddit: str, created: int, flags: int) -> Verdict:
        """What becomes of a post that links to `url`."""
        reason = self._reasons[flags & self._refused]
        try:
            url = canonical("https://www.reddit.com" + url if url.startswith("/") else url)
        except BadUrl as error:
            return url, 0, reason or "bad-url", "" if reason else str(error)
        if reason:
            return url, 0, reason, ""
        slash = url.index("/", 8)
        place = self.place(url[url.index("/") + 2 : slash])
        if place.reason:
            return url, 0, place.reason, place.host
        if shows_wikipedia(place.host, url[slash:]):
            return url, 0, "wikipedia-host", place.host
        return self._rest(url, place.shard, file_type(url), subreddit, created, flags)

    def judge_clean(self, url: str, host: str, kind: str, subreddit: str, created: int, flags: int) -> Verdict:
        """`judge` for a URL that the scanner found CLEAN, with its host and file type: what can be left out of it is."""
        place = self._places.get(host) or self.place(host)
        if place.special or (flags & QUERY and may_change(url)):
            return self.judge(url, subreddit, created, flags)
        if flags & self._refused:
            return url, 0, self._reasons[flags & self._refused], ""
        if place.reason:
            return url, 0, place.reason, place.host
        return self._rest(url, place.shard, kind, subreddit, created, flags)

    def _rest(self, url: str, shard: int, kind: str, subreddit: str, created: int, flags: int) -> Verdict:
        if kind in NOT_TEXT:
            return url, 0, "not-text-type", kind
        if self._subreddits and subreddit.lower() in self._subreddits:
            return url, 0, "blocked-subreddit", subreddit
        if flags & self._over_18:
            return url, 0, "over-18", ""
        if created >= self._before:
            return url, 0, "too-new", day(created)
        if created < self._after:
            return url, 0, "too-old", day(created)
        return url, shard, "", ""

    def place(self, authority: str) -> Place:
        """The place of an authority: a host, perhaps with a port."""
        place = self._places.get(authority)
        if place is None:
            host = _PORT.sub("", authority)
            shard = shard_of_host(host.strip("[]"), self._shards)
            special = is_variant_host(host) or is_proxy(host)
            place = Place(host, shard, self._hosts.reason(host) or "", special)
            if len(self._places) >= 200_000:
                self._places.clear()
            self._places[authority] = place
        return place


_PORT = re.compile(r":\d+$")


def may_change(url: str) -> bool:
    """Whether the parameters of a clean URL need a closer look, because some may go or because they are Google's cache's."""
    return may_track(url[url.index("?") + 1 :]) or "q=cache" in url


def file_type(url: str) -> str:
    """The ending of the last segment of a canonical URL's path, in lower case, or "".

    >>> file_type("http://example.org/a.JPG?b=c.d"), file_type("http://wiki.example/File:A.jpg")
    ('jpg', '')
    """
    path = url.partition("#")[0].partition("?")[0]
    segment = path[path.rindex("/") :]
    # NB: the page of a wiki about a picture ends as the picture does: File:A.jpg.
    return "" if ":" in segment or "%3A" in segment else segment.rpartition(".")[2].lower() if "." in segment else ""


def _seconds(day: date) -> int:
    return (day - _EPOCH).days * _DAY


def day(seconds: int) -> str:
    """The day (UTC) of a time since 1970, or the number itself where no calendar has it."""
    try:
        return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%d")
    except OverflowError:
        return str(seconds)
