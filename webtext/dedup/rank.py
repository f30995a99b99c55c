"""The order of rank, by which the better of two near copies is kept; nulls come last.

First comes what `dedup.keep` asks for (the score, the length, the host), then the oldest post, then the higher score, then the form of the
address (a page over https before one for telephones, for amp or of a cache), then the URL.

Every document has a *document id*, its row counted through all parts, and an *ordinal*, its position in the order of rank among all
documents of the build. Documents of earlier builds (`dedup.against`) come before all others, whatever their posts.

Each part is sorted when it is signed. The parts are merged block by block: memory holds HELD documents, however many parts there are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from webtext.core.config import DedupSection
from webtext.core.files import TEMPORARY, explain_os_errors, read_json, sync_directory, to_json, write_bytes
from webtext.core.tables import Record
from webtext.core.task import StageContext
from webtext.dedup.arrow_files import I64, RANKED, Array, ArrowFile, offsets_of, part_path, writing_arrow
from webtext.links.host_patterns import parse_hosts

HELD = 2**18  # documents in memory at a time, all parts together: about 100 MB
PARTS_AT_ONCE = 1024  # parts merged at a time, so that at least 256 documents of each are read in one go

# What decides, and what to say of the document that it prefers.
DECIDING = {"preference": "", "created_utc": "the older post", "score": "the higher score", "form": "the plainer address", "url": "the URL"}
PREFERRED = {"best-score": "the higher score", "longest": "the longer text", "preferred-hosts": "a preferred host"}

# The text's hash and the row decide between records of one URL, so that the order is total and does not depend on the shards' order.
DESCENDING = {"preference", "score"}
SORT_KEYS = tuple((name, "descending" if name in DESCENDING else "ascending") for name in (*DECIDING, "text_hash", "row"))

# Hosts that show other hosts' pages.
CACHES = ("archive.org", "archive.today", "archive.is", "archive.ph", "googleusercontent.com", "ampproject.org", "translate.goog")
_HOST = re.compile(r"^[A-Za-z]+://([^/@]*@)?|[:/?#].*", re.DOTALL)  # what is around it
_AMP = re.compile(r"^https?://(amp\.|[^?#]*(/amp(/|$)|[./-]amp\.html?$))|[?&]amp(=1|=true|&|$)")
_MOBILE = re.compile(r"^https?://(m|mobile|touch|wap)\.")

RankedFile = tuple[Path, int]  # documents in the order of rank, and what is added to a row to get its document id


def preference(record: Record, section: DedupSection) -> int | None:
    """What `dedup.keep` prefers: of two documents it is the one with the greater number."""
    if section.keep == "best-score":
        return cast("int | None", record["score"])
    if section.keep == "longest":
        return len(record["text"])
    if section.keep == "preferred-hosts":
        host = _HOST.sub("", record["url"]).lower()
        preferred = _hosts(tuple(section.preferred_hosts))
        return -next((place for place, one in enumerate(preferred) if f".{host}".endswith(f".{one}")), len(preferred))
    return 0


@lru_cache(maxsize=1)
def _hosts(entries: tuple[str, ...]) -> list[str]:
    return [pattern.host for pattern in parse_hosts(entries, "dedup.preferred_hosts")]


def address_form(url: str) -> int:
    """How far an address is from that of the page itself: 1 for http, 2 for telephones, 4 for amp, 8 for a cache or an archive, added up.

    >>> address_form("https://example.org/a"), address_form("http://m.example.org/a"), address_form("https://example.org/a/amp/")
    (0, 3, 4)
    """
    cached = any(f"//{cache}/" in url or f".{cache}/" in url for cache in CACHES)
    return (not url.startswith("https:")) + 2 * bool(_MOBILE.match(url)) + 4 * bool(_AMP.search(url)) + 8 * cached


def decided_by(kept: Record, other: Record, keep: str) -> str:
    """What the kept of two documents has before the other, both with the values of DECIDING."""
    name = next((name for name in DECIDING if kept[name] != other[name]), "url")
    return PREFERRED[keep] if name == "preference" else DECIDING[name]


def sort_by_rank(documents: pa.Table) -> pa.Table:
    """Documents, by the columns of SORT_KEYS, in the order of rank."""
    documents = documents.combine_chunks()  # sorting one chunk takes half the time of sorting many
    return documents.take(pc.sort_indices(documents, sort_keys=list(SORT_KEYS)))


def merged(files: Sequence[RankedFile], context: StageContext) -> Iterator[I64]:
    """The document ids of some files in the order of rank, in blocks."""
    made: list[Path] = []
    left = list(files)
    try:
        while len(left) > PARTS_AT_ONCE:
            group, left = left[:PARTS_AT_ONCE], left[PARTS_AT_ONCE:]
            made.append(context.scratch_path(f"ranks-{len(made):05d}"))
            with writing_arrow(made[-1], RANKED) as output:
                for block in merge(group):
                    output.write({name: block.column(name).combine_chunks() for name, _ in SORT_KEYS})
            left.append((made[-1], 0))
        for block in merge(left):
            yield block.column("row").to_numpy()
    finally:
        for path in made:
            path.unlink(missing_ok=True)


def merge(files: Sequence[RankedFile]) -> Iterator[pa.Table]:
    """The documents of sorted files in the order of rank, in blocks; their `row` is the document id.

    At any time the first HELD / len(files) unwritten documents of each file are in memory. Sorted together, they are final up to the last
    one of any file that goes on, as what follows in that file ranks behind it:

        file A  1 4 9 | 12 …      sorted: 1 2 3 4 5 9, and A goes on behind 9, B behind 5:
        file B  2 3 5 | 7 …       1 2 3 4 5 are final; 9 waits for 7
    """
    block = max(HELD // max(len(files), 1), 1)
    lengths = np.array([len(ArrowFile(path, RANKED)) for path, _ in files], np.int64)
    read, held = np.zeros_like(lengths), np.zeros_like(lengths)  # of each file: documents read, and those of them in memory
    waiting: list[pa.Table] = []
    while (read < lengths).any() or held.any():
        wanted = np.minimum(block - held, lengths - read)
        waiting += [_read(files[index], index, int(read[index]), int(wanted[index])) for index in np.flatnonzero(wanted).tolist()]
        read += wanted
        documents = sort_by_rank(pa.concat_tables(waiting))
        file_of = documents.column("file").to_numpy()
        last = np.full(len(files), -1)
        last[file_of] = np.arange(len(file_of))  # of a repeated index numpy keeps the last value
        final = int(last[read < lengths].min(initial=len(file_of) - 1)) + 1
        yield documents.slice(0, final)
        waiting = [documents.slice(final)]
        held = np.bincount(file_of[final:], minlength=len(files))


def _read(file: RankedFile, index: int, start: int, count: int) -> pa.Table:
    """Documents of a file, with their document ids as `row` and the file's index as `file`."""
    path, base = file
    table = ArrowFile(path, RANKED).table.replace_schema_metadata().slice(start, count)
    rows = pc.add(table.column("row"), base)
    table = table.set_column(table.schema.get_field_index("row"), "row", rows)
    return table.append_column("file", pa.array(np.full(count, index, np.int64)))


def rank(context: StageContext, parts: int, shards: int) -> None:
    """Write document_at.npy (document id of each ordinal), its inverse ordinals.npy, and ranks.json: `bases`, the first document id of each
    part, and `earlier`, the number of documents of earlier builds."""
    paths = [part_path(context, part, RANKED) for part in range(parts)]
    bases = offsets_of(np.array([len(ArrowFile(path, RANKED)) for path in paths], np.int64)).tolist()
    ranked = 0
    with (
        memmap_output(context.scratch_path("document_at.npy"), np.int64, bases[-1]) as document_at,
        memmap_output(context.scratch_path("ordinals.npy"), np.int64, bases[-1]) as ordinals,
    ):
        for first, last in ((shards, parts), (0, shards)):  # earlier builds first
            files = [(paths[part], bases[part]) for part in range(first, last) if bases[part] < bases[part + 1]]
            for doc_ids in merged(files, context):
                document_at[ranked : ranked + len(doc_ids)] = doc_ids
                ordinals[doc_ids] = np.arange(ranked, ranked + len(doc_ids))
                ranked += len(doc_ids)
    write_bytes(context.scratch_path("ranks.json"), to_json({"bases": bases, "earlier": bases[-1] - bases[shards]}))


class RankIndex:
    """Document ids to ordinals and back."""

    def __init__(self, context: StageContext) -> None:
        facts = cast(dict[str, Any], read_json(context.scratch_path("ranks.json")))
        self.bases: list[int] = facts["bases"]
        self.documents = self.bases[-1]
        self.earlier: int = facts["earlier"]  # ordinals below it are documents of earlier builds, which are always kept
        self._document_at, self._ordinals = (context.scratch_path(f"{name}.npy") for name in ("document_at", "ordinals"))

    def doc_ids(self, ordinals: I64) -> I64:
        """The document ids at these ordinals."""
        return np.array(np.load(self._document_at, mmap_mode="r")[ordinals])

    def ordinals(self, doc_ids: I64) -> I64:
        """The ordinals of these documents."""
        return np.array(np.load(self._ordinals, mmap_mode="r")[doc_ids])


@contextmanager
def memmap_output(path: Path, dtype: type[np.generic], count: int) -> Iterator[Array]:
    """An array of zeros in an .npy file, written in any order through a memory map; under its name only when it is complete.

    The system writes its pages back under memory pressure. A file of no entries is written with one, as nothing cannot be mapped.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    with explain_os_errors(path):
        array = np.lib.format.open_memmap(str(temporary), "w+", dtype, (max(count, 1),))
        try:
            yield array.view(np.ndarray)[:count]
            array.flush()
            os.replace(temporary, path)
            sync_directory(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
