"""Functions of the user's own: found by file or module, and run as they are written now."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from webtext.core.errors import UsageError
from webtext.core.plugins import is_reference, load_function, source_file


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("my_rules.py:no_recipes", True),
        ("/home/me/my rules.py:no_recipes", True),
        ("package.module:rule", True),
        ("gpt2", False),
        ("my_rules.py", False),
        ("my_rules.py:", False),
        ("my_rules.py:2", False),
        ("a b:rule", False),
        (":rule", False),
    ],
)
def test_what_names_a_function(value: str, expected: bool) -> None:
    assert is_reference(value) is expected


def test_a_function_of_a_file_and_of_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_rules.py").write_text(
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    n: 'int' = 7\ndef rule(text):\n    return A().n\n"
    )
    assert load_function(f"{tmp_path}/my_rules.py:rule", "clean.rules")("x") == 7
    (tmp_path / "an_installed_package").mkdir()
    (tmp_path / "an_installed_package" / "__init__.py").touch()
    (tmp_path / "an_installed_package" / "rules.py").write_text("def rule(text):\n    return 'no'\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert load_function("an_installed_package.rules:rule", "clean.rules")("x") == "no"
    assert source_file("an_installed_package.rules:rule", "clean.rules") == tmp_path / "an_installed_package" / "rules.py"


def test_an_edited_file_is_taken_anew(tmp_path: Path) -> None:
    """Also within the same second and in the same process, as from a notebook; and two files of one name stay apart."""
    path, other = tmp_path / "my_rules.py", tmp_path / "other" / "my_rules.py"
    other.parent.mkdir()
    other.write_text("def rule(text):\n    return 'c'\n")
    answers = []
    for answer in "ab":
        path.write_text(f"def rule(text):\n    return '{answer}'\n")
        answers.append(load_function(f"{path}:rule", "clean.rules")("x"))
    assert [*answers, load_function(f"{other}:rule", "clean.rules")("x")] == ["a", "b", "c"]
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_file_beside_it_hides_no_module(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise RuntimeError('not this one')")
    (tmp_path / "my_rules.py").write_text("import json\ndef rule(text):\n    return json.dumps(text)\n")
    assert load_function(f"{tmp_path}/my_rules.py:rule", "clean.rules")("x") == '"x"'
    assert str(tmp_path) not in sys.path


@pytest.mark.parametrize(
    ("code", "reference", "sentence"),
    [
        ("", "absent.py:rule", r"clean\.rules: there is no file .*absent\.py; give a Python file and a function in it"),
        ("x = 1", "a.py:rule", r"clean\.rules: .*a\.py has no function rule"),
        ("rule = 1", "a.py:rule", r"clean\.rules: .*a\.py has no function rule"),
        ("def rule(:", "a.py:rule", r"clean\.rules: .*a\.py cannot be loaded \(SyntaxError: "),
        ("1 / 0", "a.py:rule", r"clean\.rules: .*a\.py cannot be loaded \(ZeroDivisionError: division by zero\)"),
        ("", "a.py", r"clean\.rules: .*a\.py names no function; write FILE\.py:FUNCTION or package\.module:FUNCTION"),
    ],
    ids=["absent", "no-function", "no-callable", "syntax", "raises", "no-name"],
)
def test_mistakes_name_the_key_and_the_file(tmp_path: Path, code: str, reference: str, sentence: str) -> None:
    (tmp_path / "a.py").write_text(code)
    with pytest.raises(UsageError, match=sentence):
        load_function(str(tmp_path / reference), "clean.rules")


def test_a_module_that_is_not_installed() -> None:
    with pytest.raises(UsageError, match=r"clean\.rules: there is no module no_such_package\.rules; install its package"):
        load_function("no_such_package.rules:rule", "clean.rules")
