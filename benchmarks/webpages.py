"""The real pages of the benchmarks: WCXB's development split and trafilatura's evaluation, with their gold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import zstandard
from warcio.archiveiterator import ArchiveIterator

from webtext.core.config import ExtractSection
from webtext.extract.page import extract_page
from webtext.extract.result import Text

DATA = Path(os.environ.get("WEBTEXT_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
WCXB = ("wcxb-dev.warc.gz", "wcxb-dev-gold.jsonl.zst")
EVALUATION = ("trafilatura-eval.warc.gz", "trafilatura-eval-segments.jsonl.zst")


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


def texts(every: int) -> Iterator[str]:
    """The text of every n-th page of both collections that is in English, not cleaned."""
    section = ExtractSection(cleaning="none", max_bytes=2**30)
    for collection in (WCXB, EVALUATION):
        for url, content_type, body, _ in pages(*collection, every):
            found = extract_page(body, content_type, url, section)
            if isinstance(found, Text):
                yield found.text
