"""The stage `documents`: anyone's files to shards of documents.

With F files and S shards there are G = min(F, S) tasks. Task g reads the files g, g + G, … and writes the shards g, g + G, …: blocks of
documents go to its shards in turn, so nothing passes between tasks and the bytes follow from the files alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import orjson

from webtext.core.compression import Opener, open_local
from webtext.core.config import DocumentsSection
from webtext.core.hashing import document_id, shard_name
from webtext.core.records import DOCUMENT
from webtext.core.tables import Record
from webtext.core.task import TaskRun
from webtext.documents.fields import BrokenRow, Fields, SourceDocument
from webtext.documents.files import group_count, relative_names
from webtext.documents.readers import BrokenShare, read_rows

_OF_A_BUILD = {"extractor", "subreddits"}  # columns that no build leaves empty
_ID_OF_A_BUILD = re.compile("[0-9a-f]{32}")
BLOCK_DOCUMENTS = 1_000
BLOCK_BYTES = 8_000_000  # of text, counted in characters


def read_files(log: TaskRun, group: int, files: Sequence[str], shards: int, section: DocumentsSection, opener: Opener = open_local) -> None:
    """Read a group of files and write its shards; `files` are those of all groups.

    records in: the records of the files; out: the documents; broken records and empty texts are rejected by name. Raises WebtextError
    for a file of which more than `section.max_broken` is broken.
    """
    groups = group_count(len(files), shards)
    names = relative_names(files)
    with ExitStack() as opened:
        tables = [
            opened.enter_context(log.table(f"{log.context.directory}/{shard_name(shard)}.parquet", DOCUMENT))
            for shard in range(group, shards, groups)
        ]
        held = block = size = 0
        for index in range(group, len(files), groups):
            for record in _records(log, files[index], names[index], section, opener):
                table = tables[block % len(tables)]
                table.write(record)
                held, size = held + 1, size + len(record["text"])
                if held >= BLOCK_DOCUMENTS or size >= BLOCK_BYTES:
                    table.flush()
                    held, size, block = 0, 0, block + 1


def _records(log: TaskRun, path: str, name: str, section: DocumentsSection, opener: Opener) -> Iterator[Record]:
    """The records of a file's documents; the other records are rejected."""
    fields, rows = read_rows(path, name, section, opener)
    check = BrokenShare(path, section.max_broken)
    for row in rows:
        check.add(row)
        log.records_in += 1
        log.progress()
        place = f"{row.file}#{row.row}"
        if isinstance(row, BrokenRow):
            log.reject(place, "", "broken-row", row.reason)
        elif not row.text.strip():
            log.reject(row.url or place, document_id(row.id, row.url, row.text), "empty", place)
        else:
            log.records_out += 1
            yield document(row, fields, place)
    check.end()


def document(row: SourceDocument, fields: Fields, place: str) -> Record:
    """The record of a document; its own id travels in `meta`. A document of another build stays what it was."""
    if row.url is not None and row.meta.keys() >= _OF_A_BUILD and _ID_OF_A_BUILD.fullmatch(row.id or ""):
        kept = {name: row.meta.get(name) for name in ("extractor", "score", "subreddits", "meta")}
        return {"id": row.id, "url": row.url, "title": row.title, "text": row.text, "created_utc": row.created_utc, **kept}
    meta = row.meta if row.id is None else {**row.meta, fields.id: row.id}
    return {
        "id": document_id(row.id, row.url, row.text),
        "url": row.url or place,
        "title": row.title,
        "text": row.text,
        "extractor": "file",
        "score": None,
        "subreddits": [],
        "created_utc": row.created_utc,
        "meta": orjson.dumps(meta, option=orjson.OPT_SORT_KEYS).decode() if meta else None,
    }
