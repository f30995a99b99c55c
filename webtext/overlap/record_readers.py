"""Readers of records: JSON, JSONL, CSV, Parquet and XML. Each gives (id, text) for an example of a file."""

from __future__ import annotations

import csv
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from webtext.core.errors import WebtextError
from webtext.overlap.sources import decoded, lines, whole
from webtext.overlap.text_readers import Examples, read_lines


def named(record: Any, field: str, path: Path, place: str) -> str:
    """The text of a field; a dot steps into a record, a list is joined by line feeds. Raises WebtextError where it is not there."""
    value = record
    for step in field.split("."):
        if not isinstance(value, dict) or step not in value:
            names = ", ".join(map(str, value)) if isinstance(value, dict) else f"none, it is {type(value).__name__}"
            raise WebtextError(f"{path}, {place}: no field {field!r}; its fields are: {names}; set the benchmark's `field`")
        value = value[step]
    if isinstance(value, list):
        return "\n".join(map(str, value))
    if not isinstance(value, str):
        raise WebtextError(f"{path}, {place}: field {field!r} is {type(value).__name__}, not text; set the benchmark's `field`")
    return value


# The field with the text where it is not `text`, by the columns that the sets of the paper have on the Hugging Face Hub: Children's Book
# Test, CNN/DailyMail, CoQA, SQuAD, Natural Questions, Penn Treebank.
_HUB_FIELDS = (
    ({"sentences", "options"}, "sentences"),
    ({"article", "highlights"}, "article"),
    ({"story", "questions"}, "story"),
    ({"context", "question"}, "context"),
    ({"question", "answer"}, "question"),
    ({"sentence"}, "sentence"),
)


def text_field(field: str, columns: Iterable[str]) -> str:
    """The configured field; of a set of the paper without a column `text` the one that it has instead."""
    names = set(columns)
    return field if field != "text" or "text" in names else next((name for needed, name in _HUB_FIELDS if needed <= names), field)


def _name(record: Any, count: int) -> str:
    name = record.get("id") if isinstance(record, dict) else None
    return str(count) if name is None else str(name)


def read_jsonl(path: Path, field: str) -> Examples:
    """An example a line, its text in a field."""
    count = 0
    for number, line in lines(path):
        if line.strip():
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise WebtextError(f"{path}, line {number}: not JSON ({error})") from None
            if count == 0 and isinstance(record, dict):
                field = text_field(field, record)
            yield _name(record, count), named(record, field, path, f"line {number}")
            count += 1


def read_lambada(path: Path, field: str) -> Examples:
    """OpenAI's JSONL, or the plain text of the original, a passage a line."""
    return read_jsonl(path, field) if path.suffix != ".txt" else read_lines(path)


def read_nq_open(path: Path, field: str) -> Examples:
    """An example a question."""
    return read_jsonl(path, "question" if field == "text" else field)


def read_csv(path: Path, field: str, delimiter: str = ",") -> Examples:
    """An example a row, its text in the column of that name."""
    csv.field_size_limit(sys.maxsize)
    reader = csv.DictReader((f"{line}\n" for _, line in lines(path)), delimiter=delimiter)
    try:
        for count, row in enumerate(reader):
            yield _name(row, count), named(row, field, path, f"line {reader.line_num}")
    except csv.Error as error:
        raise WebtextError(f"{path}, line {reader.line_num}: not a whole table ({error})") from None


def read_parquet(path: Path, field: str) -> Examples:
    """An example a row, its text in the column of that name."""
    try:
        file = pq.ParquetFile(path)
        field = text_field(field, file.schema_arrow.names)
        top = field.partition(".")[0]
        if top not in file.schema_arrow.names:
            raise WebtextError(
                f"{path}: no column {top!r}; its columns are: {', '.join(file.schema_arrow.names)}; set the benchmark's `field`"
            )
        columns = [top, *(["id"] if "id" in file.schema_arrow.names and top != "id" else [])]
        count = 0
        for batch in file.iter_batches(columns=columns):
            for row in batch.to_pylist():
                yield _name(row, count), named(row, field, path, f"row {count + 1}")
                count += 1
    except (pa.ArrowInvalid, OSError) as error:
        raise WebtextError(f"{path}: not a whole Parquet file ({error})") from None


def read_cnn_dailymail(path: Path, field: str) -> Examples:
    """An example an article or, with field `highlights`, its summary: of .story files, or of CSV with those two columns."""
    if path.suffix != ".story":
        yield from read_csv(path, "article" if field == "text" else field)
        return
    article, *highlights = decoded(whole(path), path).split("@highlight")
    yield path.stem, "\n".join(part.strip() for part in highlights) if field == "highlights" else article


def _document(path: Path) -> Any:
    try:
        return orjson.loads(whole(path))
    except orjson.JSONDecodeError as error:
        raise WebtextError(f"{path}: not JSON ({error})") from None


def _listed(path: Path, what: str, read: Callable[[Any], Iterator[tuple[str, str]]]) -> Examples:
    try:
        yield from read(_document(path)["data"])
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise WebtextError(f"{path}: not {what} ({type(error).__name__}: {error}); set the benchmark's `format`") from None


def read_coqa(path: Path, field: str) -> Examples:
    """An example a story or, with field `questions`, a question with its answer."""

    def read(data: Any) -> Examples:
        for story in data:
            if field != "questions":
                yield story["id"], story["story"]
                continue
            for question, answer in zip(story["questions"], story["answers"]):
                yield f"{story['id']}#{question['turn_id']}", f"{question['input_text']} {answer['input_text']}"

    return _listed(path, "CoQA, an object with data: [{id, story, questions, answers}]", read)


def read_squad(path: Path, field: str) -> Examples:
    """An example a paragraph or, with field `questions`, a question."""

    def read(data: Any) -> Examples:
        paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]]
        for count, paragraph in enumerate(paragraphs):
            if field == "questions":
                yield from ((question["id"], question["question"]) for question in paragraph["qas"])
            else:
                yield str(count), paragraph["context"]

    return _listed(path, "SQuAD, an object with data: [{paragraphs: [{context, qas}]}]", read)


def read_winograd(path: Path) -> Examples:
    """An example a schema: the sentence with its pronoun. The first 273 are WSC273."""
    try:
        root = ElementTree.fromstring(whole(path))
    except ElementTree.ParseError as error:
        raise WebtextError(f"{path}, line {error.position[0]}: not XML ({error})") from None
    schemas = root.findall("schema")
    if not schemas:
        raise WebtextError(f"{path}: no <schema> in it; the Winograd collection is WSCollection.xml")
    for count, schema in enumerate(schemas):
        yield str(count), " ".join((schema.findtext(f"text/{part}") or "").strip() for part in ("txt1", "pron", "txt2"))
