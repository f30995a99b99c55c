"""The journal, cut anywhere."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from webtext.core.errors import WebtextError
from webtext.fetch.journal import FinishedUrl, Journal, copy


def finished(number: int) -> FinishedUrl:
    row = {"id": f"{number:032x}", "url": f"http://a.example/{number}", "error": None if number % 3 else "dns"}
    return FinishedUrl(row, io.BytesIO(random.Random(number).randbytes(number * 10)) if number % 3 else None)


def check(journal: Journal, count: int) -> None:
    """The journal holds the first `count` URLs and nothing else, each with its bytes."""
    assert sorted(journal.entries) == [f"{number:032x}" for number in range(count)]
    with open(journal.pages, "rb") as pages:
        for number in range(count):
            entry = journal.entries[f"{number:032x}"]
            target = io.BytesIO()
            copy(pages, entry.start, entry, target)
            blob = finished(number).blob
            assert target.getvalue() == (blob.getvalue() if isinstance(blob, io.BytesIO) else b"")
    rows = list(journal.rows(entry for _, entry in sorted(journal.entries.items())))
    assert rows == [finished(number).row for number in range(count)]


def test_cut_at_any_byte(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a", "f")
    sizes = []
    for start in (0, 1, 5, 12):
        journal.append([finished(number) for number in range(start, {0: 1, 1: 5, 5: 12, 12: 20}[start])])
    check(journal, 20)
    lines, pages = (tmp_path / "a.journal.jsonl").read_bytes(), journal.pages.read_bytes()
    ends = [0]
    for line in lines.splitlines(keepends=True):
        ends.append(ends[-1] + len(line))
    seed = random.Random(3)
    for cut in [*range(0, len(lines), 41), *ends, *(end - 1 for end in ends[1:])]:
        (tmp_path / "a.journal.jsonl").write_bytes(lines[:cut] + seed.choice([b"", b"\0\0", b"0123456789abcdef {}\n"]))
        journal.pages.write_bytes(pages)
        there = max(0, sum(end <= cut for end in ends) - 2)
        sizes.append(there)
        again = Journal(tmp_path / "a", "f")
        check(again, there)
        if there < 20:
            again.append([finished(number) for number in range(there, 20)])
        check(again, 20)
        check(Journal(tmp_path / "a", "f"), 20)
    assert set(sizes) == set(range(21))


def test_a_damaged_line_costs_one_page(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A flipped bit is no kill: the pages behind it stay, the line is copied aside and its URL can be fetched again."""
    count = 1000
    Journal(tmp_path / "a", "f").append([finished(number) for number in range(count)])
    path = tmp_path / "a.journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[10] = lines[10][:-5] + bytes([lines[10][-5] ^ 1]) + lines[10][-4:]
    path.write_bytes(b"".join(lines))
    for _ in range(2):
        journal = Journal(tmp_path / "a", "f")
        assert (len(journal.entries), journal.damaged) == (count - 1, 1)
        assert (tmp_path / "a.journal.damaged.jsonl").read_bytes() == lines[10]
    assert "1 damaged lines" in caplog.text
    journal.append([finished(9)])
    check(Journal(tmp_path / "a", "f"), count)


def test_a_damaged_first_line_is_told_and_nothing_is_deleted(tmp_path: Path) -> None:
    Journal(tmp_path / "a", "f").append([finished(number) for number in range(3)])
    path = tmp_path / "a.journal.jsonl"
    path.write_bytes(b"x" + path.read_bytes())
    before = path.read_bytes()
    with pytest.raises(WebtextError, match=r"a.journal.jsonl: its first line is damaged; delete it and a.journal.warc.gz"):
        Journal(tmp_path / "a", "f")
    assert path.read_bytes() == before


def test_pages_that_never_reached_the_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a", "f")
    journal.append([finished(number) for number in range(10)])
    whole = journal.pages.read_bytes()
    journal.pages.write_bytes(whole[: journal.entries[f"{7:032x}"].start + 3])
    check(Journal(tmp_path / "a", "f"), 7)


def test_another_fingerprint_or_no_pages_begins_anew(tmp_path: Path) -> None:
    Journal(tmp_path / "a", "f").append([finished(1)])
    check(Journal(tmp_path / "a", "g"), 0)
    journal = Journal(tmp_path / "a", "g")
    journal.append([finished(1)])
    journal.pages.unlink()
    check(Journal(tmp_path / "a", "g"), 0)


def test_compacted(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a", "f")
    journal.append([finished(number) for number in range(5)])
    journal.compact()
    journal.compact()
    again = Journal(tmp_path / "a", "f")
    assert again.compacted
    assert not again.pages.exists()
    assert len(again.entries) == 5
    again.restart("f")
    check(Journal(tmp_path / "a", "f"), 0)


def test_damage_is_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a", "f")
    journal.append([finished(number) for number in range(5)])
    data = bytearray(journal.pages.read_bytes())
    data[-1] ^= 1
    journal.pages.write_bytes(data)
    entry = journal.entries[f"{4:032x}"]
    with open(journal.pages, "rb") as pages, pytest.raises(WebtextError, match=r"a.journal.warc.gz: damaged at byte \d+"):
        copy(pages, entry.start, entry, io.BytesIO())
    lines = bytearray((tmp_path / "a.journal.jsonl").read_bytes())
    lines[-5] ^= 1
    (tmp_path / "a.journal.jsonl").write_bytes(lines)
    with pytest.raises(WebtextError, match=r"a.journal.jsonl: damaged at byte \d+; delete it"):
        list(journal.rows([entry]))
