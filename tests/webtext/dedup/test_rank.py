"""Ranks by merging, some parts at a time, against one sort of all."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webtext.core.task import StageContext
from webtext.dedup import rank as ranks
from webtext.dedup.arrow_files import RANKED, part_path, writing_arrow
from webtext.dedup.rank import RankIndex, rank, sort_by_rank

# Few values, so that ties of all but the row are common.
NUMBER = st.none() | st.integers(-2, 2)
DOCUMENT = st.tuples(NUMBER, NUMBER, NUMBER, st.integers(0, 1), st.sampled_from(["", "a", "http://b/é", "http://b/c"]), st.integers(0, 2))
PARTS = st.lists(st.lists(DOCUMENT, max_size=7), min_size=1, max_size=12)

Document = tuple[int | None, int | None, int | None, int, str, int]


def write_part(context: StageContext, part: int, documents: list[Document]) -> None:
    preferences, times, scores, forms, urls, texts = zip(*documents) if documents else ((),) * 6
    table = pa.table(
        {
            "preference": pa.array(preferences, pa.int64()),
            "created_utc": pa.array(times, pa.int64()),
            "score": pa.array(scores, pa.int64()),
            "form": pa.array(forms, pa.int64()),
            "url": pa.array(urls, pa.string()),
            "text_hash": pa.array([bytes([text] * 16) for text in texts], pa.binary(16)),
            "row": np.arange(len(documents)),
        }
    )
    with writing_arrow(part_path(context, part, RANKED), RANKED) as output:
        output.write({name: column.combine_chunks() for name, column in zip(table.column_names, sort_by_rank(table).columns)})


def slow(parts: list[list[Document]], shards: int) -> list[int]:
    """The ids of all documents in the order of rank, those of earlier builds (parts beyond the shards) first."""
    keys: list[tuple[object, ...]] = []
    for part, documents in enumerate(parts):
        for preference, created, score, form, url, text in documents:
            chosen = (preference is None, -(preference or 0), created is None, created or 0, score is None, -(score or 0))
            keys.append((part < shards, *chosen, form, url.encode(), text, len(keys)))
    return [int(str(key[-1])) for key in sorted(keys)]


@given(PARTS, st.integers(0, 12), st.integers(2, 5), st.integers(1, 20))
@settings(max_examples=150, deadline=None)
def test_ranks_are_those_of_one_sort(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[Document]], shards: int, at_once: int, held: int
) -> None:
    context = StageContext(tmp_path_factory.mktemp("rank"), "dedup", "")
    shards = min(shards, len(parts))
    for part, documents in enumerate(parts):
        write_part(context, part, documents)
    names = ("document_at.npy", "ordinals.npy", "ranks.json")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ranks, "PARTS_AT_ONCE", at_once)
        patched.setattr(ranks, "HELD", held)
        rank(context, len(parts), shards)
    few = [context.scratch_path(name).read_bytes() for name in names]
    rank(context, len(parts), shards)
    assert few == [context.scratch_path(name).read_bytes() for name in names]
    index, expected = RankIndex(context), slow(parts, shards)
    assert index.doc_ids(np.arange(index.documents)).tolist() == expected
    assert index.ordinals(np.array(expected, np.int64)).tolist() == list(range(len(expected)))
    assert index.earlier == sum(len(documents) for documents in parts[shards:])
    assert not [name for name in os.listdir(context.scratch_path("")) if name.startswith("ranks-")]


def test_many_parts_are_held_a_few_documents_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many parts there are, no more than the set number of documents are in memory at a time."""
    monkeypatch.setattr(ranks, "PARTS_AT_ONCE", 4)
    monkeypatch.setattr(ranks, "HELD", 40)
    context = StageContext(tmp_path, "dedup", "")
    for part in range(50):
        write_part(context, part, [(0, number, 0, 0, f"u{part}", 0) for number in range(30)])
    held: list[int] = []

    def counted(documents: pa.Table) -> pa.Table:
        held.append(len(documents))
        return sort_by_rank(documents)

    monkeypatch.setattr(ranks, "sort_by_rank", counted)
    rank(context, 50, 50)
    assert 30 < max(held) <= 40
    assert RankIndex(context).documents == 1500
