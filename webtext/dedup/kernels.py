"""The loops over characters, hashes and buckets, compiled by numba.

All of them are in this file, because numba's cache checks only the file of the compiled function and would not notice a change in a
function of another file. Each has one explicit signature, so it is compiled at import and the same for every caller, and processes
that fill an empty cache at once write the same entry.

Arithmetic on unsigned integers wraps around on purpose. Plain Python twins are in tests/webtext/dedup/twins.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Function = TypeVar("Function", bound=Callable[..., Any])
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

ALL_PAIRS = 16  # a bucket up to this size is compared in full: at most 120 comparisons; nearly all buckets are this small
LEADERS = 64  # in a larger one a document is compared with at most so many: what keeps a bucket of boilerplate linear

# Flags in the character table: a word of its own (scripts written without spaces), a mark, and a character of no width.
UNSEGMENTED, MARK, IGNORED = np.uint32(1 << 31), np.uint32(1 << 30), np.uint32(1 << 29)
_POINT = np.uint32((1 << 21) - 1)  # the bits of the code point beside the flag
_BLANK = np.uint32(0x20)

# FNV-1a's basis and prime (RFC 9923) for the characters of a word, MurmurHash3's finalizers (public domain) to mix, and the multiplier of
# MMIX's generator (Knuth) to chain the words of a shingle. They decide the signatures, so none may change (nor become SplitMix64's).
_BASIS = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_CHAIN = np.uint64(6364136223846793005)
_MIX64 = (np.uint64(33), np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))
_MIX32 = (np.uint32(16), np.uint32(13), np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35))
_HALF = np.uint64(32)


def kernel(signature: str) -> Callable[[Function], Function]:
    """Compile for one signature, at import, into numba's cache."""
    return cast("Callable[[Function], Function]", numba.njit(signature, cache=True))


@kernel("uint64(uint64)")
def mix64(value: np.uint64) -> np.uint64:
    """MurmurHash3's fmix64: every bit of the value reaches every bit of the result."""
    value ^= value >> _MIX64[0]
    value *= _MIX64[1]
    value ^= value >> _MIX64[0]
    value *= _MIX64[2]
    return value ^ (value >> _MIX64[0])


@kernel("uint32(uint32)")
def mix32(value: np.uint32) -> np.uint32:
    """MurmurHash3's fmix32, a bijection: the permutations are linear and need values that look random."""
    value ^= value >> _MIX32[0]
    value = np.uint32(value * _MIX32[2])
    value ^= value >> _MIX32[1]
    value = np.uint32(value * _MIX32[3])
    return np.uint32(value ^ (value >> _MIX32[0]))


@kernel("int64(uint32[::1], uint32[::1], uint64[::1])")
def _words(points: U32, table: U32, out: U64) -> int:
    """Hash the words into `out` and return their number; an unsegmented character with its marks is a word."""
    count, value, inside, alone = 0, _BASIS, False, False
    for point in points:
        folded = table[point]
        if folded == IGNORED:
            continue
        if inside and not folded & MARK and (alone or folded == 0 or folded & UNSEGMENTED):
            out[count] = mix64(value)
            count, value, inside = count + 1, _BASIS, False
        if folded != 0 and (inside or not folded & MARK):
            if not inside:
                inside, alone = True, folded & UNSEGMENTED != 0
            value = (value ^ np.uint64(folded & _POINT)) * _PRIME
    if inside:
        out[count] = mix64(value)
        count += 1
    return count


@kernel("int64(uint32[::1], uint32[::1], uint64[::1])")
def _characters(points: U32, table: U32, out: U64) -> int:
    """Hash the characters of the words, with a blank for what is between two of them, into `out` and return their number."""
    count, gap = 0, False
    for point in points:
        folded = table[point]
        if folded == IGNORED:
            continue
        if folded == 0 or (folded & MARK and (gap or count == 0)):
            gap = True
            continue
        if gap and count > 0:
            out[count] = mix64((_BASIS ^ np.uint64(_BLANK)) * _PRIME)
            count += 1
        gap = False
        out[count] = mix64((_BASIS ^ np.uint64(folded & _POINT)) * _PRIME)
        count += 1
    return count


@kernel("uint32[::1](uint32[::1], uint32[::1], int64)")
def shingle_hashes(points: U32, table: U32, size: int) -> U32:
    """The 32-bit hashes of a text's shingles in order, with repetitions; rule in `webtext.dedup.shingles`.

    `points` are its code points, `table` is `shingles.character_table()`.
    """
    units = np.empty(len(points), np.uint64)
    count = _words(points, table, units)
    if count < size:
        count = _characters(points, table, units)
    width = min(size, count)
    hashes = np.empty(count - width + 1 if count else 0, np.uint32)
    for start in range(len(hashes)):
        value = np.uint64(0)
        for unit in range(start, start + width):
            value = value * _CHAIN + units[unit]
        hashes[start] = np.uint32(mix64(value) >> _HALF)
    return hashes


@kernel("int64(uint32[::1])")
def distinct(ordered: U32) -> int:
    """Move the distinct values of a sorted array to its front and return their number."""
    count = 0
    for value in ordered:
        if count == 0 or ordered[count - 1] != value:
            ordered[count] = value
            count += 1
    return count


@kernel("void(uint32[::1], uint32[::1], uint32[::1], uint32[::1])")
def sign(hashes: U32, factors: U32, terms: U32, signature: U32) -> None:
    """Write the MinHash of a set into `signature`: for each permutation the smallest factor * mix(hash) + term mod 2^32.

    A permutation orders all hashes at random, so the smallest of two sets' union is in both with a probability of their Jaccard similarity:
        {a, b, c} and {b, c, d} have 2 of 4 in common; the smallest of the four is b or c in half of the permutations,
        and in these the two signatures are equal: 64 of 128 positions, give or take 6.
    """
    signature[:] = np.uint32(0xFFFFFFFF)
    for value in hashes:
        mixed = mix32(value)
        for k in range(len(signature)):
            permuted = np.uint32(factors[k] * mixed + terms[k])
            signature[k] = min(signature[k], permuted)


@kernel("void(uint32[:, ::1], int64, int64, uint64[:, ::1])")
def band_keys(signatures: U32, bands: int, rows: int, keys: U64) -> None:
    """Write a 64-bit key for each document and band: equal where the band's rows of the signature are.

    With 2 bands of 3 rows, [7 1 4 | 9 9 2] and [7 1 4 | 9 8 2] get the same key of band 0 and different ones of band 1, so they meet.
    The band's number is mixed in: [1 2 3 | ...] does not meet [... | 1 2 3].
    """
    for document in range(len(signatures)):
        for band in range(bands):
            value = mix64(np.uint64(band + 1))
            for row in range(band * rows, (band + 1) * rows):
                value = mix64(value ^ np.uint64(signatures[document, row]))
            keys[document, band] = value


@kernel("int64(uint32[::1], uint32[::1])")
def count_equal(one: U32, other: U32) -> int:
    """The number of positions at which two signatures are equal."""
    equal = 0
    for position in range(len(one)):
        equal += one[position] == other[position]
    return equal


@kernel("int64(uint32[::1], uint32[::1], int64, int64)")
def first_common_band(one: U32, other: U32, bands: int, rows: int) -> int:
    """The first band in which two signatures are equal throughout, -1 where there is none (equal texts, or leaders of a larger bucket)."""
    for band in range(bands):
        if count_equal(one[band * rows : (band + 1) * rows], other[band * rows : (band + 1) * rows]) == rows:
            return band
    return -1


@kernel("float64(uint32[::1], int64, int64, int64, int64)")
def jaccard(shingles: U32, first: int, first_end: int, second: int, second_end: int) -> float:
    """Jaccard similarity of two sorted sets in one array, by merging them; 0 where both are empty."""
    both, total = 0, first_end - first + second_end - second
    while first < first_end and second < second_end:
        one, other = shingles[first], shingles[second]
        both += one == other
        first += one <= other
        second += other <= one
    return both / (total - both) if total else 0.0


@kernel("void(uint32[::1], int64[::1], int64[::1], int64[::1], float64[::1])")
def jaccards(shingles: U32, offsets: I64, first: I64, second: I64, out: npt.NDArray[np.float64]) -> None:
    """Jaccard similarities of pairs of sets; set i is shingles[offsets[i]:offsets[i + 1]]."""
    for i in range(len(first)):
        one, other = first[i], second[i]
        out[i] = jaccard(shingles, offsets[one], offsets[one + 1], offsets[other], offsets[other + 1])


@kernel(
    "int64[:, ::1](uint32[:, ::1], int64[::1], int64[::1], uint8[::1], int64, int64, int64, int64[::1],"
    " boolean, float64, uint32[::1], int64[::1], uint8[::1], int64[::1])"
)
def compare_buckets(
    signatures: U32,
    ordinals: I64,
    starts: I64,
    large: Bytes,
    known: int,
    bands: int,
    rows: int,
    bounds: I64,
    exact: bool,
    threshold: float,
    shingles: U32,
    offsets: I64,
    is_leader: Bytes,
    comparisons: I64,
) -> I64:
    """Find the pairs of near copies in buckets of documents, each in the order of rank.

    Bucket i is documents starts[i]:starts[i + 1]. In a bucket that is not large a document is compared with all before it. In a large one
    it is compared with the leaders before it until one is a near copy; a document without one becomes a leader itself (marked in
    `is_leader`) as long as there are fewer than LEADERS. The first `known` documents are leaders of the first bucket already, from an
    earlier call.

    `bounds` are numbers of equal positions (minhash.equal_bounds): below the first a pair is no candidate, from the second on it is a near
    copy by the estimate, from the third on it is one without a doubt. With `exact`, the shingles decide on candidates below the third.

    Adds the number of pairs of signatures compared to comparisons[0]. Returns (pairs, 4): ordinal of the later, of the earlier, equal
    positions, first common band or -1; candidates, or with `exact` near copies alone.

        A large bucket a b c d, where b is a copy of a, and d of c:   a leads; b is compared with a, found;
        c is compared with a and leads; d is compared with a, then with c, found.   4 comparisons instead of 6.
    """
    pairs = np.empty((1024, 4), np.int64)
    found = 0
    references = np.empty(max(LEADERS, ALL_PAIRS), np.int64)  # what the next document of the bucket is compared with
    for bucket in range(len(starts) - 1):
        count = 0
        for member in range(starts[bucket], starts[bucket + 1]):
            has_copy = False
            for k in range(count if bucket > 0 or member >= known else 0):
                reference = references[k]
                comparisons[0] += 1
                equal = count_equal(signatures[member], signatures[reference])
                if equal < bounds[0]:
                    continue
                near = equal >= bounds[1]
                if exact and equal < bounds[2]:
                    similarity = jaccard(shingles, offsets[member], offsets[member + 1], offsets[reference], offsets[reference + 1])
                    near = similarity >= threshold
                has_copy |= near
                if near or not exact:
                    if found == len(pairs):  # double the array, so that appending is linear
                        wider = np.empty((2 * found, 4), np.int64)
                        wider[:found] = pairs
                        pairs = wider
                    pairs[found, 0], pairs[found, 1], pairs[found, 2] = ordinals[member], ordinals[reference], equal
                    pairs[found, 3] = first_common_band(signatures[member], signatures[reference], bands, rows)
                    found += 1
                if has_copy and large[bucket]:
                    break
            if not large[bucket] or (not has_copy and count < LEADERS):
                references[count] = member
                count += 1
                is_leader[member] = 1
    return pairs[:found].copy()


@kernel("void(int64[::1], int64[::1], uint8[::1], int64[::1], int64)")
def remove_copies(later: I64, earlier: I64, removed: Bytes, choice: I64, first: int) -> None:
    """Go through near copies in the order of rank: a document is removed if one of its earlier near copies is kept.

    The edges are sorted by (later, earlier) and hold all edges of each `later`; `removed[ordinal]` is final for the documents before them
    and is written for them. `choice[edge]` is 1 for the edge to the best-ranked copy that is kept. Edges of documents before `first`,
    which are always kept, are skipped.

        edges (1, 0), (2, 1): 1 is removed for 0; 2 is kept, as its only copy 1 is removed and 2 is no copy of 0.
    """
    choice[:] = 0
    previous = np.int64(-1)
    for edge in range(len(later)):
        document = later[edge]
        if document < first:
            continue
        if document != previous:
            removed[document] = 0  # survivors.py calls again with more edges: start anew
            previous = document
        if not removed[document] and not removed[earlier[edge]]:  # the line that rejects a near copy
            removed[document] = 1
            choice[edge] = 1


@kernel("int64(uint32[::1], uint64[::1])")
def sketch(shingles: U32, smallest: U64) -> int:
    """Write the smallest distinct keys of a text's shingles in order into `smallest`, ascending, and return their number.

    A key is of a shingle and the second after it, of 64 bits: those of shingles alone, of 32, collide in a large corpus.
    """
    count = 0
    for i in range(len(shingles)):
        key = mix64(np.uint64(shingles[i]) << _HALF | np.uint64(shingles[min(i + 2, len(shingles) - 1)]))
        place = count
        while place > 0 and smallest[place - 1] > key:
            place -= 1
        if place == len(smallest) or (place > 0 and smallest[place - 1] == key):
            continue
        count = min(count + 1, len(smallest))
        for k in range(count - 1, place, -1):
            smallest[k] = smallest[k - 1]
        smallest[place] = key
    return count


@kernel("void(uint32[:, ::1], int64[::1], int64[::1], int64[::1], float64, uint8[::1])")
def may_contain(signatures: U32, sizes: I64, first: I64, second: I64, least: float, out: Bytes) -> None:
    """Mark pairs of sets, of these sizes, of which the smaller may have a share of `least` in common with the other.

    A set of 50 of which 25 are among the 200 of another has a Jaccard similarity of 25 / 225 with it: 14 of 128 equal positions, and
    less three standard errors 3.5.
    """
    for i in range(len(first)):
        one, other = sizes[first[i]], sizes[second[i]]
        common = least * min(one, other)
        similarity = common / (one + other - common) if one and other else 1.0
        positions = signatures.shape[1]
        needed = positions * similarity - 3 * np.sqrt(positions * similarity * (1 - similarity))
        out[i] = count_equal(signatures[first[i]], signatures[second[i]]) >= max(needed, 1)


@kernel("UniTuple(int64, 3)(uint32[::1], uint32[::1], int64)")
def coverage(shingles: U32, others: U32, size: int) -> tuple[int, int, int]:
    """Of a text's shingles in order, looked up in another's sorted set: the words that stand there in runs of `size` or more, the longest
    of these runs, and the longest run between them.

    Shingles of 2 words of a b c d e, looked up in those of "x b c d": bc and cd are there, so 3 of 5 words; runs of 3 and 1.
    """
    words = len(shingles) + size - 1
    covered, longest, own, run, end = 0, 0, 0, 0, 0  # `end` is behind the last word that is covered
    for i in range(len(shingles)):
        place = np.searchsorted(others, shingles[i])
        if place == len(others) or others[place] != shingles[i]:
            continue
        new = i + size - max(end, i)
        own = max(own, i - end)
        run = run + new if end > i + size - 2 and end > 0 else size
        covered, longest, end = covered + new, max(longest, run), i + size
    return covered, longest, max(own, words - end)


@kernel("void(uint32[::1], int64[::1], uint32[::1], int64[::1], int64[::1], int64[::1], int64, int64[:, ::1])")
def coverages(ordered: U32, starts: I64, sets: U32, offsets: I64, first: I64, second: I64, size: int, out: I64) -> None:
    """`coverage` of one document by another for each pair: text i is ordered[starts[i]:starts[i + 1]], its set likewise."""
    for i in range(len(first)):
        one, other = first[i], second[i]
        found = coverage(ordered[starts[one] : starts[one + 1]], sets[offsets[other] : offsets[other + 1]], size)
        out[i, 0], out[i, 1], out[i, 2] = found


@kernel("void(int64[::1], int64[::1], int64[::1])")
def join_groups(groups: I64, first: I64, second: I64) -> None:
    """Join the groups of each pair (union-find): `groups[i]` leads to the least member, which leads to itself.

    Groups 0 1 2 3 4 and the pairs (3, 1), (4, 3): 0 1 2 1 1.
    """
    for i in range(len(first)):
        one, other = first[i], second[i]
        while groups[one] != one:
            groups[one] = groups[groups[one]]
            one = groups[one]
        while groups[other] != other:
            groups[other] = groups[groups[other]]
            other = groups[other]
        groups[max(one, other)] = min(one, other)
