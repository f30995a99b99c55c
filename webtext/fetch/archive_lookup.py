"""Dead links: look for the capture nearest to the post in the web archives of `[fetch.archive]`.

An archive is crawled like every host: one connection, the delay between requests, Retry-After, retries, deadlines and size caps. A captured
page must meet the same conditions as a live one. An archive whose host stops answering is skipped for the rest of the shard.
"""

from __future__ import annotations

import io
import re
import zlib
from collections import Counter
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import partial
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from warcio.exceptions import ArchiveLoadFailed

from webtext.core.config import FetchSection
from webtext.fetch import cdx
from webtext.fetch.client import Archived, Client, Exchange, Limit
from webtext.fetch.failure import DOWN, Failure
from webtext.fetch.http_message import HEAD, HEAD_BYTES, PAGE, Headers, body_of, bounds, header, parse_head
from webtext.fetch.opt_out import OptOut
from webtext.fetch.page import ACCEPT, REDIRECT, SIDE_BYTES, Fetcher, redirect_target
from webtext.fetch.warc import parse_record, parse_warc_date, unpacked
from webtext.links.urls import BadUrl, canonical

TRIED = 3  # captures of a page that are tried, nearest first: a fourth is mostly of the same broken state of the page
DOWN_AFTER = 5  # failures of an archive's host in a row after which it counts as down; as for a page's host (crawl.DOWN_AFTER)
INDEX_ACCEPT = "application/json,*/*;q=0.5"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Found(NamedTuple):
    """Result of a lookup: a page and the name of its archive; or None and the reason."""

    exchange: Exchange | None
    text: str


class ArchiveLookup:
    """Searches the archives for captures, on one thread."""

    def __init__(self, section: FetchSection, client: Client, fetcher: Fetcher, opt_out: OptOut) -> None:
        self._section = section
        self._archive = section.archive
        self._client = client
        self._fetcher = fetcher
        self._opt_out = opt_out
        self._failures: Counter[str] = Counter()  # of a host, one after another

    def find(self, url: str, posted: datetime | None) -> Found:
        """The capture of a URL that is nearest to its post, or the earliest where no post is known. Raises Stopped."""
        when, days = (posted, self._archive.days) if posted is not None else (EPOCH, 0)
        captures: list[cdx.Capture] = []
        failures: dict[str, str] = {}  # the last one by host
        for index in self._archive.indexes:
            try:
                captures += self._lookup(cdx.query(index, url, when, days))
            except Failure as failure:
                failures[_host(index)] = failure.error
        for capture in cdx.nearest(captures, when, days)[:TRIED]:
            source = self._source(capture)
            try:
                exchange = self._record(source, capture) if capture.filename and self._archive.warcs else self._playback(source, capture)
            except Failure as failure:
                failures[_host(source)] = failure.error
                continue
            date = exchange.archived.when if exchange.archived else capture.when
            if cdx.nearest([capture._replace(when=date)], when, days):
                return Found(exchange, _host(source))
            exchange.received.close()
        return Found(None, "; ".join(f"{host}: {error}" for host, error in sorted(failures.items())) or "in no archive")

    def _source(self, capture: cdx.Capture) -> str:
        if capture.filename and self._archive.warcs:
            return urljoin(self._archive.warcs, capture.filename)
        return self._archive.playback.replace("{timestamp}", capture.timestamp).replace("{url}", capture.url)

    def _ask(self, url: str, statuses: frozenset[int], accept: str, limit: Limit, held: int, **more: str) -> Exchange:
        """The answer to a URL of an archive. Raises Failure where its status is none of those."""
        parts = self._fetcher.check_allowed(url)
        host = parts.hostname or ""
        if self._failures[host] >= DOWN_AFTER:
            raise Failure("host-down", host)
        delay = self._fetcher.delay(url, parts) if self._archive.robots else self._section.per_host_delay
        seconds = self._section.page_timeout
        get = partial(self._client.get, url, accept=accept, seconds=seconds, limit=limit, held=held, more=more)

        def once() -> Exchange:
            exchange = self._fetcher.when_allowed(parts, delay, get)
            if exchange.status not in statuses:
                exchange.received.close()
                raise self._fetcher.status_failure(exchange, host)
            return exchange

        self._client.forget_cookies()
        try:
            exchange = self._fetcher.with_retries(once)
        except Failure as failure:
            self._failures[host] = self._failures[host] + 1 if failure.error in DOWN else 0
            raise
        self._failures[host] = 0
        return exchange

    def _lookup(self, query: str) -> list[cdx.Capture]:
        exchange = self._ask(query, frozenset({200, 404}), INDEX_ACCEPT, lambda status, headers: cdx.ANSWER_BYTES, cdx.ANSWER_BYTES)
        exchange.received.close()
        try:
            if exchange.truncated:
                raise ValueError(f"longer than {cdx.ANSWER_BYTES} bytes")
            return cdx.captures(exchange.start)
        except ValueError as error:
            raise Failure("http-404" if exchange.status == 404 else "invalid-response", str(error)) from error

    def _playback(self, url: str, capture: cdx.Capture) -> Exchange:
        """A capture as the archive plays it back. Raises Failure."""
        for _hop in range(self._section.max_redirects + 1):
            exchange = self._ask(url, frozenset({200}) | REDIRECT, ACCEPT, self._fetcher.page_limit, HEAD)
            try:
                if exchange.status not in REDIRECT:
                    date = _memento_datetime(exchange.headers) or self._played(url)[0] or capture.when
                    exchange.archived = Archived(capture.url, date)
                    self._accept(exchange)
                    return exchange
                target = redirect_target(url, exchange.headers, exchange.status)
                if not _same_page(self._played(target)[1], capture.url):
                    raise Failure("bad-redirect", "to another page")
                url = target
            except BaseException:
                exchange.received.close()
                raise
            exchange.received.close()
        raise Failure("too-many-redirects", f"more than {self._section.max_redirects}")

    def _played(self, url: str) -> tuple[datetime | None, str]:
        """The time and the page that a playback URL names; (None, "") for any other URL."""
        pattern = re.escape(self._archive.playback).replace(r"\{timestamp\}", r"(\d{14})").replace(r"\{url\}", "(.+)")
        match = re.fullmatch(pattern, url)
        return (cdx.parse_timestamp(match[1]), match[2]) if match else (None, "")

    def _record(self, url: str, capture: cdx.Capture) -> Exchange:
        """A capture out of the WARC file that holds it: as if its site had answered so. Raises Failure."""
        limit = self._section.max_bytes + HEAD_BYTES
        if capture.length > limit:
            raise Failure("invalid-response", "a record that is longer than a page may be")

        def length(status: int, headers: Headers) -> int:
            if status == 200:
                raise Failure("invalid-response", "the whole file instead of a part")
            return capture.length if status == 206 else SIDE_BYTES

        end = capture.offset + capture.length - 1
        fields = {"Range": f"bytes={capture.offset}-{end}", "Accept-Encoding": "identity"}
        answer = self._ask(url, frozenset({206}), "*/*", length, capture.length, **fields)
        answer.received.close()
        try:
            exchange = _from_record(answer, capture, limit, self._section.max_bytes)
        except (zlib.error, EOFError, ArchiveLoadFailed, ValueError) as error:
            raise Failure("invalid-response", "not the record that the index names") from error
        self._fetcher.page_limit(exchange.status, exchange.headers)
        self._accept(exchange)
        return exchange

    def _accept(self, exchange: Exchange) -> None:
        if exchange.archived and self._opt_out.entry(exchange.archived.url) is not None:
            raise Failure("opt-out")
        self._fetcher.accept(exchange)


def _from_record(answer: Exchange, capture: cdx.Capture, limit: int, max_bytes: int) -> Exchange:
    """The exchange that a record tells of. Raises zlib.error, EOFError, ArchiveLoadFailed, ValueError, Failure."""
    data = unpacked(answer.start, limit)
    record = parse_record(data)
    fields = record.rec_headers
    if record.rec_type != "response" or not _same_page(fields.get_header("WARC-Target-URI") or "", capture.url):
        raise ValueError("another record")
    message = record.raw_stream.read()
    begin, end, body = bounds(message)
    parsed = parse_head(message[begin:end])
    if parsed is None or parsed[0] not in PAGE:
        raise ValueError("not a page")
    headers = parsed[1]
    content, whole = body_of(message[body:], headers, max_bytes + 1)
    whole = whole and len(data) < limit and fields.get_header("WARC-Truncated") is None
    return Exchange(
        url=answer.url,
        status=parsed[0],
        headers=headers,
        sent=b"",
        received=io.BytesIO(message),
        start=content[:HEAD],
        bytes=min(len(content), max_bytes),
        truncated=not whole or len(content) > max_bytes,
        whole=whole,
        ip=fields.get_header("WARC-IP-Address") or "",
        when=answer.when,
        archived=Archived(capture.url, parse_warc_date(fields.get_header("WARC-Date") or "") or capture.when),
    )


def _memento_datetime(headers: Headers) -> datetime | None:
    """When a page was captured, by RFC 7089 2.1.1."""
    try:
        when = parsedate_to_datetime(header(headers, "memento-datetime") or "")
    except (ValueError, TypeError, IndexError):
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=timezone.utc)


def _same_page(one: str, other: str) -> bool:
    """Whether two URLs have the same canonical form, ignoring http or https."""
    try:
        return canonical(one).partition("://")[2] == canonical(other).partition("://")[2]
    except (BadUrl, ValueError):
        return False


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
