"""Which field is what: given, guessed, or asked for; and dates."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from webtext.core.config import DocumentsSection
from webtext.core.errors import UsageError, WebtextError
from webtext.documents.fields import BrokenRow, NotReadable, SourceDocument, seconds_of
from webtext.documents.readers import read_documents, read_rows


def write(path: Path, *records: Any) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"body": "x", "uuid": "7", "link": "http://a/", "published": "2017-11-01"}, ("x", "7", "http://a/", None, 1509494400, {})),
        ({"TEXT": "x", "ID": 7, "Title": "t"}, ("x", "7", None, "t", None, {})),
        ({"content": "x", "text": "y"}, ("y", None, None, None, None, {"content": "x"})),  # `text` comes first
        ({"lyrics": "x", "id": "1", "n": 5}, ("x", "1", None, None, None, {"n": 5})),  # the only strings
        (
            {"text": "x", "metadata": {"url": "http://a/", "date": 1509494400}},
            ("x", None, "http://a/", None, 1509494400, {"metadata": {"url": "http://a/", "date": 1509494400}}),
        ),
        ({"text": "x", "date": "last week", "id": {"a": 1}}, ("x", None, None, None, None, {"date": "last week", "id": {"a": 1}})),
        ({"text": "x", "date": 2017, "url": ""}, ("x", None, None, None, None, {"date": 2017})),
    ],
)
def test_usual_names_are_found(tmp_path: Path, record: dict[str, Any], expected: tuple[Any, ...]) -> None:
    (document,) = read_documents(write(tmp_path / "a.jsonl", record))
    assert tuple(document)[:-2] == expected


def test_fields_that_are_given_come_first_and_are_told(tmp_path: Path) -> None:
    record = {"text": "no", "page": {"body": "yes"}, "when": "1509494400", "id": "1", "key": "k"}
    section = DocumentsSection(text_field="page.body", date_field="when", id_field="key")
    fields, rows = read_rows(str(write(tmp_path / "a.jsonl", record)), "a.jsonl", section)
    assert (fields.text, fields.date, fields.id, fields.url, fields.guessed) == ("page.body", "when", "key", "", ("url", "title"))
    assert list(rows) == [
        SourceDocument("yes", "k", None, None, 1509494400, {"text": "no", "page": {"body": "yes"}, "id": "1"}, "a.jsonl", 1)
    ]


def test_a_chat_is_refused_unless_what_was_said_is_named(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl", {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}], "id": "1"}
    )
    for keys in ({}, {"text_field": "messages"}):
        with pytest.raises(UsageError, match=r"a\.jsonl: 'messages' is a chat, .* give messages\.content as the text field"):
            list(read_documents(path, **keys))
    (document,) = read_documents(path, text_field="messages.content")
    assert document.text == "Hi\nYes?"
    shared = write(tmp_path / "b.jsonl", {"conversations": [{"from": "human", "value": "Hi"}]})
    with pytest.raises(UsageError, match=r"give conversations\.value as the text field"):
        list(read_documents(shared))


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"text_field": "txt"}, r"a\.jsonl, row 1: no field 'txt'; its fields are: text, n, when; 2 of 2 records are broken"),
        ({"text_field": "n"}, r"a\.jsonl, row 1: field 'n' is a number, not text"),
        ({"id_field": "key"}, r"a\.jsonl: no field 'key' in its first 2 records, whose fields are: text, n, when"),
        ({"url_field": "meta.url"}, r"a\.jsonl: no field 'meta.url'"),
        ({"date_field": "when"}, r"a\.jsonl, row 2: field 'when': 'soon' is no date"),
        ({"format": "parquet"}, r"a\.jsonl: not a whole Parquet file"),
    ],
)
def test_wrong_fields(tmp_path: Path, keys: dict[str, Any], sentence: str) -> None:
    path = write(tmp_path / "a.jsonl", {"text": "x", "n": 1, "when": "2017-11-01"}, {"text": "y", "n": 2, "when": "soon"})
    with pytest.raises(WebtextError, match=sentence):
        list(read_documents(path, **keys))


def test_which_text_is_asked_for_where_two_could_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"which field is the text\? Its fields are: question, reply; name one"):
        list(read_documents(write(tmp_path / "a.jsonl", {"question": "x", "reply": "y"})))


BROKEN = [
    b'{"txt": "x"}',
    b'{"text": 5}',
    b'{"text": null}',
    b"[1]",
    b'{"text": "x"',
    b'{"text": "\\ud800"}',
    b'{"text": "\xff"}',
    b'"text"',
]


def test_broken_records_are_named_and_skipped_up_to_a_share(tmp_path: Path) -> None:
    good = b'{"text": "good"}'
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join([good, *BROKEN, good, b""]))
    rows = list(read_rows(str(path), "a.jsonl", DocumentsSection())[1])
    assert [row.row for row in rows if isinstance(row, BrokenRow)] == list(range(2, 2 + len(BROKEN)))
    assert [row.text for row in rows if isinstance(row, SourceDocument)] == ["good", "good"]
    with pytest.raises(WebtextError, match=r"a\.jsonl, row 2: no field 'text'; .* 8 of 10 records are broken"):
        list(read_documents(path, max_broken=0.79))
    assert len(list(read_documents(path, max_broken=0.8))) == 2


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1509494400, 1509494400),
        (1509494400.9, 1509494400),
        ("1509494400", 1509494400),
        ("1509494400.0", 1509494400),
        ("2017-11-01", 1509494400),
        ("2017-11-01T00:00:00Z", 1509494400),
        ("2017-11-01 00:00:00.123456", 1509494400),
        ("2017-11-01T01:30:00+01:30", 1509494400),
        ("2017-10-31T19:00:00-0500", 1509494400),
        ("2017-11-01T00:00", 1509494400),
        (date(2017, 11, 1), 1509494400),
        (datetime(2017, 11, 1), 1509494400),
        (datetime(2017, 11, 1, 2, tzinfo=timezone(timedelta(hours=2))), 1509494400),
        ("1969-12-31T23:59:59.5Z", -1),
    ],
)
def test_dates(value: Any, seconds: int) -> None:
    assert seconds_of(value) == seconds


# Years, days as numbers and milliseconds are no seconds, and must not be read as such.
@pytest.mark.parametrize(
    "value", [2017, "2017", 20171101, "20171101", 1509494400000, True, float("nan"), float("inf"), "2017-13-01", "yesterday", [1], {}]
)
def test_what_is_no_date(value: Any) -> None:
    with pytest.raises(NotReadable):
        seconds_of(value)
