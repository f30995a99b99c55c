"""The phases of `webtext overlap`: measure a test set, find its matches in the corpus, write the reports."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np

from webtext.core.config import Benchmark, OverlapSection
from webtext.core.files import read_json, to_json, write_bytes
from webtext.core.task import StageContext, TaskRun
from webtext.core.texts import read_texts
from webtext.dedup.arrow_files import ArrowFile, writing_arrow
from webtext.ngrams.filters import Filters, filter_name, read_header
from webtext.ngrams.normalise import Hashes, ngram_hashes
from webtext.ngrams.query import probe, upper_limit
from webtext.ngrams.runs import sorted_distinct
from webtext.overlap import paper
from webtext.overlap.contamination import CopyCollector, edited_copies, judge, parts_path
from webtext.overlap.hash_lookup import find_rows
from webtext.overlap.html import render
from webtext.overlap.match_documents import MatchDocuments, best_documents
from webtext.overlap.measure import (
    Counts,
    Flags,
    Runs,
    Share,
    TestSet,
    examples_above,
    found_by_example,
    found_in_filters,
    found_in_texts,
    hash_examples,
    longest_by_example,
    matches,
    share,
)
from webtext.overlap.ngram_index import IndexedTestSet, index_hashes, join_sets, read_indexed, write_indexed
from webtext.overlap.part_index import index_parts, write_parts
from webtext.overlap.quotation_counts import QuotationCounter, aggregate
from webtext.overlap.readers import format_of, read_examples
from webtext.overlap.samples import KINDS, overlap_of, samples, tasks
from webtext.overlap.sources import source_files
from webtext.overlap.spans import longest_examples, shown

FORMAT = 1
LOCATED = "documents of matches"


def measure_benchmark(log: TaskRun, index: int, benchmark: Benchmark, section: OverlapSection) -> list[tuple[int, str]]:
    """Phase 1, a test set: its overlap with the filters of the build, and with its own training set where there is one.

    Writes overlap/examples/NAME.csv, a line an example, and for the next phases the figures and the n-grams that were found. Memory:
    the test set and some ten times as much.
    """
    filters = Filters.open(log.context.build / "ngrams")
    test = hash_examples(_watched(log, read_examples(benchmark)), filters.words)
    found = found_in_filters(test, filters)
    own = None
    if benchmark.train:
        own = found_in_texts(test, (example.text for example in _watched(log, read_examples(benchmark, "train"))), filters.words)
    runs = matches(test, found)
    _count(log, benchmark, test)
    rows = _rows(test, found_by_example(test, found), longest_by_example(test, runs), section.heavy, filters.words)
    with log.binary(f"{log.context.directory}/examples/{benchmark.stem}.csv", lambda: len(test.examples)) as output:
        output.file.write(_csv(rows))
    files = [path.name for path in source_files(benchmark.path)]
    about = {"name": benchmark.name, "stem": benchmark.stem, "read_as": format_of(benchmark), "files": files}
    figures = _figures(test, found, own, runs, section.heavy, filters.words)
    overlaps = [overlap_of(hit, count, section.heavy) for hit, count in zip(found_by_example(test, found).tolist(), np.diff(test.offsets))]
    shown_ = [shown(test, runs, run, found, filters.words) for run in longest_examples(test, runs, section.spans)]
    write_bytes(_measured(log.context, index), to_json({**about, **figures, "overlaps": overlaps, "matches": shown_}))
    if section.edits:
        write_parts(parts_path(log.context, index), index_parts(benchmark.name, test.examples))
    write_indexed(_hits(log.context, index), _found(benchmark.name, test, found, section.quotation_words, filters.words))
    return [(0, str(_hits(log.context, index).relative_to(log.context.build)))]


def _found(name: str, test: TestSet, found: Flags, min_match_words: int, words: int) -> IndexedTestSet:
    """The n-grams of a test set that were found."""
    examples = ((example.id, scanned.hashes, len(scanned.starts)) for example, scanned in zip(test.examples, test.scans))
    indexed = index_hashes(name, examples, min_match_words, words)
    return indexed._replace(keys=indexed.keys[found], min_match_words=indexed.min_match_words[found], example=indexed.example[found])


def _figures(test: TestSet, found: Flags, own: Flags | None, runs: Runs, heavy: float, words: int) -> dict[str, Any]:
    ngrams, hits, longest = np.diff(test.offsets), found_by_example(test, found), longest_by_example(test, runs)
    shares = [hit / ngram for hit, ngram in zip(hits.tolist(), ngrams.tolist()) if ngram]
    return {
        "examples": len(test.examples),
        "too_short": len(test.examples) - len(shares),
        "corpus": asdict(share(test, found)),
        "own_train": asdict(share(test, own)) if own is not None else None,
        "any": sum(value > 0 for value in shares),
        "heavy": sum(value > heavy for value in shares),
        "mean_share": round(sum(shares) / len(shares), 8) if shares else 0.0,
        "median_share": round(float(np.median(shares)), 8) if shares else 0.0,
        "longest_words": int(longest.max(initial=0)) + words - 1 if longest.any() else 0,
        "examples_above_percent": examples_above(hits, ngrams),
    }


def _measured(context: StageContext, index: int) -> Path:
    return context.scratch_path(f"measured-{index:05d}.json")


def _hits(context: StageContext, index: int) -> Path:
    return context.scratch_path(f"hits-{index:05d}")


def _words(context: StageContext) -> int:
    return read_header(context.build / "ngrams" / filter_name(0)).words


def _located(context: StageContext, shard: int) -> Path:
    return context.scratch_path(f"located-{shard:05d}")


def _watched(log: TaskRun, examples: Iterable[Any]) -> Iterable[Any]:
    for example in examples:
        log.progress()
        yield example


def _count(log: TaskRun, benchmark: Benchmark, test: TestSet) -> None:
    for example, scanned in zip(test.examples, test.scans):
        log.records_in += 1
        if len(scanned.hashes):
            log.records_out += 1
        else:
            log.reject("", f"{benchmark.name}:{example.id}", "too-short", f"{len(scanned.starts)} words")


def _rows(test: TestSet, hits: Counts, longest: Counts, heavy: float, words: int) -> Iterable[list[Any]]:
    """The table of examples; `overlap` is none, some or heavy, and short for an example without an n-gram."""
    yield ["index", "example", "words", "ngrams", "found", "share", "longest_match_words", "overlap"]
    for index, (example, scanned, hit, run) in enumerate(zip(test.examples, test.scans, hits.tolist(), longest.tolist())):
        count = len(scanned.hashes)
        part = f"{hit / count:.6f}" if count else ""
        yield [index, example.id, len(scanned.starts), count, hit, part, run + words - 1 if run else 0, overlap_of(hit, count, heavy)]


def _csv(rows: Iterable[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def locate(log: TaskRun, shard: int, section: OverlapSection, source: str) -> list[tuple[int, str]]:
    """Phase 2, a shard of the corpus: which n-grams of the test sets its training documents have, and the documents of each shown match."""
    context = log.context
    sets = join_sets([read_indexed(_hits(context, index)) for index in range(len(section.benchmarks))], _words(context))
    shown_ = [match["hashes"] for benchmark in _benchmarks(context, section) for match in benchmark["matches"]]
    documents, quoted = MatchDocuments(sets.lookup.keys, shown_), QuotationCounter(sets)
    copies = CopyCollector(edited_copies(context, len(section.benchmarks)), section.edits) if section.edits else None
    corpus = read_texts(context.build, source, shard)
    for document in corpus if len(sets.lookup.keys) or copies else ():
        log.progress()
        if document["split"] == "train":
            if copies:
                copies.add(document["url"], document["id"], document["text"])
            places = find_rows(ngram_hashes(document["text"], sets.words)[0], sets.lookup)
            quoted.add(places)
            documents.add(document["url"], document["id"], places)
    with writing_arrow(_located(context, shard), LOCATED, counts=documents.counts, best=documents.best, quoted=quoted.counts) as output:
        output.write({"hash": documents.seen})
    if copies:
        copies.write(context.scratch_path(f"copies-{shard:05d}"))
    return [(0, str(_located(context, shard).relative_to(context.build)))]


def _benchmarks(context: StageContext, section: OverlapSection) -> list[dict[str, Any]]:
    return [cast(dict[str, Any], read_json(_measured(context, index))) for index in range(len(section.benchmarks))]


def write_report(log: TaskRun, shards: int, section: OverlapSection) -> None:
    """Phase 3: overlap/NAME.json for each test set, overlap.csv with a line each, and overlap.html with all of it to look at.

    Without a corpus at hand (a downloaded release) `shards` is 0, and matches have no documents.
    """
    context = log.context
    filters = Filters.open(context.build / "ngrams")
    benchmarks = _benchmarks(context, section)
    located, quoted = _documents(context, shards, [match for benchmark in benchmarks for match in benchmark["matches"]])
    for index, benchmark in enumerate(benchmarks):
        keys = read_indexed(_hits(context, index)).keys
        benchmark["not_in_corpus"] = int((~np.isin(keys, located)).sum()) if shards else None
        benchmark.update(aggregate(quoted, index))
        benchmark["paper_column"] = paper.column_of(benchmark["name"])
        for match in benchmark["matches"]:
            del match["hashes"]
        benchmark["contamination"] = None
    judged = judge(context, shards, len(benchmarks), section.edits) if section.edits and shards else []
    for benchmark, (ids, verdicts) in zip(benchmarks, judged):
        benchmark["contamination"] = verdicts.figures()
        with log.binary(f"{context.directory}/contamination/{benchmark['stem']}.csv") as output:
            output.file.write(_csv(verdicts.rows(ids)))
    overlaps = {benchmark["name"]: benchmark.pop("overlaps") for benchmark in benchmarks}
    for kind in KINDS:
        with log.binary(f"{context.directory}/samples/{kind}.json") as output:
            output.file.write(samples(overlaps, kind))
        with log.binary(f"{context.directory}/samples/{kind}.tasks") as output:
            output.file.write(tasks(overlaps, kind))
    hits = probe(filters, section.probes)
    about = {
        "format": FORMAT,
        "filters": {
            "words": filters.words,
            "distinct_ngrams": filters.count,
            "partitions": len(filters.headers),
            "normaliser": filters.headers[0].normaliser,
            "build": filters.headers[0].build,
            "error_rate": filters.headers[0].error_rate,
        },
        "false_positives": {
            "analytic": float(f"{filters.false_positive_rate:.6g}"),
            "probes": section.probes,
            "hits": hits,
            "measured_at_most_95_percent": upper_limit(hits, section.probes),
        },
        "heavy_above": section.heavy,
        "edits": section.edits,
        "quotation_words": section.quotation_words,
    }
    for benchmark in benchmarks:
        with log.binary(f"{context.directory}/{benchmark['stem']}.json") as output:
            output.file.write(to_json({**about, **benchmark}))
    with log.binary(f"{context.directory}/overlap.csv", lambda: len(benchmarks)) as output:
        output.file.write(_csv(_summary(benchmarks)))
    with log.binary(f"{context.directory}/overlap.html") as output:
        output.file.write(render(about, benchmarks).encode())


def _documents(context: StageContext, shards: int, matches_: list[dict[str, Any]]) -> tuple[Hashes, list[list[list[int]]]]:
    """Put the number of documents of each match into it, and those that hold most of it. Returns the n-grams that are in any document,
    sorted, and the counts of quotations of each shard."""
    counts = np.zeros(len(matches_), np.int64)
    best: list[list[dict[str, Any]]] = [[] for _ in matches_]
    seen: Hashes = np.empty(0, np.uint64)
    quoted = []
    for shard in range(shards):
        file = ArrowFile(_located(context, shard), LOCATED)
        seen = sorted_distinct([seen, file.read("hash")])
        counts += np.array(file.facts["counts"], np.int64)
        best = [best_documents([*known, *more]) for known, more in zip(best, file.facts["best"])]
        quoted.append(file.facts["quoted"])
    for match, documents, count in zip(matches_, best, counts.tolist()):
        match["documents"] = documents if shards else None
        match["documents_found"] = count if shards else None
    return seen, quoted


def _summary(benchmarks: list[dict[str, Any]]) -> Iterable[list[Any]]:
    same = ["examples", "too_short", "any", "heavy", "mean_share", "longest_words", "not_in_corpus"]
    same += ["documents_with_any", "documents_that_quote", "longest_in_a_document"]
    verdicts = ["contaminated", "clean", "short"]
    yield ["name", "percent", "distinct_percent", "own_train_percent", *Share.__dataclass_fields__, *same, *verdicts]
    for benchmark in benchmarks:
        corpus = Share(**benchmark["corpus"])
        own = Share(**benchmark["own_train"]).percent if benchmark["own_train"] else ""
        figures = (benchmark[key] for key in same)
        judged = (benchmark["contamination"][verdict] if benchmark["contamination"] else "" for verdict in verdicts)
        yield [benchmark["name"], corpus.percent, corpus.distinct_percent, own, *asdict(corpus).values(), *figures, *judged]
