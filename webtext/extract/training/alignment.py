"""How many words of each block the gold text has: an alignment in order that prefers runs, then whole blocks that stand elsewhere."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
from numba import njit
from numpy.typing import NDArray

_WORD = re.compile(r"\w+")
CELLS = 600_000_000  # of the alignment's matrix, one byte each; of a longer page only the start is aligned
ELSEWHERE = 0.9  # share of a block's words that must be left over in the gold text for it to be found out of order


def words_in_gold(blocks: list[str], gold: str) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """Words of each block that are in the gold text, words of each block, words of the gold text."""
    words = [_WORD.findall(block.lower()) for block in blocks]
    expected = _WORD.findall(gold.lower())
    known: dict[str, int] = {}
    right = np.array([known.setdefault(word, len(known)) for word in expected], np.int32)
    left = np.array([known.get(word, -1) for block in words for word in block], np.int32)
    sizes = np.array([len(block) for block in words], np.int64)
    if not len(right) or not len(left):
        return np.zeros(len(blocks)), sizes, len(expected)
    matched = np.zeros(len(left), np.bool_)
    head, used = _align(left[: CELLS // len(right)], right)
    matched[: len(head)] = head
    sums = np.concatenate([[0], np.cumsum(matched)])
    ends = np.cumsum(sizes)
    hits = (sums[ends] - sums[ends - sizes]).astype(np.float64)
    rest = Counter(word for word, taken in zip(expected, used) if not taken)
    for number, block in enumerate(words):
        if len(block) >= 4 and hits[number] < 0.3 * len(block):
            counts = Counter(block)
            if (counts & rest).total() >= ELSEWHERE * len(block):
                hits[number] = (counts & rest).total()
                rest -= counts
    return hits, sizes, len(expected)


@njit(cache=True)
def _align(a, b):  # type: ignore[no-untyped-def]  # numba
    """Flags of the words of both texts that are matched. A match that continues a run counts 1, one that starts it 0.3."""
    n, m = len(a), len(b)
    steps = np.zeros((n, m), np.uint8)  # 1: skip a word of a, 2: of b, 3: match; 8: the match continues a run
    best = np.zeros(m + 1, np.float32)
    run = np.full(m + 1, -1.0, np.float32)
    for i in range(n):
        new_best, new_run = np.zeros(m + 1, np.float32), np.full(m + 1, -1.0, np.float32)
        for j in range(m):
            value, step = best[j + 1], 1
            if new_best[j] > value:
                value, step = new_best[j], 2
            if a[i] == b[j]:
                score, long = best[j] + np.float32(0.3), 0
                if run[j] >= 0 and run[j] + np.float32(1.0) >= score:
                    score, long = run[j] + np.float32(1.0), 8
                new_run[j + 1] = score
                if score > value:
                    value, step = score, 3
                step |= long
            new_best[j + 1] = value
            steps[i, j] = step
        best, run = new_best, new_run
    matched, used = np.zeros(n, np.bool_), np.zeros(m, np.bool_)
    i, j, forced = n - 1, m - 1, False
    while i >= 0 and j >= 0:
        step = steps[i, j] & 3
        if forced or step == 3:
            matched[i] = used[j] = True
            forced = (steps[i, j] & 8) != 0
            i, j = i - 1, j - 1
        elif step == 1:
            i -= 1
        else:
            j -= 1
    return matched, used
