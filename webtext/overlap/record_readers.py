"""Readers of records: tables, and the JSON and XML of single test sets. Each gives (id, text) for an example of a file."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson

from webtext.core.errors import WebtextError
from webtext.documents.fields import NotReadable, text_at
from webtext.documents.readers import TABLES
from webtext.overlap.layouts import AUTO, Layout, layout_of, parts_of
from webtext.overlap.sources import decoded, open_source, whole
from webtext.overlap.text_readers import Examples, Records, Texts, read_units

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


def read_records(path: Path, format_: str, field: str | list[str], layout: str = AUTO) -> Records:
    """An example a record with its parts, where its layout is known; the texts of several fields are joined by line feeds.

    Of a known benchmark whose text is in no usual field, the text is that of all parts.
    """
    fields = field if isinstance(field, list) else []
    known: Layout | None = None
    for number, record in TABLES[format_](str(path), open_source):
        try:
            if isinstance(record, str):
                raise NotReadable(record)
            known = layout_of(layout, record) if known is None else known
            fields = fields or [text_field(str(field), record)]
            parts = parts_of(record, known)
            if fields == ["text"] and "text" not in record and parts:
                text = "\n".join(part for kind, part in parts if kind != "answer" or "answer_index" not in known)
            else:
                text = "\n".join(text_at(record, name) for name in fields)
        except NotReadable as error:
            raise WebtextError(f"{path}, row {number}: {error}; set the benchmark's `field`") from None
        yield str(number - 1 if record.get("id") is None else record["id"]), text, parts


def read_lambada(path: Path, field: str) -> Records:
    """OpenAI's JSONL, or the plain text of the original, a passage a line."""
    if path.suffix != ".txt":
        yield from read_records(path, "jsonl", field)
    else:
        yield from ((name, text, ()) for name, text in read_units(path, "line"))


def read_nq_open(path: Path, field: str) -> Records:
    """An example a question."""
    return read_records(path, "jsonl", "question" if field == "text" else field)


def read_cnn_dailymail(path: Path, field: str) -> Examples:
    """An example an article or, with field `highlights`, its summary: of .story files, or of CSV with those two columns."""
    if path.suffix != ".story":
        yield from read_records(path, "csv", "article" if field == "text" else field)
        return
    article, *highlights = decoded(whole(path), path).split("@highlight")
    yield path.stem, "\n".join(part.strip() for part in highlights) if field == "highlights" else article


def _document(path: Path) -> Any:
    try:
        return orjson.loads(whole(path))
    except orjson.JSONDecodeError as error:
        raise WebtextError(f"{path}: not JSON ({error})") from None


def _listed(path: Path, what: str, read: Callable[[Any], Texts]) -> Texts:
    try:
        yield from read(_document(path)["data"])
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise WebtextError(f"{path}: not {what} ({type(error).__name__}: {error}); set the benchmark's `format`") from None


def read_coqa(path: Path, field: str) -> Texts:
    """An example a story or, with field `questions`, a question with its answer."""

    def read(data: Any) -> Texts:
        for story in data:
            if field != "questions":
                yield story["id"], story["story"]
                continue
            for question, answer in zip(story["questions"], story["answers"]):
                yield f"{story['id']}#{question['turn_id']}", f"{question['input_text']} {answer['input_text']}"

    return _listed(path, "CoQA, an object with data: [{id, story, questions, answers}]", read)


def read_squad(path: Path, field: str) -> Texts:
    """An example a paragraph or, with field `questions`, a question."""

    def read(data: Any) -> Texts:
        paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]]
        for count, paragraph in enumerate(paragraphs):
            if field == "questions":
                yield from ((question["id"], question["question"]) for question in paragraph["qas"])
            else:
                yield str(count), paragraph["context"]

    return _listed(path, "SQuAD, an object with data: [{paragraphs: [{context, qas}]}]", read)


def read_winograd(path: Path) -> Texts:
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
