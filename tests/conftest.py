"""Fixtures shared by all tests."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

# NB: imported here because the plugin of hypothesis imports it at the very end otherwise. CPython 3.11 fails with a SystemError where one
# thread parses source (an import under pytest) while another formats a trace, as threads of Beam's local runner do after a failure.
import hypothesis
import pytest

# `make test` asks the same examples every time: it tells of a change, and says the same of the same code on a busy machine. `make test-all`
# looks for new ones.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile(
    "explore", hypothesis.settings.get_profile("same"), derandomize=False, max_examples=1000, print_blob=True
)
hypothesis.settings.load_profile("same")

ROOT = Path(__file__).resolve().parent.parent


# Files that take longest, longest first: `make test` starts with them, so that its two processes end together.
LONGEST = (
    "end_to_end/test_resume.py",
    "end_to_end/test_demo.py",
    "end_to_end/test_cost.py",
    "model/test_parallel.py",
    "model/test_train.py",
    "end_to_end/test_mistakes.py",
    "pipelines/test_dedup.py",
    "end_to_end/test_decontaminate.py",
    "webtext/dedup/test_large_buckets.py",
    "webtext/extract/test_phases.py",
    "end_to_end/test_fetch_again.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {str(ROOT / "tests" / name): rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(str(item.path), len(ranks)))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Ids are short words, the same in every process: of bytes the name of the argument, of a text its first letters.

    NB: pytest would put the whole value into the id. Bytes made by gzip hold the second in which they were made, and two
    processes of pytest-xdist then collect different tests.
    """
    if isinstance(val, bytes):
        return argname
    if isinstance(val, str):
        return re.sub(r"[^A-Za-z0-9._]+", "-", val)[:30].strip("-") or argname
    return None


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real dumps, pages, gold text and benchmarks; the test is skipped where they are absent."""
    path = Path(os.environ.get("WEBTEXT_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"real data is absent: {path} (set WEBTEXT_DATA)")
    return path


@pytest.fixture
def gpt2_cache(data_dir: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """tiktoken's cache after it has downloaded GPT-2's vocabulary: each file under the SHA-1 of its URL. There is no network."""
    cache = tmp_path_factory.mktemp("tiktoken")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(cache))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    for name in ("vocab.bpe", "encoder.json"):
        url = f"https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/{name}"
        (cache / hashlib.sha1(url.encode()).hexdigest()).write_bytes((data_dir / "gpt2" / name).read_bytes())
    return cache
