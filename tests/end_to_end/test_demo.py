"""`webtext demo`, looked at from all sides."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.commands import assert_corpus_is, manifests, webtext
from tests.end_to_end.conftest import Demo
from webtext.core.directories import DIRECTORIES, rejected_directory
from webtext.core.tables import read_table
from webtext.demo.cases import read_entries
from webtext.demo.world import World, make_world
from webtext.report.why import why

# By name, from the tables alone: to make the world takes some seconds, and pytest asks for the cases whenever it collects.
CASES = [entry.name for entry in read_entries() if entry.name]
# A build of texts has `documents` instead of the first three; `evaluate` is a command of its own here, as it needs further libraries.
STAGES = [stage for stage in DIRECTORIES if stage not in ("documents", "evaluate")]


@pytest.fixture(scope="module")
def world() -> World:
    return make_world()


@pytest.mark.parametrize("name", CASES)
def test_every_planted_case_ends_where_it_should(demo: Demo, world: World, name: str) -> None:
    case = next(case for case in world.cases if case.name == name)
    events = why(demo.build, case.url)
    story = "\n".join(f"{event.stage} {'kept' if event.kept else 'left out'} {event.text}" for event in events)
    stages = {event.stage for event in events if event.kept}
    if case.outcome == "kept":
        assert {"links", "fetch", "extract", "dedup", "tokenize"} <= stages, story
        return
    assert [event for event in events if event.stage == case.stage and not event.kept and case.outcome in event.text], story
    order = list(DIRECTORIES)
    assert not {stage for stage in stages if order.index(stage) > order.index(case.stage)}, story
    if case.copy_of:
        assert case.copy_of in story


def documents(build: Path, directory: str) -> dict[str, dict[str, object]]:
    return {row["url"]: row for path in sorted((build / directory).glob("shard-*.parquet")) for row in read_table(path)}


def test_planted_texts_are_in_the_corpus(demo: Demo, world: World) -> None:
    corpus = documents(demo.build, "corpus")
    for case in world.cases:
        if case.outcome == "kept" and case.text:
            assert "".join(case.text.split()) in "".join(str(corpus[case.url]["text"]).split()), case.name


def test_the_corpus_is_what_it_was(demo: Demo) -> None:
    assert_corpus_is("demo", demo.build)


def test_posts_of_a_page_come_together(demo: Demo, world: World) -> None:
    links = documents(demo.build, "links")
    for case in world.cases:
        if case.posts and case.outcome == "kept":
            posts = links[case.url]["posts"]
            assert isinstance(posts, list)
            assert len(posts) == case.posts, case.name


def test_ordinary_pages_reach_the_corpus(demo: Demo, world: World) -> None:
    corpus = documents(demo.build, "corpus")
    kept = sum(url in corpus for url in world.ordinary)
    assert kept >= 0.97 * len(world.ordinary)


def test_no_record_vanishes(demo: Demo, world: World) -> None:
    found = manifests(demo.build)
    assert list(found) == STAGES
    for stage, manifest in found.items():
        records = manifest["records"]
        assert records["in"] == records["out"] + records["rejected"], stage
        assert records["in"] > 0, stage
        rejected = [row for path in (demo.build / rejected_directory(stage)).glob("*.parquet") for row in read_table(path)]
        assert len(rejected) == records["rejected"], stage
        for row in rejected:
            assert manifest["counters"][f"rejected-{row['reason']}"], stage
    assert found["links"]["records"]["in"] == len(world.lines)
    assert found["extract"]["records"]["in"] == found["fetch"]["records"]["out"]
    assert found["clean"]["records"]["in"] == found["extract"]["records"]["out"]
    assert found["dedup"]["records"]["in"] == found["clean"]["records"]["out"]
    assert found["tokenize"]["records"]["in"] == found["dedup"]["records"]["out"]


@pytest.mark.parametrize("directory", ["links", "pages/ledger", "documents", "corpus", "duplicates/pairs", "tokens/index"])
@pytest.mark.parametrize("reader", ["pyarrow.parquet", "pandas", "polars", "duckdb", "datasets"])
def test_a_table_opens_by_the_name_of_its_directory(demo: Demo, tmp_path: Path, reader: str, directory: str) -> None:
    module: Any = pytest.importorskip(reader, reason=f"{reader} is not here; requirements/development.txt has it")
    path = demo.build / directory
    assert not [file for file in path.rglob("*") if file.is_file() and (file.suffix != ".parquet" or file.parent != path)]
    rows = [row for file in sorted(path.glob("*.parquet")) for row in read_table(file)]
    if reader == "datasets":
        splits = module.load_dataset(str(path), cache_dir=str(tmp_path))
        found = sum(split.num_rows for split in splits.values()), {name for names in splits.column_names.values() for name in names}
    elif reader == "duckdb":
        table = module.sql(f"SELECT * FROM '{path}/**/*.parquet'")
        found = len(table), set(table.columns)
    else:
        table = (module.read_table if reader == "pyarrow.parquet" else module.read_parquet)(path)
        found = len(table), set(table.column_names if reader == "pyarrow.parquet" else table.columns)
    assert found == (len(rows), set(rows[0]))


def test_a_build_is_a_dataset(demo: Demo, tmp_path: Path) -> None:
    datasets: Any = pytest.importorskip("datasets", reason="datasets is not here; requirements/development.txt has it")
    assert set(datasets.get_dataset_config_names(str(demo.build))) == {"corpus", "cleaned", "documents", "links"}
    for directory, names in (("corpus", ()), ("links", ("links",)), ("documents", ("documents",))):
        found = datasets.load_dataset(str(demo.build), *names, split="train", cache_dir=str(tmp_path))
        assert set(found["url"]) == documents(demo.build, directory).keys()


def test_quotations_are_found_and_nothing_else(demo: Demo, world: World) -> None:
    with open(demo.build / "overlap" / "examples" / "quotations.csv", newline="") as file:
        rows = {row["example"]: row for row in csv.DictReader(file)}
    corpus = documents(demo.build, "corpus")
    assert len(rows) == len(world.benchmark)
    quoted = 0
    for index, example in enumerate(world.benchmark):
        found = int(rows[str(index)]["found"])
        if index not in world.quotes:
            assert found == 0, example
        elif corpus[world.quotes[index]]["split"] == "train":
            assert found > 0, example
            quoted += 1
    assert quoted >= 0.7 * len(world.quotes)


def test_the_summary_names_stages_reasons_and_places(demo: Demo) -> None:
    for name in (*STAGES, "karma", "language", "near-copy", "report.html", "overlap.html", "next: webtext why"):
        assert name in demo.printed, name


def test_the_report_is_one_file_that_needs_no_network(demo: Demo) -> None:
    html = (demo.build / "report.html").read_text()
    assert "http-404" in html
    assert "<polyline" in html
    assert "src=" not in html
    assert "@import" not in html
    summary = json.loads((demo.build / "report" / "summary.json").read_text())
    assert summary["corpus"]["documents"] == manifests(demo.build)["dedup"]["records"]["out"]


def test_from_a_token_to_its_page_and_posts(demo: Demo, world: World) -> None:
    told = webtext("source", demo.build, "--position", 5000).stdout
    assert "tokens " in told
    assert "post " in told
    url = told.splitlines()[0]
    assert "5,000" in told or "tokens" in webtext("why", url, "--out", demo.build).stdout
    case = next(case for case in world.cases if case.outcome == "kept" and case.text)
    line = max(case.text.splitlines(), key=len)[:60]
    assert case.url in webtext("source", demo.build, "--find", line).stdout
    assert "is in no document" in webtext("source", demo.build, "--find", "zzzyxxq", status=1).stderr
    assert "has no token" in webtext("source", demo.build, "--position", 10**9, status=2).stderr


def test_the_model_writes_the_same_again(demo: Demo) -> None:
    arguments = ("sample", demo.build, "--prompt", "The function", "--tokens", 20, "--seed", 3)
    first = webtext(*arguments).stdout
    assert first.startswith("The function")
    assert first == webtext(*arguments).stdout
    assert first != webtext(*arguments[:-1], 4).stdout


def test_filters_are_asked_without_the_corpus(demo: Demo, tmp_path: Path) -> None:
    row = next(row for row in documents(demo.build, "corpus").values() if row["split"] == "train")
    (tmp_path / "ngrams").mkdir()
    for path in (demo.build / "ngrams").glob("filter-*.bloom"):
        (tmp_path / "ngrams" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "quote.txt").write_text(str(row["text"]))
    assert "100.00 %" in webtext("ngrams", "query", tmp_path / "ngrams", tmp_path / "quote.txt").stdout


def test_the_vocabulary_goes_out_and_comes_in(demo: Demo, tmp_path: Path) -> None:
    webtext("tokenizer", "export", demo.build / "tokenizer", "--out", tmp_path / "a")
    webtext("tokenizer", "import", tmp_path / "a" / "tokenizer.json", "--out", tmp_path / "b")
    assert (tmp_path / "b" / "merges.txt").read_bytes() == (demo.build / "tokenizer" / "merges.txt").read_bytes()


def test_an_unknown_url_is_told(demo: Demo) -> None:
    assert "no stage of" in webtext("why", "http://nobody.example/", "--out", demo.build, status=1).stderr


def test_again_with_nothing_changed_does_nothing(demo: Demo) -> None:
    before = {path: path.stat().st_mtime_ns for path in demo.build.rglob("manifest.json")}
    told = webtext("demo", "--out", demo.build).stdout
    assert f"nothing to do: {demo.build} is up to date" in told
    assert {path: path.stat().st_mtime_ns for path in demo.build.rglob("manifest.json")} == before
