r"""Counting of pre-tokenized words: what a vocabulary is trained on.

    >>> counts = count_words(["a rose is a rose", "a rose"])
    >>> list(counts.items())
    [(b' a', 1), (b' is', 1), (b' rose', 3), (b'a', 2)]

An example, as in `_count`: b"low" has 3 bytes, so its key is the word in the low 7 bytes and its length in the top one,
0x03_00000000_776F6C, in the table ``short``. b" lowest words" has 13 bytes, so it is a record (count, 13, b" lowest ", b"words\\0\\0\\0")
in ``records``, and ``slots`` holds the upper half of its hash beside its position.

Memory grows with the distinct words, not with the text. Counts are 64 bits wide. Counts of the parts of a corpus, merged in any order,
are the counts of the whole: in memory with `WordCounts.merge`, from files with `tokenizer.counts_file`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from tokenizer.errors import TokenizerError
from tokenizer.kernels import Bytes, Chunks, Ints, Scalar, kernel
from tokenizer.pretokenize import character_classes, word_ends
from tokenizer.utf8 import to_utf8

_BATCH_BYTES = 1 << 18  # texts go to the kernels in batches of about this size: it fits a second-level cache and makes calls cheap
_BLOCK_WORDS = 1 << 16  # words a kernel call: more than a batch usually has, so memory is bounded and calls are few
_PIECE = 1 << 20  # characters; a longer text is cut at the next end of a word, so that its bytes are not held twice
_AFTER_WORD = re.compile(r"(?<=[^\s\x1c-\x1f\x85])(?= )")
_SHORT = 7  # bytes of a word that fit a table key together with their number


@kernel
def _digest(chunks: Chunks, at: Scalar, length: Scalar) -> Scalar:
    """Hash of a record's text by multiplying and xor-shifting: ``length`` bytes in 8-byte chunks from ``at`` on, padded with zeros."""
    digest = length * np.uint64(0x9E3779B97F4A7C15)
    for k in range((length + np.uint64(7)) >> np.uint64(3)):
        digest = (digest ^ chunks[at + np.uint64(k)]) * np.uint64(0x9FB21C651E98DF25)
        digest ^= digest >> np.uint64(32)
    return digest


@kernel
def _count(
    data: Chunks, begin: Scalar, ends: Ints, weights: Ints, short: Chunks, slots: Chunks, records: Chunks, used: Scalar
) -> tuple[Scalar, Scalar, Scalar]:
    """Add the words of ``data`` that end at the byte offsets ``ends``, the first of which begins at ``begin``.

    ``data`` is text as little-endian 8-byte chunks with one to spare. Word w counts ``weights[w]`` times, or once where ``weights`` is
    empty. Words of up to 7 bytes are in ``short``, pairs of (text and length, count) by hash. Longer ones are records (count, length,
    text in chunks) in ``records``, found through ``slots``, which hold the upper half of the hash and the place of the record plus one.
    All three have room for every word being new. Returns the new short words, the new long words and the chunks of ``records`` in use.
    """
    one, two, three, seven, eight = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(7), np.uint64(8)
    high = np.uint64(0xFFFFFFFF00000000)
    short_mask = np.uint64(short.size // 2 - 1)
    long_mask = np.uint64(slots.size - 1)
    free = np.uint64(used)
    new_short, new_long = 0, 0
    start = np.uint64(begin)
    for word in range(ends.size):
        end = np.uint64(ends[word])
        length = end - start
        weight = np.uint64(weights[word]) if weights.size else one
        at = start >> three
        shift = (start & seven) * eight
        if length <= _SHORT:
            # Two shifts, because a shift by 64 bits is undefined.
            chunk = data[at] >> shift | (data[at + one] << one) << (np.uint64(63) - shift)
            key = (chunk & ((one << length * eight) - one)) | length << np.uint64(56)
            slot = (key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32) & short_mask
            while short[two * slot] != key:
                if short[two * slot] == 0:
                    short[two * slot] = key
                    new_short += 1
                    break
                slot = (slot + one) & short_mask
            short[two * slot + one] += weight
        else:
            # The word is written as a record after the last one; it is kept only if the word turns out to be new.
            records[free] = weight
            records[free + one] = length
            text = free + two
            size = (length + seven) >> three
            for k in range(size):
                j = at + np.uint64(k)
                records[text + np.uint64(k)] = data[j] >> shift | (data[j + one] << one) << (np.uint64(63) - shift)
            if length & seven:
                records[text + size - one] &= (one << (length & seven) * eight) - one
            digest = _digest(records, text, length)
            slot = digest & long_mask
            while True:
                entry = slots[slot]
                if entry == 0:
                    slots[slot] = (digest & high) | (free + one)
                    free = text + size
                    new_long += 1
                    break
                if (entry ^ digest) & high == 0:
                    record = (entry & ~high) - one
                    if records[record + one] == length:
                        i = np.uint64(0)
                        while i < size and records[record + two + i] == records[text + i]:
                            i += one
                        if i == size:
                            records[record] += weight
                            break
                slot = (slot + one) & long_mask
        start = end
    return new_short, new_long, np.int64(free)


@kernel
def _rehash_short(old: Chunks, new: Chunks) -> None:
    mask = np.uint64(new.size // 2 - 1)
    for i in range(0, old.size, 2):
        if old[i] != 0:
            slot = (old[i] * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32) & mask
            while new[np.uint64(2) * slot] != 0:
                slot = (slot + np.uint64(1)) & mask
            new[np.uint64(2) * slot] = old[i]
            new[np.uint64(2) * slot + np.uint64(1)] = old[i + 1]


@kernel
def _rehash_long(records: Chunks, used: Scalar, slots: Chunks) -> None:
    mask = np.uint64(slots.size - 1)
    at = np.uint64(0)
    while at < np.uint64(used):
        length = records[at + np.uint64(1)]
        digest = _digest(records, at + np.uint64(2), length)
        slot = digest & mask
        while slots[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = (digest & np.uint64(0xFFFFFFFF00000000)) | (at + np.uint64(1))
        at += np.uint64(2) + ((length + np.uint64(7)) >> np.uint64(3))


@kernel
def _unpack(short: Chunks, records: Chunks, used: Scalar, starts: Ints, counts: Ints, text: Bytes) -> Scalar:
    """Write the words of both tables: word w is ``text[starts[w]:starts[w + 1]]``. With an empty ``text`` return its size only."""
    word = 0
    to: Scalar = 0
    at: Scalar = 0
    for i in range(0, short.size, 2):
        if short[i] != 0:
            length = np.int64(short[i] >> np.uint64(56))
            if text.size:
                for b in range(length):
                    text[to + b] = np.uint8(short[i] >> np.uint64(8 * b) & np.uint64(0xFF))
                starts[word + 1] = to + length
                counts[word] = np.int64(short[i + 1])
            word += 1
            to += length
    while at < used:
        length = np.int64(records[at + 1])
        if text.size:
            for b in range(length):
                text[to + b] = np.uint8(records[at + 2 + b // 8] >> np.uint64(8 * (b % 8)) & np.uint64(0xFF))
            starts[word + 1] = to + length
            counts[word] = np.int64(records[at])
        word += 1
        to += length
        at += 2 + (length + 7) // 8
    return to


@kernel
def _first_bytes(text: Bytes, starts: Ints, keys: Chunks) -> None:
    """The first eight bytes of each word as a number that sorts like them."""
    for word in range(keys.size):
        key = np.uint64(0)
        for i in range(8):
            at = starts[word] + i
            key = key << np.uint64(8) | (np.uint64(text[at]) if at < starts[word + 1] else np.uint64(0))
        keys[word] = key


@kernel
def _less(text: Bytes, starts: Ints, a: Scalar, b: Scalar) -> bool:
    i, j = starts[a], starts[b]
    while i < starts[a + 1] and j < starts[b + 1]:
        if text[i] != text[j]:
            return bool(text[i] < text[j])
        i += 1
        j += 1
    return bool(starts[a + 1] - starts[a] < starts[b + 1] - starts[b])


@kernel
def _sort_ties(text: Bytes, starts: Ints, keys: Chunks, order: Ints) -> None:
    """Heap-sort each run of ``order`` whose words share their first eight bytes."""
    first = 0
    while first < order.size:
        size = 1
        while first + size < order.size and keys[order[first + size]] == keys[order[first]]:
            size += 1
        for turn in range(size // 2 + size - 1 if size > 1 else 0):
            if turn < size // 2:
                root, last = size // 2 - 1 - turn, size
            else:
                last = size - 1 - (turn - size // 2)
                order[first], order[first + last] = order[first + last], order[first]
                root = 0
            while 2 * root + 1 < last:
                child = 2 * root + 1
                if child + 1 < last and _less(text, starts, order[first + child], order[first + child + 1]):
                    child += 1
                if not _less(text, starts, order[first + root], order[first + child]):
                    break
                order[first + root], order[first + child] = order[first + child], order[first + root]
                root = child
        first += size


class WordCounts:
    """How often each distinct word occurs."""

    def __init__(self) -> None:
        self._short = np.zeros(2 << 12, dtype=np.uint64)
        self._slots = np.zeros(1 << 12, dtype=np.uint64)
        self._records = np.zeros(1 << 12, dtype=np.uint64)
        self._used = 0
        self._short_words = 0
        self._long_words = 0

    def __len__(self) -> int:
        return self._short_words + self._long_words

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WordCounts) and list(self.items()) == list(other.items())

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def from_items(cls, items: Iterable[tuple[bytes, int]]) -> WordCounts:
        """Counts of given words; a word may come more than once. Raises `TokenizerError` for an empty word or a count below one."""
        counts = cls()
        words, weights = [], []
        for word, weight in items:
            if not word or not 0 < weight < 1 << 63:
                raise TokenizerError(f"{word!r} cannot be counted {weight} times: a word has a byte, a count is from 1 to 2**63 - 1")
            words.append(word)
            weights.append(weight)
        ends = np.cumsum([len(word) for word in words], dtype=np.int64)
        counts._add(_chunks([b"".join(words)]), 0, ends, np.array(weights, dtype=np.int64))
        return counts

    def update(self, texts: Iterable[str | bytes]) -> None:
        """Count the words of each text. One thread cuts words, another counts them; the result does not depend on either's pace."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            counting: Future[None] | None = None
            spare = [np.empty(_BLOCK_WORDS, dtype=np.int64), np.empty(_BLOCK_WORDS, dtype=np.int64)]
            for batch in _batches(texts):
                stops = np.cumsum([len(text) for text in batch], dtype=np.int64)
                data = _chunks(batch)
                start = 0
                while start < stops[-1]:
                    ends = spare[0]
                    ends = ends[: word_ends(data.view(np.uint8), start, stops, character_classes(), ends)]
                    if counting is not None:
                        counting.result()
                    counting = pool.submit(self._add, data, start, ends, _NO_WEIGHTS)
                    spare.reverse()
                    start = int(ends[-1])
            if counting is not None:
                counting.result()

    def merge(self, other: WordCounts) -> None:
        """Add the counts of ``other``."""
        text, starts, counts = other.unsorted()
        self.add_packed(text.tobytes(), starts, counts)

    def add_packed(self, text: bytes, starts: Ints, counts: Ints) -> None:
        """Add words as `sorted` gives them: word w is ``text[starts[w]:starts[w + 1]]`` and counts ``counts[w]`` times."""
        self._add(_chunks([text]), 0, starts[1:], counts)

    def _add(self, data: Chunks, begin: int, ends: Ints, weights: Ints) -> None:
        if not ends.size:
            return
        self._reserve(ends.size, int(ends[-1]) - begin)
        new_short, new_long, self._used = _count(data, begin, ends, weights, self._short, self._slots, self._records, self._used)
        self._short_words += new_short
        self._long_words += new_long

    def _reserve(self, words: int, size: int) -> None:
        """Grow the tables so that they are at most two thirds full after ``words`` new words of ``size`` bytes in all."""
        slots = self._short.size // 2
        while slots * 2 < (self._short_words + words) * 3:
            slots *= 2
        if slots * 2 > self._short.size:
            short = np.zeros(2 * slots, dtype=np.uint64)
            _rehash_short(self._short, short)
            self._short = short
        slots = self._slots.size
        while slots * 2 < (self._long_words + min(words, size // (_SHORT + 1))) * 3:
            slots *= 2
        if slots > self._slots.size:
            self._slots = np.zeros(slots, dtype=np.uint64)
            _rehash_long(self._records, self._used, self._slots)
        # A record of 8 bytes and more takes at most half its bytes in chunks; the one being looked up needs room too.
        needed = self._used + size // 2 + 4
        if needed >= 1 << 32:
            raise TokenizerError("more than 32 GB of distinct words: count the corpus in parts and merge the files of counts")
        if needed > self._records.size:
            records = np.zeros(max(needed, self._records.size * 3 // 2), dtype=np.uint64)
            records[: self._used] = self._records[: self._used]
            self._records = records

    def unsorted(self) -> tuple[Bytes, Ints, Ints]:
        """``(text, starts, counts)`` in arbitrary order: word w is ``text[starts[w]:starts[w + 1]]`` and occurs ``counts[w]`` times."""
        starts = np.zeros(len(self) + 1, dtype=np.int64)
        counts = np.zeros(len(self), dtype=np.int64)
        nothing = np.empty(0, dtype=np.uint8)
        text = np.empty(_unpack(self._short, self._records, self._used, starts, counts, nothing), dtype=np.uint8)
        if text.size:
            _unpack(self._short, self._records, self._used, starts, counts, text)
        return text, starts, counts

    def sorted(self) -> tuple[Bytes, Ints, Ints]:
        """As `unsorted`, in the order of the words' bytes."""
        text, starts, counts = self.unsorted()
        keys = np.empty(counts.size, dtype=np.uint64)
        _first_bytes(text, starts, keys)
        order = np.argsort(keys)
        _sort_ties(text, starts, keys, order)
        sizes = np.diff(starts)[order]
        ends = np.cumsum(sizes)
        return text[np.repeat(starts[:-1][order] - ends + sizes, sizes) + np.arange(text.size)], np.append(0, ends), counts[order]

    def items(self) -> Iterator[tuple[bytes, int]]:
        """Words and their counts in the order of the words' bytes."""
        text, starts, counts = self.sorted()
        whole = text.tobytes()
        bounds = starts.tolist()
        for word, count in enumerate(counts.tolist()):
            yield whole[bounds[word] : bounds[word + 1]], count

    @property
    def total(self) -> int:
        """Words counted, each as often as it occurred."""
        return int(self.unsorted()[2].sum())


_NO_WEIGHTS = np.empty(0, dtype=np.int64)


def count_words(texts: Iterable[str | bytes]) -> WordCounts:
    """Count the words of ``texts`` by GPT-2's pattern; each text ends a word. See `tokenizer.pretokenize` for bytes that are not UTF-8."""
    counts = WordCounts()
    counts.update(texts)
    return counts


def _chunks(parts: list[bytes]) -> Chunks:
    """The parts in one array of 8-byte chunks, padded with zeros; the last chunk is all zeros."""
    size = sum(map(len, parts))
    return np.frombuffer(b"".join([*parts, bytes(16 - size % 8)]), dtype="<u8")


def _batches(texts: Iterable[str | bytes]) -> Iterator[list[bytes]]:
    """Texts as bytes, a few hundred kilobytes at a time."""
    batch: list[bytes] = []
    size = 0
    for text in texts:
        for piece in _pieces(text) if isinstance(text, str) else (text,):
            batch.append(piece)
            size += len(piece)
            if size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
    if size:
        yield batch


def _pieces(text: str) -> Iterator[bytes]:
    """UTF-8 of a text in pieces: no word crosses from a character that is not white space to a space, so a long text is cut there."""
    start = 0
    while len(text) - start > _PIECE:
        cut = _AFTER_WORD.search(text, start + _PIECE)
        if cut is None:
            break
        yield to_utf8(text[start : cut.start()])
        start = cut.start()
    yield to_utf8(text[start:] if start else text)
