"""A release: the n-grams of a corpus as Bloom filters that anyone can ask without the corpus.

A directory of files filter-00000.bloom, one a partition (see `webtext.ngrams.runs`), each of them

    bytes 0-7      WTBLOOM and a zero byte
    bytes 8-23     little-endian: version uint32 (1), length of the head uint32 (4,096), n-grams in this file uint64
    to byte 4,095  JSON padded with blanks: the rest that there is to know
    from 4,096     a pybloom-live filter as its `tofile` writes it: 40 bytes of sizes, then the bits

Beside it may lie hashes-00000.u64, the same n-grams exactly: the same head with WTHASH, then the sorted hashes, little-endian uint64.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from webtext.core.errors import WebtextError
from webtext.ngrams.bloom import HEADER, Bits, ask
from webtext.ngrams.normalise import NAME, Hashes, ngram_hashes
from webtext.ngrams.runs import bound

HEAD = struct.Struct("<8sIIQ")
HEAD_BYTES = 4096
BLOOM, HASHES = b"WTBLOOM\0", b"WTHASH\0\0"
VERSION = 1


@dataclass(frozen=True)
class Head:
    """What a file says of itself. `keys` is the XXH3-128 of the sorted hashes, so it names the set of n-grams; `build` is the
    fingerprint of the stage that wrote it: of its corpus and configuration. The figures of the filter are 0 in a file of hashes."""

    words: int
    partitions: int
    partition: int
    count: int
    normaliser: str
    keys: str
    build: str
    error_rate: float = 0.0
    false_positive_rate: float = 0.0
    slices: int = 0
    bits_per_slice: int = 0

    @property
    def release(self) -> tuple[object, ...]:
        """What the files of a release have in common."""
        return self.words, self.partitions, self.normaliser, self.build

    def pack(self, magic: bytes) -> bytes:
        described = orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)
        return (HEAD.pack(magic, VERSION, HEAD_BYTES, self.count) + described).ljust(HEAD_BYTES)


def write_filter(file: IO[bytes], head: Head, filter_: Any) -> None:
    """Write a filter of pybloom-live behind its head."""
    file.write(head.pack(BLOOM))
    filter_.tofile(file)


def read_head(path: Path, magic: bytes = BLOOM) -> Head:
    """The head of a file of a release. Raises WebtextError for another file, one cut short, and one of another version."""
    try:
        with open(path, "rb") as file:
            data = file.read(HEAD_BYTES)
        size = path.stat().st_size
    except OSError as error:
        raise WebtextError(f"{path}: cannot be read ({error.strerror}); run `webtext ngrams` or name the directory of a release") from None
    if len(data) < HEAD_BYTES or data[:8] != magic:
        raise WebtextError(f"{path}: not a file of {'n-gram hashes' if magic == HASHES else 'an n-gram filter'} (its first bytes differ)")
    _, version, _, count = HEAD.unpack_from(data)
    if version != VERSION:
        raise WebtextError(f"{path}: version {version} of the format, this program reads {VERSION}; use the program that wrote it")
    try:
        head = Head(**orjson.loads(data[HEAD.size :]))
    except (orjson.JSONDecodeError, TypeError) as error:
        raise WebtextError(f"{path}: its head is damaged ({error}); fetch or build it again") from None
    body = HEADER + (head.slices * head.bits_per_slice + 7) // 8 if magic == BLOOM else 8 * count
    if size != HEAD_BYTES + body or count != head.count:
        raise WebtextError(f"{path}: {size:,} bytes, but its head announces {HEAD_BYTES + body:,}; fetch or build it again")
    if head.normaliser != NAME:
        raise WebtextError(f"{path}: made with the normaliser {head.normaliser}, this program has {NAME}; use the program that wrote it")
    return head


def read_heads(directory: Path, name: Callable[[int], str], magic: bytes = BLOOM) -> list[Head]:
    """The heads of all partitions of a release in order; `name` gives a partition's file. Raises as `read_head`, and for mixed releases."""
    heads = [first := read_head(directory / name(0), magic)]
    for partition in range(1, first.partitions):
        path = directory / name(partition)
        heads.append(read_head(path, magic))
        if heads[-1].release != first.release or heads[-1].partition != partition:
            raise WebtextError(f"{path}: of another release than {directory / name(0)}; a directory holds one")
    return heads


def mapped_bits(path: Path) -> Bits:
    """The bits of a filter's file, mapped into memory: pages are read as they are asked for."""
    return np.memmap(path, np.uint8, mode="r", offset=HEAD_BYTES + HEADER)


def mapped_hashes(path: Path) -> Hashes:
    """The sorted hashes of a file of hashes, mapped into memory."""
    count = read_head(path, HASHES).count
    return np.memmap(path, "<u8", mode="r", offset=HEAD_BYTES) if count else np.empty(0, np.uint64)


class Filters:
    """The filters of a release, mapped into memory.

    >>> filters = Filters.open(Path("ngrams"))
    >>> filters.contains(filters.hashes_of("It was the best of times, it was the worst"))
    array([ True,  True, False])
    """

    def __init__(self, heads: list[Head], bits: list[Bits]) -> None:
        """The filters of all partitions in order; `open` makes one of a directory."""
        self.heads = heads
        self._bits = bits

    @classmethod
    def open(cls, directory: Path) -> Filters:
        """Open a directory. Raises WebtextError where a partition is missing, damaged, or of another release."""
        heads = read_heads(directory, filter_name)
        return cls(heads, [mapped_bits(directory / filter_name(partition)) for partition in range(len(heads))])

    @property
    def words(self) -> int:
        """Words of an n-gram."""
        return self.heads[0].words

    @property
    def count(self) -> int:
        """Distinct n-grams."""
        return sum(head.count for head in self.heads)

    @property
    def false_positive_rate(self) -> float:
        """The probability that an n-gram the corpus does not have is claimed: the mean over the partitions, from the bits that are set."""
        return sum(head.false_positive_rate for head in self.heads) / len(self.heads)

    def hashes_of(self, text: str) -> Hashes:
        """The hashes of the n-grams of a text, in order."""
        return ngram_hashes(text, self.words)[0]

    def contains(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which n-grams the corpus has: bool [hashes]. What is False is not there; True errs at `false_positive_rate`."""
        return in_partitions(hashes, len(self.heads), self._ask)

    def _ask(self, partition: int, hashes: Hashes) -> NDArray[np.bool_]:
        head = self.heads[partition]
        return ask(self._bits[partition], head.slices, head.bits_per_slice, hashes)


def in_partitions(hashes: Hashes, partitions: int, ask_one: Callable[[int, Hashes], NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Ask each partition, `ask_one(partition, hashes)`, about the hashes that are its own: bool [hashes], in their order."""
    if partitions == 1:
        return ask_one(0, hashes)
    order = np.argsort(hashes)
    ordered = hashes[order]
    edges = [np.uint64(bound(partition, partitions)) for partition in range(1, partitions)]
    cuts = [0, *np.searchsorted(ordered, edges).tolist(), len(hashes)]
    found = np.empty(len(hashes), np.bool_)
    for partition, (first, last) in enumerate(pairwise(cuts)):
        if first < last:
            found[order[first:last]] = ask_one(partition, ordered[first:last])
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
