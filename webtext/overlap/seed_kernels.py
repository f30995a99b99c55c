"""Loops over the words of documents: seeds, candidates by seeds, and the alignment of a candidate."""

from __future__ import annotations

import numpy as np
from numba import njit

from webtext.overlap.hash_lookup import row_of

SEED_WORDS = 3
GAP = 0.5  # bits that a word between two of a part costs, so that a far "the" is not taken for its own
_WINDOW = 10  # words around a seed
_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)


@njit(cache=True, nogil=True)
def seeds_of(words):  # type: ignore[no-untyped-def]  # numba
    """The hash of the seed that begins at each word, of hashes of words: uint64 [max(0, words - 2)]."""
    seeds = np.empty(max(0, len(words) - 2), np.uint64)
    for at in range(len(seeds)):
        seeds[at] = words[at] * _FIRST ^ words[at + 1] * _SECOND ^ words[at + 2]
    return seeds


@njit(cache=True, nogil=True)
def count_rows(rows, document, counts, last):  # type: ignore[no-untyped-def]  # numba
    """Count a document once for each row that it has; `last` has the last document counted for each."""
    for row in rows:
        if row >= 0 and last[row] != document:
            last[row] = document
            counts[row] += 1


@njit(cache=True, nogil=True)
def band_of(length):  # type: ignore[no-untyped-def]  # numba
    """How many words may be added or left out in a part, more or less."""
    return min(6 + length // 10, 128)


@njit(cache=True, nogil=True)
def candidates(words, keys, slots, possible, starts, at, part_of, offsets, part_words, done, found):  # type: ignore[no-untyped-def]  # numba
    """Parts that may stand in a document, by its seeds, of which row r is at words `at[starts[r]:starts[r + 1]]` of all parts:
    writes (part, word of the document where it would begin) to `found` [most, 2].

    A seed is extended along its diagonal and the two beside it, where a word was added or left out before or behind it:

        part      how many [eggs does the] hen of Anna lay          document word 7 is part word 2 -> diagonal 5
        document  … and how many [eggs does the] old hen of Anna lay …      "hen of Anna lay" lies on diagonal 6

    Of the words within _WINDOW of the seed 60 % must agree, 12 are enough. `done` [parts] is the diagonal at which a part was found last,
    so that its other seeds there are passed over. Returns how many were found, which may be more than fit.
    """
    count = 0
    for here in range(len(words) - 2):
        row = row_of(words[here] * _FIRST ^ words[here + 1] * _SECOND ^ words[here + 2], keys, slots, possible)
        if row < 0:
            continue
        for entry in range(starts[row], starts[row + 1]):
            place = at[entry]
            part = part_of[place]
            first, last = offsets[part], offsets[part + 1]
            diagonal = here - (place - first)
            if abs(done[part] - diagonal) <= band_of(last - first):
                continue
            low, high = max(first, place - _WINDOW), min(last, place + 3 + _WINDOW)
            needed = min(12, (3 * (high - low) + 4) // 5)
            agree = 0
            for other in range(low, high):
                for shift in range(-1, 2):
                    there = diagonal + shift + other - first
                    if 0 <= there < len(words) and words[there] == part_words[other]:
                        agree += 1
                        break
                if agree >= needed or agree + high - other <= needed:
                    break
            if agree >= needed:
                done[part] = diagonal
                if count < len(found):
                    found[count, 0], found[count, 1] = part, diagonal
                count += 1
    return count


@njit(cache=True, nogil=True)
def align(words, part, bits, diagonal, band):  # type: ignore[no-untyped-def]  # numba
    """The words of a part that stand in a document in order, near a diagonal: those with the most bits, less GAP for each word between.

    Returns (their bits, the first and the last + 1 word of the document, how many). A row a word of the part, a cell a word of the document
    beside its diagonal:  best[cell] = max(left - GAP, above, corner + bits if the words are equal), where nothing begun yet is 0.
    """
    width = 2 * band + 1
    score = np.zeros(width)
    path = np.zeros((width, 3), np.int64)  # the first and the last + 1 word, and how many
    for row in range(len(part)):
        for cell in range(width):
            here = row + diagonal + cell - band
            # A row further the same cell is a word further too: it holds the corner, its right neighbour what is above.
            best, source = 0.0, -1
            if cell + 1 < width and score[cell + 1] > best:
                best, source = score[cell + 1], cell + 1
            if cell and score[cell - 1] - GAP > best:
                best, source = score[cell - 1] - GAP, cell - 1
            if 0 <= here < len(words) and words[here] == part[row] and score[cell] + bits[row] >= best:
                score[cell] += bits[row]
                if not path[cell, 2]:
                    path[cell, 0] = here
                path[cell, 1] = here + 1
                path[cell, 2] += 1
            else:
                score[cell] = best
                for field in range(3):
                    path[cell, field] = path[source, field] if source >= 0 else 0
    end = np.argmax(score)
    first, last, count = path[end]
    return score[end] + GAP * (last - first - count), first, last, count
