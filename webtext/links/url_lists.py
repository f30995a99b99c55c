"""Links that are no Reddit dump: lists of URLs (text, CSV, TSV, JSON, Parquet, Arrow), also of other rebuilds, items of Hacker News.

`url` alone suffices. Where there are, a score, a time, a title, a subreddit and an id are read by the names that such files have for them.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from webtext.core.compression import SUFFIXES, Opener, decompressed
from webtext.core.hashing import url_id
from webtext.documents.fields import NotReadable, seconds_of
from webtext.documents.tables import Rows, read_arrow, read_csv, read_json, read_parquet
from webtext.documents.texts import read_text

_URLS = ("url", "link", "uri", "href")
_SCORES = ("score", "points", "karma", "reddit_scores", "scores")
_TIMES = ("created_utc", "created", "created_at_i", "time", "timestamp", "created_at", "date")
_IDS = ("id", "objectID", "name")
_OF_REDDIT = ("subreddit", "is_self", "selftext", "permalink")
_BOM = b"\xef\xbb\xbf"


def rows_of_list(path: str, opener: Opener) -> Rows | None:
    """The rows of a file that is no dump of JSON lines, by its first bytes; None for one that is. Raises WebtextError, UsageError."""
    head = next((piece for piece in decompressed(path, opener) if piece), b"").removeprefix(_BOM)
    name = PurePosixPath(path.lower())
    suffix = (name.with_suffix("") if name.suffix in SUFFIXES else name).suffix
    if head.startswith(b"PAR1"):
        return read_parquet(path, opener)
    if head.startswith(b"ARROW1"):
        return read_arrow(path, opener)
    if head.lstrip()[:1] == b"[" and suffix == ".json":
        return read_json(path, opener)
    first = head.partition(b"\n")[0].strip().decode("utf-8", "replace").lower()
    for delimiter in "\t,;":
        if set(re.split(rf'"?{delimiter}"?', first.strip('"'))) & {*_URLS}:
            return read_csv(path, opener, delimiter=delimiter)
    line = next((line for line in head.splitlines() if line.strip() and not line.startswith(b"#")), b"")
    if line.strip().lower().startswith((b"http://", b"https://")) or suffix in (".txt", ".urls"):
        return ((number, _of_line(row)) for number, row in read_text(path, opener, "line"))
    return None


def _of_line(row: dict[str, Any] | str) -> dict[str, Any] | str:
    """The URL of a line, up to a tab; a comment has none."""
    if isinstance(row, str):
        return row
    text = row["text"].partition("\t")[0].strip()
    return {} if text.startswith("#") else {"url": text}


def fields_of(row: dict[str, Any]) -> dict[str, Any] | None:
    """The fields of a Reddit submission that a row stands for; None for a row of Reddit's own, or without a URL of any name.

    `score` and `created_utc` are None where the row has none. An item of Hacker News without a URL is a self post.

    >>> fields_of({"type": "story", "id": 8863, "time": 1175714200, "score": 111, "url": "http://a.example/"})["id"]
    'hn-8863'
    """
    if any(name in row for name in _OF_REDDIT) and "created_utc" in row:
        return None
    inner = row.get("meta") or row.get("metadata")
    row = {**inner, **row} if isinstance(inner, dict) else row
    item = "objectID" in row or (row.get("type") in ("story", "comment", "poll", "job", "pollopt") and "time" in row)
    url = next((row[name] for name in _URLS if isinstance(row.get(name), str) and row[name]), "")
    if not url and not item:
        return None
    number = next((row[name] for name in _IDS if isinstance(row.get(name), (str, int)) and row[name]), None)
    score = next((row[name] for name in _SCORES if row.get(name) not in (None, "", [])), None)
    return {
        **row,
        "id": f"hn-{number}" if item else str(number or url_id(url)).removeprefix("t3_"),
        "url": url,
        "score": max(score, default=None) if isinstance(score, list) else score,
        "created_utc": next((row[name] for name in _TIMES if row.get(name) not in (None, "")), None),
        "is_self": not url or row.get("is_self"),
        "removed_by_category": "deleted" if row.get("deleted") else "dead" if row.get("dead") else None,
    }


def time_of(value: Any) -> int | None:
    """Seconds since 1970 of a date in any usual form; None where it is none."""
    try:
        return None if value is None else seconds_of(value)
    except NotReadable:
        return None
