"""A test set to its examples, whatever its format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from webtext.core.config import Benchmark
from webtext.core.errors import UsageError
from webtext.documents import readers as documents
from webtext.overlap import record_readers, text_readers
from webtext.overlap.layouts import Parts
from webtext.overlap.sources import bare_name, blocks, open_source, source_files
from webtext.overlap.text_readers import Examples, Role


class Example(NamedTuple):
    """An example of a test set; n-grams do not reach beyond it. `parts` are those of a known benchmark: (question, choices, answer or
    passage; its text)."""

    id: str
    text: str
    parts: Parts = ()


FORMATS: dict[str, Callable[[Path, str, Role], Examples]] = {
    "lambada": lambda path, field, role: record_readers.read_lambada(path, field),
    "wikitext": lambda path, field, role: text_readers.read_wikitext(path),
    "ptb": lambda path, field, role: text_readers.read_treebank(path),
    "1bw": lambda path, field, role: text_readers.read_treebank(path),
    "enwik8": lambda path, field, role: text_readers.read_enwik8(path, role),
    "text8": lambda path, field, role: text_readers.read_text8(path, role),
    "cbt": lambda path, field, role: text_readers.read_cbt(path),
    "winograd": lambda path, field, role: record_readers.read_winograd(path),
    "coqa": lambda path, field, role: record_readers.read_coqa(path, field),
    "squad": lambda path, field, role: record_readers.read_squad(path, field),
    "nq_open": lambda path, field, role: record_readers.read_nq_open(path, field),
    "cnn_dailymail": lambda path, field, role: record_readers.read_cnn_dailymail(path, field),
    "wmt": lambda path, field, role: text_readers.read_wmt(path),
    "text": lambda path, field, role: text_readers.read_units(path, "paragraph"),
    "lines": lambda path, field, role: text_readers.read_units(path, "line"),
    "document": lambda path, field, role: text_readers.read_units(path, "document"),
}

# What a file is, first by its ending: enwik8.parquet is a table and ptb.test.jsonl is records, whatever the set is called.
_BY_ENDING = [(r"/nq-open[^/]*\.(jsonl|ndjson)$", "nq_open"), (r"cnn.*\.csv$", "cnn_dailymail")]
_RECORDS = re.compile(r"\.(parquet|arrow|jsonl|ndjson|csv|tsv)$")
# Then, in order, by the last two parts of the path, and at last by the first bytes.
_BY_NAME = [
    (r"/[^/]*lambada[^/]*$", "lambada"),
    (r"/[^/]*enwik8[^/]*$", "enwik8"),
    (r"/[^/]*text8[^/]*$", "text8"),
    (r"/cbtest_", "cbt"),
    (r"/wscollection\.xml$", "winograd"),
    (r"/coqa-", "coqa"),
    (r"/(squad|train-v[12]|dev-v[12])[^/]*\.json$", "squad"),
    (r"/nq-open", "nq_open"),
    (r"\.story$", "cnn_dailymail"),
    (r"/(newstest|newsdev)[^/]*$|\.sgm$", "wmt"),
    (r"/ptb\.", "ptb"),
    (r"/(news\.en|1b_benchmark)", "1bw"),
    (r"/wiki\.(test|valid|train)\.(raw|tokens)$", "wikitext"),
]
_BY_CONTENT = [
    (rb'\A\s*\{.{0,400}"story"\s*:', "coqa"),
    (rb'\A\s*\{.{0,400}"paragraphs"\s*:', "squad"),
    (rb"\A\s* = [^=\n]+ = *\n", "wikitext"),
    (rb"\A\s*<(refset|srcset|dataset)\b", "wmt"),
    (rb"\A1 [^\n]+\n2 [^\n]+\n3 ", "cbt"),
]


def detect_format(path: Path) -> str:
    """The format of a file, by its ending, its name and its first bytes; `text` where nothing says otherwise."""
    name, beginning = f"/{bare_name(path)}", next(blocks(path), b"")[:4096]
    known = [format_ for pattern, format_ in _BY_ENDING if re.search(pattern, name)]
    if not known and not beginning.startswith(b"PAR1") and not _RECORDS.search(name):  # a Parquet file of any name is a table
        known = [format_ for pattern, format_ in _BY_NAME if re.search(pattern, name)]
        known += [format_ for pattern, format_ in _BY_CONTENT if re.search(pattern, beginning, re.DOTALL)]
    if not beginning:
        return "text"  # a test set without examples has its row in the report
    return known[0] if known else documents.detect_format(str(path), open_source, name)


def format_of(benchmark: Benchmark) -> str:
    """The format that a test set is read as."""
    return detect_format(source_files(benchmark.path)[0]) if benchmark.format == "auto" else benchmark.format


def read_examples(benchmark: Benchmark, role: Role = "test") -> Iterator[Example]:
    """The examples of a test set, or of its own training set. Of several files, ids begin with the name of the file.

    Raises WebtextError that names the file and the line where they are not what the format says.
    """
    files = source_files(benchmark.train if role == "train" else benchmark.path)
    for path in files:
        format_ = detect_format(path) if benchmark.format == "auto" else benchmark.format
        for name, *rest in _examples(path, format_, benchmark, role):
            yield Example(example_id(path, name, len(files)), *rest)


def example_id(path: Path, name: str, files: int) -> str:
    """The id of an example of a file, which is one of so many."""
    return name if files == 1 or path.stem == name else f"{path.name}:{name}"


def _examples(path: Path, format_: str, benchmark: Benchmark, role: Role) -> Examples:
    field = benchmark.field
    if format_ in documents.TABLES:
        return record_readers.read_records(path, format_, field, benchmark.layout)
    if format_ not in FORMATS:
        raise UsageError(f"{path}: a test set is not read from {format_}; unpack it, and name its files")
    if isinstance(field, list):
        raise UsageError(f"{path}: only fields of records can be joined, and its format is {format_}; set one field")
    return FORMATS[format_](path, field, role)
