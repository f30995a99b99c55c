"""Fetching: speed and memory beside Scrapy with the same limits, from the same nginx on loopback, every page compared with its file.

    pip install scrapy (in an environment of its own); real pages: any directory of HTML files, such as Debian's documentation packages
    python -m benchmarks.fetch --site SITE --nginx nginx --peers VENV/bin/python --json figures.json      # five minutes
    python -m benchmarks.fetch --site SITE --quick

--pages URLs over --hosts hosts (addresses of 127.0.0.0/8, so no name is resolved). Both sides ask for robots.txt and have one connection a
host, no delay, 64 hosts at once, and this project's default time-outs and size limits. This project writes WARC and a ledger and syncs
them; Scrapy writes the bodies to files. `webtext` runs with one and with --workers processes, a shard each; with --pages and with a tenth
of them, to see whether memory grows. nginx may be unpacked and not installed.
Expected for 20,000 pages over 400 hosts on 2 cores: 506 pages/s and 318 MB (one worker 413, 192 MB), Scrapy 336 and 118 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from string import Template

from benchmarks.harness import Figures, installed, run, run_command
from webtext.core.config import FetchSection
from webtext.core.hashing import shard_name, shard_of_url, url_id
from webtext.core.records import LINK
from webtext.core.tables import writing_table
from webtext.core.task import StageContext, run_task
from webtext.fetch.shard import fetch_shard
from webtext.fetch.warc import pages_of_shard

AT_ONCE = 64
SPIDER = """
import json, sys
import scrapy
from scrapy.crawler import CrawlerProcess

urls, target, at_once = json.load(open(sys.argv[1])), sys.argv[2], int(sys.argv[3])

class Pages(scrapy.Spider):
    name = "pages"

    async def start(self):
        for number, url in enumerate(urls):
            yield scrapy.Request(url, callback=self.page, cb_kwargs={"number": number}, dont_filter=True)

    def page(self, response, number):
        with open(f"{target}/{number}", "wb") as file:
            file.write(response.body)

process = CrawlerProcess({
    "ROBOTSTXT_OBEY": True, "CONCURRENT_REQUESTS": at_once, "CONCURRENT_REQUESTS_PER_DOMAIN": 1, "DOWNLOAD_DELAY": 0,
    "DOWNLOAD_TIMEOUT": 60, "DOWNLOAD_MAXSIZE": 10 * 2**20, "RETRY_TIMES": 2, "LOG_LEVEL": "ERROR", "TELNETCONSOLE_ENABLED": False,
    "COOKIES_ENABLED": False, "USER_AGENT": "webtext/0.1 (+benchmark)",
})
process.crawl(Pages)
process.start()
"""


@contextmanager
def serving(nginx: str, site: Path, directory: Path) -> Iterator[int]:
    """nginx with the files of `site`, on every address of 127.0.0.0/8."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    configuration = directory / "nginx.conf"
    template = Template(Path(__file__).with_name("nginx.conf").read_text())
    configuration.write_text(template.safe_substitute(DIRECTORY=directory, PORT=port, SITE=site))
    directory.chmod(0o755)
    process = subprocess.Popen([nginx, "-p", str(directory), "-c", str(configuration), "-e", str(directory / "error.log")])
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait()


def links(site: Path, port: int, count: int, hosts: int) -> dict[str, Path]:
    """URL and file of so many pages, spread over the hosts; where there are fewer files they come again with another query."""
    safe = re.compile(r"[\w./+-]+\.html?\Z", re.ASCII)
    files = [path for path in sorted(site.rglob("*.htm*")) if path.is_file() and not path.is_symlink() and path.stat().st_size]
    files = [path for path in files if safe.match(str(path.relative_to(site)))]
    found = {}
    for number in range(count):
        file, copy = files[number % len(files)], number // len(files)
        host = f"127.0.{1 + number % hosts // 200}.{1 + number % hosts % 200}"
        found[f"http://{host}:{port}/{file.relative_to(site)}{f'?{copy}' if copy else ''}"] = file
    return found


def webtext(urls: dict[str, Path], build: Path, workers: int) -> Figures:
    for shard in range(workers):
        with writing_table(build / "links" / f"{shard_name(shard)}.parquet", LINK) as table:
            for link_id, url in sorted((url_id(url), url) for url in urls if shard_of_url(url, workers) == shard):
                table.write({"id": link_id, "url": url, "best_score": 3, "score_sum": 3, "posts": []})
    measured = run_command([sys.executable, "-m", "benchmarks.fetch", "--crawl", str(build), str(workers)])
    equal = 0
    for shard in range(workers):
        for row, page in pages_of_shard(build, shard):
            if page.body != urls[row["url"]].read_bytes():
                sys.exit(f"{row['url']}: differs from its file")
            equal += 1
    return {"equal_to_their_files": equal, "pages_a_second": equal / measured["seconds"], **measured}


def crawl(build: Path, workers: int) -> None:
    """The stage's tasks, a process each; a single one runs in this process."""
    if workers == 1:
        crawl_shard(build, 0)
    else:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            list(pool.map(crawl_shard, [build] * workers, range(workers)))


def crawl_shard(build: Path, shard: int) -> None:
    section = FetchSection(contact="benchmark", per_host_delay=0.0, hosts_at_once=AT_ONCE, allow_private=True)
    run_task(StageContext(build, "fetch", "f"), f"fetch-{shard:05d}", fetch_shard, shard, section)


def scrapy(python: str, urls: dict[str, Path], directory: Path) -> Figures:
    target = directory / "pages"
    target.mkdir(parents=True)
    (directory / "urls.json").write_text(json.dumps(list(urls)))
    (directory / "spider.py").write_text(SPIDER)
    measured = run_command([python, str(directory / "spider.py"), str(directory / "urls.json"), str(target), str(AT_ONCE)])
    files = enumerate(urls.values())
    equal = sum((target / str(number)).exists() and (target / str(number)).read_bytes() == file.read_bytes() for number, file in files)
    return {"equal_to_their_files": equal, "pages_a_second": equal / measured["seconds"], **measured}


def pages(options: argparse.Namespace) -> Figures:
    work, site, python = options.directory, options.site, options.peers or sys.executable
    if shutil.which(options.nginx) is None:
        return {"missing": f"{options.nginx} (--nginx PATH)"}
    with serving(options.nginx, site.resolve(), work) as port:
        urls = links(site.resolve(), port, 500 if options.quick else options.pages, options.hosts)
        tenth = dict(list(urls.items())[: len(urls) // 10])
        runs: dict[str, Callable[[], Figures]] = {
            "webtext, 1 worker, a tenth": lambda: webtext(tenth, work / "tenth", 1),
            "webtext, 1 worker": lambda: webtext(urls, work / "one", 1),
            f"webtext, {options.workers} workers": lambda: webtext(urls, work / "all", options.workers),
        }
        if installed("scrapy", python=python):
            runs["scrapy"] = lambda: scrapy(python, urls, work / "scrapy")
        figures: Figures = {"pages": len(urls), "bytes": sum(file.stat().st_size for file in urls.values()), "hosts": options.hosts}
        return figures | {name: measure() for name, measure in runs.items()}


OPTIONS = {
    "--site": {"type": Path, "required": True, "help": "directory of HTML files"},
    "--nginx": {"default": "nginx"},
    "--pages": {"type": int, "default": 20_000},
    "--hosts": {"type": int, "default": 400},
    "--workers": {"type": int, "default": os.cpu_count() or 1},
    "--peers": {"metavar": "PYTHON", "help": "a Python that has Scrapy"},
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--crawl"]:
        crawl(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        run(__doc__, {"pages": pages}, OPTIONS)
