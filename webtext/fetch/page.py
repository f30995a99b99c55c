"""One page: requests, redirects, refusals and retries, until it is fetched or has failed for a named reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TypeVar
from urllib.parse import SplitResult

from webtext.core.config import FetchSection
from webtext.fetch import soft404
from webtext.fetch.client import Client, Exchange, urlsplit_or_fail
from webtext.fetch.failure import Failure
from webtext.fetch.http_message import PAGE, Headers, body_of, bounds, header, kind_of, parse_head, robots_directives
from webtext.fetch.opt_out import OptOut
from webtext.fetch.rate_limit import HostRateLimiter
from webtext.fetch.robots import MAX_BYTES, REDIRECTS, Robots, Rules, parse, parse_reservations
from webtext.links import urls
from webtext.links.urls import BadScheme, BadUrl

REDIRECT = frozenset({301, 302, 303, 307, 308})
PROBES = 1000  # hosts whose answers to a probe are kept
SIDE_BYTES = 65536  # of an answer that is no page: what is read so that its connection can be kept
ACCEPT = "text/html,application/xhtml+xml,text/plain;q=0.8,*/*;q=0.1"
ROBOTS_ACCEPT = "text/plain,*/*;q=0.5"

Got = TypeVar("Got")


@dataclass
class Answer:
    """What became of a URL: the exchanges of the attempt that succeeded, the page's last, or the failure that ended the last attempt."""

    started: datetime
    captured: datetime
    exchanges: list[Exchange] = field(default_factory=list)
    failure: Failure | None = None
    redirects: list[str] = field(default_factory=list)
    final_url: str = ""
    status: int | None = None
    content_type: str | None = None
    attempts: int = 0
    seconds: float = 0.0  # of asking, in all attempts; without the waits between requests

    def close(self) -> None:
        """Drop the exchanges and close their temporary files."""
        for exchange in self.exchanges:
            exchange.received.close()
        self.exchanges.clear()


class Fetcher:
    """Fetches pages on one thread. `canonical` gives a URL the form in which opt-outs are looked up."""

    def __init__(
        self,
        section: FetchSection,
        client: Client,
        rate_limiter: HostRateLimiter,
        robots: Robots,
        opt_out: OptOut,
        canonical: Callable[[str], str],
    ) -> None:
        self._section = section
        self._client = client
        self._rate_limiter = rate_limiter
        self._robots = robots
        self._opt_out = opt_out
        self._canonical = canonical
        self._probes: dict[str, soft404.Probe] = {}
        self.agent = product_token(section.user_agent)

    def fetch(self, url: str) -> Answer:
        """Fetch a page. Raises Stopped where the task is being ended; every other outcome is an Answer."""
        started = _now()
        answer = Answer(started, started)
        try:
            self.with_retries(lambda: self._attempt(url, answer))
        except Failure as failure:
            answer.failure = failure
            answer.status = failure.status or answer.status
            answer.close()
        except BaseException:
            answer.close()
            raise
        return answer

    def _wait(self, failure: Failure, attempt: int) -> float | None:
        """Seconds before the next attempt; None where there is to be none."""
        wait = max(self._section.retry_wait * 2**attempt, failure.retry_after or 0.0)
        return wait if failure.transient and attempt < self._section.retries and wait <= self._section.longest_wait else None

    def _attempt(self, url: str, answer: Answer) -> None:
        answer.close()
        answer.redirects.clear()
        answer.final_url, answer.status, answer.content_type = "", None, None
        self._client.forget_cookies()
        url = asked = without_user(url)
        deadline = answer.seconds + self._section.page_timeout
        seen = {(url, self._client.cookies())}
        for hop in range(self._section.max_redirects + 1):
            parts = self.check_allowed(url)
            delay = self.delay(url, parts)
            answer.attempts += hop == 0
            answer.final_url = url
            before = self._client.spent
            get = partial(self._client.get, url, accept=ACCEPT, seconds=max(deadline - answer.seconds, 0.0), limit=self.page_limit)
            try:
                exchange = self.when_allowed(parts, delay, get)
            finally:
                answer.seconds += self._client.spent - before
            answer.exchanges.append(exchange)
            answer.captured = exchange.when
            answer.final_url, answer.status, answer.content_type = exchange.url, exchange.status, kind_of(exchange.headers)
            if exchange.status not in REDIRECT:
                if exchange.status not in PAGE:
                    raise self.status_failure(exchange, parts.hostname or "")
                refresh = soft404.refresh_target(url, exchange.start) if is_html(exchange) else None
                if refresh is None:
                    self._check_page(asked, url, parts, exchange)
                    return
                target = redirect_target(url, (("Location", refresh),), exchange.status)
            else:
                target = redirect_target(url, exchange.headers, exchange.status)
            state = (target, self._client.cookies())
            if state in seen:
                raise Failure("redirect-loop", target, status=exchange.status)
            seen.add(state)
            answer.redirects.append(url)
            url = target
        raise Failure("too-many-redirects", f"more than {self._section.max_redirects}", status=answer.status)

    def _check_page(self, asked: str, url: str, parts: SplitResult, exchange: Exchange) -> None:
        """Raises Failure for an answer that is not kept: it is no page, another page than the one asked for, or not for us."""
        directives, page = self.accept(exchange)
        if page is not None:
            reason = soft404.misdirected(asked, url)
            if not reason and soft404.in_doubt(asked, url, page):
                reason = soft404.as_the_probe(url, page, self._probe(_origin(urlsplit_or_fail(asked))))
            if reason:
                raise Failure("soft-404", reason, status=exchange.status)
        if "tdm-reservation: 0" not in directives:
            self._check_reservation(url, parts)

    def _probe(self, origin: str) -> soft404.Probe:
        """What a host answers for a path that nobody has made; asked once. Where it does not answer, that says nothing."""
        if origin not in self._probes:
            if len(self._probes) >= PROBES:
                self._probes.clear()
            self._probes[origin] = self._ask_probe(soft404.probe_url(origin))
        return self._probes[origin]

    def _ask_probe(self, url: str) -> soft404.Probe:
        try:
            parts = self.check_allowed(url)
            delay = self.delay(url, parts)
            get = partial(self._client.get, url, accept=ACCEPT, seconds=self._section.page_timeout, limit=self.page_limit)
            exchange = self.when_allowed(parts, delay, get)
            with exchange.received:
                target = redirect_target(url, exchange.headers, exchange.status) if exchange.status in REDIRECT else ""
                return soft404.Probe(exchange.status, target, soft404.words(soft404.shown(exchange.start)))
        except Failure:
            return soft404.Probe(0, "", frozenset())

    def when_allowed(self, parts: SplitResult, delay: float, get: Callable[[], Exchange]) -> Exchange:
        """`get()` as soon as the rate limit allows, and once more where a kept-alive connection turned out to be closed."""
        try:
            with self._rate_limiter.acquire(parts.hostname or "", delay):
                return get()
        except Failure as failure:
            if not failure.stale:
                raise
        with self._rate_limiter.acquire(parts.hostname or "", delay):
            return get()

    def check_allowed(self, url: str) -> SplitResult:
        """The parts of a URL. Raises Failure for a scheme that is not http(s), and for an opted-out host or prefix."""
        parts: SplitResult = urlsplit_or_fail(url)
        if parts.scheme not in ("http", "https"):
            raise Failure("bad-scheme", f"{parts.scheme or 'no'} scheme")
        entry = self._opt_out.entry(url) or self._opt_out.entry(self._canonical_or_fail(url)) if self._opt_out else None
        if entry is not None:
            raise Failure("opt-out", entry)
        return parts

    def _canonical_or_fail(self, url: str) -> str:
        try:
            return self._canonical(url)
        except ValueError as error:
            raise Failure("bad-url", str(error)) from error

    def delay(self, url: str, parts: SplitResult) -> float:
        """Seconds between two requests to the host of a URL. Raises Failure where its robots.txt forbids the URL."""
        if not self._section.robots:
            return self._section.per_host_delay
        origin = _origin(parts)
        rules = self._robots.rules(origin, lambda: self._ask_robots(origin))
        if not rules.allows(url):
            raise Failure("robots", parts.hostname or "")
        for option, wish in ((self._section.content_signal, "content-signal"), (self._section.content_usage, "content-usage")):
            if option and rules.reserves(url, wish):
                raise Failure(wish, "robots.txt")
        delay = rules.delay or 0.0
        if delay > self._section.longest_wait:
            raise Failure("crawl-delay", f"{delay:g} s")
        return max(delay, self._section.per_host_delay)

    def page_limit(self, status: int, headers: Headers) -> int:
        """How much of an answer is read. Raises Failure for what is not kept."""
        if status not in PAGE:
            return SIDE_BYTES
        kind = kind_of(headers)
        if kind is not None and kind not in self._section.content_types:
            raise Failure("bad-content-type", kind)
        return self._section.max_bytes

    def accept(self, exchange: Exchange) -> tuple[set[str], soft404.Shown | None]:
        """The robots directives of a page, and what it shows where that matters.

        Raises Failure for an answer that is no page, says that the page is gone, or says that it is not for us.
        """
        if kind_of(exchange.headers) is None and b"\0" in exchange.start[:1024]:
            raise Failure("bad-content-type", "none given, and not text")
        if not round_trips(exchange):
            raise Failure("invalid-response", "the archive would not give it back")
        directives = robots_directives(exchange.headers, exchange.start, self.agent)
        check_directives(directives, self._section)
        page = soft404.shown(exchange.start) if self._section.soft_404 and is_html(exchange) else None
        if page is not None and (reason := soft404.certain(page)):
            raise Failure("soft-404", reason, status=exchange.status)
        return directives, page

    def _check_reservation(self, url: str, parts: SplitResult) -> None:
        """Raises Failure where the tdmrep.json of the host, if it can be had, reserves a page that says nothing of itself."""
        if not self._section.tdm_reservation:
            return
        file = f"{_origin(parts)}/.well-known/tdmrep.json"
        try:
            delay = self.delay(file, parts)
            rules = self._robots.rules(file, lambda: parse_reservations(self._side_file(file, delay) or b"", self.agent))
        except Failure:
            return
        if not rules.allows(url):
            raise Failure("tdm-reservation", "tdmrep.json")

    def status_failure(self, exchange: Exchange, host: str) -> Failure:
        """The failure of a status. A host that says when to come again is not asked before."""
        retry_after = parse_retry_after(header(exchange.headers, "retry-after")) if exchange.status in (429, 503) else None
        if retry_after is not None and retry_after <= self._section.longest_wait:
            self._rate_limiter.block(host, retry_after)
        return Failure(f"http-{exchange.status}", status=exchange.status, retry_after=retry_after)

    def _ask_robots(self, origin: str) -> Rules:
        try:
            return self.with_retries(lambda: self._robots_once(f"{origin}/robots.txt"))
        except Failure as failure:
            raise _of_robots(failure) from failure

    def with_retries(self, once: Callable[[], Got]) -> Got:
        """Call `once`, and again after a transient failure, up to `fetch.retries` times. Raises the last Failure."""
        attempt = 0
        while True:
            try:
                return once()
            except Failure as failure:
                wait = self._wait(failure, attempt)
                if wait is None:
                    raise
                self._rate_limiter.pause(wait)
                attempt += 1

    def _robots_once(self, url: str) -> Rules:
        content = self._side_file(url, self._section.per_host_delay)
        return parse(content, self.agent) if content is not None else Rules(None, self.agent)

    def _side_file(self, url: str, delay: float) -> bytes | None:
        """A file that says what may be done with a host's pages; None where there is none. Raises Failure where the host does not say."""
        for _hop in range(REDIRECTS + 1):
            parts = urlsplit_or_fail(url)
            if parts.scheme not in ("http", "https") or self._opt_out.entry(url) is not None:
                break
            timeout = self._section.page_timeout
            get = partial(self._client.get, url, accept=ROBOTS_ACCEPT, seconds=timeout, limit=_robots_limit, held=MAX_BYTES + 1)
            exchange = self.when_allowed(parts, delay, get)
            with exchange.received:
                if exchange.status in REDIRECT:
                    url = redirect_target(url, exchange.headers, exchange.status)
                elif exchange.status == 429 or exchange.status >= 500:
                    raise self.status_failure(exchange, parts.hostname or "")
                else:
                    return exchange.start if exchange.status == 200 else None
        return None


def is_html(exchange: Exchange) -> bool:
    return kind_of(exchange.headers) not in ("text/plain", "text/markdown")


def _origin(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


def _robots_limit(status: int, headers: Headers) -> int:
    return MAX_BYTES + 1 if status == 200 else SIDE_BYTES


# What says that the host cannot be reached at all, so that its pages fail for the same reason.
_UNREACHED = frozenset(
    {"dns", "dns-temporary", "connect-timeout", "connection-refused", "unreachable", "tls", "bad-certificate", "private-address", "bad-url"}
)


def _of_robots(failure: Failure) -> Failure:
    if failure.error in _UNREACHED:
        return failure
    return Failure("robots-unreachable", failure.error)


def round_trips(exchange: Exchange) -> bool:
    """Whether the bytes that came, read as an archive's are, give the page that was received.

    NB: http.client and urllib3 take more for HTTP than they should (a status of 2_00, a chunk of 0x5 bytes).
    """
    exchange.received.seek(0)
    message = exchange.received.read()
    begin, end, body = bounds(message)
    parsed = parse_head(message[begin:end])
    if parsed is None or parsed[0] != exchange.status or kind_of(parsed[1]) != kind_of(exchange.headers):
        return False
    content, _ = body_of(message[body:], parsed[1], exchange.bytes)
    return len(content) == exchange.bytes and content.startswith(exchange.start[: exchange.bytes])


def check_directives(directives: set[str], section: FetchSection) -> None:
    """Raise Failure for a page whose headers or meta tags forbid its use."""
    if section.noai and directives & {"noai", "none-ai"}:
        raise Failure("noai")
    if section.noindex and directives & {"noindex", "none"}:
        raise Failure("noindex")
    for option, directive in (
        (section.content_signal, "content-signal: ai-train=no"),
        (section.content_usage, "content-usage: train-ai=n"),
        (section.tdm_reservation, "tdm-reservation: 1"),
    ):
        if option and directive in directives:
            raise Failure(directive.partition(":")[0])


def product_token(user_agent: str) -> str:
    """The name that robots.txt is searched for (RFC 9309 2.2.1): `webtext` of `webtext/0.1 (…)`."""
    return user_agent.split("/")[0].split()[0]


def redirect_target(url: str, headers: Headers, status: int) -> str:
    """Where a redirect leads, as browsers read it; without fragment, user and password. Raises Failure `bad-redirect`, `bad-scheme`."""
    location = header(headers, "location")
    if not location:
        raise Failure("bad-redirect", "no Location", status=status)
    try:
        return urls.parse(location, urls.parse(url))._replace(username="", password="", fragment=None).href
    except BadScheme as error:
        raise Failure("bad-scheme", str(error), status=status) from error
    except BadUrl as error:
        raise Failure("bad-redirect", "its Location cannot be parsed", status=status) from error


def without_user(url: str) -> str:
    """A URL without user and password, which are never sent and never kept."""
    parts = urlsplit_or_fail(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else url


def parse_retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After (RFC 9110 10.2.3): a number, or a date. None where there is none that can be read."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return max(0.0, (when - _now()).total_seconds())


def _now() -> datetime:
    return datetime.now(timezone.utc)
