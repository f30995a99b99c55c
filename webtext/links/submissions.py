"""Reads a Reddit submission from a line of a dump, in the field names of any year. The rules for it are in `webtext.links.rules`."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, NamedTuple

import msgspec
import orjson

from webtext.links.url_lists import fields_of, time_of

# Bits of `Submission.flags`.
OVER_18, SELF, PROMOTED, DELETED, REMOVED = (1 << bit for bit in range(5))
ALL_FLAGS = OVER_18 | SELF | PROMOTED | DELETED | REMOVED


class BrokenLine(ValueError):
    """A line that is not a submission; the message says why."""


class Submission(NamedTuple):
    """The fields of a post that the rules and the records of links need."""

    id: str
    url: str
    subreddit: str
    title: str
    score: int | None  # None: a list of URLs has none, and its URLs count as having reached the karma that is asked for
    created_utc: int | None  # None: not known
    flags: int


_SHORT = 64  # bytes of JSON in which "[deleted]" fits, also with every character escaped as \\uXXXX


class _Fields(msgspec.Struct, gc=False):
    """The fields that count, with the types of nearly all lines; of the other hundred no object is made."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    created_utc: int | float
    score: int | float
    url: str | None = None
    url_overridden_by_dest: str | None = None
    subreddit: str | None = None
    title: str | None = None
    over_18: bool | None = None
    is_self: bool | None = None
    promoted: bool | None = None
    removed_by_category: str | None = None
    selftext: msgspec.Raw = msgspec.Raw(b"null")


_decode = msgspec.json.Decoder(_Fields).decode


def read_submission(line: bytes) -> Submission:
    """Read a line of a dump. Raises BrokenLine.

    Fields changed over the years: `created_utc` is an integer, a float or a string of digits; `score` is absent in some early
    dumps, which have `ups` and `downs`; a crosspost's target is `url_overridden_by_dest`; removal is `removed_by_category` since 2018,
    `[removed]` and `[deleted]` as text before; advertisements of 2013-2018 are marked `promoted`. Self posts of dumps without
    `is_self` are known by their URL, which is Reddit's (NB: not by a `domain` that begins with "self.", which self.com does). URLs and
    titles are as the API gave them, with &, < and > as HTML entities or without.

    NB: of fields that nobody reads only the structure is checked, so bad UTF-8 or a bad escape there does not lose the post.
    """
    try:
        post = _decode(line)
        own_text = msgspec.json.decode(post.selftext) if len(post.selftext) <= _SHORT else None
    except (msgspec.DecodeError, UnicodeDecodeError):  # other types, or broken: see which
        return _read_any(line)
    created, score = _integer(post.created_utc), _integer(post.score)
    if created is None or score is None:
        return _read_any(line)
    url, title = post.url_overridden_by_dest or post.url or "", post.title or ""
    flags = _flags(post.over_18, post.promoted, post.is_self, own_text, post.removed_by_category or "", title)
    return Submission(post.id, unescape(url), post.subreddit or "", unescape(title), score, created, flags)


def _read_any(line: bytes) -> Submission:
    """Read a line whose fields may have any type, at three times the cost. Raises BrokenLine."""
    try:
        post = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        try:  # NB: with NaN and lone surrogates, which dumps have and orjson refuses
            post = _replaced(json.loads(line))
        except (ValueError, RecursionError):
            raise BrokenLine(f"not JSON: {error}") from None
    if not isinstance(post, dict):
        raise BrokenLine("not a JSON object")
    return of_row(post)


def _replaced(value: object) -> object:
    """A post with its lone surrogates replaced, as browsers do when they make text of them; only in the fields that may be read."""
    if not isinstance(value, dict):
        return value
    return {
        name: text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(text, str) else text
        for name, text in value.items()
    }


def of_row(post: dict[str, Any]) -> Submission:
    """A submission of a record with any fields: a line of a dump, or a row of a list of URLs. Raises BrokenLine."""
    other = fields_of(post)
    if other is not None:
        return _of_list(other)
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
    title, removed_by = _text(post.get("title")), _text(post.get("removed_by_category"))
    flags = _flags(post.get("over_18"), post.get("promoted"), post.get("is_self"), post.get("selftext"), removed_by, title)
    return Submission(name, unescape(url), _text(post.get("subreddit")), unescape(title), score, created, flags)


def _of_list(row: dict[str, Any]) -> Submission:
    """The submission of a row of a list, whose score and time may be absent, but not wrong."""
    score, created = _integer(row["score"]), _integer(row["created_utc"])
    created = time_of(row["created_utc"]) if created is None else created
    if (score is None) != (row["score"] is None):
        raise BrokenLine("no score")
    if (created is None) != (row["created_utc"] is None):
        raise BrokenLine("no created_utc")
    flags = _flags(row.get("over_18"), None, row["is_self"], None, row["removed_by_category"] or "", "")
    return Submission(row["id"], row["url"].strip(), _text(row.get("subreddit")), _text(row.get("title")), score, created, flags)


def _true(value: object) -> bool:
    return value in (True, 1) or (isinstance(value, str) and value.lower() in ("1", "true"))


def _flags(over_18: object, promoted: object, is_self: object, own_text: object, removed_by: str, title: str) -> int:
    flags = OVER_18 if _true(over_18) else 0
    flags |= PROMOTED if _true(promoted) else 0
    flags |= SELF if _true(is_self) else 0
    flags |= DELETED if own_text == "[deleted]" or removed_by in ("deleted", "author") or title == "[deleted by user]" else 0
    flags |= REMOVED if own_text == "[removed]" or removed_by not in ("", "deleted", "author") else 0
    return flags


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _integer(value: object) -> int | None:
    """An integer from a number or a string of digits; None for anything else and for what might overflow 64 bits when it is summed."""
    if type(value) is int and -(2**62) < value < 2**62:  # nearly always
        return value
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
