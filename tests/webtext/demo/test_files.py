"""The demo's files, and what the stages before and after the network make of them."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import zstandard

from webtext.clean.verdict import judge
from webtext.core.config import Config
from webtext.core.config_file import parse_config
from webtext.core.tables import Record, read_table
from webtext.core.task import StageContext, run_task
from webtext.demo import World, demo_config_toml, write_benchmark, write_dump
from webtext.extract.page import extract_page
from webtext.extract.result import Text
from webtext.links.phases import group_shard, parse_dump


@pytest.fixture(scope="module")
def dump(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "RS_2017-11.zst"
    write_dump(world, path)
    return path


@pytest.fixture
def config(dump: Path) -> Config:
    return parse_config(demo_config_toml(4711, dump, dump.with_name("benchmark.jsonl")), "demo.toml")


def test_the_dump_is_packed_as_pushshift_does(world: World, dump: Path) -> None:
    data = dump.read_bytes()
    with pytest.raises(zstandard.ZstdError, match="too much memory"):
        zstandard.ZstdDecompressor().decompressobj().decompress(data)
    text = zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj().decompress(data)
    assert text == b"".join(line + b"\n" for line in world.lines)


def test_the_benchmark(world: World, tmp_path: Path) -> None:
    write_benchmark(world, tmp_path / "b.jsonl")
    lines = (tmp_path / "b.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == world.benchmark


def test_the_configuration(config: Config, dump: Path) -> None:
    assert config.fetch.connect_to == "127.0.0.1:4711"
    assert config.fetch.allow_private
    assert config.fetch.fixed_time == "2017-12-01T00:00:00Z"
    assert config.links.dumps == [str(dump)]
    assert config.overlap.benchmarks[0].path == str(dump.with_name("benchmark.jsonl"))
    assert config.train.enabled
    assert config.extract.max_bytes < 1_300_000 < config.fetch.max_bytes < 2_600_000


def test_training_can_be_left_out(dump: Path) -> None:
    assert not parse_config(demo_config_toml(1, dump, dump, train=False), "demo.toml").train.enabled


def test_paths_may_hold_anything(tmp_path: Path) -> None:
    odd = tmp_path / 'a "quoted" \\ name ü'
    assert parse_config(demo_config_toml(1, odd, odd), "demo.toml").links.dumps == [str(odd)]


def test_links_end_where_they_should(world: World, dump: Path, config: Config, tmp_path: Path) -> None:
    context = StageContext(tmp_path, "links", "f" * 64)
    shards = config.build.shards
    reports = [run_task(context, "parse", parse_dump, 0, str(dump), config.links, shards)]
    reports += [run_task(context, f"group-{shard}", group_shard, shard, 1, config.links) for shard in range(shards)]
    assert sum(report.records_in for report in reports) == len(world.lines)

    links: dict[str, Record] = {row["url"]: row for path in tmp_path.glob("links/*.parquet") for row in read_table(path)}
    rejected: dict[str, set[str]] = defaultdict(set)
    for path in tmp_path.glob("stages/links/rejected/*.parquet"):
        for row in read_table(path):
            rejected[row["url"]].add(row["reason"])
    for case in world.cases:
        if case.stage == "links":
            assert rejected[case.url] == {case.outcome}, case
            assert case.url not in links, case
        else:
            assert case.url in links, case
            assert case.url not in rejected, case
            assert case.posts in (0, len(links[case.url]["posts"])), case
    assert set(world.ordinary) <= set(links)


def test_pages_end_where_they_should(world: World, config: Config) -> None:
    """Of the cases that come as pages; redirects are left to the fetcher."""
    checked = 0
    for case in world.cases:
        parts = urlsplit(case.url)
        answer = world.pages.get((parts.netloc, parts.path + (f"?{parts.query}" if parts.query else "")))
        if case.stage not in ("extract", "clean", "dedup", "corpus") or answer is None or answer.status != 200:
            continue
        headers = dict(answer.headers)
        body = gzip.decompress(answer.body) if "Content-Encoding" in headers else answer.body
        result = extract_page(body[: config.fetch.max_bytes], headers["Content-Type"], case.url, config.extract)
        checked += 1
        if case.stage == "extract":
            assert not isinstance(result, Text), case
            assert result.reason == case.outcome, case
            continue
        assert isinstance(result, Text), (case, result)
        if case.stage == "clean":
            assert judge(result.title, result.text, config.clean).reason == case.outcome, case
        else:
            assert case.text in " ".join(result.text.split()), case
    assert checked >= 35


def test_ordinary_pages_are_extracted(world: World, config: Config) -> None:
    """A tenth of them; some site layouts lose a part of the text, as in life."""
    sample = world.ordinary[::10]
    kept = [
        result
        for url in sample
        if isinstance(result := extract_page(_body(world, url), "text/html; charset=utf-8", url, config.extract), Text)
    ]
    assert len(kept) == len(sample)
    assert sum(len(text.text) for text in kept) / len(kept) > 3500


def _body(world: World, url: str) -> bytes:
    parts = urlsplit(url)
    return world.pages[parts.netloc, parts.path + (f"?{parts.query}" if parts.query else "")].body
