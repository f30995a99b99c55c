"""What an evaluation finds: measures with their protocols, and the outcome of each example."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

Choice = str | int | float | bool | None

# The paper's names of its four sizes, as in tables 3 and 4; `model.gpt2.PAPER_NAMES` has the true ones.
SIZES = ("117M", "345M", "762M", "1542M")


@dataclass(frozen=True)
class Measure:
    """A figure of a task under a protocol. `paper` has the published figure of each size under the nearest protocol."""

    name: str  # of the figure, as "perplexity per word", "accuracy", "F1", "bits per byte"
    value: float
    count: int  # of what it is a mean over
    unit: str  # of these: "examples", "words", "bytes"
    protocol: Mapping[str, Choice]  # every choice that decides the figure, as {"target": "last word", "decoding": "greedy"}
    paper: Mapping[str, float] = field(default_factory=dict)
    group: str = ""  # a part of the examples, as a domain of CoQA; empty: all
    error: float | None = None  # standard error of the value, where it is a mean over examples


@dataclass(frozen=True)
class Outcome:
    """What came out for an example, so that figures can be made of a part of them: the clean, the overlapping, a domain.

    `id` is the example's in webtext's overlap reports. A measure is the mean of `value` by `weight`, as 0 or 1 with weight 1 for accuracy.
    Of a perplexity or of bits, `value` is the total of the example in nats or bits, and `weight` how many units these are of.
    """

    id: str
    measure: str  # name of the Measure, with the protocol's name where there are several
    value: float
    weight: float = 1.0
    text: str = ""  # what the model wrote or chose
    group: str = ""  # the part of the examples that it is in, as its domain, where a Measure has that group


@dataclass
class TaskResult:
    """All measures of a task, the outcomes of its examples, and what a reader should know."""

    task: str
    measures: list[Measure] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # further rows for the page, as the 30 most confident answers


OUTCOMES = pa.schema(
    [(name, pa.float64() if name in ("value", "weight") else pa.string()) for name in ("id", "measure", "value", "weight", "text", "group")]
)
COLUMNS = ("task", "measure", "group", "value", "standard_error", "count", "unit", "protocol", *(f"paper_{size}" for size in SIZES))


def to_record(task: str, measure: Measure) -> dict[str, Any]:
    """A measure as evaluation.json has it."""
    return {
        "task": task,
        "measure": measure.name,
        "group": measure.group,
        "value": measure.value,
        "standard_error": measure.error,
        "count": measure.count,
        "unit": measure.unit,
        "protocol": dict(measure.protocol),
        "paper": dict(measure.paper),
    }


def from_record(record: Mapping[str, Any]) -> Measure:
    """The measure of a record of evaluation.json."""
    names = ("measure", "value", "count", "unit", "protocol", "paper", "group", "standard_error")
    return Measure(*(record[name] for name in names))


def to_csv(records: Iterable[Mapping[str, Any]]) -> str:
    """The measures as a table: a row a measure, the protocol as `choice=value; …`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for record in records:
        protocol = "; ".join(f"{name}={value}" for name, value in record["protocol"].items())
        paper = [record["paper"].get(size, "") for size in SIZES]
        writer.writerow([*(record[name] for name in COLUMNS[:7]), protocol, *paper])  # None is written as nothing
    return text.getvalue()


def mean_and_error(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean and its standard error; none of fewer than two values.

    >>> mean_and_error([0.0, 1.0, 1.0, 0.0])
    (0.5, 0.28867513459481287)
    """
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, None
    return mean, float((sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values)) ** 0.5)
