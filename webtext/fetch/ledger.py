"""What the ledger says of a URL (webtext.core.records.LEDGER). Times are in milliseconds, and where the page lies is filled in later."""

from __future__ import annotations

from datetime import datetime

from webtext.core.config import FetchSection
from webtext.core.tables import Record
from webtext.fetch.client import Exchange
from webtext.fetch.http_message import kind_of
from webtext.fetch.page import Answer


def fixed_time(section: FetchSection) -> datetime | None:
    return datetime.fromisoformat(section.fixed_time.replace("Z", "+00:00")) if section.fixed_time else None


def ledger_row(link_id: str, url: str, answer: Answer, when: datetime | None) -> Record:
    """The record of what the live site answered."""
    failure = answer.failure
    page = answer.exchanges[-1] if failure is None else None
    return {
        "id": link_id,
        "url": url,
        "final_url": answer.final_url or None,
        "error": failure.error if failure else None,
        "detail": failure.detail if failure else "",
        "status": answer.status,
        "attempts": answer.attempts,
        "redirects": answer.redirects,
        "content_type": answer.content_type,
        "bytes": page.bytes if page else None,
        "truncated": page.truncated if page else False,
        "digest": None,
        "started": _milliseconds(when or answer.started),
        "seconds": 0.0 if when else round(answer.seconds, 3),
        "archive": None,
        "captured": _milliseconds(when or answer.captured) if page else None,
        "warc": None,
        "offset": None,
        "length": None,
    }


def archived_row(row: Record, exchange: Exchange, archive: str) -> Record:
    """The record of a page that an archive has; `row` is the live site's, whose failure becomes the detail."""
    archived = exchange.archived
    assert archived is not None  # which is what makes it an archive's
    return {
        **row,
        "final_url": archived.url,
        "error": None,
        "detail": row["error"],
        "status": exchange.status,
        "redirects": [],
        "content_type": kind_of(exchange.headers),
        "bytes": exchange.bytes,
        "truncated": exchange.truncated,
        "archive": archive,
        "captured": _milliseconds(archived.when),
    }


def failed_row(row: Record, text: str) -> Record:
    """The record of a dead link that no archive has either."""
    return {**row, "detail": f"{row['detail']}; {text}" if row["detail"] else text}


def _milliseconds(when: datetime) -> int:
    return round(when.timestamp() * 1000)
