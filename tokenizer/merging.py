"""Kernels of the trainer: words and pairs as arrays, and the merging of the most frequent pair. `tokenizer.bpe` says how it works.

An example, with b"low" 5 times and b"lot" twice, letters for ids and `|` for _EDGE. A token has its id at its first and last byte:
    before                  tokens | l o w | l o t |      pairs (l, o): 7 at 1, 5    (o, w): 5 at 2    (o, t): 2 at 6
    after (l, o) -> X       tokens | X X w | X X t |      pairs (X, w): 5 at 1       (X, t): 2 at 5; the totals of (o, w), (o, t) fall to 0
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tokenizer.kernels import Bytes, Ids, Ints, Scalar, kernel

_EDGE = -1  # between words; also written over the start of the right half of a merge, so that its old places are seen to be invalid
BLOCK = 32  # positions that share an entry of Words.blocks: an eighth of a byte a position, and few groups to step over in _weight
MERGED, NONE_FREQUENT, NO_ROOM = 0, 1, 2


class Words(NamedTuple):
    """The distinct words, most frequent first. Words of one count are a group."""

    tokens: Ids  # by position; _EDGE before, between and after words
    lengths: Ids  # bytes of each token id
    blocks: Ids  # by position // BLOCK: the group at the block's beginning
    ends: Ints  # by group: position after its last word
    counts: Ints  # by group


class Pairs(NamedTuple):
    """Frequent pairs in an open-addressing hash table by ``left << 32 | right``, -1 for an empty slot, and a max-heap of them."""

    keys: Ints
    totals: Ints
    firsts: Ints  # offset of the pair's places in ``places``
    sizes: Ids  # number of its places; some may be out of date
    places: Ids  # positions of left tokens, ascending for each pair
    heap_totals: Ints  # as of when the entry was made or last checked; totals only fall, so an old one is an upper bound
    heap_slots: Ids


class Neighbours(NamedTuple):
    """Sums over the places of one merge, by the id of the neighbouring token on one side (all left ones, or all right ones)."""

    sums: Ints
    sizes: Ids
    slots: Ids  # slot of the new pair in Pairs, -1 if it is too rare to follow
    seen: Ids  # ids with a sum


@kernel
def lay_out(text: Bytes, starts: Ints, weights: Ints, order: Ints, ids: Ids, words: Words) -> Scalar:
    """Write the words in ``order`` into ``words``; return the number of groups."""
    groups = 0
    at = 1
    words.tokens[0] = _EDGE
    for word in order:
        if groups == 0 or words.counts[groups - 1] != weights[word]:
            words.counts[groups] = weights[word]
            groups += 1
        for i in range(starts[word], starts[word + 1]):
            words.tokens[at] = ids[text[i]]
            at += 1
        words.tokens[at] = _EDGE
        at += 1
        words.ends[groups - 1] = at
    group = 0
    for block in range(words.blocks.size):
        while group < groups - 1 and words.ends[group] <= block * BLOCK:
            group += 1
        words.blocks[block] = group
    return groups


@kernel
def _weight(words: Words, position: Scalar) -> Scalar:
    """Count of the word at ``position``."""
    group = words.blocks[position // BLOCK]
    while words.ends[group] <= position:
        group += 1
    return words.counts[group]


@kernel
def _mix(key: Scalar) -> Scalar:
    """Fibonacci hashing (Knuth, TAOCP 6.4): the high half, which depends on all bits, is folded into the low one, which is used."""
    digest = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return digest ^ digest >> np.uint64(32)


@kernel
def _find(keys: Ints, key: Scalar) -> Scalar:
    """Slot of ``key``, or the empty slot where it belongs."""
    mask = np.uint64(keys.size - 1)
    slot = _mix(key) & mask
    while keys[slot] != key and keys[slot] != -1:
        slot = (slot + np.uint64(1)) & mask
    return np.int64(slot)


@kernel
def _pair_at(words: Words, at: Scalar) -> tuple[Scalar, Scalar]:
    """Key of the pair whose left token begins at ``at``, -1 where none does; and where the next token begins."""
    token = words.tokens[at]
    if token == _EDGE:
        return np.int64(-1), at + 1
    after = at + words.lengths[token]
    if words.tokens[after] == _EDGE:
        return np.int64(-1), after + 1
    return np.int64(token) << 32 | np.int64(words.tokens[after]), after


@kernel
def sketch_pairs(words: Words, sketch: Ints) -> None:
    """Add up the counts of all pairs by hash: each sum is an upper bound, so that rare pairs need no entry in a table."""
    mask = np.uint64(sketch.size - 1)
    at = 1
    while at < words.tokens.size:
        key, after = _pair_at(words, at)
        if key != -1:
            sketch[_mix(key) & mask] += _weight(words, at)
        at = after


@kernel
def count_pairs(words: Words, sketch: Ints, threshold: Scalar, keys: Ints, totals: Ints, sizes: Ids) -> bool:
    """Count the pairs that may reach ``threshold``; False when the table is two thirds full before the end."""
    mask = np.uint64(sketch.size - 1)
    used = 0
    at = 1
    while at < words.tokens.size:
        key, after = _pair_at(words, at)
        if key != -1 and sketch[_mix(key) & mask] >= threshold:
            slot = _find(keys, key)
            if keys[slot] == -1:
                used += 1
                if used * 3 > keys.size * 2:  # linear probing slows down sharply above two thirds
                    return False
                keys[slot] = key
            totals[slot] += _weight(words, at)
            sizes[slot] += 1
        at = after
    return True


@kernel
def fill(words: Words, pairs: Pairs, keys: Ints, totals: Ints, firsts: Ints) -> None:
    """Insert the pairs ``keys`` with their totals and offsets into ``places``, write their places and build the heap."""
    for i in range(keys.size):
        slot = _find(pairs.keys, keys[i])
        pairs.keys[slot] = keys[i]
        pairs.totals[slot] = totals[i]
        pairs.firsts[slot] = firsts[i]
        _push(pairs, i, slot)
    at = 1
    while at < words.tokens.size:
        key, after = _pair_at(words, at)
        if key != -1:
            slot = _find(pairs.keys, key)
            if pairs.keys[slot] != -1:
                pairs.places[pairs.firsts[slot] + pairs.sizes[slot]] = at
                pairs.sizes[slot] += 1
        at = after


@kernel
def _before(pairs: Pairs, i: Scalar, j: Scalar) -> bool:
    """Whether heap entry i comes before entry j: the higher count, then the lower pair of ids."""
    if pairs.heap_totals[i] != pairs.heap_totals[j]:
        return bool(pairs.heap_totals[i] > pairs.heap_totals[j])
    return bool(pairs.keys[pairs.heap_slots[i]] < pairs.keys[pairs.heap_slots[j]])


@kernel
def _swap(pairs: Pairs, i: Scalar, j: Scalar) -> None:
    pairs.heap_totals[i], pairs.heap_totals[j] = pairs.heap_totals[j], pairs.heap_totals[i]
    pairs.heap_slots[i], pairs.heap_slots[j] = pairs.heap_slots[j], pairs.heap_slots[i]


@kernel
def _push(pairs: Pairs, heap: Scalar, slot: Scalar) -> None:
    """Add the pair in ``slot`` to a heap of ``heap`` entries."""
    pairs.heap_totals[heap] = pairs.totals[slot]
    pairs.heap_slots[heap] = slot
    i = heap
    while i > 0 and _before(pairs, i, (i - 1) // 2):
        _swap(pairs, i, (i - 1) // 2)
        i = (i - 1) // 2


@kernel
def _sink(pairs: Pairs, heap: Scalar) -> None:
    """Move the first of ``heap`` entries down to where it belongs (sift-down)."""
    i = 0
    while 2 * i + 1 < heap:
        child = 2 * i + 1
        if child + 1 < heap and _before(pairs, child + 1, child):
            child += 1
        if not _before(pairs, child, i):
            break
        _swap(pairs, i, child)
        i = child


@kernel
def _add(side: Neighbours, known: Scalar, token: Scalar, weight: Scalar) -> Scalar:
    """Count a neighbour; ``known`` distinct ones were seen before, and the new number is returned."""
    if side.sizes[token] == 0:
        side.seen[known] = token
        known += 1
    side.sizes[token] += 1
    side.sums[token] += weight
    return known


@kernel
def _clear(side: Neighbours, known: Scalar) -> None:
    """Zero the sums of the ``known`` neighbours only: zeroing all ids at each merge would take time quadratic in the vocabulary."""
    for i in range(known):
        side.sums[side.seen[i]] = 0
        side.sizes[side.seen[i]] = 0


@kernel
def _subtract(pairs: Pairs, key: Scalar, amount: Scalar) -> None:
    slot = _find(pairs.keys, key)
    if pairs.keys[slot] == key:
        pairs.totals[slot] -= amount


@kernel
def _insert(
    pairs: Pairs, heap: Scalar, used: Scalar, key: Scalar, side: Neighbours, token: Scalar, threshold: Scalar
) -> tuple[Scalar, Scalar]:
    """Insert the new pair ``key`` if it reaches ``threshold``; return the size of the heap and the places in use."""
    side.slots[token] = -1
    if side.sums[token] >= threshold:
        slot = _find(pairs.keys, key)
        pairs.keys[slot] = key
        pairs.totals[slot] = side.sums[token]
        pairs.firsts[slot] = used
        pairs.sizes[slot] = 0
        side.slots[token] = slot
        used += side.sizes[token]
        _push(pairs, heap, slot)
        heap += 1
    return heap, used


@kernel
def _merge_places(
    words: Words, pairs: Pairs, slot: Scalar, new: Scalar, left: Neighbours, right: Neighbours
) -> tuple[Scalar, Scalar, Scalar, bool]:
    """Merge a pair at all its places, drop the places that are out of date, and add up its old neighbours.

    Returns the number of places, of distinct left and right neighbours, and whether two new tokens are now adjacent.
    """
    tokens, lengths = words.tokens, words.lengths
    first_id, second_id = pairs.keys[slot] >> 32, pairs.keys[slot] & 0xFFFFFFFF
    first = pairs.firsts[slot]
    merged, lefts, rights = 0, 0, 0
    adjacent = False
    for k in range(first, first + pairs.sizes[slot]):
        at = pairs.places[k]
        middle = at + lengths[first_id]
        if tokens[at] != first_id or tokens[middle] != second_id:
            continue
        last = middle + lengths[second_id] - 1
        before, after = tokens[at - 1], tokens[last + 1]
        tokens[middle] = _EDGE
        tokens[at] = tokens[last] = new
        pairs.places[first + merged] = at
        merged += 1
        weight = _weight(words, at)
        # In "abab" the second (a, b) has the new token to its left; that pair was subtracted as the right neighbour of the first.
        if before == new or after == new:
            adjacent = True
        if before != new and before != _EDGE:
            lefts = _add(left, lefts, before, weight)
        if after != new and after != _EDGE:
            rights = _add(right, rights, after, weight)
    return merged, lefts, rights, adjacent


@kernel
def _recount(
    words: Words, pairs: Pairs, first: Scalar, merged: Scalar, new: Scalar, left: Neighbours, right: Neighbours
) -> tuple[Scalar, Scalar]:
    """Add up the neighbours that the merged tokens have now; two adjacent ones count once, as left neighbour of the second."""
    lefts, rights = 0, 0
    for k in range(first, first + merged):
        at = pairs.places[k]
        before, after = words.tokens[at - 1], words.tokens[at + words.lengths[new]]
        weight = _weight(words, at)
        if before != _EDGE:
            lefts = _add(left, lefts, before, weight)
        if after != new and after != _EDGE:
            rights = _add(right, rights, after, weight)
    return lefts, rights


@kernel
def _write_places(words: Words, pairs: Pairs, first: Scalar, merged: Scalar, new: Scalar, left: Neighbours, right: Neighbours) -> None:
    """Write the places of the new pairs that were inserted."""
    for k in range(first, first + merged):
        at = pairs.places[k]
        before, after = words.tokens[at - 1], words.tokens[at + words.lengths[new]]
        if before != _EDGE and left.slots[before] >= 0:
            slot = left.slots[before]
            pairs.places[pairs.firsts[slot] + pairs.sizes[slot]] = at - words.lengths[before]
            pairs.sizes[slot] += 1
        if after != new and after != _EDGE and right.slots[after] >= 0:
            slot = right.slots[after]
            pairs.places[pairs.firsts[slot] + pairs.sizes[slot]] = at
            pairs.sizes[slot] += 1


@kernel
def merge(
    words: Words,
    pairs: Pairs,
    left: Neighbours,
    right: Neighbours,
    merges: Ids,
    done: Scalar,
    stop: Scalar,
    threshold: Scalar,
    heap: Scalar,
    entries: Scalar,
    used: Scalar,
) -> tuple[Scalar, Scalar, Scalar, Scalar, Scalar]:
    """Merge the most frequent pairs until ``merges`` holds ``stop``, no pair reaches ``threshold`` or an array may be too small.

    Returns the reason, and the numbers of merges, heap entries, table entries and places in use.
    """
    while done < stop:
        if heap == 0:
            return NONE_FREQUENT, done, heap, entries, used
        slot = pairs.heap_slots[0]
        stale = pairs.heap_totals[0] != pairs.totals[slot]
        size = pairs.sizes[slot]
        new = 256 + done
        fresh = 2 * min(size, new + 1)  # at most so many new pairs: one a place and side, and one an id and side
        if not stale and (
            used + 2 * size > pairs.places.size or (entries + fresh) * 3 > pairs.keys.size * 2 or heap + fresh > pairs.heap_slots.size
        ):
            return NO_ROOM, done, heap, entries, used
        if stale and pairs.totals[slot] >= threshold:  # still followed: back into the heap with its present total
            pairs.heap_totals[0] = pairs.totals[slot]
            _sink(pairs, heap)
            continue
        heap -= 1
        _swap(pairs, 0, heap)
        _sink(pairs, heap)
        if stale:  # below the threshold: dropped, and counted anew when the threshold is lowered
            continue

        key = pairs.keys[slot]
        first_id, second_id = key >> 32, key & 0xFFFFFFFF
        merges[done, 0], merges[done, 1] = first_id, second_id
        done += 1
        words.lengths[new] = words.lengths[first_id] + words.lengths[second_id]
        pairs.totals[slot] = 0
        first = pairs.firsts[slot]
        merged, lefts, rights, adjacent = _merge_places(words, pairs, slot, new, left, right)
        for i in range(lefts):
            _subtract(pairs, np.int64(left.seen[i]) << 32 | first_id, left.sums[left.seen[i]])
        for i in range(rights):
            _subtract(pairs, second_id << 32 | np.int64(right.seen[i]), right.sums[right.seen[i]])
        if adjacent:
            _clear(left, lefts)
            _clear(right, rights)
            lefts, rights = _recount(words, pairs, first, merged, new, left, right)
        before = heap
        for i in range(lefts):
            heap, used = _insert(pairs, heap, used, np.int64(left.seen[i]) << 32 | new, left, left.seen[i], threshold)
        for i in range(rights):
            heap, used = _insert(pairs, heap, used, np.int64(new) << 32 | np.int64(right.seen[i]), right, right.seen[i], threshold)
        if heap > before:
            entries += heap - before
            _write_places(words, pairs, first, merged, new, left, right)
        _clear(left, lefts)
        _clear(right, rights)
    return MERGED, done, heap, entries, used
