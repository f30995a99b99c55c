"""Extraction: quality and time of our engines beside trafilatura, newspaper3k and resiliparse, all in one run on one core.

    taskset -c 0 python benchmarks/extract.py --folds DIR --json figures.json     # all pages: some ten minutes
    python benchmarks/extract.py --every 10                                       # every tenth page: a minute

Pages and gold text are WCXB's development split and trafilatura's evaluation, in $WEBTEXT_DATA (see README). The peers have to be installed
beside us; those that are missing are named. `blocks`, and with it `combined`, is trained on pages of these collections, so that its figures
count only with --folds: a directory with the models `fold-0` to `fold-4` of its training script, each of which has not seen the domains of
the pages that it is asked about here. Without it the shipped model is measured, and the output says so.

Times are processor time, decoding and parsing included; `whole page` is all that happens to a page in a build: decoding, `combined`,
tidying, cleaning (gpt2), the test for Wikipedia and the language. A page that it leaves out counts as empty text.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import sys
import tarfile
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import zstandard
from langdetect import LangDetectException, detect_langs, detector_factory
from webpages import DATA, EVALUATION, WCXB, pages

from webtext.core.config import ExtractSection
from webtext.extract import page as whole
from webtext.extract.decode import decode
from webtext.extract.engines import MODULES, Engine, Extraction, engine
from webtext.extract.language import ISO, detect
from webtext.extract.result import Text
from webtext.extract.score import Strings, word_f1
from webtext.extract.wikipedia import is_copy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for training/, which is not installed

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
    section = ExtractSection(languages=[], max_bytes=2**30)
    if folds:
        whole.ENGINES["combined"] = folded("combined", folds)

    def extract(body: bytes, content_type: str | None, url: str) -> str:
        found = whole.extract_page(body, content_type, url, section)
        return found.text if isinstance(found, Text) else ""

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


class Measured:
    """What an extractor gave and took over one collection."""

    def __init__(self, extract: Extractor) -> None:
        self._extract = extract
        self._seconds = 0.0
        self._pages = 0
        self.empty = 0

    def text(self, body: bytes, content_type: str | None, url: str) -> str:
        before = time.process_time()
        try:
            text = self._extract(body, content_type, url)
        except Exception:  # noqa: BLE001 - a peer that fails over a page found nothing on it
            text = ""
        self._seconds += time.process_time() - before
        self._pages += 1
        self.empty += not text
        return text

    @property
    def milliseconds(self) -> float:
        return round(1000 * self._seconds / self._pages, 2)


def warm(extractors: dict[str, Extractor]) -> None:
    """Ask each for one page, not counted: models and kernels are loaded once a process, and no page's time."""
    for url, content_type, body, _ in islice(pages(*EVALUATION, 1), 1):
        for extract in extractors.values():
            Measured(extract).text(body, content_type, url)


def measure_wcxb(extractors: dict[str, Extractor], every: int) -> dict[str, Any]:
    """Mean word F1 by page type, processor time a page, and pages without text."""
    runs = {name: Measured(extract) for name, extract in extractors.items()}
    scores: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in extractors}
    for url, content_type, body, gold in pages(*WCXB, every):
        for name, run in runs.items():
            score = word_f1(run.text(body, content_type, url), gold["main_content"] or "")
            scores[name][gold["page_type"]].append(score)
            scores[name]["all"].append(score)
    return {
        name: {
            "f1": {kind: round(sum(values) / len(values), 4) for kind, values in sorted(scores[name].items())},
            "ms": run.milliseconds,
            "empty": run.empty,
        }
        for name, run in runs.items()
    }


def measure_strings(extractors: dict[str, Extractor], every: int) -> dict[str, Any]:
    """F1, precision and recall of the strings that must and must not be there, processor time a page, and pages without text."""
    runs = {name: Measured(extract) for name, extract in extractors.items()}
    counts = {name: Strings() for name in extractors}
    for url, content_type, body, gold in pages(*EVALUATION, every):
        for name, run in runs.items():
            counts[name].add(run.text(body, content_type, url), gold["with"], gold["without"])
    return {
        name: {key: round(getattr(counts[name], key), 4) for key in ("f1", "precision", "recall")}
        | {"ms": run.milliseconds, "empty": run.empty}
        for name, run in runs.items()
    }


def measure_wikipedia(every: int) -> dict[str, Any]:
    """The test for copies of Wikipedia on real pages: how many there are of it and are found, and which others are taken for copies."""
    figures: dict[str, Any] = {"pages": 0, "of_wikipedia": 0, "found": 0, "false": []}
    for collection in (WCXB, EVALUATION):
        for url, content_type, body, _ in pages(*collection, every):
            html, _ = decode(body, content_type)
            copy, original = is_copy(html, ""), urlsplit(url).hostname.endswith("wikipedia.org")
            figures["pages"] += 1
            figures["of_wikipedia"] += original
            figures["found"] += copy and original
            if copy and not original:
                figures["false"].append(url)
    return figures


def sentences(count: int) -> dict[str, list[str]]:
    """The first `count` sentences of each of 75 languages."""
    packed = zstandard.ZstdDecompressor().stream_reader((DATA / "langid" / "sentences_75_languages.tar.zst").read_bytes()).read()
    found: dict[str, list[str]] = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            if (file := archive.extractfile(member)) is not None:
                code = Path(member.name).stem
                found.setdefault(ISO.get(code, code), []).extend(file.read().decode().splitlines()[:count])
    return found


def by_langdetect(text: str) -> str:
    try:
        code = str(detect_langs(text)[0].lang)
    except LangDetectException:
        return ""
    return ISO.get(code, code)


DETECTORS: dict[str, Callable[[str], str]] = {
    "webtext": lambda text: detect(text, ExtractSection().language_certainty).code,
    "langdetect": by_langdetect,
}
PAGE = 12  # sentences of a mixed page


def measure_language(count: int) -> dict[str, Any]:
    """Accuracy and time on sentences, on what is left of them after a few words, and on pages of two languages.

    Figures are over the languages that langdetect knows, `all` over all 75. On mixed pages English has three quarters of the sentences,
    or one; `share_error` is how far the bytes by language that we count are from the truth, in parts of the page, on average.
    """
    known = {ISO.get(code, code) for code in detector_factory._factory.get_lang_list()}
    texts = sentences(count)
    whole_ones = [(code, text) for code, lines in texts.items() for text in lines]
    tasks = {"all": whole_ones, "sentences": [(code, text) for code, text in whole_ones if code in known]}
    for words in (10, 5, 3):
        tasks[f"{words} words"] = [
            (code, " ".join(text.split()[:words])) for code, text in tasks["sentences"] if len(text.split()) >= words
        ]
    mixed = [(code, lines) for code, lines in texts.items() if code in known - {"en"} and len(lines) >= PAGE]
    for name, english in (("three quarters English", PAGE * 3 // 4), ("one quarter English", PAGE // 4)):
        tasks[name] = [
            ("en" if english > PAGE // 2 else code, "\n".join(texts["en"][:english] + lines[: PAGE - english])) for code, lines in mixed
        ]
    figures: dict[str, Any] = {}
    for task, cases in tasks.items():
        figures[task] = {"texts": len(cases)}
        for name, detector in DETECTORS.items():
            before = time.process_time()
            right = sum(detector(text) == code for code, text in cases)
            seconds = time.process_time() - before
            figures[task][name] = {
                "accuracy": round(right / max(1, len(cases)), 4),
                "microseconds": round(1e6 * seconds / max(1, len(cases)), 1),
            }
    figures["share_error"] = share_error(texts["en"], dict(mixed))
    return figures


def share_error(english: list[str], others: dict[str, list[str]]) -> float:
    """Mean difference between the share of a language's bytes that we count on a mixed page and its true one, for every quarter."""
    errors = []
    for code, lines in others.items():
        for part in (PAGE // 4, PAGE // 2, PAGE * 3 // 4):
            ours_, theirs = "\n".join(lines[:part]), "\n".join(english[: PAGE - part])
            found = detect(f"{ours_}\n{theirs}", 0.5).bytes
            errors.append(abs(found.get(code, 0) / sum(found.values()) - len(ours_.encode()) / len(f"{ours_}\n{theirs}".encode())))
    return round(sum(errors) / max(1, len(errors)), 4)


def bars(figures: dict[str, Any]) -> list[tuple[str, bool]]:
    """What has to be shown, as sentences with the figures in them, and whether it is."""
    wcxb, strings, language = figures["wcxb"], figures["strings"], figures["language"]["sentences"]
    mine, theirs = wcxb["combined"]["f1"], wcxb[TRAFILATURA]["f1"]
    found = [
        (f"word F1 on WCXB {mine['all']:.4f} is at least 0.87", mine["all"] >= 0.87),
        (f"on articles {mine['article']:.4f} is at least trafilatura's {theirs['article']:.4f}", mine["article"] >= theirs["article"]),
        (
            f"F1 of strings {strings['combined']['f1']:.4f} is at least trafilatura's {strings[TRAFILATURA]['f1']:.4f}",
            strings["combined"]["f1"] >= strings[TRAFILATURA]["f1"],
        ),
    ]
    for name, part in (("WCXB", wcxb), ("trafilatura's evaluation", strings)):
        ratio = part[WHOLE]["ms"] / part[TRAFILATURA]["ms"]
        found.append((f"a whole page takes {ratio:.3f} of trafilatura's time on {name}, at most a third", ratio <= 1 / 3))
    better = language["webtext"]["accuracy"] >= language["langdetect"]["accuracy"]
    found.append(
        (
            f"language right for {language['webtext']['accuracy']:.4f}, langdetect's {language['langdetect']['accuracy']:.4f} at least",
            better,
        )
    )
    ratio = language["webtext"]["microseconds"] / language["langdetect"]["microseconds"]
    found.append((f"in {ratio:.3f} of its time, at most a tenth", ratio <= 0.1))
    return found


def show(figures: dict[str, Any]) -> None:
    kinds = list(figures["wcxb"]["combined"]["f1"])
    print(
        "word F1 on WCXB".ljust(28) + "".join(kind[:10].rjust(11) for kind in kinds) + "    ms empty | strings F1      P      R    ms empty"
    )
    for name, row in figures["wcxb"].items():
        cells = "".join(f"{row['f1'][kind]:11.3f}" for kind in kinds)
        other = figures["strings"][name]
        print(
            f"{name:28}{cells}{row['ms']:6.1f}{row['empty']:6} | {other['f1']:10.3f} {other['precision']:6.3f} {other['recall']:6.3f}"
            f" {other['ms']:5.1f}{other['empty']:6}"
        )
    wiki = figures["wikipedia"]
    print(f"copies of Wikipedia: {wiki['found']} of {wiki['of_wikipedia']} found; of {wiki['pages']} pages {len(wiki['false'])} wrongly")
    for task, row in figures["language"].items():
        if task != "share_error":
            cells = ", ".join(f"{name} {row[name]['accuracy']:.4f} in {row[name]['microseconds']:.0f} µs" for name in DETECTORS)
            print(f"language, {task} ({row['texts']}): {cells}")
    print(f"language, error of the bytes by language on mixed pages: {figures['language']['share_error']:.4f}")
    if not figures["folds"] and "blocks" in MODULES:
        print("blocks and combined: with the shipped model, which was trained on these pages; give --folds")
    for name in figures["missing"]:
        print(f"missing: {name} is not installed")
    for sentence, met in figures["bars"]:
        print(f"{'yes' if met else 'NO ':3} {sentence}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="take every n-th page")
    parser.add_argument("--sentences", type=int, default=100, help="sentences a language")
    parser.add_argument("--folds", type=Path, help="directory with fold-0 to fold-4, models of the cross-validation")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    extractors = {name: ours(name, options.folds) for name in MODULES} | {WHOLE: whole_page(options.folds)}
    missing = []
    for name, make in PEERS.items():
        try:
            extractors[name] = make()
        except ImportError:
            missing.append(name)
    warm(extractors)
    figures: dict[str, Any] = {"every": options.every, "folds": options.folds is not None, "missing": missing}
    figures |= {"wcxb": measure_wcxb(extractors, options.every), "strings": measure_strings(extractors, options.every)}
    figures["wikipedia"] = measure_wikipedia(options.every)
    figures["language"] = measure_language(options.sentences)
    figures["bars"] = bars(figures)
    show(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
