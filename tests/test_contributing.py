"""What CONTRIBUTING.md says is so: its walks lead to the line, its examples run."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from webtext.clean.rules import Draft, gpt2
from webtext.core.config import CleanSection
from webtext.core.errors import Rejected
from webtext.overlap import record_readers

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
WALKS = re.findall(r"^\| .+\? \| (.+) \| `(\w+)` \|$", TEXT, re.MULTILINE)
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize(("files", "name"), WALKS)
def test_a_walk_ends_at_the_line_within_three_files(files: str, name: str) -> None:
    paths = [ROOT / path for path in re.findall(r"`([^`]+)`", files)]
    assert 1 <= len(paths) < 3
    assert f"def {name}(" in paths[-1].read_text(encoding="utf-8")
    for path, following in pairwise(paths):
        assert following.stem in path.read_text(encoding="utf-8")


def test_there_are_three_walks() -> None:
    assert len(WALKS) == 3


def test_the_rule_works() -> None:
    names: dict[str, Any] = dict(vars(gpt2))
    exec(EXAMPLES[0], names)
    rule = names["RULES"][-1]
    assert rule(Draft("Soup", "One tablespoon of salt."), CleanSection()) == "One tablespoon of salt."
    with pytest.raises(Rejected):
        rule(Draft("Soup", "tablespoon " * 6), CleanSection())


def test_the_reader_works(tmp_path: Path) -> None:
    names: dict[str, Any] = dict(vars(record_readers))
    exec(EXAMPLES[1], names)
    (tmp_path / "riddles.txt").write_text("What is it?\tA riddle.\n")
    assert list(names["read_riddles"](tmp_path / "riddles.txt")) == [("0", "What is it? A riddle.")]
