"""The dedup stage with test sets kept out of the corpus."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.webtext.dedup.stage import contents, corpus, document, read_all, rejected, run, write_documents
from tests.webtext.ngrams.corpora import run_ngrams, run_overlap
from tests.webtext.overlap.test_phases import prose, report
from webtext.core.config import Benchmark, DedupSection, NgramsSection, OverlapSection
from webtext.core.manifest import Manifest, build_manifest
from webtext.core.task import Report, StageContext, run_task
from webtext.dedup.decontamination import find_quotations, index_test_set
from webtext.overlap.decontaminate import quotations
from webtext.overlap.ngram_index import index_set, join_sets
from webtext.overlap.readers import read_examples

SHARDS = 3
QUESTION, PASSAGE, SHORT = prose(25, 50), prose(60, 51), prose(9, 52)
PAGE, OTHER = prose(300, 53), prose(200, 54)
DOCUMENTS = {
    "quotes": f"{prose(150, 60)} {PASSAGE.upper()} {prose(150, 61)}",
    "twice": f"{prose(150, 62)} “{QUESTION}” {prose(150, 63)} {PASSAGE} {prose(150, 64)}",
    "mostly": f"{prose(20, 65)} {PASSAGE} {prose(20, 66)}",
    "short": f"{prose(150, 67)} {SHORT}? {prose(150, 68)}",
    "phrase": f"{prose(150, 69)} {' '.join(PASSAGE.split()[:12])} {prose(150, 70)}",
    "clean": prose(300, 71),
    "copy-clean": PAGE,
    "copy-quotes": f"{PAGE} {QUESTION}",
    "other": OTHER,
    "other-quotes": f"{PASSAGE} {prose(40, 72)} {OTHER}",
}


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "set-a.txt").write_text(f"{PASSAGE}\n\n{QUESTION}\n\n{SHORT}\n\nso short")
    (tmp_path / "set-b.jsonl").write_text(f'{{"id": "q7", "text": "{prose(30, 73)} {" ".join(PASSAGE.split()[20:])}"}}\n')
    # The one that quotes is the older of two copies and would be the one to stay.
    dates = {"copy-quotes": 1, "copy-clean": 2}
    write_documents(tmp_path, [document(name, text, dates.get(name, 9)) for name, text in DOCUMENTS.items()], SHARDS)
    return tmp_path


def section(build: Path, **keys: Any) -> DedupSection:
    sets = [Benchmark(name=path.stem, path=str(path)) for path in sorted(build.glob("set-*"))]
    return DedupSection(**{"partitions": 2, "decontaminate": sets, "val_share": 0.0, "test_share": 0.0, **keys})


def decontaminated(build: Path, section: DedupSection, shuffle: int = 0) -> Manifest:
    context, reports = StageContext(build, "dedup", "fingerprint"), list[Report]()
    order = random.Random(shuffle)
    sets, shards = [*enumerate(section.decontaminate)], [*range(SHARDS)]
    for index, benchmark in order.sample(sets, len(sets)):
        reports.append(run_task(context, f"testsets-{index:05d}", index_test_set, index, benchmark, section))
    reports += [
        run_task(context, f"quotations-{shard:05d}", find_quotations, shard, section, "cleaned") for shard in order.sample(shards, SHARDS)
    ]
    reports += run(build, section, SHARDS, shuffle)[1]
    return build_manifest("dedup", "documents", reports, fingerprint="fingerprint", configuration={}, inputs={}, sources=[])


def names(records: dict[str, Any]) -> set[str]:
    return {url.rpartition("/")[2] for url in records}


def of(records: dict[str, Any], name: str) -> Any:
    return next(record for url, record in records.items() if url.endswith(f"/{name}"))


def test_documents_that_quote_are_dropped_and_the_reason_names_it_all(build: Path) -> None:
    manifest = decontaminated(build, section(build))
    assert names(corpus(build)) == {"phrase", "clean", "copy-clean", "other"}
    reasons = rejected(build)
    assert {record["reason"] for record in reasons.values()} == {"quotes-test-set"}
    assert of(reasons, "quotes")["detail"] == f"60 words of set-a (0); set-b (q7): {PASSAGE.upper()[:100]}…"
    assert of(reasons, "short")["detail"] == f"9 words of set-a (2): {SHORT}"
    assert (manifest.records["in"], manifest.records["out"], manifest.records["rejected"]) == (10, 4, 6)
    assert manifest.counters["documents-that-quote-set-a"] == 6
    assert manifest.counters["documents-that-quote-set-b"] == 4
    assert manifest.counters["rejected-quotes-test-set"] == 6


def test_quotations_are_on_record(build: Path) -> None:
    decontaminated(build, section(build, decontaminate_by="cut"))
    records = read_all(build, "duplicates/quotations/*.parquet")
    found = {(record["url"].rpartition("/")[2], record["test_set"], record["example"], record["words"]) for record in records}
    assert found == {
        *((name, "set-a", "0", 60) for name in ("quotes", "twice", "mostly", "other-quotes")),
        *((name, "set-b", "q7", 60) for name in ("quotes", "twice", "mostly", "other-quotes")),
        ("twice", "set-a", "1", 25), ("copy-quotes", "set-a", "1", 25), ("short", "set-a", "2", 9),
    }  # fmt: skip
    assert {record["outcome"] for record in records if "mostly" in record["url"]} == {"dropped"}
    assert {record["outcome"] for record in records if "mostly" not in record["url"]} == {"cut"}
    for record in records:
        text = DOCUMENTS[record["url"].rpartition("/")[2]]
        assert text.encode()[record["start"] : record["end"]].decode() == record["text"]


def test_what_is_cut_is_not_in_the_corpus_and_copies_are_found_afterwards(build: Path) -> None:
    manifest = decontaminated(build, section(build, decontaminate_by="cut"))
    kept, reasons = corpus(build), rejected(build)
    assert names(kept) == {"quotes", "twice", "short", "phrase", "clean", "copy-quotes", "other"}
    assert {name.rpartition("/")[2]: record["reason"] for name, record in reasons.items()} == {
        "mostly": "quotes-test-set", "copy-clean": "near-copy", "other-quotes": "near-copy",
    }  # fmt: skip
    assert manifest.records["in"] == 10
    assert manifest.counters["documents-cut"] == 5
    left = of(kept, "twice")["text"]
    pieces = left.split("\n\n")
    assert [DOCUMENTS["twice"].count(piece) for piece in pieces] == [1, 1, 1]
    assert not set(QUESTION.split()) & set(left.split())
    assert of(kept, "clean")["text"] == DOCUMENTS["clean"]


@pytest.mark.parametrize("by", ["drop", "cut"])
def test_a_report_on_the_corpus_finds_no_quotation(build: Path, by: str) -> None:
    keys = section(build, decontaminate_by=by)
    decontaminated(build, keys)
    sets = join_sets([index_set(benchmark.name, read_examples(benchmark), 13) for benchmark in keys.decontaminate])
    assert [quotations(record["text"], sets) for record in corpus(build).values()] == [[]] * len(corpus(build))
    run_ngrams(build, SHARDS, NgramsSection())
    run_overlap(build, SHARDS, OverlapSection(benchmarks=keys.decontaminate, probes=1000))
    measured = report(build, "set-a")
    assert (measured["documents_that_quote"], measured["longest_in_a_document"]) == (0, 12)
    assert measured["documents_with_any"] == 1  # the phrase of 12 words
    assert report(build, "set-b")["documents_with_any"] == 0


def test_without_decontamination_the_report_counts_the_documents(build: Path) -> None:
    keys = section(build)
    run(build, keys.model_copy(update={"decontaminate": []}), SHARDS)
    run_ngrams(build, SHARDS, NgramsSection())
    run_overlap(build, SHARDS, OverlapSection(benchmarks=keys.decontaminate, probes=1000))
    measured = report(build, "set-a")
    assert measured["documents_that_quote"] == 6
    assert measured["documents_with_any"] == 7
    assert measured["longest_in_a_document"] == 60


@pytest.mark.parametrize("by", ["drop", "cut"])
def test_the_same_bytes_in_any_order_of_the_tasks(build: Path, tmp_path_factory: pytest.TempPathFactory, by: str) -> None:
    first = contents(build, decontaminated(build, section(build, decontaminate_by=by)))
    other = tmp_path_factory.mktemp("again")
    write_documents(other, [document(name, text, {"copy-quotes": 1, "copy-clean": 2}.get(name, 9)) for name, text in DOCUMENTS.items()], 3)
    second = contents(other, decontaminated(other, section(build, decontaminate_by=by), shuffle=5))
    assert first == second
    assert any(path.startswith("duplicates/quotations/") for path in first)
