"""A server, and a build with links to it."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.webtext.fetch.server import Server
from webtext.core.config import FetchSection
from webtext.core.hashing import shard_name, url_id
from webtext.core.records import LINK
from webtext.core.tables import read_table, writing_table
from webtext.core.task import Report, StageContext, run_task
from webtext.fetch.shard import fetch_shard


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """NB: the Parquet writer of a failed task complains when it is collected, and CPython 3.11 dies of that in the midst of ast.parse."""
    yield
    gc.collect()


def write_links(build: Path, urls: Sequence[str], shard: int = 0, posted: int | None = None) -> None:
    """Links, with a post of that time each, if one is given."""
    post = {"id": "abc", "subreddit": "a", "score": 3, "created_utc": posted, "over_18": False, "title": ""}
    with writing_table(build / "links" / f"{shard_name(shard)}.parquet", LINK) as table:
        for url in sorted(urls, key=url_id):
            table.write({"id": url_id(url), "url": url, "best_score": 3, "score_sum": 3, "posts": [post] if posted is not None else []})


@dataclass
class Fetched:
    build: Path
    report: Report
    rows: dict[str, dict[str, Any]]

    def error(self, url: str) -> str | None:
        error: str | None = self.rows[url]["error"]
        return error


class Builder:
    """Fetches URLs of the server into a build of the test's directory."""

    def __init__(self, path: Path, server: Server) -> None:
        self.path = path
        self.options: dict[str, Any] = {
            "allow_private": True,
            "connect_to": server.address,
            "per_host_delay": 0.0,
            "retry_wait": 0.0,
            "retries": 0,
            "page_timeout": 5.0,
            "tdm_reservation": False,  # a request more a host, which its own tests ask for
            "soft_404": False,  # so
            "fixed_time": "2018-01-01T00:00:00Z",
        }

    def section(self, **options: Any) -> FetchSection:
        return FetchSection(**{**self.options, **options})

    def fetch(self, urls: Sequence[str], name: str = "build", posted: int | None = None, **options: Any) -> Fetched:
        build = self.path / name
        write_links(build, urls, posted=posted)
        report = run_task(StageContext(build, "fetch", "f"), "fetch-00000", fetch_shard, 0, self.section(**options))
        rows = list(read_table(build / "pages/ledger/shard-00000.parquet"))
        assert [row["id"] for row in rows] == sorted(url_id(url) for url in urls)
        assert report.records_in == report.records_out + report.rejected == len(urls)
        return Fetched(build, report, {row["url"]: row for row in rows})


@pytest.fixture
def builder(tmp_path: Path, server: Server) -> Builder:
    return Builder(tmp_path, server)
