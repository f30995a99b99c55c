"""The compiled loops against plain ones."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webtext.dedup import kernels
from webtext.dedup.buckets import buckets, occurs_again

SETS = st.lists(st.sets(st.integers(0, 12)), min_size=2, max_size=6)


@given(SETS)
def test_jaccard_of_ordered_sets(sets: list[set[int]]) -> None:
    flat = np.array([value for one in sets for value in sorted(one)], np.uint32)
    offsets = np.cumsum([0, *map(len, sets)])
    first, second = (np.array(side) for side in zip(*[(i, j) for i in range(len(sets)) for j in range(len(sets))]))
    out = np.empty(len(first))
    kernels.jaccards(flat, offsets, first, second, out)
    expected = [len(sets[i] & sets[j]) / len(sets[i] | sets[j]) if sets[i] | sets[j] else 0.0 for i, j in zip(first, second)]
    assert out.tolist() == expected


@given(st.lists(st.integers(0, 9)))
def test_distinct_values(values: list[int]) -> None:
    ordered = np.array(sorted(values), np.uint32)
    assert ordered[: kernels.distinct(ordered)].tolist() == sorted(set(values))


@given(st.lists(st.integers(0, 8), max_size=40), st.randoms())
def test_buckets_are_groups_of_equal_keys_in_order_of_rank(keys: list[int], rng: object) -> None:
    ordinals = list(range(len(keys)))
    rng.shuffle(ordinals)  # type: ignore[attr-defined]
    found, bounds = buckets(np.array(keys, np.uint64), np.array(ordinals, np.int64))
    groups = [sorted(o for k, o in zip(keys, ordinals) if k == key) for key in sorted(set(keys)) if keys.count(key) > 1]
    assert [found[a:b].tolist() for a, b in pairwise(bounds)] == groups
    assert occurs_again(np.array(keys, np.uint64)).tolist() == [keys.count(key) > 1 for key in keys]


def compare_plainly(
    signatures: np.ndarray, ordinals: list[int], bounds: list[int], rows: int, equal_bounds: tuple[int, int, int]
) -> tuple[set[tuple[int, ...]], list[int]]:
    """What compare_buckets does, without `exact` and `known`."""
    pairs, leading = set(), [0] * len(ordinals)
    for begin, end in pairwise(bounds):
        crowded = end - begin > kernels.ALL_PAIRS
        leaders: list[int] = []
        for member in range(begin, end):
            like = False
            for leader in leaders:
                same = signatures[member] == signatures[leader]
                if same.sum() < equal_bounds[0]:
                    continue
                in_band = [band for band in range(len(same) // rows) if same[band * rows : (band + 1) * rows].all()]
                pairs.add((ordinals[member], ordinals[leader], int(same.sum()), in_band[0] if in_band else -1))
                like = same.sum() >= equal_bounds[1]
                if like and crowded:
                    break
            if not crowded or (not like and len(leaders) < kernels.LEADERS):
                leaders.append(member)
                leading[member] = 1
    return pairs, leading


@given(st.lists(st.integers(2, 100), min_size=1, max_size=4), st.integers(0, 2**32 - 1), st.sampled_from([2, 3, 30]))
def test_buckets_are_compared_as_by_the_plain_twin(sizes: list[int], seed: int, values: int) -> None:
    rng = np.random.default_rng(seed)
    bounds = np.cumsum([0, *sizes])
    signatures = rng.integers(0, values, (bounds[-1], 8), np.uint32)
    signatures[rng.random(bounds[-1]) < 0.5] = signatures[0]  # half of them are equal
    ordinals = np.arange(bounds[-1]) * 3
    leading = np.zeros(bounds[-1], np.uint8)
    crowded = (np.diff(bounds) > kernels.ALL_PAIRS).astype(np.uint8)
    nothing = np.empty(0, np.uint32)
    work = np.zeros(1, np.int64)
    pairs = kernels.compare_buckets(
        signatures, ordinals, bounds, crowded, 0, 4, 2, np.array([3, 5, 7]), False, 0.6, nothing, np.zeros(1, np.int64), leading, work
    )
    expected, leaders = compare_plainly(signatures, ordinals.tolist(), bounds.tolist(), 2, (3, 5, 7))
    assert {tuple(row) for row in pairs.tolist()} == expected
    assert leading.tolist() == leaders


EDGES = st.sets(st.tuples(st.integers(0, 15), st.integers(0, 15)).filter(lambda edge: edge[0] > edge[1]))


@given(EDGES, st.integers(0, 5))
def test_settling_is_greedy_in_the_order_of_rank(edges: set[tuple[int, int]], first: int) -> None:
    gone: dict[int, int] = {}
    for later in range(first, 16):
        staying = sorted(earlier for one, earlier in edges if one == later and earlier not in gone)
        if staying:
            gone[later] = staying[0]
    later, earlier = (np.array([edge[i] for edge in sorted(edges)], np.int64) for i in (0, 1))
    removed = np.zeros(16, np.uint8)
    for _ in range(2):  # what is written for the documents of a range does not depend on what was there
        choice = np.empty(len(edges), np.int64)
        kernels.remove_copies(later, earlier, removed, choice, first)
        assert dict(zip(later[choice == 1].tolist(), earlier[choice == 1].tolist())) == gone
        assert np.flatnonzero(removed).tolist() == sorted(gone)
        removed[later[later >= first]] = 1


SCRIPT = """
from webtext.dedup import minhash
from webtext.dedup.shingles import shingles
print(minhash.signature(shingles("one two three four five six seven", 5), 16).tolist())
"""


@pytest.mark.slow  # it compiles everything twice
def test_processes_that_compile_at_once_agree(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(2)
    ]
    outputs = {process.communicate()[0] for process in processes}
    outputs.add(subprocess.run(processes[0].args, cwd=root, stdout=subprocess.PIPE, text=True, check=True).stdout)
    assert len(outputs) == 1
    assert all(process.returncode == 0 for process in processes)
    assert list(tmp_path.rglob("*.nbc"))
