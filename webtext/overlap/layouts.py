"""Known benchmarks: where the parts of an example are in their records (data/benchmarks.toml)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from webtext.core.errors import UsageError
from webtext.core.toml import tomllib
from webtext.documents.fields import NotReadable, value_at

AUTO, NONE = "auto", "none"
PARTS = ("question", "choices", "answer", "passage")
_SAID = ("content", "value", "text")  # what was said in a turn of a chat

Layout = dict[str, Any]
Parts = tuple[tuple[str, str], ...]


@cache
def layouts() -> dict[str, Layout]:
    """The table, by name."""
    return tomllib.loads((Path(__file__).parent / "data" / "benchmarks.toml").read_text(encoding="utf-8"))


def layout_of(name: str, columns: Iterable[str]) -> Layout:
    """The layout of a name; for `auto` that of the columns, and one without parts where none is known.

    >>> layout_of("auto", ["question", "answer"])["question"]
    ['question']
    """
    if name not in (AUTO, NONE):
        if name not in layouts():
            raise UsageError(f"there is no layout {name!r}; known are: {', '.join(layouts())}, auto and none")
        return layouts()[name]
    there = set(columns) if name == AUTO else set()
    fitting = [layout for layout in layouts().values() if there.issuperset(layout["fields"])]
    return max(fitting, key=lambda layout: len(layout["fields"]), default={})


def parts_of(record: Any, layout: Layout) -> Parts:
    """The parts of an example that have words, in the order of PARTS. Raises NotReadable for a number of no choice."""
    texts = {kind: [text for field in layout.get(kind, ()) for text in _texts(value_at(record, field))] for kind in PARTS}
    if "answer_index" in layout:
        texts["answer"] = _chosen(texts["choices"], value_at(record, layout["answer_index"]), layout.get("first", 0))
    texts["answer"] = texts["answer"][:1]
    return tuple((kind, text) for kind in PARTS if (text := "\n".join(texts[kind])).strip())


def _texts(value: Any) -> list[str]:
    """The strings in a value, of whatever depth; of a turn of a chat, what was said."""
    if isinstance(value, dict):
        said = next((value[name] for name in _SAID if name in value), None) if value.keys() & {"role", "from"} else [*value.values()]
        return _texts(said)
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in _texts(item)]
    return [str(value)] if isinstance(value, (str, int, float)) and not isinstance(value, bool) else []


def _chosen(choices: list[str], index: Any, first: int) -> list[str]:
    """The right choice, by its number or letter; none where it is not published (test sets have -1 or "")."""
    text = str(index).strip()
    number = int(text) - first if text.isdigit() else ord(text.upper()) - ord("A") if len(text) == 1 else -1
    if number >= len(choices):
        raise NotReadable(f"the right answer is {text}, of {len(choices)} choices")
    return choices[number : number + 1] if number >= 0 else []
