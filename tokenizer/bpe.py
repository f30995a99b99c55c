"""Training of a byte-level BPE vocabulary from word counts, exact and in 64 bits.

Each step merges the most frequent pair of neighbouring tokens, left to right in each word. Of equally frequent pairs the one with the lower
ids comes first (left id, then right id), where ids 0 to 255 are the bytes in GPT-2's order (`tokenizer.vocabulary.BYTE_ORDER`) and a merge
makes the next id. So the merges are those of Hugging Face's ``BpeTrainer`` on the same words, as long as its 32-bit counts hold.
Windows overlap when pairs are counted ("aaa" holds "aa" twice), as in all common trainers.

How: all words are concatenated in one array, with a token's id at its first and at its last byte, so that both neighbours of a token are
found at once. A merge only lowers the counts of existing pairs, so it is enough to follow those that occur at least ``threshold``
times; each has the list of its places. When none is left, the threshold is lowered and the pairs are counted again. Memory: four bytes
a byte of distinct words, and the lists of the frequent pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from tokenizer.encoder import ByteBPE
from tokenizer.errors import TokenizerError
from tokenizer.kernels import Ids, Ints
from tokenizer.merging import (
    BLOCK,
    MERGED,
    NONE_FREQUENT,
    Neighbours,
    Pairs,
    Words,
    count_pairs,
    fill,
    lay_out,
    merge,
    sketch_pairs,
)
from tokenizer.vocabulary import BYTE_ORDER
from tokenizer.words import WordCounts, count_words

_FIRST_PAIRS = 4096  # followed at first; eight times as many after each recount, so that there are few recounts (speed only)
_MERGES_A_CALL = 512  # between calls of `progress`


def _words_of(counts: WordCounts, vocab_size: int) -> Words:
    """Lay out the words of two bytes and more."""
    text, starts, weights = counts.unsorted()
    sizes = np.diff(starts)
    # A count above 2**63 looks negative here. A pair occurs at most once a byte; float64 is exact enough to tell whether int64 holds it.
    if weights.size and (weights.min() < 0 or weights.astype(np.float64) @ sizes >= 2.0**63):
        raise TokenizerError("the words have 2**63 bytes or more, counted as often as they occur: train on a part of the corpus")
    order = np.argsort(-weights, kind="stable")
    order = order[sizes[order] > 1]
    positions = int(sizes[order].sum()) + order.size + 1
    if positions >= 1 << 31:
        raise TokenizerError(f"{positions:,} bytes of distinct words, more than 2**31: train on a part of the corpus")
    ids = np.empty(256, dtype=np.int32)
    ids[np.frombuffer(BYTE_ORDER, dtype=np.uint8)] = np.arange(256)
    groups = np.unique(weights[order]).size
    words = Words(
        tokens=np.empty(positions, dtype=np.int32),
        lengths=np.ones(vocab_size, dtype=np.int32),
        blocks=np.zeros(positions // BLOCK + 1, dtype=np.int32),
        ends=np.empty(groups, dtype=np.int64),
        counts=np.empty(groups, dtype=np.int64),
    )
    lay_out(text, starts, weights, order, ids, words)
    return words


def _power_of_two(least: int) -> int:
    return 1 << max(least - 1, 1).bit_length()


def _count_frequent(words: Words, sketch: Ints, threshold: int) -> tuple[Ints, Ints, Ids]:
    """Keys, totals and numbers of places of the pairs that occur ``threshold`` times and more."""
    size = 1 << 12
    while True:
        keys = np.full(size, -1, dtype=np.int64)
        totals = np.zeros(size, dtype=np.int64)
        sizes = np.zeros(size, dtype=np.int32)
        if count_pairs(words, sketch, threshold, keys, totals, sizes):
            break
        size *= 4
    frequent = (keys != -1) & (totals >= threshold)
    return keys[frequent], totals[frequent], sizes[frequent]


def _follow(words: Words, sketch: Ints, threshold: int, ids: int) -> tuple[Pairs, int, int]:
    """The pairs that occur ``threshold`` times and more, with room for new ones; their number and that of their places."""
    keys, totals, sizes = _count_frequent(words, sketch, threshold)
    used = int(sizes.sum(dtype=np.int64))
    largest = int(sizes.max(initial=0))
    fresh = 2 * min(largest, ids + 1) + keys.size // 2 + 1024
    table = _power_of_two((keys.size + fresh) * 3 // 2 + 1)
    pairs = Pairs(
        keys=np.full(table, -1, dtype=np.int64),
        totals=np.zeros(table, dtype=np.int64),
        firsts=np.zeros(table, dtype=np.int64),
        sizes=np.zeros(table, dtype=np.int32),
        places=np.empty(used + 2 * largest + used // 2 + 1024, dtype=np.int32),
        heap_totals=np.empty(keys.size + fresh, dtype=np.int64),
        heap_slots=np.empty(keys.size + fresh, dtype=np.int32),
    )
    fill(words, pairs, keys, totals, np.cumsum(sizes, dtype=np.int64) - sizes)
    return pairs, keys.size, used


def _merges(words: Words, wanted: int, followed: int, progress: Callable[[int, int], None] | None) -> Ids:
    """The merges in order, shape (n, 2), n being ``wanted`` unless no pair is left before. ``followed`` changes the speed only."""
    merges = np.empty((wanted, 2), dtype=np.int32)
    ids = 256 + wanted
    left, right = (
        Neighbours(np.zeros(ids, np.int64), np.zeros(ids, np.int32), np.zeros(ids, np.int32), np.zeros(ids, np.int32)) for _ in range(2)
    )
    sketch = np.zeros(min(max(_power_of_two(words.tokens.size // 2), 1 << 10), 1 << 20), dtype=np.int64)
    threshold = 1 << 63
    done, status = 0, NONE_FREQUENT
    while done < wanted and not (status == NONE_FREQUENT and threshold == 1):
        sketch[:] = 0
        sketch_pairs(words, sketch)
        if status == NONE_FREQUENT:
            rank = min(followed, sketch.size)
            threshold = max(1, min(threshold - 1, int(np.partition(sketch, sketch.size - rank)[sketch.size - rank])))
            followed *= 8
        pairs, heap, used = _follow(words, sketch, threshold, 256 + done)
        entries = heap
        status = MERGED
        while done < wanted and status == MERGED:
            stop = min(wanted, done + _MERGES_A_CALL)
            status, done, heap, entries, used = merge(words, pairs, left, right, merges, done, stop, threshold, heap, entries, used)
            if progress is not None:
                progress(done, wanted)
    return merges[:done]


def train(
    counts: WordCounts | Iterable[str | bytes], vocab_size: int = 50257, *, progress: Callable[[int, int], None] | None = None
) -> ByteBPE:
    """Train a vocabulary of ``vocab_size`` tokens: 256 bytes, the merges, and ``<|endoftext|>`` last.

    ``counts`` are counted words, or texts whose words are counted first. ``progress`` is called now and then with the merges made and
    wanted. A corpus with fewer pairs than merges wanted gives a smaller vocabulary, which says so in `ByteBPE.missing`.
    Raises `TokenizerError` for a ``vocab_size`` below 257.

    A smaller vocabulary of the same text is a part of a larger one: see `ByteBPE.first`.

        >>> train(["low lower lowest"], 260).merges
        [(b'l', b'o'), (b'lo', b'w'), (b' ', b'low')]
    """
    if vocab_size < 257:
        raise TokenizerError(f"a vocabulary of {vocab_size} tokens is impossible: 256 bytes and <|endoftext|> make 257")
    wanted = vocab_size - 257
    # Counts made here are freed once the words are laid out.
    words = _words_of(counts if isinstance(counts, WordCounts) else count_words(counts), 256 + wanted)
    merges = _merges(words, wanted, _FIRST_PAIRS, progress)
    return ByteBPE(merges.tolist(), missing=wanted - len(merges))
