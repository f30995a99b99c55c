"""Extraction: quality and time of our engines beside trafilatura, newspaper3k and resiliparse, in one run on one core.

    pip install resiliparse
    taskset -c 0 python -m benchmarks.extract --folds DIR --json figures.json     # all pages: some ten minutes a round
    python -m benchmarks.extract --quick                                          # every tenth page: a minute

Pages and gold text are WCXB's development split and trafilatura's evaluation. `blocks`, and with it `combined`, is trained on pages of
these collections, so that its figures count only with --folds: a directory with the models `fold-0` to `fold-4` of
webtext/extract/training/fit.py, each of which has not seen the domains of the pages that it is asked about. Without it the shipped model
is measured.

Times are processor time a page, decoding and parsing included, in the median of the rounds; `whole page` is all that happens to a page in a
build: decoding, `combined`, tidying, cleaning (gpt2), the test for Wikipedia and the language. A page that it rejects counts as empty.
Expected with folds: word F1 on WCXB 0.872 (trafilatura 0.818), F1 of strings 0.931 (0.921), a whole page 11 and 8 ms (57 and 30), language
right for 0.978 of the sentences (langdetect 0.975).
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from statistics import fmean, median
from typing import Any
from urllib.parse import urlsplit

from langdetect import LangDetectException, detect_langs, detector_factory

from benchmarks.corpus import EVALUATION, WCXB, documents_of, members, novels, pages
from benchmarks.harness import DATA, Figures, bar, in_turn, installed, run
from webtext.clean.language import ISO, detect
from webtext.clean.verdict import judge
from webtext.core.config import CleanSection, ExtractSection
from webtext.extract import page as whole
from webtext.extract.decode import decode
from webtext.extract.engines import MODULES, Engine, Extraction, engine
from webtext.extract.result import Text
from webtext.extract.score import Strings, word_f1
from webtext.extract.wikipedia import is_copy

Extractor = Callable[[bytes, "str | None", str], str]
LEARNED = ("blocks", "combined")
FOLDS = 5
WHOLE = "whole page"
TRAFILATURA = "trafilatura (its own API)"


def ours(name: str, folds: Path | None) -> Extractor:
    extract = folded(name, folds) if folds and name in LEARNED else engine(name)
    return lambda body, content_type, url: extract(decode(body, content_type)[0], url).text


def folded(name: str, folds: Path) -> Engine:
    """An engine that asks, for each page, the model that has not seen its domain."""
    from webtext.extract.blocks import model
    from webtext.extract.blocks.trees import load
    from webtext.extract.training.fit import fold_of

    paths = sorted(folds.glob("fold-?*"))
    if [path.stem for path in paths] != [f"fold-{number}" for number in range(FOLDS)]:
        sys.exit(f"{folds}: has to hold fold-0 to fold-{FOLDS - 1} and nothing else of that name; run webtext/extract/training/fit.py")
    models = [load(path) for path in paths]
    extract = engine(name)

    def ask(html: str, url: str) -> Extraction:
        model.forests = lambda path=None: models[fold_of(url)]
        return extract(html, url)

    return ask


def whole_page(folds: Path | None) -> Extractor:
    section, cleaning = ExtractSection(max_bytes=2**30), CleanSection(languages=[])
    if folds:
        whole.ENGINES["combined"] = folded("combined", folds)

    def extract(body: bytes, content_type: str | None, url: str) -> str:
        found = whole.extract_page(body, content_type, url, section)
        return judge(found.title, found.text, cleaning).text or "" if isinstance(found, Text) else ""

    return extract


def trafilatura_alone() -> Extractor:
    import trafilatura

    return lambda body, content_type, url: trafilatura.extract(body) or ""


def newspaper_alone() -> Extractor:
    from newspaper import Article, settings

    # NB: our engine imports newspaper with a temporary directory that is gone afterwards; Article wants to keep files there.
    settings.TOP_DIRECTORY = tempfile.mkdtemp()

    def extract(body: bytes, content_type: str | None, url: str) -> str:
        article = Article(url, fetch_images=False)
        article.download(input_html=body)
        article.parse()
        return str(article.text)

    return extract


def resiliparse_alone() -> Extractor:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    return lambda body, content_type, url: extract_plain_text(bytes_to_str(body, detect_encoding(body)), main_content=True)


PEERS = {TRAFILATURA: trafilatura_alone, "newspaper3k (Article)": newspaper_alone, "resiliparse": resiliparse_alone}


def extractors(options: argparse.Namespace) -> dict[str, Extractor]:
    """All that are compared, each asked for a page before: models and kernels are loaded once a process, and in no page's time."""
    logging.disable(logging.CRITICAL)
    if not options.folds:
        print("blocks and combined: with the shipped model, which was trained on these pages; give --folds")
    found = {name: ours(name, options.folds) for name in MODULES} | {WHOLE: whole_page(options.folds)}
    found |= {name: make() for name, make in PEERS.items() if installed(name.split()[0].replace("newspaper3k", "newspaper"))}
    for url, content_type, body, _ in islice(pages(*EVALUATION), 1):
        for extract in found.values():
            text_of(extract, body, content_type, url)
    return found


def text_of(extract: Extractor, body: bytes, content_type: str | None, url: str) -> str:
    try:
        return extract(body, content_type, url)
    except Exception:  # noqa: BLE001 - a peer that fails over a page found nothing on it
        return ""


def measure(options: argparse.Namespace, collection: tuple[str, str], score: Callable[[str, str, dict[str, Any]], None]) -> Figures:
    """Milliseconds a page and empty pages of each extractor; all of them take their turn on each page. `score` gets name, text and gold."""
    found = extractors(options)
    seconds: dict[str, list[float]] = {name: [0.0] * options.rounds for name in found}
    empty, count = dict.fromkeys(found, 0), 0
    for url, content_type, body, gold in pages(*collection, 10 if options.quick else 1):
        count += 1
        for turn in range(options.rounds):
            for name, extract in found.items():
                before = time.process_time()
                text = text_of(extract, body, content_type, url)
                seconds[name][turn] += time.process_time() - before
                if turn == 0:
                    empty[name] += not text
                    score(name, text, gold)
    return {name: {"ms": 1000 * median(rounds) / count, "empty": empty[name]} for name, rounds in seconds.items()}


def wcxb(options: argparse.Namespace) -> Figures:
    """Mean word F1 by page type."""
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def score(name: str, text: str, gold: dict[str, Any]) -> None:
        for kind in (gold["page_type"], "all"):
            scores[name][kind].append(word_f1(text, gold["main_content"] or ""))

    figures = measure(options, WCXB, score)
    return {name: {**{kind: fmean(values) for kind, values in sorted(scores[name].items())}, **row} for name, row in figures.items()}


def strings(options: argparse.Namespace) -> Figures:
    """F1, precision and recall of the strings that must and must not be there."""
    counts: dict[str, Strings] = defaultdict(Strings)
    figures = measure(options, EVALUATION, lambda name, text, gold: counts[name].add(text, gold["with"], gold["without"]))
    return {name: {**{key: getattr(counts[name], key) for key in ("f1", "precision", "recall")}, **row} for name, row in figures.items()}


def wikipedia(options: argparse.Namespace) -> Figures:
    """The test for copies of Wikipedia on real pages: how many there are and are found, and which others are taken for copies."""
    figures: Figures = {"pages": 0, "of_wikipedia": 0, "found": 0, "wrongly": []}
    for collection in (WCXB, EVALUATION):
        for url, content_type, body, _ in pages(*collection, 10 if options.quick else 1):
            copy, original = is_copy(decode(body, content_type)[0], ""), (urlsplit(url).hostname or "").endswith("wikipedia.org")
            figures["pages"] += 1
            figures["of_wikipedia"] += original
            figures["found"] += copy and original
            if copy and not original:
                figures["wrongly"].append(url)
    return figures


def by_langdetect(text: str) -> str:
    try:
        code = str(detect_langs(text)[0].lang)
    except LangDetectException:
        return ""
    return ISO.get(code, code)


DETECTORS: dict[str, Callable[[str], str]] = {
    "webtext": lambda text: detect(text, CleanSection().language_certainty).code,
    "langdetect": by_langdetect,
}
SNIPPET = """
import sys  # a snippet of code as pages of every language show it

def total(items):
    for item in items:
        if item is not None and item.value > 0:
            yield item.value  # the values of all items that have one
    raise ValueError("there are no more items in the list")
"""
QUOTED = 4  # sentences of English a foreign one: a fifth of the text is a quotation


def mixed(lines: dict[str, list[str]], rng: random.Random) -> Iterator[tuple[str, str, str]]:
    """(kind, language, text) of texts of several lengths, of pages with code, and of English ones that quote another language."""
    for code, sentences in lines.items():
        for length in (1, 5, 20):
            yield f"{length} sentences", code, "\n".join(rng.sample(sentences, length))
        yield "10 short lines", code, "\n".join(" ".join(text.split()[:3]) for text in rng.sample(sentences, 10))
        yield "with code", code, "\n".join([*rng.sample(sentences, 3), SNIPPET, *rng.sample(sentences, 3)])
        if code != "en":
            quotation = "\n".join(rng.sample(sentences, 4))
            yield "with quotations", "en", "\n".join([*rng.sample(lines["en"], 4 * QUOTED), quotation])


def english(options: argparse.Namespace) -> Figures:
    """Of texts in other languages the share that passes as English, of English texts the share that stays, and microseconds a text."""
    data = members(DATA / "langid" / "sentences_75_languages.tar.zst")
    lines = {code: text.decode().splitlines() for code, text in data}
    rng, figures = random.Random(1), {}
    cases: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for _ in range(3 if options.quick else 30):
        for kind, code, text in chain(mixed(lines, rng), *(mixed({"en": lines["en"]}, rng) for _ in lines)):
            cases[kind, code == "en"].append(text)
    for text in novels().values():
        cases["5,000 characters of a novel", True] += islice(documents_of(text), 2, 12)
    for (kind, wanted), texts in sorted(cases.items()):
        before = time.process_time()
        found = sum(DETECTORS["webtext"](text) == "en" for text in texts) / len(texts)
        seconds = time.process_time() - before
        name = f"{kind}, {'English' if wanted else 'another language'}"
        figures[name] = {"texts": len(texts), "as English": found, "µs": 1e6 * seconds / len(texts)}
    return figures


def language(options: argparse.Namespace) -> Figures:
    """Accuracy and time on the sentences of the languages that langdetect knows, and on all of 75 languages.

    tests/webtext/clean/test_language.py has a few words, and pages of two languages.
    """
    known = {ISO.get(code, code) for code in detector_factory._factory.get_lang_list()}
    lines = [
        (ISO.get(code, code), line)
        for code, data in members(DATA / "langid" / "sentences_75_languages.tar.zst")
        for line in data.decode().splitlines()[: 10 if options.quick else options.sentences]
    ]
    figures: Figures = {}
    for task, cases in (("sentences", [case for case in lines if case[0] in known]), ("all", lines)):
        timings = in_turn({name: partial(right, detector, cases) for name, detector in DETECTORS.items()}, options.rounds)
        for name, timing in timings.items():
            accuracy, microseconds = timing.result / len(cases), 1e6 * timing.seconds / len(cases)
            figures[f"{task}, {name}"] = {"texts": len(cases), "accuracy": accuracy, "µs": microseconds}
    return figures


def right(detector: Callable[[str], str], cases: list[tuple[str, str]]) -> int:
    return sum(detector(text) == code for code, text in cases)


def bars(figures: Figures) -> Iterator[Figures]:
    if "wcxb" in figures:
        mine, theirs = figures["wcxb"]["combined"], figures["wcxb"][TRAFILATURA]
        yield bar("word F1 on WCXB", mine["all"], least=0.87)
        yield bar("word F1 on articles, trafilatura's at least", mine["article"], least=theirs["article"])
    if "strings" in figures:
        yield bar(
            "F1 of strings, trafilatura's at least", figures["strings"]["combined"]["f1"], least=figures["strings"][TRAFILATURA]["f1"]
        )
    for name in figures.keys() & {"wcxb", "strings"}:
        share = figures[name][WHOLE]["ms"] / figures[name][TRAFILATURA]["ms"]
        yield bar(f"a whole page by trafilatura's time, {name}", share, most=1 / 3)
    if "language" in figures:
        mine, theirs = (figures["language"][f"sentences, {name}"] for name in DETECTORS)
        yield bar("language, langdetect's accuracy at least", mine["accuracy"], least=theirs["accuracy"])
        yield bar("language, by langdetect's time", mine["µs"] / theirs["µs"], most=0.1)
    for name, row in figures.get("english", {}).items():
        if name.endswith(", English"):
            yield bar(f"kept: {name}", row["as English"], least=0.99 if name.startswith("1 ") else 0.999)
        elif not name.startswith("1 "):
            yield bar(f"false English: {name}", row["as English"], most=0.005)


OPTIONS = {
    "--folds": {"type": Path, "help": "directory with fold-0 to fold-4, models of the cross-validation"},
    "--sentences": {"type": int, "default": 100, "help": "sentences a language"},
}

if __name__ == "__main__":
    run(__doc__, {"wcxb": wcxb, "strings": strings, "wikipedia": wikipedia, "language": language, "english": english}, OPTIONS, bars)
