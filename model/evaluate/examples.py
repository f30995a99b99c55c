"""Records of test sets, with the ids that they have in overlap reports, and examples drawn from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import xxhash

from model.evaluate.results import Choice
from model.evaluate.task import Settings
from webtext.core.errors import UsageError, WebtextError
from webtext.documents.readers import TABLES, detect_format
from webtext.overlap.readers import example_id
from webtext.overlap.sources import bare_name, open_source

Item = TypeVar("Item")


def records(files: Sequence[Path], fields: Mapping[str, type], of: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(Id, where it stands, record) of JSONL, CSV or Parquet, some of so many files of a task.

    Raises WebtextError that names the row where a field has another type.
    """
    for path in files:
        format_ = detect_format(str(path), open_source, bare_name(path))
        if format_ not in TABLES:
            raise WebtextError(f"{path}: no records but {format_}; give JSONL, CSV or Parquet with the fields {', '.join(fields)}")
        number = 0
        for number, record in TABLES[format_](str(path), open_source):
            where = f"{path}, row {number}"
            if isinstance(record, str):
                raise WebtextError(f"{where}: {record}")
            for field, kind in fields.items():
                if not isinstance(record.get(field), kind):
                    raise WebtextError(f"{where}: its field {field!r} is no {kind.__name__}; is this another set?")
            name = str(number - 1 if record.get("id") is None else record["id"])
            yield example_id(path, name, of), where, record
        if not number:
            raise WebtextError(f"{path}: no records in it; is it whole?")


def drawn(count: int, of: int, seed: int, text: str = "") -> list[int]:
    """`count` of the numbers below `of`, in order; another draw for each seed and text."""
    key = [seed, xxhash.xxh3_64_intdigest(text.encode())]
    return sorted(np.argsort(np.random.Generator(np.random.Philox(key=key)).random(of), kind="stable")[:count].tolist())


def example_pairs(
    pool: Sequence[Item], examples: Sequence[Item], settings: Settings, usual: int
) -> tuple[list[Item], list[Item], dict[str, Choice]]:
    """(Examples to show before each question, examples to answer, what a protocol says of them).

    Those that are shown come from `pool` or, where that is empty, from the examples themselves and are not answered. Where the number
    is left to the task it is `usual`, or half of what there is. Raises UsageError where there are too few.
    """
    of = pool or examples
    count = settings.pairs or min(usual, len(of) // 2)
    if count >= len(of):
        raise UsageError(f"{count:,} example pairs to show and {len(of):,} examples in all; show fewer (evaluate.pairs)")
    shown = drawn(count, len(of), settings.seed)
    asked = examples if pool else [item for index, item in enumerate(of) if index not in set(shown)]
    about: dict[str, Choice] = {
        "pairs": count,
        "pairs from": "another set" if pool else "the set, not scored",
        "seed": settings.seed,
    }
    return [of[index] for index in shown], list(settings.limited(asked)), about
