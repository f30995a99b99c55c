"""The fetch of one shard: its hosts asked side by side, every finished URL journalled, and in the end one WARC and one ledger in order.

    links/shard-00007.parquet -> pages/shard-00007-000.warc.gz, -001 …, pages/ledger/shard-00007.parquet

All URLs of a host are in one shard, and one thread asks them one after another in the order of their ids. So what a host is
asked, and when it is given up, does not depend on the others.
"""

from __future__ import annotations

import queue
import tempfile
import threading
from collections import defaultdict, deque
from datetime import datetime, timezone
from typing import IO
from urllib.parse import urlsplit

from webtext.config import FetchSection
from webtext.fetch.agent import agent_of
from webtext.fetch.client import IN_MEMORY, Client
from webtext.fetch.compact import files_there, write_shard
from webtext.fetch.failure import DOWN, Failure
from webtext.fetch.journal import Finished, Journal
from webtext.fetch.page import Answer, Fetcher
from webtext.fetch.politeness import Gate, OptOut, Stopped
from webtext.fetch.previous import DIRECTORY, take_over
from webtext.fetch.robots import Robots
from webtext.fetch.warc import write_exchange
from webtext.fetch.wire import ScratchError, Wire
from webtext.files import naming_failures
from webtext.hashing import shard_name
from webtext.tables import Record, read_table
from webtext.task import TaskLog
from webtext.urls import canonical
from webtext.workers import end_if_orphaned

DOWN_AFTER = 5  # pages of a host that fail one after another before it is not asked any more
BATCH = 64  # URLs that enter the journal with one sync, at the most

Link = tuple[str, str]  # id, URL


def fetch_shard(log: TaskLog, shard: int, section: FetchSection) -> None:
    """Fetch links/shard-N.parquet. Counts URLs; a URL without a page is rejected under the name of its failure.

    Raises UsageError where nobody can be reached about the crawl, WebtextError where the disk is full. What was fetched before a
    kill or an error is in the journal and is not asked for again.
    """
    agent = agent_of(section)
    links = [(row["id"], row["url"]) for row in read_table(log.place.build / "links" / f"{shard_name(shard)}.parquet", ["id", "url"])]
    links.sort()
    log.records_in += len(links)
    journal = Journal(log.place.spill(log.name), log.place.fingerprint)
    if journal.compacted and not files_there(log, shard, section, agent, journal):
        journal.restart(log.place.fingerprint)
    take_over(log.place.path / DIRECTORY, shard, section, journal, links)
    log.progress(len(journal.entries))
    if len(journal.entries) < len(links):
        _Crawl(log, section, agent, journal).run(hosts_of(links))
    write_shard(log, shard, section, agent, journal, links)
    journal.compact()


def hosts_of(links: list[Link]) -> dict[str, list[Link]]:
    """The links of each host, the host with the most of them first, so that no long one is left over at the end."""
    hosts: dict[str, list[Link]] = defaultdict(list)
    for link in links:
        hosts[_host(link[1])].append(link)
    return dict(sorted(hosts.items(), key=lambda item: (-len(item[1]), item[0])))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


class _Crawl:
    """The threads of a shard, and the queue through which what they finish reaches the journal."""

    def __init__(self, log: TaskLog, section: FetchSection, agent: str, journal: Journal) -> None:
        self._log = log
        self._section = section
        self._agent = agent
        self._journal = journal
        self._scratch = log.place.spill("")
        self._gate = Gate(log.place.spill("hosts"), section.longest_wait)
        self._robots = Robots()
        self._opt_out = OptOut(section.opt_out)
        self._clients: list[Client] = []
        self._finished: queue.Queue[Finished | BaseException | None] = queue.Queue(BATCH)

    def run(self, hosts: dict[str, list[Link]]) -> None:
        waiting = deque(hosts.values())
        threads = [threading.Thread(target=self._work, args=(waiting,)) for _ in range(min(self._section.hosts_at_once, len(hosts)))]
        for thread in threads:
            thread.start()
        working = len(threads)
        try:
            while working:
                batch = self._next_batch()
                working -= batch.count(None)
                self._enter([item for item in batch if item is not None])
        finally:
            self._gate.stop.set()
            for client in self._clients:
                client.abort()
            while working:
                item = self._finished.get()
                working -= item is None
                if isinstance(item, Finished):
                    item.close()
            for thread in threads:
                thread.join()

    def _next_batch(self) -> list[Finished | BaseException | None]:
        batch = [self._finished.get()]
        while len(batch) < BATCH:
            try:
                batch.append(self._finished.get_nowait())
            except queue.Empty:
                break
        return batch

    def _enter(self, items: list[Finished | BaseException]) -> None:
        finished = [item for item in items if isinstance(item, Finished)]
        try:
            for item in items:
                if isinstance(item, BaseException):
                    raise item
            if finished:
                end_if_orphaned()  # a stand-in server that ended with the launcher is no failure of the page
                self._journal.append(finished)
                self._log.progress(len(finished))
        finally:
            for item in finished:
                item.close()

    def _work(self, waiting: deque[list[Link]]) -> None:
        section = self._section
        wire = Wire(allow_private=section.allow_private, connect_to=section.connect_to, connect_timeout=section.connect_timeout)
        client = Client(self._agent, self._scratch, wire)
        self._clients.append(client)
        fetcher = Fetcher(section, client, self._gate, self._robots, self._opt_out, canonical)
        try:
            with naming_failures(self._scratch):
                while waiting:
                    try:
                        links = waiting.popleft()
                    except IndexError:
                        break
                    self._fetch_host(fetcher, links)
                    client.close()
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self._finished.put(error)
        finally:
            client.close()
            self._finished.put(None)

    def _fetch_host(self, fetcher: Fetcher, links: list[Link]) -> None:
        failures = 0
        for link_id, url in links:
            entry = self._journal.entries.get(link_id)
            if entry is not None:
                failures = self._failures(failures, Failure(entry.error) if entry.error else None)
                continue
            if self._gate.stop.is_set():
                raise Stopped
            if failures >= DOWN_AFTER:
                now = datetime.now(timezone.utc)
                answer = Answer(now, now, failure=Failure("host-down"))
            else:
                try:
                    answer = fetcher.fetch(url)
                except ScratchError as error:
                    raise error.error from error
            if self._gate.stop.is_set():  # NB: an exchange that was aborted looks like a broken one
                answer.drop()
                raise Stopped
            failures = self._failures(failures, answer.failure)
            self._finished.put(self._finish(link_id, url, answer))

    def _failures(self, before: int, failure: Failure | None) -> int:
        """How many pages of a host have failed one after another as a host does that is down."""
        if failure is None or failure.error not in DOWN | {"host-down"}:
            return 0
        asks_too_much = failure.retry_after is not None and failure.retry_after > self._section.longest_wait
        return DOWN_AFTER if asks_too_much or failure.error == "host-down" else before + 1

    def _finish(self, link_id: str, url: str, answer: Answer) -> Finished:
        when = fixed_time(self._section)
        row = ledger_row(link_id, url, answer, when)
        if answer.failure is not None:
            return Finished(row, None)
        blob: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(self._scratch))  # noqa: SIM115 - closed when it is entered
        try:
            for exchange in answer.exchanges:
                row["offset"], row["length"], row["digest"] = write_exchange(blob, exchange, when or exchange.when)
        except BaseException:
            blob.close()
            raise
        finally:
            answer.drop()
        return Finished(row, blob)


def fixed_time(section: FetchSection) -> datetime | None:
    return datetime.fromisoformat(section.fixed_time.replace("Z", "+00:00")) if section.fixed_time else None


def ledger_row(link_id: str, url: str, answer: Answer, when: datetime | None) -> Record:
    """The ledger's record of an answer, its times in milliseconds; the place of the page is for the caller to fill in."""
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


def _milliseconds(when: datetime) -> int:
    return round(when.timestamp() * 1000)
