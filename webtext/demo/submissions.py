"""Posts as Reddit's dumps hold them: fields as they were in 2013-2015, 2016, 2017 and 2018. No post has an author."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from urllib.parse import urlsplit

from webtext.demo.looks import chance, pick

SUBREDDITS = (
    "programming",
    "Python",
    "learnprogramming",
    "compsci",
    "technology",
    "linux",
    "coding",
    "todayilearned",
    "TrueReddit",
    "webdev",
)
FIRST_ID = 0x1_0000_000  # ids grow with time; where they begin does not matter
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


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
        return int(day.timestamp()) + chance(86_400, self.url, self.score, self.title)


def base36(number: int) -> str:
    """
    >>> base36(1295)
    'zz'
    """
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"


def dump(posts: Iterable[Post]) -> list[dict[str, object]]:
    """The records of a dump, in the order in which the posts were made."""
    ordered = sorted(posts, key=lambda post: (post.second, post.url, post.score))
    return [record(post, base36(FIRST_ID + 9973 * place)) for place, post in enumerate(ordered)]


def escaped(text: str) -> str:
    """As Reddit gave strings out, in JSON too."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def record(post: Post, name: str) -> dict[str, object]:
    """The JSON object of a post, with the fields that its year had."""
    year = int(post.created[:4])
    subreddit = post.subreddit or pick(SUBREDDITS, post.url, post.score)
    title = post.title or title_of(post.url)
    slug = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:50].strip("_")
    permalink = f"/r/{subreddit}/comments/{name}/{slug}/"
    fields: dict[str, object] = {
        "author": "[deleted]",
        "author_flair_css_class": None,
        "author_flair_text": None,
        "created_utc": post.second if year > 2014 else str(post.second),
        "distinguished": None,
        "domain": f"self.{subreddit}" if post.is_self else urlsplit(post.url).netloc.lower().removeprefix("www."),
        "edited": False,
        "gilded": chance(40, name) // 39,
        "id": name,
        "is_self": post.is_self,
        "link_flair_css_class": None,
        "link_flair_text": None,
        "media": None,
        "media_embed": {},
        "num_comments": chance(3 * abs(post.score) + 2, name, "comments"),
        "over_18": post.over_18,
        "permalink": permalink,
        "retrieved_on": post.second + 40 * 86_400,
        "saved": False,
        "score": post.score,
        "secure_media": None,
        "secure_media_embed": {},
        "selftext": escaped(post.selftext),
        "stickied": False,
        "subreddit": subreddit,
        "subreddit_id": f"t5_{base36(2_000_000 + chance(1_000_000, subreddit))}",
        "thumbnail": "self" if post.is_self else "default",
        "title": escaped(title),
        "url": f"https://www.reddit.com{permalink}" if post.is_self else escaped(post.url),
    }
    if year < 2016:
        fields |= {
            "created": str(post.second + 28_800),
            "downs": 0,
            "from": None,
            "from_id": None,
            "from_kind": None,
            "name": f"t3_{name}",
            "ups": post.score,
        }
    if year >= 2015:
        fields |= {"archived": year < 2017, "hide_score": False, "quarantine": False}
    if year >= 2016:
        fields |= {"contest_mode": False, "locked": False, "spoiler": False}
    if year >= 2017:
        fields |= {
            "brand_safe": True,
            "can_gild": True,
            "is_crosspostable": True,
            "is_reddit_media_domain": False,
            "is_video": False,
            "num_crossposts": 0,
        }
        fields |= {"parent_whitelist_status": "all_ads", "suggested_sort": None, "view_count": None, "whitelist_status": "all_ads"}
    if post.promoted:
        fields |= {"promoted": True, "disable_comments": True, "href_url": post.url}
    return dict(sorted(fields.items()))


OPENINGS = ("", "", "", "Found this: ", "TIL about ", "A good read on ", "Worth your time: ", "[x-post] ")


def title_of(url: str) -> str:
    """A title made of the last words of a URL."""
    parts = urlsplit(url)
    words = re.sub(r"\.\w+$", "", parts.path).rstrip("/").rsplit("/", 1)[-1] or parts.netloc
    return pick(OPENINGS, url) + re.sub(r"[-_+]+", " ", words).strip().capitalize()
