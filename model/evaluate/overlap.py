"""Overlap meets performance: a task's figures on those of its examples whose text the corpus has, and on the others (section 4).

Examples are joined with those of an overlap report by the name of their file and their id in it.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.evaluate.results import Choice, Measure, Outcome, mean_and_error
from webtext.core.compression import SUFFIXES
from webtext.core.errors import WebtextError
from webtext.core.files import read_json
from webtext.overlap.samples import KINDS

PARTS = ("clean", "dirty", "heavy")  # of KINDS
Place = tuple[str, str]  # file and id in it


@dataclass(frozen=True)
class OverlapReport:
    """What an overlap report says of a test set's examples: each is none, some, heavy, or short (too short to overlap)."""

    name: str
    heavy: float  # share of n-grams found above which an example is heavy
    overlaps: dict[Place, str]


def read_overlaps(directory: Path) -> list[OverlapReport]:
    """The test sets of the reports in a build's overlap/, by name; none where it has none."""
    found = []
    for path in sorted(directory.glob("*.json")):
        report: Any = read_json(path)
        if "files" not in report:
            raise WebtextError(f"{path}: a report of an earlier version, which does not name its files; run `webtext overlap` again")
        with open(directory / "examples" / f"{report['stem']}.csv", encoding="utf-8", newline="") as file:
            overlaps = {place(row["example"], report["files"]): row["overlap"] for row in csv.DictReader(file)}
        found.append(OverlapReport(report["name"], report["heavy_above"], overlaps))
    return found


def place(example: str, files: Sequence[str]) -> Place:
    """Where an example lies, of its id among so many files: the name of its file begins it (see `webtext.overlap.readers`).

    >>> place("17", ["lambada_test.jsonl.zst"]), place("a.txt:3", ["a.txt", "b.txt"])
    (('lambada_test.jsonl', '17'), ('a.txt', '3'))
    """
    file, _, name = (files[0], ":", example) if len(files) == 1 else example.partition(":")
    if file not in files:  # of a file with one example, which is named after it
        return "", example
    return (Path(file).stem if Path(file).suffix in SUFFIXES else file), name


def figure(measure: str, outcomes: Sequence[Outcome]) -> float:
    """The measure of some examples: the mean of their values by weight; of perplexities and bits, their total by that of the units."""
    weights = sum(outcome.weight for outcome in outcomes)
    if measure.startswith(("perplexity", "bits")):
        total = sum(outcome.value for outcome in outcomes) / weights
        return math.exp(total) if measure.startswith("perplexity") else total
    return sum(outcome.value * outcome.weight for outcome in outcomes) / weights


def by_overlap(
    measures: Sequence[Measure], outcomes: Sequence[Outcome], files: Sequence[str], test: OverlapReport
) -> tuple[list[Measure], list[str]]:
    """A task's measures on the clean, dirty and heavily overlapping examples of a test set and on all of these, and notes for the reader.

    A clean example has nothing of the corpus, a dirty one any n-gram of it. Nothing where the task and the test set have no file in
    common. A measure that is no mean over examples cannot be parted, which a note says.
    """
    places = [place(outcome.id, files) for outcome in outcomes]
    joined = [(outcome, file, test.overlaps.get((file, name))) for outcome, (file, name) in zip(outcomes, places)]
    found, notes = [], []
    for name in dict.fromkeys(outcome.measure for outcome, _, overlap in joined if overlap):
        mine = [each for each in joined if each[0].measure == name]
        sets = [mine]
        if _whole(measures, name, mine) is None:  # then there may be a figure for each file
            sets = [[each for each in mine if each[1] == file] for file in dict.fromkeys(file for _, file, _ in mine)]
        for examples in sets:
            whole = _whole(measures, name, examples)
            if whole is None:
                notes.append(f"The examples of {name} do not make up its figure, so it is not shown by overlap.")
                continue
            if absent := sum(overlap is None for _, _, overlap in examples):
                notes.append(f"{absent:,} examples of {name} are not among those of the overlap report {test.name}.")
            for group in dict.fromkeys(("", *sorted(outcome.group for outcome, _, _ in examples))):
                inside = [(outcome, overlap) for outcome, _, overlap in examples if overlap and group in ("", outcome.group)]
                found += list(_parts(name, whole.protocol, group or whole.group, inside, test))
    return found, notes


def _whole(measures: Sequence[Measure], name: str, examples: Sequence[tuple[Outcome, str, str | None]]) -> Measure | None:
    """The measure that is made of some outcomes of a name, which is the measure's with that of its protocol."""
    value = figure(name, [outcome for outcome, _, _ in examples])
    fitting = [each for each in measures if name.startswith(each.name) and _same(each.value, value)]
    return min(fitting, key=lambda each: name.removeprefix(each.name).lstrip(", ") not in ("", *each.protocol.values()), default=None)


def _parts(
    name: str, protocol: Mapping[str, Choice], group: str, examples: Sequence[tuple[Outcome, str]], test: OverlapReport
) -> Iterator[Measure]:
    for part in ("all", *PARTS):
        inside = [outcome for outcome, overlap in examples if part == "all" or overlap in KINDS[part]]
        if not inside:
            continue
        plain = not name.startswith(("perplexity", "bits")) and all(outcome.weight == 1 for outcome in inside)
        error = mean_and_error([outcome.value for outcome in inside])[1] if plain else None
        about: dict[str, Choice] = {**protocol, "overlap": part, "overlap report": test.name, "heavy above": test.heavy}
        yield Measure(name, figure(name, inside), len(inside), "examples", about, group=group, error=error)


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-6)
