"""Every compiled regular expression takes linear time: public text must not be able to keep a worker busy.

Each is tried on 4,000 characters of every pair of characters that it names, first repeated and then between its own literals. A linear
one takes some microseconds, a quadratic one seconds, an exponential one for ever. Processor time counts, so a busy machine changes nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import resource
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import tokenizer
import webtext

SIZE = 4_000
SECONDS = 0.1  # of processor time for one search
BUDGET = 400  # seconds of all of them, many times what they take: an exponential search does not return by itself


def modules() -> list[str]:
    names = [module.name for package in (webtext, tokenizer) for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return [name for name in names if not name.startswith(("webtext.cli", "webtext.demo", "webtext.cost", "webtext.extract.training"))]


def patterns(module: str) -> dict[str, re.Pattern[str] | re.Pattern[bytes]]:
    found = vars(importlib.import_module(module))
    return {name: value for name, value in found.items() if isinstance(value, re.Pattern)}


def inputs(pattern: re.Pattern[str] | re.Pattern[bytes]) -> list[str]:
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    named = sorted(set(re.findall(r"[a-z0-9<>/=.,:;&%#@!?'\"_~ -]", source.lower())) | set("a0-. "))
    letters = [character for character in named if character.isalnum()][:4]
    marks = [character for character in named if not character.isalnum()]
    units = [
        *letters,
        *marks,
        *(letter + mark for letter in letters[:2] for mark in marks),
        *(a + b for a in marks for b in marks if a != b),
    ]
    words = re.findall(r"[a-z]{3,}", source.lower())[:3]
    return [unit * (SIZE // len(unit)) for unit in units] + [
        word + unit * (SIZE // len(unit)) + "\0" for word in words for unit in units[:12]
    ]


@cache
def searched() -> set[str]:
    """The names of patterns that some code searches for from every character on, instead of matching them at one place."""
    paths = [path for package in (webtext, tokenizer) for path in Path(package.__path__[0]).rglob("*.py")]
    uses = re.compile(r"\b(\w+)\.(?:search|subn?|findall|finditer|split)\b")
    return {name for path in paths for name in uses.findall(path.read_text(encoding="utf-8"))}


def slow_searches(module: str) -> list[str]:
    slow = []
    for name, pattern in patterns(module).items():
        used = [pattern.match, pattern.fullmatch, *([pattern.search] if name in searched() else [])]
        for text in inputs(pattern):
            sys.stderr.write(f"{module}.{name} on {text[:12]!r}...\n")
            given = text if isinstance(pattern.pattern, str) else text.encode()
            begun = time.process_time()
            for use in used:
                use(given)  # type: ignore[arg-type]
            if (seconds := time.process_time() - begun) > SECONDS:
                slow.append(f"{module}.{name}: {seconds:.1f} s on {text[:12]!r} repeated")
                break
    return slow


def main() -> None:
    for module in modules():
        for line in slow_searches(module):
            print(line)  # noqa: T201 - read by the test


def test_searches_take_linear_time() -> None:
    """In a process of its own, which the system ends where a search does not return: its last words name the pattern."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_CPU, (BUDGET, BUDGET))  # noqa: E731
    command = [sys.executable, "-c", "from tests.test_regular_expressions import main; main()"]
    ended = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit, check=False)
    assert ended.returncode == 0, f"did not end: {ended.stderr.strip().splitlines()[-1]}"
    assert ended.stdout.strip() == ""
