"""What a task is: the files it reads, and how a scorer makes measures of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TypeVar

from model.evaluate.results import TaskResult
from model.evaluate.scorer import Scorer
from webtext.core.errors import UsageError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Settings:
    """Choices of the person, the same for all tasks."""

    limit: int = 0  # examples of each task (for running text: lines); 0: all
    stride: int | None = None  # tokens by which windows over running text move; None: the context
    pairs: int = 0  # example pairs before a question or a sentence; 0: the task's own number
    seed: int = 0  # of top-k sampling and of the choice of example pairs

    def limited(self, items: Iterable[Item]) -> Iterable[Item]:
        """The first `limit` items."""
        return islice(items, self.limit) if self.limit else items


@dataclass(frozen=True)
class Task:
    """A task of the evaluation.

    `patterns` are the names of its files, as globs relative to the data directory, the first of the alternatives that is there.
    `run(scorer, files, settings)` reads them and raises WebtextError that names a file in another format.
    """

    name: str  # on the command line, as "lambada"
    title: str  # on the page, as "LAMBADA"
    patterns: Sequence[str]
    run: Callable[[Scorer, list[Path], Settings], TaskResult]
    kind: Literal["likelihood", "generation"] = "likelihood"
    of_build: bool = False  # its files are those of the model's build, and the patterns are relative to that

    def files(self, data: Path) -> list[Path]:
        """The task's files below a directory, sorted: those of the first pattern that matches any."""
        for pattern in self.patterns:
            found = sorted(path for path in (data.glob(pattern) if self.of_build else data.rglob(pattern)) if path.is_file())
            if found:
                return found
        return []


def choose(tasks: dict[str, Task], names: Sequence[str]) -> list[Task]:
    """The tasks of some names; all where none is given. Raises UsageError for an unknown name."""
    unknown = [name for name in names if name not in tasks]
    if unknown:
        raise UsageError(f"{unknown[0]}: not a task; known are {', '.join(tasks)}")
    return [tasks[name] for name in names] if names else list(tasks.values())
