"""Reddit's live API, through PRAW: listings of subreddits become small dumps, which the stage `links` reads like any other.

A listing ends after some 1,000 posts, ten requests: whole archives are in the dumps, the API is for what is newer. Credentials are those of
a script application, read-only, from praw.ini or the environment (praw_client_id, praw_client_secret), as PRAW documents. PRAW keeps
to the rate that Reddit's answers grant.
"""

from __future__ import annotations

import configparser
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import praw
import prawcore
import zstandard
from praw.exceptions import PRAWException

from webtext.core.errors import WebtextError
from webtext.core.files import explain_os_errors, write_bytes
from webtext.links.listings import Listing

# What the stage needs of a post. NB: no author, and of the text of a post only the marks of removal.
FIELDS = (
    "id url url_overridden_by_dest title score created_utc over_18 is_self removed_by_category promoted domain permalink num_comments"
).split()
MARKS = ("[removed]", "[deleted]")
USER_AGENT = "python:webtext:0.1"  # where praw.ini and the environment give none
JOURNAL = ".journal"  # suffix of the posts of a listing that is not finished
_PAGE = 100  # posts of an answer of Reddit's
_ATTEMPTS = 5  # at a listing, where Reddit says that it was asked too often
_WAIT = 60.0  # seconds, where it does not say how long

Progress = Callable[[Listing, int], None]


def download(
    listings: Sequence[Listing], directory: Path, *, site: str = "", progress: Progress = lambda listing, posts: None
) -> list[Path]:
    """Write a dump NAME.ndjson.zst a listing, sorted by id; returns their paths.

    A dump that is there is kept and not asked for again; remove the files to ask anew. An interrupted listing goes on after the last page
    that is on the disk. `site` is a section of praw.ini. `progress` is told the listing and its posts so far, for every page.
    Raises WebtextError that names the listing.
    """
    paths = {listing: listing.dump(directory) for listing in listings}
    reddit = None if all(path.exists() for path in paths.values()) else _connect(site)
    for listing, path in paths.items():
        if not path.exists():
            posts = _posts(reddit, listing, path.with_suffix(JOURNAL), progress)
            lines = b"".join(line for _, line in sorted(posts.items()))
            write_bytes(path, zstandard.ZstdCompressor(write_checksum=True).compress(lines))
        path.with_suffix(JOURNAL).unlink(missing_ok=True)
    return list(paths.values())


def _posts(reddit: Any, listing: Listing, path: Path, progress: Progress) -> dict[str, bytes]:
    """The lines of a listing's dump by id, kept in a journal while they come."""
    journal = Journal(path)
    try:
        _patiently(listing, lambda: _read(reddit, listing, journal, progress))
    finally:
        journal.close()
    return journal.posts


class Journal:
    """The posts of a listing as they come, a line each; what was written last may be cut by a kill, and is then asked for again."""

    def __init__(self, path: Path) -> None:
        self.posts: dict[str, bytes] = {}  # by id: a post that moves while its listing is read comes twice
        self.last = ""  # the id of the post to go on after
        self.added = 0
        with explain_os_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "a+b")  # noqa: SIM115 - closed by close()
        self._file.seek(0)
        whole = self._file.read()
        whole = whole[: whole.rfind(b"\n") + 1]
        self._file.truncate(len(whole))
        for line in whole.splitlines(keepends=True):
            self._take(orjson.loads(line)["id"], line)

    def add(self, post: dict[str, Any]) -> None:
        line = orjson.dumps(post, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SORT_KEYS)
        self._file.write(line)
        self._take(post["id"], line)
        self.added += 1

    def _take(self, name: str, line: bytes) -> None:
        self.posts[name] = line
        self.last = name

    def sync(self) -> None:
        """Bring what came to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self.sync()
        self._file.close()


def _connect(site: str) -> Any:
    section = site or os.getenv("praw_site") or "DEFAULT"  # noqa: SIM112 - PRAW's own spelling
    try:
        agent = praw.config.Config(section).user_agent or USER_AGENT
        # NB: the check would ask PyPI for a newer PRAW.
        reddit = praw.Reddit(section, user_agent=agent, check_for_updates=False)
    except (PRAWException, configparser.Error) as error:
        raise WebtextError(
            f"Reddit: {str(error).split(chr(10))[0]} Set praw_client_id and praw_client_secret or write a praw.ini."
        ) from None
    reddit.read_only = True
    return reddit


def _patiently(listing: Listing, attempt: Callable[[], None]) -> None:
    """Go on with a listing where Reddit was asked too often."""
    again = "run the same command again to go on"
    for number in range(_ATTEMPTS):
        try:
            return attempt()
        except prawcore.TooManyRequests as error:
            if number == _ATTEMPTS - 1:
                raise WebtextError(f"r/{listing.name}: Reddit answers that it is asked too often; wait some minutes and {again}") from None
            wait = error.retry_after
            time.sleep(_WAIT if wait is None else float(wait))
        except (prawcore.RequestException, prawcore.ServerError) as error:
            raise WebtextError(f"r/{listing.name}: Reddit is not to be reached ({error}); {again}") from None
        except prawcore.PrawcoreException as error:
            # NB: false credentials are an OAuthException or, refused together with the request for a token, a plain answer of 401.
            if isinstance(error, prawcore.OAuthException) or (isinstance(error, prawcore.ResponseException) and "401" in str(error)):
                raise WebtextError(f"Reddit refuses the credentials ({error}); check praw_client_id and praw_client_secret") from None
            raise WebtextError(f"r/{listing.name}: {error}; is the subreddit there and public?") from None
    raise AssertionError("unreachable")


def _read(reddit: Any, listing: Listing, journal: Journal, progress: Progress) -> None:
    """Read a listing to its end, from where the journal is."""
    begun, before = journal.last, journal.added
    _read_after(reddit, listing, journal, progress)
    if begun and journal.added == before:
        # Nothing comes after that post: it was the last, or Reddit has lost it. What is asked from the start is merged.
        journal.last = ""
        _read_after(reddit, listing, journal, progress)


def _read_after(reddit: Any, listing: Listing, journal: Journal, progress: Progress) -> None:
    for post in _submissions(reddit, listing, journal.last):
        journal.add(record(vars(post), post.subreddit.display_name))
        if journal.added % _PAGE == 0:
            journal.sync()
            progress(listing, len(journal.posts))
    progress(listing, len(journal.posts))


def _submissions(reddit: Any, listing: Listing, after: str) -> Iterator[Any]:
    subreddit = reddit.subreddit(listing.subreddit)
    options: dict[str, Any] = {"limit": None, "params": {"after": f"t3_{after}"} if after else {}}
    if listing.order == "top":
        options["time_filter"] = listing.time
    found: Iterator[Any] = getattr(subreddit, listing.order)(**options)
    return found


def record(post: dict[str, Any], subreddit: str) -> dict[str, Any]:
    """The line of a dump for a post's attributes."""
    line = {name: post[name] for name in FIELDS if name in post}
    line["subreddit"] = subreddit
    line["selftext"] = post["selftext"] if post.get("selftext") in MARKS else ""
    return line
