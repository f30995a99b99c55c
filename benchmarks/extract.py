"""Extraction: quality and time of our engines beside trafilatura, newspaper3k and resiliparse, all in one run on one core.

    python benchmarks/extract.py                      # all pages: some ten minutes
    python benchmarks/extract.py --every 10           # every tenth page: a minute
    python benchmarks/extract.py --json figures.json

Pages and gold text are WCXB's development split and trafilatura's evaluation, in $WEBTEXT_DATA (see README). Times are processor
time, decoding and parsing included; `whole page` is ours with tidying, cleaning and language.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import tarfile
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import zstandard
from langdetect import LangDetectException, detect_langs, detector_factory
from warcio.archiveiterator import ArchiveIterator

from webtext.config import ExtractSection
from webtext.extract.decode import decode
from webtext.extract.engines import MODULES, engine
from webtext.extract.language import ISO, detect
from webtext.extract.page import extract_page
from webtext.extract.result import Text
from webtext.extract.score import Strings, word_f1

DATA = Path(os.environ.get("WEBTEXT_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
Extractor = Callable[[bytes, "str | None", str], str]


def ours(name: str) -> Extractor:
    extract = engine(name)
    return lambda body, content_type, url: extract(decode(body, content_type)[0], url).text


def whole_page() -> Extractor:
    section = ExtractSection(languages=[], cleaning="none", max_bytes=2**30)

    def extract(body: bytes, content_type: str | None, url: str) -> str:
        found = extract_page(body, content_type, url, section)
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


PEERS = {"trafilatura (its own API)": trafilatura_alone, "newspaper3k (Article)": newspaper_alone, "resiliparse": resiliparse_alone}


def pages(name: str, gold: str, every: int) -> Iterator[tuple[str, str | None, bytes, dict[str, Any]]]:
    """(url, content type, body, gold) of every n-th page."""
    lines = zstandard.ZstdDecompressor().stream_reader((DATA / "web" / gold).read_bytes()).read().splitlines()
    with open(DATA / "web" / name, "rb") as file:
        responses = (record for record in ArchiveIterator(file) if record.rec_type == "response")
        for index, (record, line) in enumerate(zip(responses, lines)):
            if index % every == 0:
                yield (
                    record.rec_headers.get_header("WARC-Target-URI"),
                    record.http_headers.get_header("Content-Type"),
                    record.content_stream().read(),
                    orjson.loads(line),
                )


def measure_pages(extractors: dict[str, Extractor], every: int) -> dict[str, Any]:
    figures: dict[str, Any] = {name: {"wcxb": defaultdict(list), "seconds": 0.0, "pages": 0, "failed": 0} for name in extractors}
    strings = {name: Strings() for name in extractors}

    def run(name: str, body: bytes, content_type: str | None, url: str) -> str:
        before = time.process_time()
        try:
            return extractors[name](body, content_type, url)
        except Exception:  # noqa: BLE001 - a peer that fails over a page found nothing on it
            figures[name]["failed"] += 1
            return ""
        finally:
            figures[name]["seconds"] += time.process_time() - before
            figures[name]["pages"] += 1

    for url, content_type, body, gold in pages("wcxb-dev.warc.gz", "wcxb-dev-gold.jsonl.zst", every):
        for name in extractors:
            score = word_f1(run(name, body, content_type, url), gold["main_content"])
            figures[name]["wcxb"][gold["page_type"]].append(score)
            figures[name]["wcxb"]["all"].append(score)
    for name in extractors:
        figures[name]["wcxb_ms"] = round(1000 * figures[name].pop("seconds") / figures[name]["pages"], 1)
        figures[name]["wcxb"] = {kind: round(sum(scores) / len(scores), 4) for kind, scores in sorted(figures[name]["wcxb"].items())}
        figures[name] |= {"seconds": 0.0, "pages": 0}
    for url, content_type, body, gold in pages("trafilatura-eval.warc.gz", "trafilatura-eval-segments.jsonl.zst", every):
        for name in extractors:
            strings[name].add(run(name, body, content_type, url), gold["with"], gold["without"])
    for name, counts in strings.items():
        figures[name]["strings_ms"] = round(1000 * figures[name].pop("seconds") / figures[name].pop("pages"), 1)
        figures[name]["strings"] = {key: round(getattr(counts, key), 4) for key in ("f1", "precision", "recall")}
    return figures


def measure_language(count: int) -> dict[str, Any]:
    """Sentences of 75 languages, `count` of each: accuracy over all, over the languages that langdetect knows, and microseconds."""
    packed = zstandard.ZstdDecompressor().stream_reader((DATA / "langid" / "sentences_75_languages.tar.zst").read_bytes()).read()
    cases = []
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            if (file := archive.extractfile(member)) is not None:
                code = Path(member.name).stem
                cases += [(ISO.get(code, code), line) for line in file.read().decode().splitlines()[:count]]

    def langdetect(text: str) -> str:
        try:
            code = str(detect_langs(text)[0].lang)
        except LangDetectException:
            return ""
        return ISO.get(code, code)

    known = {ISO.get(code, code) for code in detector_factory._factory.get_lang_list()}
    figures = {}
    for name, detector in {"webtext": lambda text: detect(text, 0.5).code, "langdetect": langdetect}.items():
        before = time.process_time()
        right = [detector(text) == code for code, text in cases]
        seconds = time.process_time() - before
        among = [ok for ok, (code, _) in zip(right, cases) if code in known]
        figures[name] = {
            "accuracy": round(sum(right) / len(right), 4),
            "accuracy_known_to_langdetect": round(sum(among) / len(among), 4),
            "microseconds": round(1e6 * seconds / len(cases), 1),
        }
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="take every n-th page")
    parser.add_argument("--sentences", type=int, default=100, help="sentences a language")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    extractors = {name: ours(name) for name in MODULES} | {"whole page (combined)": whole_page()}
    missing = []
    for name, make in PEERS.items():
        try:
            extractors[name] = make()
        except ImportError:
            missing.append(name)
    figures = {"every": options.every, "missing": missing, "pages": measure_pages(extractors, options.every)}
    figures["language"] = measure_language(options.sentences)
    kinds = list(figures["pages"]["combined"]["wcxb"])
    print(
        "word F1 (WCXB dev)".ljust(28) + "".join(kind[:10].rjust(11) for kind in kinds) + "    ms | strings F1      P      R    ms  failed"
    )
    for name, row in figures["pages"].items():
        cells = "".join(f"{row['wcxb'][kind]:11.3f}" for kind in kinds)
        strings = row["strings"]
        print(
            f"{name:28}{cells}{row['wcxb_ms']:6.1f} | {strings['f1']:10.3f} {strings['precision']:6.3f} {strings['recall']:6.3f}"
            f" {row['strings_ms']:5.1f} {row['failed']:7}"
        )
    for name, row in figures["language"].items():
        print(f"language, {name}: {row}")
    for name in missing:
        print(f"missing: {name} is not installed")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
