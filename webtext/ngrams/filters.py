"""A release: the n-grams of a corpus as Bloom filters that can be queried without the corpus.

A directory of files filter-00000.bloom, one a partition (see `webtext.ngrams.runs`), each of them

    bytes 0-7      WTBLOOM and a zero byte
    bytes 8-23     little-endian: version uint32, length of the header uint32 (4,096), n-grams in this file uint64
    to byte 4,095  JSON padded with blanks: the other fields of Header
    from 4,096     the bits. NB: not a file of pybloom-live, whose positions are others: it would read it and answer wrongly

Beside it may lie hashes-00000.u64, the same n-grams exactly: the same header with WTHASH, then the sorted hashes, little-endian uint64.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from webtext.core.errors import WebtextError
from webtext.ngrams.bloom import Bits, bits_of, contains
from webtext.ngrams.normalise import NAME, Hashes, ngram_hashes
from webtext.ngrams.runs import bound

HEADER_START = struct.Struct("<8sIIQ")
HEADER_BYTES = 4096
BLOOM, HASHES = b"WTBLOOM\0", b"WTHASH\0\0"
VERSION = 2  # of filters and hashes: 1 had the sizes of a pybloom-live file before the bits, and no checksum


@dataclass(frozen=True)
class Header:
    """The header of a file. `keys_digest` ("keys" in the file) is the XXH3-128 of the sorted hashes, so it identifies the set of n-grams;
    `build` is the fingerprint of the stage that wrote it; `bits_sha256` of the bits. The filter's own fields are 0 in a file of hashes."""

    words: int
    partitions: int
    partition: int
    count: int
    normaliser: str
    keys_digest: str
    build: str
    error_rate: float = 0.0
    false_positive_rate: float = 0.0
    slices: int = 0
    bits_per_slice: int = 0
    bits_sha256: str = ""

    @property
    def release(self) -> tuple[object, ...]:
        """The fields that are equal in all files of a release."""
        return self.words, self.partitions, self.normaliser, self.build

    def pack(self, magic: bytes) -> bytes:
        fields = asdict(self)
        fields["keys"] = fields.pop("keys_digest")
        described = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
        return (HEADER_START.pack(magic, VERSION, HEADER_BYTES, self.count) + described).ljust(HEADER_BYTES)


def write_filter(file: IO[bytes], header: Header, filter_: Any) -> None:
    """Write the bits of a filter of pybloom-live after their header."""
    bits = bits_of(filter_)
    file.write(replace(header, bits_sha256=hashlib.sha256(bits.data).hexdigest()).pack(BLOOM))
    file.write(bits.data)


def read_header(path: Path, magic: bytes = BLOOM) -> Header:
    """The header of a file of a release. Raises WebtextError for another file, one cut short, and one of another version."""
    try:
        with open(path, "rb") as file:
            data = file.read(HEADER_BYTES)
        size = path.stat().st_size
    except OSError as error:
        raise WebtextError(f"{path}: cannot be read ({error.strerror}); run `webtext ngrams` or name the directory of a release") from None
    if len(data) < HEADER_BYTES or data[:8] != magic:
        raise WebtextError(f"{path}: not a file of {'n-gram hashes' if magic == HASHES else 'an n-gram filter'} (its first bytes differ)")
    _, version, _, count = HEADER_START.unpack_from(data)
    if version != VERSION:
        raise WebtextError(f"{path}: version {version} of the format, this program reads {VERSION}; use the program that wrote it")
    try:
        fields = orjson.loads(data[HEADER_START.size :])
        header = Header(keys_digest=fields.pop("keys"), **fields)
    except (orjson.JSONDecodeError, TypeError, KeyError, AttributeError) as error:
        raise WebtextError(f"{path}: its header is damaged ({error}); fetch or build it again") from None
    body = (header.slices * header.bits_per_slice + 7) // 8 if magic == BLOOM else 8 * count
    if size != HEADER_BYTES + body or count != header.count:
        raise WebtextError(f"{path}: {size:,} bytes, but its header says {HEADER_BYTES + body:,}; fetch or build it again")
    if header.normaliser != NAME:
        raise WebtextError(f"{path}: made with the normaliser {header.normaliser}, this program has {NAME}; use the program that wrote it")
    return header


def read_headers(directory: Path, name: Callable[[int], str], magic: bytes = BLOOM) -> list[Header]:
    """The headers of all partitions of a release in order; `name` gives a partition's file. Raises as `read_head`, and for mixed
    releases."""
    headers = [first := read_header(directory / name(0), magic)]
    for partition in range(1, first.partitions):
        path = directory / name(partition)
        headers.append(read_header(path, magic))
        if headers[-1].release != first.release or headers[-1].partition != partition:
            raise WebtextError(f"{path}: of another release than {directory / name(0)}; a directory holds one")
    return headers


def mapped_bits(path: Path) -> Bits:
    """The bits of a filter's file, mapped into memory: pages are read when they are needed."""
    return np.memmap(path, np.uint8, mode="r", offset=HEADER_BYTES)


def mapped_hashes(path: Path) -> Hashes:
    """The sorted hashes of a file of hashes, mapped into memory."""
    count = read_header(path, HASHES).count
    return np.memmap(path, "<u8", mode="r", offset=HEADER_BYTES) if count else np.empty(0, np.uint64)


class Filters:
    """The filters of a release, mapped into memory.

    >>> filters = Filters.open(Path("ngrams"))
    >>> filters.contains(filters.hashes_of("It was the best of times, it was the worst"))
    array([ True,  True, False])
    """

    def __init__(self, headers: list[Header], bits: list[Bits]) -> None:
        """The filters of all partitions in order; `open` makes one of a directory."""
        self.headers = headers
        self._bits = bits

    @classmethod
    def open(cls, directory: Path) -> Filters:
        """Open a directory. Raises WebtextError where a partition is missing, damaged, or of another release."""
        headers = read_headers(directory, filter_name)
        return cls(headers, [mapped_bits(directory / filter_name(partition)) for partition in range(len(headers))])

    @property
    def words(self) -> int:
        """Words of an n-gram."""
        return self.headers[0].words

    @property
    def count(self) -> int:
        """Distinct n-grams."""
        return sum(header.count for header in self.headers)

    @property
    def false_positive_rate(self) -> float:
        """The probability that an absent n-gram is claimed: the mean over the partitions, from the bits that are set."""
        return sum(header.false_positive_rate for header in self.headers) / len(self.headers)

    def check(self, directory: Path) -> None:
        """Read all bits. Raises WebtextError that names a file whose bits were changed."""
        for partition, (header, bits) in enumerate(zip(self.headers, self._bits)):
            if hashlib.sha256(bits.data).hexdigest() != header.bits_sha256:
                raise WebtextError(f"{directory / filter_name(partition)}: its bits were changed; fetch or build it again")

    def hashes_of(self, text: str) -> Hashes:
        """The hashes of the n-grams of a text, in order."""
        return ngram_hashes(text, self.words)[0]

    def contains(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which n-grams the corpus has: bool [hashes]. False is certain; True is wrong at `false_positive_rate`."""
        return contains_by_partition(hashes, len(self.headers), self._contains_in)

    def _contains_in(self, partition: int, hashes: Hashes) -> NDArray[np.bool_]:
        header = self.headers[partition]
        return contains(self._bits[partition], header.slices, header.bits_per_slice, hashes)


def contains_by_partition(hashes: Hashes, partitions: int, contains_one: Callable[[int, Hashes], NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Query each partition, `contains_one(partition, hashes)`, for the hashes in its range: bool [hashes], in their order."""
    if partitions == 1:
        return contains_one(0, hashes)
    order = np.argsort(hashes)
    ordered = hashes[order]
    edges = [np.uint64(bound(partition, partitions)) for partition in range(1, partitions)]
    cuts = [0, *np.searchsorted(ordered, edges).tolist(), len(hashes)]
    found = np.empty(len(hashes), np.bool_)
    for partition, (first, last) in enumerate(pairwise(cuts)):
        if first < last:
            found[order[first:last]] = contains_one(partition, ordered[first:last])
    return found


def filter_name(partition: int) -> str:
    """The file of a partition's filter.

    >>> filter_name(7)
    'filter-00007.bloom'
    """
    return f"filter-{partition:05d}.bloom"


def hashes_name(partition: int) -> str:
    """The file of a partition's hashes."""
    return f"hashes-{partition:05d}.u64"
