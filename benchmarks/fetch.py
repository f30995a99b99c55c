"""Fetching: speed and memory beside Scrapy with the same limits, from the same nginx on loopback, every page compared with its file.

    ../shared/tools/debian_site SITE                                       # real pages, once
    python benchmarks/fetch.py --site SITE --nginx nginx --peers VENV/bin/python --json figures.json
    python benchmarks/fetch.py --site SITE --pages 2000 --only webtext

--pages URLs over --hosts hosts (addresses of 127.0.0.0/8, so no name is resolved). Both sides ask for robots.txt and have one connection a
host, no delay, 64 hosts at once, and this project's default time-outs and size limits. This project writes WARC and a ledger and syncs
them; Scrapy writes the bodies to files. `webtext` runs with one and with --workers processes, a shard each; with --pages and with a tenth
of them, to see whether memory grows. nginx may be unpacked and not installed; Scrapy needs a Python of its own, and is left out without.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from webtext.core.config import FetchSection
from webtext.core.hashing import shard_name, shard_of_url, url_id
from webtext.core.records import LINK
from webtext.core.tables import writing_table
from webtext.core.task import StageContext, run_task
from webtext.fetch.shard import fetch_shard
from webtext.fetch.warc import pages_of_shard

AT_ONCE = 64
CONFIGURATION = """
worker_processes {workers}; daemon off; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; keepalive_requests 1000000;
  client_body_temp_path {directory}/a; proxy_temp_path {directory}/b; fastcgi_temp_path {directory}/c; uwsgi_temp_path {directory}/d;
  scgi_temp_path {directory}/e; types {{ text/html html htm; }} default_type text/html;
  server {{ listen 0.0.0.0:{port} backlog=4096; root {site}; }}
}}
"""
SPIDER = """
import json, sys
import scrapy
from scrapy.crawler import CrawlerProcess

urls, target, at_once = json.load(open(sys.argv[1])), sys.argv[2], int(sys.argv[3])

class Pages(scrapy.Spider):
    name = "pages"
    count = 0

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--site", type=Path, required=True, help="directory of HTML files")
    parser.add_argument("--nginx", default="nginx")
    parser.add_argument("--pages", type=int, default=20_000)
    parser.add_argument("--hosts", type=int, default=400)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--peers", help="a Python with Scrapy")
    parser.add_argument("--only", choices=["webtext", "scrapy"])
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    figures: dict[str, Any] = {"pages": options.pages, "hosts": options.hosts, "cores": os.cpu_count(), "runs": {}}
    with tempfile.TemporaryDirectory() as name, serving(options.nginx, options.site.resolve(), Path(name)) as port:
        urls = links(options.site.resolve(), port, options.pages, options.hosts)
        tenth = dict(list(urls.items())[: options.pages // 10])
        figures["bytes"] = sum(file.stat().st_size for file in urls.values())
        print(f"{len(urls):,} pages, {figures['bytes'] / 1e6:,.0f} MB, {options.hosts} hosts, {os.cpu_count()} cores")
        runs = {
            f"webtext, 1 worker, {len(tenth):,}": lambda: webtext(tenth, Path(name) / "tenth", 1),
            "webtext, 1 worker": lambda: webtext(urls, Path(name) / "one", 1),
            f"webtext, {options.workers} workers": lambda: webtext(urls, Path(name) / "all", options.workers),
        }
        if options.only == "scrapy":
            runs = {}
        if options.only != "webtext":
            if options.peers:
                runs["scrapy"] = lambda: scrapy(options.peers, urls, Path(name) / "scrapy")
            else:
                print("scrapy: left out, give --peers a Python that has it")
        for title, run in runs.items():
            figures["runs"][title] = figure = run()
            rate, seconds, cpu = figure["pages"] / figure["seconds"], figure["seconds"], figure["cpu_seconds"]
            print(
                f"{title:28} {rate:8,.0f} pages/s  {seconds:7.1f} s  {cpu:7.1f} s of CPU  {figure['peak_memory_bytes'] / 1e6:6,.0f} MB"
                f"  {figure['pages']:,} pages equal to their files"
            )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


@contextmanager
def serving(nginx: str, site: Path, directory: Path) -> Iterator[int]:
    """nginx with the files of `site`, on every address of 127.0.0.0/8."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    configuration = directory / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(workers=1, directory=directory, port=port, site=site))
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


def links(site: Path, port: int, pages: int, hosts: int) -> dict[str, Path]:
    """URL and file of so many pages, spread over the hosts; where there are fewer files they come again with another query."""
    safe = re.compile(r"[\w./+-]+\Z", re.ASCII)
    files = [
        path for path in sorted(site.rglob("*")) if path.is_file() and not path.is_symlink() and safe.match(str(path.relative_to(site)))
    ]
    files = [path for path in files if path.suffix in (".html", ".htm") and path.stat().st_size > 0]
    found = {}
    for number in range(pages):
        file = files[number % len(files)]
        host = f"127.0.{1 + number % hosts // 200}.{1 + number % hosts % 200}"
        copy = number // len(files)
        found[f"http://{host}:{port}/{file.relative_to(site)}{f'?{copy}' if copy else ''}"] = file
    return found


def webtext(urls: dict[str, Path], build: Path, workers: int) -> dict[str, float]:
    for shard in range(workers):
        mine = sorted((url_id(url), url) for url in urls if shard_of_url(url, workers) == shard)
        with writing_table(build / "links" / f"{shard_name(shard)}.parquet", LINK) as table:
            for link_id, url in mine:
                table.write({"id": link_id, "url": url, "best_score": 3, "score_sum": 3, "posts": []})
    processes = [multiprocessing.get_context("spawn").Process(target=fetch, args=(build, shard)) for shard in range(workers)]
    measured = measure(processes)
    pages = 0
    for shard in range(workers):
        for row, page in pages_of_shard(build, shard):
            if page.body != urls[row["url"]].read_bytes():
                sys.exit(f"{row['url']}: differs from its file")
            pages += 1
    return {"pages": pages, **measured}


def fetch(build: Path, shard: int) -> None:
    section = FetchSection(contact="benchmark", per_host_delay=0.0, hosts_at_once=AT_ONCE, allow_private=True)
    run_task(StageContext(build, "pages", "f"), f"fetch-{shard:05d}", fetch_shard, shard, section)


def scrapy(python: str, urls: dict[str, Path], directory: Path) -> dict[str, float]:
    target = directory / "pages"
    target.mkdir(parents=True)
    (directory / "urls.json").write_text(json.dumps(list(urls)))
    (directory / "spider.py").write_text(SPIDER)
    command = [python, str(directory / "spider.py"), str(directory / "urls.json"), str(target), str(AT_ONCE)]
    measured = measure([subprocess.Popen(command)])
    pages = 0
    for number, file in enumerate(urls.values()):
        path = target / str(number)
        pages += path.exists() and path.read_bytes() == file.read_bytes()
    return {"pages": pages, **measured}


def measure(processes: Sequence[Any]) -> dict[str, float]:
    """Start what is not started, and wait: seconds, CPU seconds, and the peak of resident memory of all together."""
    began = time.perf_counter()
    for process in processes:
        if isinstance(process, multiprocessing.process.BaseProcess):
            process.start()
    watched = [psutil.Process(process.pid) for process in processes]
    peak, cpu = 0, dict.fromkeys(range(len(watched)), 0.0)
    while True:
        alive = 0
        memory = 0
        for number, one in enumerate(watched):
            try:
                if one.status() != psutil.STATUS_ZOMBIE:
                    memory += one.memory_info().rss
                    times = one.cpu_times()
                    cpu[number] = times.user + times.system
                    alive += 1
            except psutil.NoSuchProcess:
                pass
        peak = max(peak, memory)
        if not alive:
            break
        time.sleep(0.02)
    seconds = time.perf_counter() - began
    for process in processes:
        process.wait() if isinstance(process, subprocess.Popen) else process.join()
    return {"seconds": round(seconds, 2), "cpu_seconds": round(sum(cpu.values()), 2), "peak_memory_bytes": peak}


if __name__ == "__main__":
    main()
