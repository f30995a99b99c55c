"""Signed documents: what is kept of a document for the rest of the stage, by part (a shard of documents, or of an earlier corpus).

    SIGNATURES  duplicates/signatures/shard-N.bin, kept: signatures (n, permutations), ids (n, 16), text_hashes (n, 16), created_utc (n),
                score (n); facts: permutations, seed, scheme, shingle_words, bands, rows
    SHINGLES    spill: shingles of all documents one after another, offsets (n + 1)
    RANKED      spill: created_utc, minus_score, text_hashes, rows, urls and url_offsets of the documents in the order of rank;
                places: the rank of each row within the part
    BANDS       spill: keys and rows of all bands and of the text's hash, ordered by partition; starts (partitions + 1)

A document's *number* is its row counted through all parts.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from webtext.core.config import DedupSection
from webtext.core.errors import WebtextError
from webtext.core.hashing import shard_name
from webtext.core.tables import Record
from webtext.core.task import StageContext
from webtext.dedup import bands, minhash
from webtext.dedup.kernels import I64, U32, U64, Bytes
from webtext.dedup.packed import Array, Packed, PackedWriter, gather_runs, offsets_of, writing_packed
from webtext.dedup.shingles import shingles, text_hash

SIGNATURES, SHINGLES, RANKED, BANDS = "signatures", "shingles", "ranked documents", "bands"
COLUMNS = ("id", "url", "text", "score", "created_utc")
UNKNOWN_TIME = np.iinfo(np.int64).max  # ranks behind every time
UNKNOWN_SCORE = np.iinfo(np.int64).min  # ranks behind every score
_BLOCK = 1024
OPENED = 1024  # files whose directories are kept in memory, some 3 kB each


class Signer:
    """Signs the documents of a part and writes its files."""

    def __init__(self, section: DedupSection, signatures: IO[bytes], shingle_sets: PackedWriter) -> None:
        self.section = section
        self.bands, self.rows = bands.shape(section.threshold, section.permutations)
        self._signatures = PackedWriter(signatures, SIGNATURES)
        self._shingles = shingle_sets
        self._ids = bytearray()
        self._hashes = bytearray()
        self._times: list[int] = []
        self._scores: list[int] = []
        self._urls: list[bytes] = []
        self._lengths: list[int] = []
        self._block: list[U32] = []
        self._keys: list[U64] = []
        self._rows: list[U32] = []

    @property
    def count(self) -> int:
        return len(self._urls)

    def add(self, record: Record) -> None:
        """Sign a document with the COLUMNS."""
        try:
            self._ids += _sixteen(record["id"])
        except ValueError:
            raise WebtextError(f"{record['url']}: the id {record['id']!r} is not 32 hexadecimal digits; run `extract` again") from None
        digest = text_hash(record["text"])
        self._hashes += digest
        self._times.append(UNKNOWN_TIME if record["created_utc"] is None else record["created_utc"])
        self._scores.append(UNKNOWN_SCORE if record["score"] is None else record["score"])
        self._urls.append(record["url"].encode("utf-8", "surrogatepass"))
        self._block.append(shingles(record["text"], self.section.shingle_words))
        if len(self._block) == _BLOCK:
            self._flush()

    def _flush(self) -> None:
        """Write the signatures and shingles of the documents since the last time, and keep the keys of their bands."""
        count = len(self._block)
        signatures = np.empty((count, self.section.permutations), np.uint32)
        for hashes, row in zip(self._block, signatures):
            row[:] = minhash.signature(hashes, self.section.permutations)
        lengths = np.array([len(hashes) for hashes in self._block], np.int64)
        self._signatures.add("signatures", signatures)
        self._shingles.add("shingles", np.concatenate(self._block) if count else np.empty(0, np.uint32))
        self._lengths += lengths.tolist()
        first = self.count - count
        rows = np.arange(first, self.count, dtype=np.uint32)
        near = lengths > 0
        texts = np.frombuffer(bytes(self._hashes[16 * first :]), "<u8").reshape(-1, 2)
        self._keys += [bands.keys(signatures[near], self.bands, self.rows).ravel(), texts[:, 0]]
        self._rows += [np.repeat(rows[near], self.bands), rows]
        self._block = []

    def finish(self, ranked: Path, bands_path: Path) -> None:
        """Write what could not be written on the way."""
        self._flush()
        packed = self._signatures
        packed.count = self._shingles.count = self.count
        packed.facts = {
            "permutations": self.section.permutations,
            "seed": minhash.SEED,
            "scheme": "affine32",
            "shingle_words": self.section.shingle_words,
            "bands": self.bands,
            "rows": self.rows,
        }
        packed.add("ids", np.frombuffer(bytes(self._ids), np.uint8).reshape(-1, 16))
        packed.add("text_hashes", np.frombuffer(bytes(self._hashes), np.uint8).reshape(-1, 16))
        packed.add("created_utc", np.array(self._times, np.int64))
        packed.add("score", np.array(self._scores, np.int64))
        packed.close()
        self._shingles.add("offsets", offsets_of(np.array(self._lengths, np.int64)))
        self._write_ranked(ranked)
        self._write_bands(bands_path)

    def _write_ranked(self, path: Path) -> None:
        minus = [-score - 1 for score in self._scores]  # the one order-reversing map that stays within 64 bits
        hashes = [bytes(self._hashes[16 * row : 16 * row + 16]) for row in range(self.count)]
        rows = sorted(range(self.count), key=lambda row: (self._times[row], minus[row], self._urls[row], hashes[row], row))
        order = np.array(rows, np.int64)
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        with writing_packed(path, RANKED) as packed:
            packed.count = self.count
            packed.add("created_utc", np.array(self._times, np.int64)[order])
            packed.add("minus_score", np.array(minus, np.int64)[order])
            packed.add("text_hashes", np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, 16)[order])
            packed.add("rows", order)
            packed.add("places", places)
            packed.add("urls", np.frombuffer(b"".join(self._urls[row] for row in rows), np.uint8))
            packed.add("url_offsets", offsets_of(np.array([len(self._urls[row]) for row in rows], np.int64)))

    def _write_bands(self, path: Path) -> None:
        keys, rows = np.concatenate(self._keys), np.concatenate(self._rows)
        self._keys, self._rows = [], []
        partitions = (keys % np.uint64(self.section.partitions)).astype(np.uint16)  # of 16 bits, so that the sort is by radix
        order = np.argsort(partitions, kind="stable")
        with writing_packed(path, BANDS) as packed:
            packed.count = len(keys)
            packed.add("keys", keys[order])
            packed.add("rows", rows[order])
            packed.add("starts", offsets_of(np.bincount(partitions, minlength=self.section.partitions)))


def _sixteen(document_id: str) -> bytes:
    value = bytes.fromhex(document_id)
    if len(value) != 16:
        raise ValueError("not 16 bytes")
    return value


def sign_part(records: Iterable[Record], section: DedupSection, context: StageContext, part: int, signatures: IO[bytes]) -> int:
    """Write the files of a part, its signatures to the open file `signatures`. Returns the number of documents."""
    with writing_packed(scratch_path(context, part, SHINGLES), SHINGLES) as sets:
        signer = Signer(section, signatures, sets)
        for record in records:
            signer.add(record)
        signer.finish(scratch_path(context, part, RANKED), scratch_path(context, part, BANDS))
    return signer.count


def scratch_path(context: StageContext, part: int, kind: str) -> Path:
    """The file of a part that goes when the stage is closed."""
    return context.scratch_path(f"part-{part:05d}.{kind.split()[0]}")


def signature_path(part: int) -> str:
    """The signatures of a shard of documents, relative to the build directory."""
    return f"duplicates/signatures/{shard_name(part)}.bin"


class Signed:
    """The signed documents of a build by their numbers.

    What is asked for is copied out of the files, and nothing else is held: memory is that of the answer. Lists of numbers are
    answered in their own order.
    """

    def __init__(self, context: StageContext, bases: list[int], shards: int) -> None:
        """`bases[part]` is the number of the part's first document, with the number of all documents at the end."""
        self.bases = np.array(bases, np.int64)
        self._place = context
        self.shards = shards
        self._open: dict[tuple[int, str], Packed] = {}

    def packed(self, part: int, kind: str) -> Packed:
        """A file of a part."""
        if (part, kind) not in self._open:
            if len(self._open) == OPENED:
                del self._open[next(iter(self._open))]
            kept = kind == SIGNATURES and part < self.shards
            path = self._place.build / signature_path(part) if kept else scratch_path(self._place, part, kind)
            self._open[part, kind] = Packed(path, kind)
        return self._open[part, kind]

    def parts_of(self, numbers: I64) -> I64:
        """The part of each document."""
        return np.asarray(np.searchsorted(self.bases, numbers, side="right") - 1)

    def _by_part(self, numbers: I64) -> Iterable[tuple[int, I64, I64]]:
        """(part, where in `numbers` its documents are, their rows), rows in order so that a file is read from front to back."""
        order = np.argsort(numbers, kind="stable")
        parts = self.parts_of(numbers[order])
        cuts = np.flatnonzero(np.diff(parts)) + 1
        for chosen in np.split(order, cuts) if len(order) else []:
            part = int(self.parts_of(numbers[chosen[:1]])[0])
            yield part, chosen, numbers[chosen] - self.bases[part]

    def _rows(self, numbers: I64, name: str, out: Array) -> Array:
        for part, chosen, rows in self._by_part(numbers):
            out[chosen] = self.packed(part, SIGNATURES).map(name)[rows]
        return out

    def signatures(self, numbers: I64, permutations: int) -> U32:
        """Signatures (n, permutations)."""
        return self._rows(numbers, "signatures", np.empty((len(numbers), permutations), np.uint32))

    def text_hashes(self, numbers: I64) -> Bytes:
        """Hashes (n, 16) of the texts."""
        return self._rows(numbers, "text_hashes", np.empty((len(numbers), 16), np.uint8))

    def ids(self, numbers: I64) -> list[str]:
        """Ids as 32 hexadecimal digits."""
        return [row.tobytes().hex() for row in self._rows(numbers, "ids", np.empty((len(numbers), 16), np.uint8))]

    def shingle_counts(self, numbers: I64) -> I64:
        """The number of distinct shingles of each document."""
        counts = np.empty(len(numbers), np.int64)
        for part, chosen, rows in self._by_part(numbers):
            offsets = self.packed(part, SHINGLES).map("offsets")
            counts[chosen] = offsets[rows + 1] - offsets[rows]
        return counts

    def shingles(self, numbers: I64) -> tuple[U32, I64]:
        """The shingles of documents, one set after another, and their offsets (n + 1)."""
        counts = self.shingle_counts(numbers)
        offsets = offsets_of(counts)
        flat = np.empty(offsets[-1], np.uint32)
        for part, chosen, rows in self._by_part(numbers):
            packed = self.packed(part, SHINGLES)
            runs = gather_runs(packed.map("shingles"), packed.map("offsets")[rows], counts[chosen])
            for position, piece in zip(chosen, np.split(runs, np.cumsum(counts[chosen])[:-1])):
                flat[offsets[position] : offsets[position + 1]] = piece
        return flat, offsets

    def urls(self, numbers: I64) -> list[str]:
        """The URLs of documents."""
        urls = [""] * len(numbers)
        for part, chosen, rows in self._by_part(numbers):
            packed = self.packed(part, RANKED)
            places = packed.map("places")[rows]
            offsets, text = packed.map("url_offsets"), packed.map("urls")
            for position, context in zip(chosen.tolist(), places.tolist()):
                urls[position] = text[offsets[context] : offsets[context + 1]].tobytes().decode("utf-8", "surrogatepass")
        return urls
