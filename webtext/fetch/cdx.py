"""Indexes of web archives: what to ask a CDX server for, and what it answers.

Understood are the Wayback Machine's CDX server (`output=json` is an array of arrays, the first of them the names of the columns;
https://github.com/internetarchive/wayback/tree/master/wayback-cdx-server) and pywb's, which is Common Crawl's (an object a line;
https://pywb.readthedocs.io/en/latest/manual/cdxserver_api.html). The latter names the WARC file of a capture and its place in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import orjson

ROWS = 50  # captures that an index is asked for; they come nearest first where the server can sort so
ANSWER_BYTES = 2**20


class Capture(NamedTuple):
    """A capture of a page: the URL as the archive has it and when it was made; `filename` is "" where the index names no WARC file."""

    url: str
    when: datetime
    filename: str
    offset: int
    length: int

    @property
    def timestamp(self) -> str:
        return timestamp(self.when)


def timestamp(when: datetime) -> str:
    """`20171231235959`: a time as archives write it, in UTC."""
    return when.astimezone(timezone.utc).strftime("%Y%m%d%H%M%S")


def query(index: str, url: str, when: datetime, days: int) -> str:
    """The URL that asks `index` for the captures of `url` nearest to `when`, at most so many days from it (0: any)."""
    wanted = {"url": url, "output": "json", "filter": "statuscode:200", "closest": timestamp(when), "sort": "closest", "limit": str(ROWS)}
    if days:
        wanted["from"], wanted["to"] = (timestamp(when + timedelta(days=sign * days)) for sign in (-1, 1))
    return f"{index}{'&' if '?' in index else '?'}{urlencode(wanted, quote_via=quote, safe='')}"


def captures(answer: bytes) -> list[Capture]:
    """The captures with status 200 that an answer tells of; rows of anything else are passed over. Raises ValueError for no answer.

    >>> captures(b'[["timestamp","original","statuscode"],["20120304050607","http://example.org/","200"]]')[0].timestamp
    '20120304050607'
    """
    return [capture for row in _rows(answer) if (capture := _capture(row)) is not None]


def _rows(answer: bytes) -> list[dict[str, Any]]:
    if answer.lstrip()[:1] == b"[":
        table = [row for row in orjson.loads(answer) if isinstance(row, list) and row]
        return [dict(zip(map(str, table[0]), row)) for row in table[1:]]
    rows = [orjson.loads(line) for line in answer.splitlines() if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("neither an array nor an object a line")
    return rows


def _capture(row: dict[str, Any]) -> Capture | None:
    url = row.get("original", row.get("url"))
    when = parse_timestamp(str(row.get("timestamp", "")))
    status = str(row.get("statuscode", row.get("status", "200")))
    # NB: `warc/revisit` stands for a capture equal to an earlier one: the Wayback Machine finds that by itself, a WARC range has no body
    revisit = str(row.get("mimetype", row.get("mime", ""))) == "warc/revisit"
    if not isinstance(url, str) or when is None or status not in ("200", "-"):
        return None
    filename, offset, length = row.get("filename"), str(row.get("offset", "")), str(row.get("length", ""))
    if not isinstance(filename, str) or not _NUMBER.fullmatch(offset) or not _NUMBER.fullmatch(length):
        return Capture(url, when, "", 0, 0)
    return None if revisit else Capture(url, when, filename, int(offset), int(length))


_NUMBER = re.compile(r"[0-9]{1,15}")


def parse_timestamp(text: str) -> datetime | None:
    """The time of 14 digits in UTC; None where they are none."""
    if not re.fullmatch(r"[0-9]{14}", text):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def nearest(found: Sequence[Capture], when: datetime, days: int) -> list[Capture]:
    """The captures within so many days of `when` (0: any), the nearest first; of two as near the earlier one, then by URL and place."""
    near = [one for one in found if not days or abs(one.when - when) <= timedelta(days=days)]
    return sorted(set(near), key=lambda one: (abs(one.when - when), one))
