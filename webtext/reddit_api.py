"""Reddit's live API, through PRAW: listings of subreddits become small dumps, which the stage `links` reads like any other.

A listing ends after some 1,000 posts, ten requests: whole archives are in the dumps, the API is for what is newer. Credentials are those of
a script application, read-only, from praw.ini or the environment (praw_client_id, praw_client_secret), as PRAW documents. PRAW keeps
to the rate that Reddit's answers grant.
"""

from __future__ import annotations

import configparser
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import praw
import prawcore
import zstandard
from praw.exceptions import PRAWException

from webtext.errors import UsageError, WebtextError
from webtext.files import write_bytes

ORDERS = ("new", "hot", "top")
TIMES = ("hour", "day", "week", "month", "year", "all")

# What the stage needs of a post. NB: no author, and of the text of a post only the marks of removal.
FIELDS = (
    "id url url_overridden_by_dest title score created_utc over_18 is_self removed_by_category promoted domain permalink num_comments"
).split()
MARKS = ("[removed]", "[deleted]")
_ATTEMPTS = 5  # at a listing, where Reddit says that it was asked too often
_WAIT = 60.0  # seconds, where it does not say how long


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
        """SUBREDDIT/new, SUBREDDIT/hot or SUBREDDIT/top/TIME. Raises UsageError."""
        subreddit, _, rest = text.removeprefix("r/").partition("/")
        order, _, span = rest.partition("/")
        known = re.fullmatch(r"\w{2,21}", subreddit, re.ASCII) and order in ORDERS and (span in TIMES if order == "top" else not span)
        if not known:
            raise UsageError(
                f"{text}: not a listing; write SUBREDDIT/new, SUBREDDIT/hot or SUBREDDIT/top/TIME with TIME of {', '.join(TIMES)}"
            )
        return cls(subreddit, order, span)

    @property
    def name(self) -> str:
        """The stem of the file for it."""
        return "-".join(part for part in (self.subreddit.lower(), self.order, self.time) if part)


def download(
    listings: Sequence[Listing],
    directory: Path,
    user_agent: str,
    *,
    site: str | None = None,
    progress: Callable[[str, int], None] = lambda name, posts: None,
) -> list[Path]:
    """Write a dump NAME.ndjson.zst a listing, sorted by id; returns their paths.

    A dump that is there is kept and not asked for again, so an interrupted download goes on with the listing that it was at; remove the
    files to ask anew. `site` is a section of praw.ini. `progress` is told the listing and its posts so far, for every hundred.
    Raises WebtextError that names the listing.
    """
    paths = [directory / f"{listing.name}.ndjson.zst" for listing in listings]
    missing = [(listing, path) for listing, path in zip(listings, paths) if not path.exists()]
    reddit = _connect(site, user_agent) if missing else None
    for listing, path in missing:
        posts = _patiently(listing, lambda listing=listing: _posts(reddit, listing, progress))  # type: ignore[misc]
        lines = sorted(posts.items())
        write_bytes(path, zstandard.ZstdCompressor(write_checksum=True).compress(b"".join(line for _, line in lines)))
    return paths


def _connect(site: str | None, user_agent: str) -> Any:
    try:
        # NB: the check would ask PyPI for a newer PRAW.
        reddit = praw.Reddit(site, user_agent=user_agent, check_for_updates=False)
    except (PRAWException, configparser.Error) as error:
        raise WebtextError(
            f"Reddit: {str(error).split(chr(10))[0]} Set praw_client_id and praw_client_secret or write a praw.ini."
        ) from None
    reddit.read_only = True
    return reddit


def _patiently(listing: Listing, attempt: Callable[[], dict[str, bytes]]) -> dict[str, bytes]:
    """Try a listing again from its beginning where Reddit was asked too often."""
    for number in range(_ATTEMPTS):
        try:
            return attempt()
        except prawcore.TooManyRequests as error:
            if number == _ATTEMPTS - 1:
                raise WebtextError(f"r/{listing.name}: Reddit answers that it is asked too often; try again in some minutes") from None
            wait = error.retry_after
            time.sleep(_WAIT if wait is None else float(wait))
        except prawcore.OAuthException as error:
            raise WebtextError(f"Reddit refuses the credentials ({error}); check praw_client_id and praw_client_secret") from None
        except prawcore.PrawcoreException as error:
            raise WebtextError(f"r/{listing.name}: {error}; is the subreddit there, public, and the network up?") from None
    raise AssertionError("unreachable")


def _posts(reddit: Any, listing: Listing, progress: Callable[[str, int], None]) -> dict[str, bytes]:
    """The lines of a listing's dump by id: a post that moves while its listing is read may come twice."""
    lines: dict[str, bytes] = {}
    for post in _submissions(reddit, listing):
        line = record(vars(post), post.subreddit.display_name)
        lines[line["id"]] = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SORT_KEYS)
        if len(lines) % 100 == 0:
            progress(listing.name, len(lines))
    progress(listing.name, len(lines))
    return lines


def _submissions(reddit: Any, listing: Listing) -> Iterator[Any]:
    subreddit = reddit.subreddit(listing.subreddit)
    if listing.order == "top":
        found: Iterator[Any] = subreddit.top(time_filter=listing.time, limit=None)
    else:
        found = getattr(subreddit, listing.order)(limit=None)
    return found


def record(post: dict[str, Any], subreddit: str) -> dict[str, Any]:
    """The line of a dump for a post's attributes."""
    line = {name: post[name] for name in FIELDS if name in post}
    line["subreddit"] = subreddit
    line["selftext"] = post["selftext"] if post.get("selftext") in MARKS else ""
    return line
