from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from webtext.core import tables
from webtext.core.records import REJECTED
from webtext.core.tables import read_table, writing_table


def record(number: int, detail: str = "") -> tables.Record:
    return {"url": str(number), "id": "", "reason": "", "detail": detail}


@pytest.mark.parametrize(("rows", "size"), [(10, 10**9), (10**9, 50)], ids=["rows", "bytes"])
def test_row_groups_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, size: int) -> None:
    """By the number of records, or by their text: of 5 bytes each, 10 make 50."""
    monkeypatch.setattr(tables, "ROWS", rows)
    monkeypatch.setattr(tables, "BYTES", size)
    records = [record(number % 10, "four") for number in range(25)]
    with writing_table(tmp_path / "a.parquet", REJECTED) as table:
        for each in records:
            table.write(each)
    groups = pq.ParquetFile(tmp_path / "a.parquet").metadata
    assert [groups.row_group(index).num_rows for index in range(groups.num_row_groups)] == [10, 10, 5]
    assert list(read_table(tmp_path / "a.parquet")) == records
