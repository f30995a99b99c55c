"""Pages that an earlier build in the same place has fetched: taken from there, so that a changed list of links costs only what is new.

pages/.previous/ledger/shard-00007.parquet, pages/.previous/shard-00007-000.warc.gz …      as the earlier build left them
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from webtext.config import FetchSection
from webtext.errors import WebtextError
from webtext.fetch.coding import HEAD, wishes
from webtext.fetch.failure import Failure
from webtext.fetch.journal import Finished, Journal
from webtext.fetch.page import product, refuse
from webtext.fetch.politeness import OptOut
from webtext.fetch.records import records
from webtext.fetch.warc import page_of
from webtext.hashing import shard_name
from webtext.tables import Record, read_table

DIRECTORY = ".previous"
BYTES = 2**25  # of pages that enter the journal with one sync


def take_over(directory: Path, shard: int, section: FetchSection, journal: Journal, links: Sequence[tuple[str, str]]) -> None:
    """Enter into the journal what `directory` (pages/.previous) has of the links: pages that the present configuration would keep.

    What failed before is left to be asked again, and so is a page that was cut, that the archive does not give back whole, or that the
    configuration now leaves out.
    """
    ledger = directory / "ledger" / f"{shard_name(shard)}.parquet"
    wanted = {link_id for link_id, _ in links} - journal.entries.keys()
    if not ledger.exists() or not wanted:
        return
    begins = _begins(directory, ledger)
    opt_out = OptOut(section.opt_out)
    batch: list[Finished] = []
    size = 0
    for row in read_table(ledger):
        if row["id"] in wanted and (row["warc"], row["offset"]) in begins:
            finished = _page(directory, row, begins[row["warc"], row["offset"]], section, opt_out)
            if finished is not None and finished.blob is not None:
                batch.append(finished)
                size += finished.blob.seek(0, io.SEEK_END)
        if size >= BYTES:
            journal.append(batch)
            batch, size = [], 0
    if batch:
        journal.append(batch)


def _begins(directory: Path, ledger: Path) -> dict[tuple[str, int], int]:
    """Where the records of each page begin, by file and place of its response: behind the page before it, the first behind warcinfo."""
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in read_table(ledger, ["error", "archive", "warc", "offset", "length"]):
        if row["error"] is None and row["archive"] is None:
            places[row["warc"]].append((row["offset"], row["length"]))
    begins = {}
    for warc, pages in places.items():
        position = _opening(directory / warc)
        for offset, length in sorted(pages) if position else ():
            begins[warc, offset] = position
            position = offset + length
    return begins


def _opening(path: Path) -> int:
    """Bytes of the record that opens a file; 0 where there is none to be read."""
    try:
        return next(records(path)).length
    except (WebtextError, StopIteration):
        return 0


def _page(directory: Path, row: Record, begin: int, section: FetchSection, opt_out: OptOut) -> Finished | None:
    """A page as it enters the journal; None where it is to be fetched anew."""
    if row["truncated"] or row["bytes"] > section.max_bytes:
        return None
    end = row["offset"] + row["length"]
    try:
        with open(directory / row["warc"], "rb") as file:
            file.seek(begin)
            blob = file.read(end - begin)
        page = page_of(blob[row["offset"] - begin :], row["warc"], row["bytes"])
        if len(page.body) != row["bytes"] or opt_out.has(row["url"]) or any(opt_out.has(url) for url in [page.url, *row["redirects"]]):
            return None
        if row["content_type"] is not None and row["content_type"] not in section.content_types:
            return None
        refuse(wishes(page.headers, page.body[:HEAD], product(section.user_agent)), section)
    except (OSError, WebtextError, Failure):
        return None
    times = {name: round(row[name].timestamp() * 1000) for name in ("started", "captured")}
    return Finished({**row, **times, "warc": None, "offset": row["offset"] - begin}, io.BytesIO(blob))
