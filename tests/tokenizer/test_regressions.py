"""What others' tokenizers got wrong, by the issue that tells of it. What the tests beside this one cover as a rule is not repeated here."""

from __future__ import annotations

import base64
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenizer import ByteBPE, WordCounts, count_words, train

ROOT = Path(__file__).resolve().parents[2]
LONG = 1_000_000
RANDOM = random.Random(1)


@pytest.fixture(scope="module")
def gpt2(data_dir: Path) -> ByteBPE:
    return ByteBPE.from_gpt2(data_dir / "gpt2")


@pytest.mark.parametrize(
    "text",
    [
        "a" * LONG,
        "^" * LONG,
        "ab" * (LONG // 2),
        "7" * LONG,
        "\0" * LONG,
        "日本語" * (LONG // 3),
        "e" + "\u0301" * LONG,
        "\u00a0 " * (LONG // 2) + "x",
        base64.b64encode(RANDOM.randbytes(LONG)).decode(),
        "".join(RANDOM.choices("abcdefgh", k=LONG)),
    ],
    ids=["a", "caret", "ab", "digits", "nul", "cjk", "combining", "spaces", "base64", "letters"],
)
def test_a_word_of_a_megabyte(gpt2: ByteBPE, text: str) -> None:
    """tiktoken#195, #245: quadratic time, panic; tokenizers#86: a training that did not end. Here quadratic time would be hours."""
    ids = gpt2.encode_to_numpy(text)
    assert gpt2.decode(ids) == text
    learned = train([text], 300)
    assert learned.decode(learned.encode_to_numpy(text)) == text
    cut = text.encode()[:-1] + b"\xff"  # no UTF-8: another way through the encoder
    assert gpt2.decode_bytes(gpt2.encode_bytes(cut)) == cut


def test_memory_is_bounded_by_distinct_words() -> None:
    """tokenizers#1170, #1345, #1824: 100 GB of text took 750 GB of memory."""
    text = " ".join(f"word{i} and a much longer word number {i}" for i in range(2000))
    count_words([text])  # kernels and classes are loaded
    peaks = []
    for times in (10, 100):
        tracemalloc.start()
        counts = count_words(text for _ in range(times))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert dict(counts.items())[b" and"] == 2000 * times
    assert peaks[1] < 1.2 * peaks[0]


@settings(max_examples=200)
@given(st.dictionaries(st.text(alphabet="ab", min_size=1, max_size=16).map(str.encode), st.integers(1, 5), max_size=15))
def test_no_two_merges_make_the_same_token(counts: dict[bytes, int]) -> None:
    """bpeasy numbers such a token twice. It cannot come about: between the same two ends the same bytes are always merged alike."""
    bpe = train(WordCounts.from_items(counts.items()), 320)  # ByteBPE would refuse it
    assert len(set(bpe.tokens)) == len(bpe.tokens)


def test_encoding_does_not_load_numba() -> None:
    """It would cost each process 1 s and 100 MB."""
    program = """
import sys
from tokenizer import ByteBPE
assert ByteBPE([(39, 68)]).encode("He") == [256]
assert "numba" not in sys.modules
import tokenizer
assert all(getattr(tokenizer, name) for name in tokenizer.__all__)
assert not hasattr(tokenizer, "other")
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_package_needs_nothing_of_ours(tmp_path: Path) -> None:
    """`from tokenizer import ByteBPE, train` where only numpy, numba, tiktoken and regex are installed."""
    program = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"webtext", "pipelines", "model", "cli", "pyarrow", "pandas", "scipy", "rich", "orjson", "xxhash",
                                      "zstandard", "pydantic", "typer", "apache_beam", "torch", "tokenizers", "transformers", "psutil"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from tokenizer import ByteBPE, train
bpe = train(["some text", "more text"], vocab_size=300)
assert bpe.decode(bpe.encode("some more text")) == "some more text"
bpe.save(sys.argv[1])
assert ByteBPE.load(sys.argv[1]) == bpe
"""
    line = [sys.executable, "-c", program, str(tmp_path)]
    ended = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert ended.returncode == 0, ended.stderr
