"""`webtext demo` before it builds anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from webtext.cli.demo import run_demo
from webtext.core.errors import UsageError


def test_a_url_is_refused_in_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"^--out gs://bucket/demo: the demo .* give a local directory$"):
        run_demo(Path("gs://bucket/demo"), 1)
