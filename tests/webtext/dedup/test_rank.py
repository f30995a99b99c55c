"""Ranks by merging, some parts at a time, against one sort of all."""

from __future__ import annotations

import os
from pathlib import Path
from weakref import WeakSet

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webtext.core.task import StageContext
from webtext.dedup import rank as ranks
from webtext.dedup.packed import offsets_of, writing_packed
from webtext.dedup.rank import Order, rank
from webtext.dedup.signed import RANKED, scratch_path

# Few values, so that ties of all but the number are common.
DOCUMENT = st.tuples(
    st.integers(0, 3), st.integers(-2, 2), st.sampled_from([b"", b"a", b"http://b/\xff", b"http://b/c"]), st.integers(0, 2)
)
PARTS = st.lists(st.lists(DOCUMENT, max_size=7), min_size=1, max_size=12)

Document = tuple[int, int, bytes, int]


def write_part(context: StageContext, part: int, documents: list[Document]) -> None:
    order = sorted(range(len(documents)), key=lambda row: (*documents[row][:3], bytes([documents[row][3]] * 16), row))
    with writing_packed(scratch_path(context, part, RANKED), RANKED) as packed:
        packed.count = len(documents)
        packed.add("created_utc", np.array([documents[row][0] for row in order], np.int64))
        packed.add("minus_score", np.array([documents[row][1] for row in order], np.int64))
        packed.add("text_hashes", np.array([[documents[row][3]] * 16 for row in order], np.uint8).reshape(-1, 16))
        packed.add("rows", np.array(order, np.int64))
        packed.add("urls", np.frombuffer(b"".join(documents[row][2] for row in order), np.uint8))
        packed.add("url_offsets", offsets_of(np.array([len(documents[row][2]) for row in order], np.int64)))


def slow(parts: list[list[Document]], shards: int) -> list[int]:
    """The numbers of all documents in the order of rank, those of earlier builds (parts beyond the shards) first."""
    numbered, number = [], 0
    for part, documents in enumerate(parts):
        for created, minus, url, text in documents:
            numbered.append((part < shards, created, minus, url, bytes([text] * 16), number))
            number += 1
    return [key[-1] for key in sorted(numbered)]


@given(PARTS, st.integers(0, 12), st.integers(2, 5), st.integers(1, 20))
@settings(max_examples=150)
def test_ranks_are_those_of_one_sort(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[Document]], shards: int, at_once: int, held: int
) -> None:
    context = StageContext(tmp_path_factory.mktemp("rank"), "corpus", "")
    shards = min(shards, len(parts))
    for part, documents in enumerate(parts):
        write_part(context, part, documents)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ranks, "_AT_ONCE", at_once)
        patched.setattr(ranks, "_HELD", held)
        rank(context, len(parts), shards)
    few = [context.scratch_path(name).read_bytes() for name in ("order", "ordinals")]
    rank(context, len(parts), shards)
    assert few == [context.scratch_path(name).read_bytes() for name in ("order", "ordinals")]
    order, expected = Order(context), slow(parts, shards)
    assert order.numbers(np.arange(order.documents)).tolist() == expected
    assert order.ordinals(np.array(expected, np.int64)).tolist() == list(range(len(expected)))
    assert order.earlier == sum(len(documents) for documents in parts[shards:])
    assert not [name for name in os.listdir(context.path / ".work") if name.startswith("ranks-")]


def test_many_parts_are_held_a_few_documents_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many parts there are, no more than the set number of documents are read before one is handed on."""
    monkeypatch.setattr(ranks, "_AT_ONCE", 4)
    monkeypatch.setattr(ranks, "_HELD", 40)
    context = StageContext(tmp_path, "corpus", "")
    for part in range(50):
        write_part(context, part, [(number, 0, b"u%d" % part, 0) for number in range(30)])
    most = 0
    parts: WeakSet[ranks._Part] = WeakSet()
    refill = ranks._Part.refill

    def counted(self: ranks._Part) -> None:
        nonlocal most
        refill(self)
        parts.add(self)
        most = max(most, sum(len(part.keys) for part in parts))

    monkeypatch.setattr(ranks._Part, "refill", counted)
    rank(context, 50, 50)
    assert 30 < most <= 40
    assert Order(context).documents == 1500
