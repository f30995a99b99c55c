"""Posts as Reddit's dumps hold them: fields as they were in 2013-2015, 2016, 2017 and 2018. No post has an author."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from urllib.parse import urlsplit

import numpy as np

from webtext.demo.resources import DATA, read_toml, stable_choice, stable_int

FIRST_ID = 0x1_0000_000  # ids grow with time; where they begin does not matter


@dataclass(frozen=True)
class Post:
    """A submission. `created` is a day, YYYY-MM-DD. The URL of a self post is its own page on Reddit, whatever `url` says."""

    url: str
    score: int
    created: str
    title: str = ""
    subreddit: str = ""
    over_18: bool = False
    is_self: bool = False
    selftext: str = ""  # of a link: [removed] by a moderator, or [deleted] by its author
    promoted: bool = False

    @property
    def second(self) -> int:
        """When it was made, in seconds since 1970."""
        day = datetime.strptime(self.created, "%Y-%m-%d").replace(tzinfo=timezone.utc)
        return int(day.timestamp()) + stable_int(86_400, self.url, self.score, self.title)


def base36(number: int) -> str:
    """
    >>> base36(1295)
    'zz'
    """
    return np.base_repr(number, 36).lower()


def dump(posts: Iterable[Post]) -> list[dict[str, object]]:
    """The records of a dump, in the order in which the posts were made."""
    ordered = sorted(posts, key=lambda post: (post.second, post.url, post.score))
    return [record(post, base36(FIRST_ID + 9973 * place)) for place, post in enumerate(ordered)]


def escaped(text: str) -> str:
    """As Reddit gave strings out, in JSON too."""
    return html.escape(text, quote=False)


@cache
def _word_lists() -> dict[str, list[str]]:
    return read_toml("submissions.toml")


@cache
def _constant_fields(year: int) -> dict[str, object]:
    """The fields that all submissions of a year have with the same value."""
    periods = json.loads((DATA / "submission_fields.json").read_text(encoding="utf-8"))
    return {name: value for period in periods if period["from"] <= year <= period["until"] for name, value in period["fields"].items()}


def record(post: Post, name: str) -> dict[str, object]:
    """The JSON object of a post, with the fields that its year had."""
    year = int(post.created[:4])
    subreddit = post.subreddit or stable_choice(_word_lists()["subreddits"], post.url, post.score)
    title = post.title or title_of(post.url)
    slug = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:50].strip("_")
    permalink = f"/r/{subreddit}/comments/{name}/{slug}/"
    fields: dict[str, object] = {
        **_constant_fields(year),
        "created_utc": post.second if year > 2014 else str(post.second),
        "domain": f"self.{subreddit}" if post.is_self else urlsplit(post.url).netloc.lower().removeprefix("www."),
        "gilded": stable_int(40, name) // 39,
        "id": name,
        "is_self": post.is_self,
        "num_comments": stable_int(3 * abs(post.score) + 2, name, "comments"),
        "over_18": post.over_18,
        "permalink": permalink,
        "retrieved_on": post.second + 40 * 86_400,
        "score": post.score,
        "selftext": escaped(post.selftext),
        "subreddit": subreddit,
        "subreddit_id": f"t5_{base36(2_000_000 + stable_int(1_000_000, subreddit))}",
        "thumbnail": "self" if post.is_self else "default",
        "title": escaped(title),
        "url": f"https://www.reddit.com{permalink}" if post.is_self else escaped(post.url),
    }
    if year < 2016:
        fields |= {"created": str(post.second + 28_800), "name": f"t3_{name}", "ups": post.score}
    if post.promoted:
        fields |= {"promoted": True, "disable_comments": True, "href_url": post.url}
    return dict(sorted(fields.items()))


def title_of(url: str) -> str:
    """A title made of the last words of a URL."""
    parts = urlsplit(url)
    words = re.sub(r"\.\w+$", "", parts.path).rstrip("/").rsplit("/", 1)[-1] or parts.netloc
    return stable_choice(_word_lists()["title_openings"], url) + re.sub(r"[-_+]+", " ", words).strip().capitalize()
