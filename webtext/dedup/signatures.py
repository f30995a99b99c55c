"""What the stage keeps of each document, by part (a shard of documents, or of an earlier build's corpus), as Arrow files.

SIGNATURES  duplicates/signatures/shard-N.arrow, kept: id (16 bytes), url, text_hash (16 bytes), preference, created_utc, score, form,
            shingles (their number) and signature; facts: permutations, seed, scheme, shingle_words, bands, rows
SHINGLES    scratch: the shingles of each document, sorted, and with `dedup.containment` also in order
RANKED      scratch: the columns of rank.SORT_KEYS, in the order of rank
BANDS       scratch: key and row of every band and of the text's hash, sorted by partition; facts: starts (partitions + 1)
SKETCHES    scratch, with `dedup.containment`: the same of the sketch
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from webtext.core.config import DedupSection
from webtext.core.errors import WebtextError
from webtext.core.hashing import shard_name
from webtext.core.tables import Record
from webtext.core.task import StageContext
from webtext.dedup import bands, minhash
from webtext.dedup.arrow_files import (
    BANDS,
    RANKED,
    SHINGLES,
    SIGNATURES,
    SKETCHES,
    ArrowFile,
    ArrowWriter,
    offsets_of,
    part_path,
    to_numpy,
    writing_arrow,
)
from webtext.dedup.kernels import I64, U32, U64, Bytes, sketch
from webtext.dedup.rank import DECIDING, SORT_KEYS, address_form, preference, sort_by_rank
from webtext.dedup.shingles import distinct_shingles, ordered_shingles, text_hash

COLUMNS = ("id", "url", "text", "score", "created_utc")
SKETCH = 16  # keys of a document by which a part of it is found: of a page in one ten times as long 1.6 are expected to be common
BATCH = 4096  # documents of a batch of signatures and shingles: some 10 MB in memory


class Signer:
    """Signs the documents of a part and writes its files."""

    def __init__(self, section: DedupSection, signatures: IO[bytes], shingle_sets: ArrowWriter) -> None:
        self.section = section
        self.bands, self.rows = bands.shape(section.threshold, section.permutations)
        facts = {"permutations": section.permutations, "seed": minhash.SEED, "scheme": "affine32"}
        facts |= {"shingle_words": section.shingle_words, "bands": self.bands, "rows": self.rows}
        self._signatures = ArrowWriter(signatures, SIGNATURES, facts)
        self._shingle_sets = shingle_sets
        self.count = 0
        self._batch: list[tuple[Any, ...]] = []
        self._identities: list[pa.Table] = []
        self._keys: list[U64] = []
        self._rows: list[U32] = []
        self._sketches: list[U64] = []
        self._sketch_rows: list[U32] = []

    def add(self, record: Record) -> None:
        """Sign a document with the COLUMNS."""
        try:
            document_id = bytes.fromhex(record["id"])
        except ValueError:
            document_id = b""
        if len(document_id) != 16:
            raise WebtextError(f"{record['url']}: the id {record['id']!r} is not 32 hexadecimal digits; run `extract` again")
        text = record["text"]
        identity = (document_id, record["url"], text_hash(text), preference(record, self.section), record["created_utc"], record["score"])
        ordered = ordered_shingles(text, self.section.shingle_words)
        if self.section.containment:
            self._sketches.append(np.empty(SKETCH, np.uint64))
            self._sketches[-1] = self._sketches[-1][: sketch(ordered, self._sketches[-1])]
            self._sketch_rows.append(np.full(len(self._sketches[-1]), self.count + len(self._batch), np.uint32))
        self._batch.append((*identity, ordered))
        if len(self._batch) == BATCH:
            self._flush()

    def _flush(self) -> None:
        """Write the signatures and shingles of a batch. Its identities and band keys stay in memory, to be sorted at the end."""
        ids, urls, hashes, preferences, times, scores, texts = zip(*self._batch) if self._batch else ((),) * 7
        sets = [distinct_shingles(ordered) for ordered in texts]
        signatures = np.empty((len(sets), self.section.permutations), np.uint32)
        for hashes_of_one, row in zip(sets, signatures):
            row[:] = minhash.signature(hashes_of_one, self.section.permutations)
        lengths = np.array([len(one) for one in sets], np.int64)
        identity = {
            "url": pa.array(urls, pa.string()),
            "text_hash": pa.array(hashes, pa.binary(16)),
            "preference": pa.array(preferences, pa.int64()),
            "created_utc": pa.array(times, pa.int64()),
            "score": pa.array(scores, pa.int64()),
            "form": pa.array([address_form(url) for url in urls], pa.int64()),
        }
        self._signatures.write({"id": pa.array(ids, pa.binary(16)), **identity, "shingles": lengths, "signature": signatures})
        columns = {"shingles": _lists(sets)} | ({"ordered": _lists(texts)} if self.section.containment else {})
        self._shingle_sets.write(columns)
        rows = np.arange(self.count, self.count + len(sets))
        self._identities.append(pa.table({**identity, "row": rows}))
        some = lengths > 0  # a text without words has no shingles: its signature is that of every such text, so it joins no band
        self._keys.append(bands.keys(signatures[some], self.bands, self.rows).ravel())
        self._keys.append(np.frombuffer(b"".join(hashes), "<u8")[::2])  # half of the text's hash, so that exact copies meet for certain
        self._rows += [np.repeat(rows[some], self.bands).astype(np.uint32), rows.astype(np.uint32)]
        self.count += len(sets)
        self._batch = []

    def finish(self, ranked: Path, bands_path: Path) -> None:
        """Write the rest, once all documents are added."""
        self._flush()
        self._signatures.close()
        documents = sort_by_rank(pa.concat_tables(self._identities))
        self._identities = []
        with writing_arrow(ranked, RANKED) as output:
            output.write({name: documents.column(name).combine_chunks() for name, _ in SORT_KEYS})
        self._write_keys(bands_path, BANDS, self._keys, self._rows)
        if self.section.containment:
            self._write_keys(bands_path.with_suffix(f".{SKETCHES}"), SKETCHES, self._sketches, self._sketch_rows)

    def _write_keys(self, path: Path, kind: str, some_keys: list[U64], some_rows: list[U32]) -> None:
        """Write keys and their rows by partition, and forget them."""
        keys = np.concatenate([np.empty(0, np.uint64), *some_keys])
        rows = np.concatenate([np.empty(0, np.uint32), *some_rows])
        some_keys.clear()
        some_rows.clear()
        partitions = (keys % np.uint64(self.section.partitions)).astype(np.uint16)  # of 16 bits, so that numpy sorts by radix
        order = np.argsort(partitions, kind="stable")
        starts = offsets_of(np.bincount(partitions, minlength=self.section.partitions)).tolist()
        with writing_arrow(path, kind, starts=starts) as output:
            output.write({"key": keys[order], "row": rows[order]})


def _lists(arrays: Sequence[U32]) -> pa.Array:
    """Arrays as a column of lists."""
    offsets = offsets_of(np.array([len(array) for array in arrays], np.int64))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(np.concatenate([np.empty(0, np.uint32), *arrays])))


def sign_part(records: Iterable[Record], section: DedupSection, context: StageContext, part: int, signatures: IO[bytes]) -> int:
    """Write the files of a part, its signatures to the open file `signatures`. Returns the number of documents."""
    with writing_arrow(part_path(context, part, SHINGLES), SHINGLES) as sets:
        signer = Signer(section, signatures, sets)
        for record in records:
            signer.add(record)
        signer.finish(part_path(context, part, RANKED), part_path(context, part, BANDS))
    return signer.count


def signature_path(part: int) -> str:
    """The signatures of a shard of documents, relative to the build directory."""
    return f"duplicates/signatures/{shard_name(part)}.arrow"


class SignatureStore:
    """The signed documents of a build by document id. Answers are in the order of the question; memory is O(answer)."""

    def __init__(self, context: StageContext, bases: list[int], shards: int) -> None:
        """`bases[part]` is the first document id of the part, with the number of all documents at the end."""
        self.bases = np.array(bases, np.int64)
        self.shards = shards
        self._context = context

    def parts_of(self, doc_ids: I64) -> I64:
        """The part of each document."""
        return np.asarray(np.searchsorted(self.bases, doc_ids, side="right") - 1)

    def _take(self, doc_ids: I64, kind: str, name: str) -> pa.Array:
        """A column at the rows of some documents. NB: a file is opened for each call, as pages of an open one count as this process's
        memory."""
        order = np.argsort(doc_ids, kind="stable")
        ordered = doc_ids[order]
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        pieces = []
        for part in np.unique(self.parts_of(ordered)).tolist() or [0]:
            base = self.bases[part]
            first, last = np.searchsorted(ordered, self.bases[part : part + 2])
            kept = kind == SIGNATURES and part < self.shards
            path = self._context.build / signature_path(part) if kept else part_path(self._context, part, kind)
            pieces.append(ArrowFile(path, kind).take(name, ordered[first:last] - base))
        return pa.concat_arrays(pieces).take(pa.array(back))

    def signatures(self, doc_ids: I64) -> U32:
        """Signatures (n, permutations)."""
        return to_numpy(self._take(doc_ids, SIGNATURES, "signature"))

    def text_hashes(self, doc_ids: I64) -> Bytes:
        """Hashes (n, 16) of the texts."""
        return to_numpy(self._take(doc_ids, SIGNATURES, "text_hash"))

    def ids(self, doc_ids: I64) -> list[str]:
        """Ids as 32 hexadecimal digits."""
        return [value.hex() for value in self._take(doc_ids, SIGNATURES, "id").to_pylist()]

    def urls(self, doc_ids: I64) -> list[str]:
        """The URLs of documents."""
        return list(self._take(doc_ids, SIGNATURES, "url").to_pylist())

    def shingle_counts(self, doc_ids: I64) -> I64:
        """The number of distinct shingles of each document."""
        return to_numpy(self._take(doc_ids, SIGNATURES, "shingles"))

    def rank_values(self, doc_ids: I64) -> list[Record]:
        """What decides which of two documents stays: the values of rank.DECIDING."""
        columns = {name: self._take(doc_ids, SIGNATURES, name).to_pylist() for name in DECIDING}
        return [dict(zip(columns, values)) for values in zip(*columns.values())]

    def shingles(self, doc_ids: I64, *, ordered: bool = False) -> tuple[U32, I64]:
        """The shingles of documents, one set after another, and their offsets (n + 1); or all of each in the order of its text."""
        sets = self._take(doc_ids, SHINGLES, "ordered" if ordered else "shingles")
        return to_numpy(sets.flatten()), offsets_of(to_numpy(sets.value_lengths()))
