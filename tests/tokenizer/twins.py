"""Slow and obviously right: GPT-2's pattern by the regex module, training by counting anew after each merge, encoding by rank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import regex

from tokenizer import ByteBPE
from tokenizer.vocabulary import BYTE_ORDER, EOT, PATTERNS

PATTERN = regex.compile(PATTERNS["gpt2"])


def words_of(data: bytes) -> list[bytes]:
    return [word.encode("utf-8", "surrogateescape") for word in PATTERN.findall(data.decode("utf-8", "surrogateescape"))]


def replace(word: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """``pair`` in ``word`` replaced by ``new``, left to right."""
    result: list[int] = []
    i = 0
    while i < len(word):
        if tuple(word[i : i + 2]) == pair:
            result.append(new)
            i += 2
        else:
            result.append(word[i])
            i += 1
    return result


def train_pairs(counts: Mapping[bytes, int], merges: int) -> list[tuple[int, int]]:
    """The most frequent pair each time, the lowest ids among equals; all pairs counted anew."""
    words = [([BYTE_ORDER.index(byte) for byte in word], count) for word, count in counts.items()]
    result: list[tuple[int, int]] = []
    while len(result) < merges:
        pairs: Counter[tuple[int, int]] = Counter()
        for word, count in words:
            for pair in pairwise(word):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        words = [(replace(word, best, 256 + len(result)), count) for word, count in words]
        result.append(best)
    return result


def encode(bpe: ByteBPE, text: str, allow_special: bool = False) -> list[int]:
    """GPT-2's own way: in each word, apply the merges in order as long as one fits."""
    if allow_special and EOT in text:
        head, tail = text.split(EOT, 1)
        return [*encode(bpe, head), bpe.eot, *encode(bpe, tail, True)]
    ranks = {pair: 256 + i for i, pair in enumerate(bpe.pairs)}
    ids = []
    for piece in PATTERN.findall(text):
        word = [BYTE_ORDER.index(byte) for byte in piece.encode()]
        while len(word) > 1:
            best = min(pairwise(word), key=lambda pair: ranks.get(pair, len(ranks) + 256))
            if best not in ranks:
                break
            word = replace(word, best, ranks[best])
        ids += word
    return ids
