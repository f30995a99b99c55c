"""The demo's data files, and choices that follow from a hash, so that every run makes the same ones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from webtext.core.toml import tomllib

DATA = Path(__file__).parent / "data"
TEMPLATES = Path(__file__).parent / "templates"
EVALUATION = DATA / "evaluation"  # samples of the tasks of `webtext evaluate`


def read_toml(name: str) -> dict[str, Any]:
    return tomllib.loads((DATA / name).read_text(encoding="utf-8"))


def stable_int(count: int, *key: object) -> int:
    """A number from 0 to `count` - 1 that follows from the key."""
    digest = hashlib.sha256("\0".join(map(str, key)).encode()).digest()
    return int.from_bytes(digest[:8], "big") % count


def stable_choice(options: Sequence[str], *key: object) -> str:
    return options[stable_int(len(options), *key)]


def stable_sample(options: Sequence[str], count: int, *key: object) -> list[str]:
    """`count` different ones of the options."""
    return sorted(options, key=lambda option: stable_int(2**60, option, *key))[:count]


def stable_date(*key: object) -> str:
    """A day from 2013 to November 2017, as YYYY-MM-DD."""
    year = 2013 + stable_int(5, *key, "year")
    return f"{year}-{1 + stable_int(11, *key, 'month'):02}-{1 + stable_int(28, *key, 'day'):02}"
