"""The report on a build: its figures beside WebText's, and one HTML file that shows them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from webtext.core.config import ReportSection
from webtext.core.directories import manifest_path
from webtext.core.errors import WebtextError
from webtext.core.manifest import Manifest
from webtext.core.records import CORPUS
from webtext.core.tables import writing_table
from webtext.core.task import OutputFile, StageContext, run_task
from webtext.report import write_report
from webtext.report.fidelity import compare, compare_domains
from webtext.report.summary import summarise

DOCUMENTS = [
    ("https://www.bbc.co.uk/a", "en", "x" * 100),
    ("https://news.bbc.co.uk/b", "en", "y" * 300),
    ("http://example.org/c", "fr", "é" * 100),
    ("http://10.0.0.1/d", "en", "z" * 400),
]


def manifest(stage: str, unit: str, counts: tuple[int, int], counters: dict[str, int], shards: list[OutputFile]) -> Manifest:
    taken, kept = counts
    return Manifest(
        stage=stage,
        fingerprint=stage,
        configuration={},
        inputs={},
        sources=[],
        records={"unit": unit, "in": taken, "out": kept, "rejected": taken - kept},
        shards=shards,
        counters=counters,
        measured={"seconds": 1.5, "cpu_seconds": 1.0, "peak_memory_bytes": 10**8},
    )


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """Ten links, of which four became documents."""
    with writing_table(tmp_path / "corpus" / "shard-00000.parquet", CORPUS) as table:
        for url, language, text in DOCUMENTS:
            row: dict[str, Any] = dict.fromkeys(CORPUS.names) | {"id": url, "url": url, "title": "", "text": text, "subreddits": []}
            table.write(row | {"language": language, "extractor": "blocks", "split": "train"})
    shards = [
        OutputFile("links/shard-00000.parquet", 10, 1, "0"),
        OutputFile("stages/links/rejected/parse-00000.parquet", 5, 1, "0"),
    ]
    manifest("links", "posts", (15, 10), {"rejected-karma": 5}, shards).write(tmp_path / "stages/links/manifest.json")
    manifest("extract", "pages", (10, 9), {"engine-blocks": 4, "rejected-pdf": 1}, []).write(tmp_path / "stages/extract/manifest.json")
    counters = {"bytes-en": 3_999_000, "bytes-fr": 1000, "changed-boilerplate-lines": 2, "rejected-too-short": 5}
    manifest("clean", "documents", (9, 4), counters, []).write(tmp_path / "stages/clean/manifest.json")
    return tmp_path


def test_figures_beside_webtext(build: Path) -> None:
    summary = summarise(build)
    assert summary["corpus"]["documents"] == 4
    assert summary["corpus"]["bytes"] == 100 + 300 + 200 + 400  # of UTF-8
    assert summary["corpus"]["percentiles"]["p50"] == 250
    rows = {row["what"]: (row["here"], row["webtext"], row["ratio"]) for row in summary["fidelity"]}
    assert rows == {
        "bytes of text a document": (250.0, 5000.0, 0.05),
        "documents kept of the links tried": (0.4, 0.1778, 2.25),
        "bytes of French in a million": (250.0, 250.0, 1.0),
    }
    assert summary["cleaned"] == {"bytes_by_language": [("en", 3_999_000), ("fr", 1000)], "changed_by_rule": [("boilerplate-lines", 2)]}
    assert summary["domains"] is None


def test_a_build_without_links_or_texts_has_gaps_and_no_mistake() -> None:
    rows = compare({"documents": 0, "bytes": 0}, None, {})
    assert [(row["here"], row["ratio"]) for row in rows] == [(None, None)] * 3


def test_domains_beside_openais_list() -> None:
    listed = {"google": 1000, "bbc": 500, "github": 300, "nytimes": 200}
    same = compare_domains(Counter(google=9, bbc=7, github=5, nytimes=1, other=100), listed)
    assert same["rank_correlation"] == 1.0
    assert (same["found"], same["found_weight"]) == (4, 1.0)
    assert same["documents_on_listed"] == pytest.approx(22 / 122, abs=1e-4)
    assert same["top"][:2] == [
        {"domain": "google", "webtext": 1, "here": 2, "documents": 9},
        {"domain": "bbc", "webtext": 2, "here": 3, "documents": 7},
    ]
    turned = compare_domains(Counter(google=1, bbc=5, github=7), listed)
    assert (turned["rank_correlation"], turned["found"], turned["found_weight"]) == (-1.0, 3, 0.9)
    assert turned["top"][3] == {"domain": "nytimes", "webtext": 4, "here": None, "documents": 0}
    assert compare_domains(Counter(bbc=5), listed)["rank_correlation"] is None


def report(build: Path, section: ReportSection) -> tuple[dict[str, Any], str]:
    run_task(StageContext(build, "report", "fingerprint"), "report-00000", write_report, section)
    return json.loads((build / "report" / "summary.json").read_bytes()), (build / "report.html").read_text()


def test_one_file_for_programs_and_one_for_people(build: Path, tmp_path: Path) -> None:
    listed = tmp_path / "domains.txt"
    listed.write_text("500 bbc\n100 example\n50 elsewhere\n")
    summary, html = report(build, ReportSection(domains=str(listed)))
    assert summary["domains"]["found"] == 2
    assert summary["domains"]["top"][0] == {"domain": "bbc", "webtext": 1, "here": 1, "documents": 2}
    for piece in (
        "5,000",
        "0.178",
        "section 3.7",
        "boilerplate-lines",
        "karma 5",
        "2 of the 3 domains listed",
        "WebText's largest domains",
    ):
        assert piece in html.replace("&#39;", "'"), piece
    assert "src=" not in html
    assert "@import" not in html


def test_the_same_build_gives_the_same_summary(build: Path) -> None:
    first, _ = report(build, ReportSection())
    again, _ = report(build, ReportSection())
    assert first == again
    assert "seconds" not in json.dumps(first)


def test_a_list_that_is_none_is_told(build: Path, tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match=r"nothing\.txt: there is no such file"):
        summarise(build, tmp_path / "nothing.txt")


def test_openais_own_list_against_itself(data_dir: Path) -> None:
    from webtext.links.report import read_domains

    listed = read_domains(data_dir / "gpt2" / "webtext_domains.txt")
    figures = compare_domains(Counter(listed), listed)
    assert figures["rank_correlation"] == 1.0
    assert figures["found"] == len(listed) == 999


def test_the_card_says_what_a_build_holds(build: Path) -> None:
    for stage, directory in (("extract", "documents"), ("dedup", "corpus")):
        shards = [OutputFile(f"{directory}/shard-00000.parquet", 4, 1, "0"), OutputFile(f"{directory}/more/shard-00000.parquet", 4, 1, "0")]
        made = manifest(stage, "documents", (5, 4), {"rejected-near-copy": 1}, shards)
        replace(made, configuration={"build": {"shards": 1}, stage: {"threshold": 0.8}}).write(build / manifest_path(stage))
    manifest("tokenize", "documents", (4, 4), {"tokens": 1234, "tokens-train": 1234}, []).write(build / manifest_path("tokenize"))
    report(build, ReportSection())
    header, _, text = (build / "README.md").read_text().removeprefix("---\n").partition("---\n")
    assert header.splitlines() == [
        "configs:",
        *("- config_name: corpus", "  data_files: corpus/*.parquet", "  default: true"),
        *("- config_name: documents", "  data_files: documents/*.parquet"),
        *("- config_name: links", "  data_files: links/*.parquet"),
    ]
    assert "4 documents, 1,000 bytes of text, 1,234 tokens." in text
    assert "| `train` | 4 | 1,234 |" in text
    assert "| dedup | documents | 5 | 4 | 1 | near-copy 1 |" in text
    assert json.loads(text.partition("```json\n")[2].partition("```")[0]) == {name: {"threshold": 0.8} for name in ("extract", "dedup")}
    assert "licence" in text


def test_the_card_of_a_build_without_tables_has_no_header(tmp_path: Path) -> None:
    report(tmp_path, ReportSection())
    assert (tmp_path / "README.md").read_text().startswith("<!--")
