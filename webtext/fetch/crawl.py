"""The threads that fetch a shard, and the queue through which finished URLs reach the journal."""

from __future__ import annotations

import queue
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

from webtext.core.config import FetchSection
from webtext.core.errors import WebtextError
from webtext.core.files import explain_os_errors
from webtext.core.tables import Record, read_table
from webtext.core.task import TaskRun
from webtext.core.workers import end_if_orphaned
from webtext.fetch.archive_lookup import ArchiveLookup
from webtext.fetch.client import IN_MEMORY, Client, Exchange
from webtext.fetch.failure import DOWN, Failure
from webtext.fetch.journal import FinishedUrl, Journal
from webtext.fetch.ledger import archived_row, failed_row, fixed_time, ledger_row
from webtext.fetch.malloc import use_one_heap
from webtext.fetch.opt_out import OptOut
from webtext.fetch.page import Answer, Fetcher
from webtext.fetch.rate_limit import HostRateLimiter, Stopped
from webtext.fetch.robots import Robots
from webtext.fetch.transport import ScratchError, Wire
from webtext.fetch.warc import write_exchange
from webtext.links.urls import canonical

DOWN_AFTER = 5  # pages of a host that fail one after another before it is not asked any more
BATCH = 64  # URLs that enter the journal with one sync, at the most

Link = tuple[str, str]  # id, URL
Group = TypeVar("Group")


class Worker(NamedTuple):
    """The connections and rules of one thread."""

    client: Client
    fetcher: Fetcher


class Crawl:
    """Fetches links of a shard into its journal. One object, one crawl: a finished one cannot be started again."""

    def __init__(self, log: TaskRun, section: FetchSection, agent: str, journal: Journal) -> None:
        self._log = log
        self._section = section
        self._agent = agent
        self._journal = journal
        self._scratch = log.context.scratch_path("")
        self._rate_limiter = HostRateLimiter(log.context.scratch_path("hosts"), section.longest_wait)
        self._robots = Robots()
        self._opt_out = OptOut(section.opt_out)
        self._clients: list[Client] = []
        self._finished: queue.Queue[FinishedUrl | BaseException | None] = queue.Queue(BATCH)

    def crawl_hosts(self, hosts: Iterable[list[Link]]) -> None:
        """Ask the hosts for their links, each list of links in its order."""
        self._run(list(hosts), self._fetch_host, self._section.hosts_at_once)

    def search_archives(self, links: Sequence[Link], table: Path) -> None:
        """Ask archives for links that are dead; `table` is the one of links/ that tells when they were posted.

        On one thread: all ask the same few hosts, which answer one request at a time.
        """
        dates = posted(table, {link_id for link_id, _ in links})

        def look_up(worker: Worker, links: Sequence[Link]) -> None:
            archives = ArchiveLookup(self._section, worker.client, worker.fetcher, self._opt_out)
            for link in links:
                self._look_up(archives, link, dates.get(link[0]))

        self._run([links] if links else [], look_up, 1)

    def _run(self, groups: Sequence[Group], fetch: Callable[[Worker, Group], None], threads_at_most: int) -> None:
        use_one_heap()
        waiting = deque(groups)
        threads: list[threading.Thread] = []
        working = 0
        try:
            for _ in range(min(threads_at_most, len(groups))):
                # NB: a daemon, so that no thread that hangs in the C library keeps a failed worker alive.
                threads.append(threading.Thread(target=self._work, args=(waiting, fetch), daemon=True))
                try:
                    threads[-1].start()
                except RuntimeError as error:  # the system's limit of threads
                    raise WebtextError(f"fetch: {error} after {working}; lower fetch.hosts_at_once or raise `ulimit -u`") from error
                working += 1
            while working:
                batch = self._next_batch()
                working -= batch.count(None)
                self._enter([item for item in batch if item is not None])
        finally:
            self._rate_limiter.stop.set()
            for client in self._clients:
                client.abort()
            while working:
                item = self._finished.get()
                working -= item is None
                if isinstance(item, FinishedUrl):
                    item.close()
            for thread in threads:
                if thread.ident is not None:  # it was started
                    thread.join()

    def _next_batch(self) -> list[FinishedUrl | BaseException | None]:
        batch = [self._finished.get()]
        while len(batch) < BATCH:
            try:
                batch.append(self._finished.get_nowait())
            except queue.Empty:
                break
        return batch

    def _enter(self, items: list[FinishedUrl | BaseException]) -> None:
        finished = [item for item in items if isinstance(item, FinishedUrl)]
        try:
            for item in items:
                if isinstance(item, BaseException):
                    raise item
            if finished:
                end_if_orphaned()  # the demo's server ends with the launcher, which is no failure of the page
                self._journal.append(finished)
                self._log.progress(sum(not item.archives_checked for item in finished))
        finally:
            for item in finished:
                item.close()

    def _work(self, waiting: deque[Group], fetch: Callable[[Worker, Group], None]) -> None:
        section = self._section
        wire = Wire(allow_private=section.allow_private, connect_to=section.connect_to, connect_timeout=section.connect_timeout)
        client = Client(self._agent, self._scratch, wire, section.verify)
        self._clients.append(client)
        worker = Worker(client, Fetcher(section, client, self._rate_limiter, self._robots, self._opt_out, canonical))
        try:
            with explain_os_errors(self._scratch):
                while waiting:
                    try:
                        group = waiting.popleft()
                    except IndexError:
                        break
                    fetch(worker, group)
        except ScratchError as error:
            self._finished.put(error.error)
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self._finished.put(error)
        finally:
            client.close()
            self._finished.put(None)

    def _fetch_host(self, worker: Worker, links: list[Link]) -> None:
        failures, reason = 0, ""
        for link_id, url in links:
            entry = self._journal.entries.get(link_id)
            if entry is not None:
                if not entry.from_previous:
                    failures = self._failures(failures, Failure(entry.error) if entry.error else None)
                    reason = entry.error if entry.error not in (None, "host-down") else reason
                continue
            if self._rate_limiter.stop.is_set():
                raise Stopped
            if failures >= DOWN_AFTER:
                now = datetime.now(timezone.utc)
                answer = Answer(now, now, failure=Failure("host-down", reason))
            else:
                answer = worker.fetcher.fetch(url)
            if self._rate_limiter.stop.is_set():  # NB: an exchange that was aborted looks like a broken one
                answer.close()
                raise Stopped
            failures = self._failures(failures, answer.failure)
            if answer.failure is not None and answer.failure.error != "host-down":
                reason = answer.failure.error
            self._finished.put(self._finish(link_id, url, answer))
        worker.client.close()

    def _failures(self, before: int, failure: Failure | None) -> int:
        """How many pages of a host have failed in a row in a way that says the host is down."""
        if failure is None or failure.error not in DOWN | {"host-down"}:
            return 0
        asks_too_much = failure.retry_after is not None and failure.retry_after > self._section.longest_wait
        return DOWN_AFTER if asks_too_much or failure.error == "host-down" else before + 1

    def _finish(self, link_id: str, url: str, answer: Answer) -> FinishedUrl:
        when = fixed_time(self._section)
        row = ledger_row(link_id, url, answer, when)
        if answer.failure is not None:
            return FinishedUrl(row, None)
        try:
            return self._with_records(row, answer.exchanges)
        finally:
            answer.close()

    def _with_records(self, row: Record, exchanges: Sequence[Exchange], archives_checked: bool = False) -> FinishedUrl:
        """A page as it enters the journal: its records, and in its row the place of the last of them."""
        when = fixed_time(self._section)
        blob: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(self._scratch))  # noqa: SIM115 - closed when it is entered
        try:
            for exchange in exchanges:
                row["offset"], row["length"], row["digest"] = write_exchange(blob, exchange, when or exchange.when)
        except BaseException:
            blob.close()
            raise
        return FinishedUrl(row, blob, archives_checked)

    def _look_up(self, archives: ArchiveLookup, link: Link, date: datetime | None) -> None:
        link_id, url = link
        if self._rate_limiter.stop.is_set():
            raise Stopped
        found = archives.find(url, date)
        if self._rate_limiter.stop.is_set():
            if found.exchange is not None:
                found.exchange.received.close()
            raise Stopped
        row = next(iter(self._journal.rows([self._journal.entries[link_id]])))
        if found.exchange is None:
            self._finished.put(FinishedUrl(failed_row(row, found.text), None, archives_checked=True))
            return
        try:
            self._finished.put(self._with_records(archived_row(row, found.exchange, found.text), [found.exchange], archives_checked=True))
        finally:
            found.exchange.received.close()


def posted(table: Path, ids: set[str]) -> dict[str, datetime]:
    """When some links of a table of links/ were first posted."""
    dates = {}
    for row in read_table(table, ["id", "posts"]) if ids else ():
        times = [post["created_utc"] for post in row["posts"] if post["created_utc"] is not None] if row["id"] in ids else []
        if times:
            dates[row["id"]] = datetime.fromtimestamp(min(times), timezone.utc)
    return dates
