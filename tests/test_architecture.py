"""The house rules of DESIGN: who may import whom."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = {"webtext", "pipelines", "tokenizer", "model", "cli"}
MAY_IMPORT = {
    "webtext": {"webtext", "tokenizer"},
    "pipelines": {"pipelines", "webtext", "tokenizer"},
    "tokenizer": {"tokenizer"},
    "model": {"model", "tokenizer", "webtext"},
    "cli": OURS,
}
FOREIGN = {"webtext": {"apache_beam", "torch"}, "tokenizer": {"apache_beam", "torch"}, "pipelines": {"torch"}, "model": {"apache_beam"}}


def imports(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("package", sorted(OURS))
def test_packages_keep_to_their_neighbours(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        roots = {name.split(".")[0] for name in imports(path)}
        assert roots & OURS <= MAY_IMPORT[package], path
        assert not roots & FOREIGN.get(package, set()), path


def test_model_takes_from_webtext_only_what_is_no_corpus() -> None:
    taken = {name for path in (ROOT / "model").rglob("*.py") for name in imports(path) if name.split(".")[0] == "webtext"}
    assert taken <= {"webtext.tokens.shards", "webtext.core.errors", "webtext.core.memory"}


@pytest.mark.parametrize("package", sorted(OURS))
def test_files_stay_readable(package: str) -> None:
    long = {str(path): count for path in (ROOT / package).rglob("*.py") if (count := len(path.read_text().splitlines())) > 450}
    assert not long
