"""Reports on 14 test sets against a corpus of real pages and novels, with planted passages found to the word.

    python -m benchmarks.overlap_reports --json figures.json      # a minute, 2 GB of memory

The corpus is the reviewed text of the 1,497 pages of WCXB's development split and the 100 novels. Of every test set three examples are
quoted in a page: their words from the second on, 40 at the most. Expected: 39 of 39 found with the page that quotes them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from benchmarks.corpus import WCXB, novels, unpacked
from benchmarks.harness import DATA, Figures, bar, run
from webtext.core.config import Benchmark, NgramsSection, OverlapSection
from webtext.core.hashing import shard_name, shard_of_url, url_id
from webtext.core.records import CORPUS
from webtext.core.tables import writing_table
from webtext.core.task import StageContext, run_task
from webtext.ngrams.normalise import scan
from webtext.ngrams.phases import build_filter, hash_shard
from webtext.overlap.measure import Share
from webtext.overlap.phases import locate, measure_benchmark, write_report
from webtext.overlap.readers import read_examples

SHARDS = 4
PLANTED = 3
SETS = {
    "LAMBADA": "lambada_test.jsonl",
    "WikiText-2": "wikitext-2/wiki.test.raw",
    "WikiText-2 tokenised": "wikitext-2/test.txt",
    "WikiText-2 valid": "wikitext-2/valid.txt",
    "1BW test": "1bw_heldout/1b_benchmark.test.tokens",
    "1BW dev": "1bw_heldout/1b_benchmark.dev.tokens",
    "LM1B": "formats/lm1b",
    "CBT": "formats/cbt",
    "Winograd": "winograd/WSCollection.xml",
    "CoQA": "formats/coqa/coqa-dev-v1.0.json",
    "NQ-open": "nq_open/NQ-open.dev.jsonl",
    "CNN DailyMail": "cnndm_sample",
    "newstest2014 en": "newstest2014/newstest2014-fren-ref.en.sgm.zst",
    "newstest2014 fr": "newstest2014/newstest2014-fren-src.fr.sgm.zst",
}
TRAIN = {"WikiText-2": SETS["WikiText-2 valid"], "1BW test": SETS["1BW dev"]}  # substitutes: the data have no training sets


Plant = tuple[
    Benchmark, str, int, str, str
]  # a test set, its example, and a passage of it: words, text, URL of the document that quotes it


def test_sets() -> list[Benchmark]:
    at = DATA / "benchmarks"
    return [Benchmark(name=name, path=str(at / path), train=str(at / TRAIN[name]) if name in TRAIN else "") for name, path in SETS.items()]


def passages(benchmark: Benchmark) -> list[tuple[str, int, str]]:
    """Some examples of a test set, spread over it: id, words, and the words from the second on."""
    found = []
    for example in read_examples(benchmark):
        words = scan(example.text, 1)
        if len(words.starts) >= 12:
            last = min(len(words.starts) - 2, 40)
            found.append((example.id, last, words.text(1, last)))
    return [found[len(found) * part // PLANTED] for part in range(min(PLANTED, len(found)))]


def write_corpus(build: Path) -> tuple[int, list[Plant]]:
    """Write the corpus with its quotations, one a page; returns bytes of text, and what was planted."""
    pages = map(orjson.loads, unpacked(DATA / "web" / WCXB[1]).splitlines())
    documents = {page["url"]: page["main_content"] for page in pages if page["main_content"]}
    urls = [url for url, text in documents.items() if len(text) > 2000]
    documents |= {f"http://novels.example/{name}": text for name, text in novels().items()}
    planted = []
    for benchmark in test_sets():
        for example, words, text in passages(benchmark):
            url = urls[len(planted)]
            cut = documents[url].find(" ", len(documents[url]) // 2)
            documents[url] = f"{documents[url][:cut]} zqplantedbegin {text} zqplantedend {documents[url][cut:]}"
            planted.append((benchmark, example, words, text, url))
    for shard in range(SHARDS):
        with writing_table(build / "corpus" / f"{shard_name(shard)}.parquet", CORPUS) as table:
            for url, text in documents.items():
                if shard_of_url(url, SHARDS) == shard:
                    record = {"id": url_id(url), "url": url, "text": text, "split": "train"}
                    table.write({**dict.fromkeys(CORPUS.names), **record})
    return sum(len(text.encode()) for text in documents.values()), planted


def run_phase(context: StageContext, function: Any, count: int, *arguments: Any) -> None:
    for number in range(count):
        run_task(context, f"{function.__name__}-{number:05d}", function, number, *arguments)


def is_found(build: Path, plant: Plant) -> bool:
    """Whether the report shows a planted passage as it is, no word more or less, and the document that quotes it."""
    benchmark, *passage, url = plant
    matches = json.loads((build / "overlap" / f"{benchmark.stem}.json").read_bytes())["matches"]
    found = [match for match in matches if [match["example"], match["words"], match["text"]] == passage]
    return any(document["url"] == url for match in found for document in match["documents"])


def reports(options: argparse.Namespace) -> Figures:
    """Processor seconds of filters and reports, the planted passages that were found, the share of 8-grams found by test set."""
    build, start = options.directory, time.process_time()
    size, planted = write_corpus(build)
    corpus, ngrams, section = time.process_time(), NgramsSection(), OverlapSection(benchmarks=test_sets(), spans=200)
    context = StageContext(build, "ngrams", "0" * 64)
    run_phase(context, hash_shard, SHARDS, ngrams)
    run_phase(context, build_filter, ngrams.partitions, SHARDS, ngrams)
    filters, context = time.process_time(), StageContext(build, "overlap", "1" * 64)
    for index, benchmark in enumerate(section.benchmarks):
        run_task(context, f"measure-{index:05d}", measure_benchmark, index, benchmark, section)
    run_phase(context, locate, SHARDS, section)
    run_task(context, "report", write_report, SHARDS, section)
    done = time.process_time()
    missed = [f"{plant[0].name}: {plant[1]}" for plant in planted if not is_found(build, plant)]
    sets = [json.loads((build / "overlap" / f"{benchmark.stem}.json").read_bytes()) for benchmark in test_sets()]
    return {
        "bytes": size,
        "ngrams": sets[0]["filters"]["distinct_ngrams"],
        "false_positives": sets[0]["false_positives"],
        "not_in_corpus": sum(each["not_in_corpus"] for each in sets),
        "planted": len(planted),
        "found_to_the_word": len(planted) - len(missed),
        "missed": missed,
        "corpus_cpu_seconds": corpus - start,
        "filters_cpu_seconds": filters - corpus,
        "reports_cpu_seconds": done - filters,
        **{each["name"]: {"percent_found": Share(**each["corpus"]).percent} for each in sets},
    }


def bars(figures: Figures) -> Iterator[Figures]:
    yield bar("planted passages found to the word", figures["reports"]["found_to_the_word"], least=figures["reports"]["planted"])


if __name__ == "__main__":
    run(__doc__, {"reports": reports}, None, bars)
