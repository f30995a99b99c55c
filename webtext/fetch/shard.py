"""The fetch of one shard: its hosts are crawled in parallel, every finished URL enters the journal, and at the end the WARC files and the
ledger are written in the order of ids.

    links/shard-00007.parquet -> pages/shard-00007-000.warc.gz, -001 …, pages/ledger/shard-00007.parquet

All URLs of a host are in one shard, and one thread asks them one after another in the order of their ids. So what a host is
asked, and when it is given up, does not depend on the others.
"""

from __future__ import annotations

from collections import defaultdict
from urllib.parse import urlsplit

from webtext.core.config import FetchSection
from webtext.core.hashing import shard_name
from webtext.core.tables import read_table
from webtext.core.task import TaskRun
from webtext.fetch.crawl import Crawl, Link
from webtext.fetch.failure import DEAD
from webtext.fetch.journal import Journal
from webtext.fetch.previous_crawl import import_previous
from webtext.fetch.shard_files import files_there, write_shard
from webtext.fetch.user_agent import user_agent


def fetch_shard(log: TaskRun, shard: int, section: FetchSection) -> None:
    """Fetch links/shard-N.parquet. Counts URLs; a URL without a page is rejected under the name of its failure.

    Raises UsageError where nobody can be reached about the crawl, WebtextError where the disk is full. What was fetched before a
    kill or an error is in the journal and is not asked for again.
    """
    agent = user_agent(section)
    table = log.context.build / "links" / f"{shard_name(shard)}.parquet"
    links = sorted((row["id"], row["url"]) for row in read_table(table, ["id", "url"]))
    log.records_in += len(links)
    journal = Journal(log.context.scratch_path(log.name), log.context.fingerprint, [link_id for link_id, _ in links])
    if journal.damaged:
        log.counters["journal-lines-damaged"] += journal.damaged
    if journal.compacted and not files_there(log, shard, section, agent, journal):
        journal.restart(log.context.fingerprint)
    import_previous(log.context, log.name, shard, section, journal, {link_id for link_id, _ in links})
    log.progress(len(journal.entries))
    if len(journal.entries) < len(links):
        Crawl(log, section, agent, journal).crawl_hosts(hosts_of(links).values())
    if section.archive.indexes:
        Crawl(log, section, agent, journal).search_archives(_dead(journal, links), table)
    write_shard(log, shard, section, agent, journal, links)
    journal.compact()


def _dead(journal: Journal, links: list[Link]) -> list[Link]:
    """The links that the web has no more and no archive has been asked for."""
    return [link for link in links if journal.entries[link[0]].error in DEAD and not journal.entries[link[0]].archives_checked]


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
