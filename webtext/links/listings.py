"""Listings of subreddits by name, and the small dumps that they become. What asks Reddit for them is `webtext.links.reddit_api`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from webtext.core.errors import UsageError

ORDERS = ("new", "hot", "top")
TIMES = ("hour", "day", "week", "month", "year", "all")


@dataclass(frozen=True)
class Listing:
    """Posts of a subreddit in an order, for `top` those of a time.

    >>> Listing.parse("programming/top/year").name
    'programming-top-year'
    """

    subreddit: str
    order: str
    time: str = ""

    @classmethod
    def parse(cls, text: str) -> Listing:
        """SUBREDDIT (its newest posts), SUBREDDIT/new, SUBREDDIT/hot or SUBREDDIT/top/TIME. Raises UsageError."""
        subreddit, _, rest = text.removeprefix("r/").partition("/")
        order, _, span = (rest or "new").partition("/")
        known = re.fullmatch(r"\w{2,21}", subreddit, re.ASCII) and order in ORDERS and (span in TIMES if order == "top" else not span)
        if not known:
            forms = "SUBREDDIT, SUBREDDIT/new, SUBREDDIT/hot or SUBREDDIT/top/TIME"
            raise UsageError(f"{text}: not a listing; write {forms} with TIME of {', '.join(TIMES)}")
        return cls(subreddit, order, span)

    @property
    def name(self) -> str:
        """The stem of the file for it."""
        return "-".join(part for part in (self.subreddit.lower(), self.order, self.time) if part)

    def dump(self, directory: Path) -> Path:
        """The dump that it becomes in a directory."""
        return directory / f"{self.name}.ndjson.zst"
