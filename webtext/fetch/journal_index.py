"""The finished URLs of a shard by id, in arrays of numbers.

NB: no Python object is allocated for an entry whose id was known at the start. A small object that stays, allocated among the thousands of
short-lived ones of a page, keeps its block of Python's heap from being freed: memory would grow with every page although little is in use.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple


class Entry(NamedTuple):
    """A finished URL: where its line begins, where its records begin, their size in bytes and hash; `error` None for a page.

    `settled`: the archives have been asked for it too; `kept`: it was fetched, or failed, in an earlier crawl.
    """

    line: int
    start: int
    size: int
    xxh3_64: int
    error: str | None
    archives_checked: bool
    from_previous: bool


ABSENT, PRESENT, ARCHIVES_CHECKED, FROM_PREVIOUS = 0, 1, 2, 4


class Entries(Mapping[str, Entry]):
    """A mapping from ids to entries. `ids` are the expected ones, as far as they are known."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._places = {link_id: number for number, link_id in enumerate(ids)}
        rows = len(self._places)
        self._numbers = array("q", bytes(8 * 3 * rows))
        self._hashes = array("Q", bytes(8 * rows))
        self._errors = array("H", bytes(2 * rows))
        self._marks = array("B", bytes(rows))
        self._names: list[str | None] = [None]  # of errors
        self._codes: dict[str | None, int] = {None: 0}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, link_id: object) -> bool:
        place = self._places.get(link_id)  # type: ignore[call-overload]
        return place is not None and self._marks[place] != ABSENT

    def __setitem__(self, link_id: str, entry: Entry) -> None:
        place = self._places.setdefault(link_id, len(self._places))
        if place == len(self._marks):
            self._numbers.extend((0, 0, 0))
            self._hashes.append(0)
            self._errors.append(0)
            self._marks.append(ABSENT)
        self._count += self._marks[place] == ABSENT
        self._numbers[3 * place], self._numbers[3 * place + 1], self._numbers[3 * place + 2] = entry[:3]
        self._hashes[place] = entry.xxh3_64
        self._errors[place] = self._code(entry.error)
        self._marks[place] = PRESENT + ARCHIVES_CHECKED * entry.archives_checked + FROM_PREVIOUS * entry.from_previous

    def _code(self, error: str | None) -> int:
        code = self._codes.setdefault(error, len(self._names))
        if code == len(self._names):
            self._names.append(error)
        return code

    def __getitem__(self, link_id: str) -> Entry:
        place = self._places[link_id]
        mark = self._marks[place]
        if mark == ABSENT:
            raise KeyError(link_id)
        line, start, size = self._numbers[3 * place : 3 * place + 3]
        return Entry(
            line,
            start,
            size,
            self._hashes[place],
            self._names[self._errors[place]],
            bool(mark & ARCHIVES_CHECKED),
            bool(mark & FROM_PREVIOUS),
        )

    def __iter__(self) -> Iterator[str]:
        """The ids in their order."""
        return (link_id for link_id in sorted(self._places) if link_id in self)
