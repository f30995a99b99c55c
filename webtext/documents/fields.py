"""Which field of a record is its text, id, URL, title and date; and a record as a document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

from webtext.core.config import DocumentsSection
from webtext.core.errors import UsageError

Row = dict[str, Any]

_NESTED = ("metadata", "meta")
_TEXTS = ("text", "content", "body", "raw_content", "document", "article", "raw_text", "page_content", "passage", "sentence", "markdown")
_IDS = ("id", "doc_id", "_id", "uuid", "document_id", "docid", "guid")
_URLS = ("url", "source_url", "uri", "link", "warc-target-uri", "page_url")
_DATES = ("date", "created_utc", "timestamp", "created", "published", "crawl_timestamp", "created_at", "published_at", "warc-date")
_TITLES = ("title", "headline")
_CHATS = ("messages", "conversations", "conversation")

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?)?\s?(?:(Z|UTC)|([+-])(\d\d):?(\d\d)?)?", re.IGNORECASE
)
# Smaller numbers are years or days written as 20150101, larger ones milliseconds: of neither can be said that they are seconds.
_SECONDS = range(10**8, 10**11)


class SourceDocument(NamedTuple):
    """A document as its file has it. `id` and `url` are the source's own, `created_utc` is in seconds since 1970, and `meta` has the other
    fields as JSON values. `file` is relative to the common directory of the files, `row` counts from 1: a line, record or paragraph."""

    text: str
    id: str | None
    url: str | None
    title: str | None
    created_utc: int | None
    meta: dict[str, Any]
    file: str
    row: int


class BrokenRow(NamedTuple):
    """A record that is no document, and why."""

    file: str
    row: int
    reason: str


class Fields(NamedTuple):
    """The names of the fields that are read; "" where there is none. Dots reach into objects. `guessed`: those that were not given."""

    text: str
    id: str
    url: str
    title: str
    date: str
    guessed: tuple[str, ...] = ()


CANONICAL = Fields("text", "id", "url", "title", "date")  # of the readers of texts, which make records themselves


class NotReadable(ValueError):
    """A value that a field cannot have; the message is the reason."""


def value_at(record: Any, name: str) -> Any:
    """The value of a field, None where there is none. A name with dots reaches into objects, and into each object of a list.

    >>> value_at({"messages": [{"content": "a"}, {"content": "b"}]}, "messages.content")
    ['a', 'b']
    """
    if isinstance(record, dict) and name in record:  # a column may have a dot in its name
        return record[name]
    first, _, rest = name.partition(".")
    if isinstance(record, list):
        return [value_at(item, name) for item in record]
    if not isinstance(record, dict) or not rest or first not in record:
        return None
    return value_at(record[first], rest)


def text_at(record: Any, name: str) -> str:
    """The text of a field; strings of a list are joined by line feeds. Raises NotReadable for anything else."""
    value = value_at(record, name)
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    if value is None:
        names = ", ".join(map(str, record)) if isinstance(record, dict) else f"none, it is {type(record).__name__}"
        raise NotReadable(f"no field {name!r}; its fields are: {names}")
    raise NotReadable(f"field {name!r} is {_kind(value)}, not text")


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "a list of objects" if any(isinstance(item, dict) for item in value) else "a list"
    kinds = ((dict, "an object"), (bool, "true or false"), ((int, float), "a number"), (bytes, "bytes"))
    return next((name for kind, name in kinds if isinstance(value, kind)), type(value).__name__)


def resolve_fields(path: str, rows: Sequence[Row], section: DocumentsSection, headed: bool) -> Fields:
    """The fields that are given, and for others the usual names that the first rows have.

    Where no name is usual the only field of strings is the text, except in a `headed` table (CSV), where a single column may be a file
    without a header. Raises UsageError where the text is not to be found, or is a chat.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    found = {
        "id": section.id_field or _usual(rows, names, _IDS, (str, int)),
        "url": section.url_field or _usual(rows, names, _URLS, (str,)),
        "title": section.title_field or _usual(rows, names, _TITLES, (str,)),
        "date": section.date_field or _usual(rows, names, _DATES, (str, int, float, date)),
    }
    text = section.text_field or _usual(rows, names, _TEXTS, (str,))
    chat = next((name for name in ([text] if text else _CHATS) if any(_is_chat(value_at(row, name)) for row in rows)), None)
    if chat is not None:
        turn = next(item for row in rows for item in value_at(row, chat) or () if isinstance(item, dict))
        field = next((name for name in ("content", "value", "text") if name in turn), "content")
        raise UsageError(
            f"{path}: {chat!r} is a chat, a list of turns with roles; give {chat}.{field} as the text field to join what was said, "
            "or another field"
        )
    if not text and not headed:
        strings = [name for name in names if name not in found.values() and _usual(rows, [name], (name,), (str,))]
        text = strings[0] if len(strings) == 1 else ""
    if not text and rows:
        shown = ", ".join(name if len(name) <= 40 else f"{name[:40]}…" for name in names) or "none"
        header = ", or give the table a header, if this is no row of one" if headed else ""
        raise UsageError(f"{path}: which field is the text? Its fields are: {shown}; name one as the text field{header}")
    given = {"text": section.text_field, **{kind: getattr(section, f"{kind}_field") for kind in found}}
    for kind, name in given.items():  # of the text each record says so
        if name and kind != "text" and rows and name not in names and name.partition(".")[0] not in names:
            raise UsageError(f"{path}: no field {name!r} in its first {len(rows)} records, whose fields are: {', '.join(names)}")
    return Fields(text, **found, guessed=tuple(kind for kind, name in given.items() if not name))


def _usual(rows: Sequence[Row], names: Sequence[str], usual: Iterable[str], kinds: tuple[type, ...]) -> str:
    """The first usual name, whatever its case, with a value of one of some types; at last within `metadata`."""
    lower = {name.lower(): name for name in reversed(names)}
    wanted = [lower[name] for name in usual if name in lower]
    if usual is not _TEXTS:
        wanted += [f"{lower[outer]}.{name}" for outer in _NESTED if outer in lower for name in usual]
    for name in wanted:
        values = [value for row in rows if (value := value_at(row, name)) is not None]
        if any(isinstance(value, kinds) and not isinstance(value, bool) for value in values) or (not values and name in names):
            return name
    return ""


def _is_chat(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(turn, dict) and turn.keys() & {"role", "from", "speaker"} for turn in value)


def to_document(row: Row, fields: Fields, file: str, number: int) -> SourceDocument | BrokenRow:
    """A record as a document. A value that a guessed field cannot have stays in `meta`; of a field that was given it is refused."""
    try:
        text = text_at(row, fields.text)
        found: dict[str, Any] = {}
        taken = {fields.text}
        for kind, convert in (("id", _string), ("url", _string), ("title", _string), ("date", seconds_of)):
            name = getattr(fields, kind)
            value = value_at(row, name) if name else None
            try:
                found[kind] = None if value is None or value == "" else convert(value)
                taken.add(name)
            except NotReadable as error:
                if kind not in fields.guessed:
                    raise NotReadable(f"field {name!r}: {error}") from None
                found[kind] = None
    except NotReadable as error:
        return BrokenRow(file, number, str(error))
    meta = {name: json_value(value) for name, value in row.items() if name not in taken and value is not None}
    return SourceDocument(text, found["id"], found["url"], found["title"], found["date"], meta, file, number)


def _string(value: Any) -> str:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return str(value)
    raise NotReadable(f"it is {_kind(value)}, not text")


def seconds_of(value: Any) -> int:
    """Seconds since 1970 of a date: seconds as a number or digits, ISO 8601 (UTC where it has no zone), or a date of Parquet.

    >>> seconds_of("2017-11-01T00:00:00Z"), seconds_of("1509494400.5")
    (1509494400, 1509494400)
    """
    if isinstance(value, str):
        value = _parsed(value.strip())
    if isinstance(value, datetime):
        zoned = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return (zoned - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(seconds=1)
    if isinstance(value, date):
        return (value - date(1970, 1, 1)).days * 86400
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value and int(min(value, 10**12)) in _SECONDS:
        return int(value)
    raise NotReadable(f"{str(value)[:50]!r} is no date: neither seconds since 1970 nor ISO 8601")


def _parsed(text: str) -> Any:
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text)
    match = _ISO.fullmatch(text)
    if match is None:
        return text
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    sign, hours, minutes = match[8], int(match[9] or 0), int(match[10] or 0)
    try:
        offset = timedelta(hours=hours, minutes=minutes) * (-1 if sign == "-" else 1)
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone(offset))  # a leap second is that before it
    except ValueError:
        return text


def json_value(value: Any) -> Any:
    """A value as JSON can have it: dates in ISO 8601, decimals as strings; of bytes only how many there were."""
    if isinstance(value, (str, int, float)):  # by far the most
        return value
    if isinstance(value, dict):
        return {str(name): json_value(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(item) for item in value]
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, timedelta)):
        return str(value)
    return f"left out: {len(value):,} bytes" if isinstance(value, bytes) else value
