"""Links: submissions a second on one core beside plain Python and DuckDB, and the whole stage with two workers.

pip install duckdb
python -m benchmarks.links --json figures.json       # some minutes

parse   a dump of --rows submissions of 2020 to 2022 (some 79 fields and 2.4 kB a row), on one core in processor time. Ours is the whole
        task of the stage: what is rejected and what is kept is written, hashed and synced. Plain Python is zstandard + orjson + the
        same rules line by line, its results kept in memory. DuckDB's read_json makes the same fields and applies the rules that SQL
        can express (score, time, kind of post, file type, Reddit's own hosts); it does not normalise URLs, so that it does less
whole   `webtext links` over the 271,166 rows of reddit/top_2013_sample.ndjson.zst with --workers processes: time and peak memory of the
        command with 16, 1 and 8 shards; the links must be the same. Expected with 16: 8 s, 0.6 GB
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import zstandard

from benchmarks.corpus import unpacked
from benchmarks.harness import DATA, WEBTEXT, Figures, bar, in_turn, installed, rates, run, run_command
from webtext.core.config import LinksSection
from webtext.core.tables import read_table
from webtext.core.task import StageContext, run_task
from webtext.links.phases import parse_dump
from webtext.links.rules import Rules
from webtext.links.submissions import read_submission

SAMPLE = DATA / "reddit" / "submissions_2020-2022.ndjson.zst"
LOAD = DATA / "reddit" / "top_2013_sample.ndjson.zst"
SECTION = LinksSection(before=date(2100, 1, 1))
SHARDS = 16
QUERY = Path(__file__).with_suffix(".sql").read_text()


def plain_python(path: Path) -> Counter[str]:
    """One line after another, and what becomes of it; "" is a post that is kept."""
    rules, kept, reasons = Rules(SECTION, SHARDS), [], Counter[str]()
    for line in lines_of(path):
        post = read_submission(line)
        url, shard, reason, _ = rules.judge(post)
        reasons[reason] += 1
        if not reason:
            kept.append((shard, url, post))
    return reasons


def lines_of(path: Path) -> Iterator[bytes]:
    rest = b""
    with open(path, "rb") as file:
        stream = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(file, read_across_frames=True)
        while data := stream.read(2**20):
            *lines, rest = (rest + data).split(b"\n")
            yield from lines
    if rest:
        yield rest


def ours(path: Path, builds: Iterator[Path]) -> Counter[str]:
    report = run_task(StageContext(next(builds), "links", "benchmark"), "parse-00000", parse_dump, 0, str(path), SECTION, SHARDS)
    reasons = Counter({name.removeprefix("rejected-"): count for name, count in report.counters.items() if name.startswith("rejected-")})
    reasons[""] = report.records_in - report.rejected
    return reasons


def parse(options: argparse.Namespace) -> Figures:
    """The sample's frame as often as --rows takes; the peers must agree about every reason."""
    path, lines = options.directory / "RS.zst", unpacked(SAMPLE).count(b"\n")
    times = 1 if options.quick else max(1, round(options.rows / lines))
    with open(path, "wb") as file:
        for _ in range(times):
            file.write(SAMPLE.read_bytes())
    builds = (options.directory / f"build-{number}" for number in itertools.count())
    peers: dict[str, Callable[[], Any]] = {
        "webtext": lambda: ours(path, builds),
        "zstandard + orjson + the rules": lambda: plain_python(path),
    }
    if installed("duckdb"):
        import duckdb

        connection = duckdb.connect()
        connection.execute("SET threads = 1")
        peers["duckdb, read_json"] = lambda: connection.sql(QUERY, params={"path": str(path)}).to_arrow_table()
    peers["webtext"]()  # what is compiled or loaded once is not counted
    timings = in_turn(peers, options.rounds)
    one, other = (Counter(timings[name].result) for name in list(peers)[:2])
    if one != other:
        raise SystemExit(f"the peers disagree: {one} and {other}")
    return {"rows": lines * times, **rates(timings, lines * times)}


def whole(options: argparse.Namespace) -> Figures:
    """The stage by its command."""
    figures, links = {}, []
    for shards in (16, 1, 8):
        config, build = options.directory / f"{shards}.toml", options.directory / str(shards)
        config.write_text(
            f'[build]\nshards = {shards}\n[run]\nworkers = {options.workers}\n[links]\ndumps = ["{SAMPLE if options.quick else LOAD}"]\n'
        )
        figures[f"{shards} shards"] = run_command([*WEBTEXT, "links", str(config), "--out", str(build)])
        rows = [row for path in sorted((build / "links").glob("shard-*.parquet")) for row in read_table(path)]
        links.append(orjson.dumps(sorted(rows, key=lambda row: str(row["id"]))))
    return {"different_links": len(set(links)), **figures}


def bars(figures: Figures) -> Iterator[Figures]:
    if "whole" in figures:
        yield bar("different links for 16, 1 and 8 shards", figures["whole"]["different_links"], most=1)


OPTIONS = {"--rows": {"type": int, "default": 500_000}, "--workers": {"type": int, "default": 2}}

if __name__ == "__main__":
    run(__doc__, {"parse": parse, "whole": whole}, OPTIONS, bars)
