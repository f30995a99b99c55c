"""What becomes of a line of a dump, by json.loads and one rule after another: slow and obviously right."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone

from webtext.core.config import LinksSection
from webtext.core.hashing import shard_of_host
from webtext.links.file_types import NOT_TEXT, file_type
from webtext.links.host_rules import HostRules, shows_wikipedia
from webtext.links.urls import BadUrl, canonical_slowly, parse

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def number(value: object) -> int | None:
    if (
        isinstance(value, str)
        and value.removesuffix(".0").removeprefix("-").isdigit()
        and value.isascii()
        and len(value.removesuffix(".0")) < 20
    ):
        value = int(value.removesuffix(".0"))
    if isinstance(value, float) and math.isfinite(value):
        value = math.floor(value)
    return value if type(value) is int and abs(value) < 2**62 else None


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def unescaped(value: str) -> str:
    return value.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def read(line: bytes) -> dict[str, object] | str:
    """The post, or why the line is broken."""
    post = json.loads(line)
    if not isinstance(post, dict):
        return "not a JSON object"
    name = post.get("id") or str(post.get("name") or "").removeprefix("t3_")
    if not isinstance(name, str) or not name:
        return "no id"
    if number(post.get("created_utc")) is None:
        return "no created_utc"
    score, ups, downs = number(post.get("score")), number(post.get("ups")), number(post.get("downs") or 0)
    if score is None and (ups is None or downs is None):
        return "no score"
    return {**post, "id": name, "score": ups - downs if score is None and ups is not None and downs is not None else score}


def outcome(line: bytes, section: LinksSection, shards: int) -> tuple[str, tuple[object, ...]]:
    """("broken", (why,)), ("rejected", (URL, id, reason, detail)) or ("kept", a row of the spill)."""
    post = read(line)
    if isinstance(post, str):
        return "broken", (post,)
    created, title = number(post["created_utc"]) or 0, text(post.get("title"))
    own_text, removed_by, subreddit = post.get("selftext"), text(post.get("removed_by_category")), text(post.get("subreddit"))
    url = unescaped(text(post.get("url_overridden_by_dest")) or text(post.get("url")))
    reasons = [
        ("promoted", post.get("promoted") is True),
        ("self-post", post.get("is_self") is True),
        ("removed", not section.removed and (own_text == "[removed]" or removed_by not in ("", "deleted", "author"))),
        (
            "deleted",
            not section.removed and (own_text == "[deleted]" or removed_by in ("deleted", "author") or title == "[deleted by user]"),
        ),
    ]
    try:
        full = canonical_slowly("https://www.reddit.com" + url if url.startswith("/") else url)
    except BadUrl as error:
        return "rejected", (url, post["id"], *next(((reason, "") for reason, is_so in reasons if is_so), ("bad-url", str(error))))
    parsed = parse(full)
    host, rest = parsed.host, full[full.index("/", 8) :]
    day = f"{EPOCH + timedelta(seconds=created):%Y-%m-%d}" if 0 <= created < 2**37 else str(created)
    details = {"not-text-type": file_type(full), "blocked-subreddit": subreddit, "over-18": "", "too-new": day, "too-old": day}
    listed = HostRules(section.block_hosts, section.allow_hosts).decide(host)[0] or ""
    blocked = {name.lower().removeprefix("r/") for name in section.block_subreddits}
    reasons += [
        (listed, listed != ""),
        ("wikipedia-host", shows_wikipedia(host, rest)),
        ("not-text-type", file_type(full) in NOT_TEXT),
        ("blocked-subreddit", subreddit.lower() in blocked),
        ("over-18", post.get("over_18") is True and not section.over_18),
        ("too-new", created >= datetime.combine(section.before, datetime.min.time(), timezone.utc).timestamp()),
        ("too-old", section.after is not None and created < datetime.combine(section.after, datetime.min.time(), timezone.utc).timestamp()),
    ]
    for reason, is_so in reasons:
        if is_so:
            return "rejected", (full, post["id"], reason, host if reason.endswith("-host") else details.get(reason, ""))
    over_18 = post.get("over_18") is True
    return "kept", (shard_of_host(host.strip("[]"), shards), full, post["id"], subreddit, post["score"], created, over_18, unescaped(title))
