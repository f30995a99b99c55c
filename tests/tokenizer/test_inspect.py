from __future__ import annotations

import pytest

from tokenizer import ByteBPE, train
from tokenizer.inspect import Compression, colored, compression, cut, longest_tokens, readable


@pytest.fixture(scope="module")
def bpe() -> ByteBPE:
    return train(["low lower lowest"], 260)


def test_compression(bpe: ByteBPE) -> None:
    texts = iter([("en", "low"), ("ja", "日本"), ("en", " low low"), ("none", "")])
    english, japanese, none = compression(bpe, texts)
    assert english == ("en", 2, 11, 11, 3)
    assert english.bytes_a_token == english.characters_a_token == pytest.approx(11 / 3)
    assert japanese == ("ja", 1, 6, 2, 6)
    assert japanese.characters_a_token == pytest.approx(1 / 3)
    assert (none.tokens, none.bytes_a_token, none.characters_a_token) == (0, 0.0, 0.0)
    assert Compression.sum("all", [english, japanese, none]) == ("all", 4, 17, 13, 9)
    assert Compression.sum("all", compression(bpe, [])) == ("all", 0, 0, 0, 0)


def test_longest_tokens(bpe: ByteBPE) -> None:
    assert longest_tokens(bpe, 3) == [(258, b" low"), (257, b"low"), (256, b"lo")]


def test_cut(bpe: ByteBPE) -> None:
    assert cut(bpe, "low low\né") == [(257, "low"), (258, " low"), (198, "\\n"), (127, "\\xc3"), (102, "\\xa9")]
    assert readable(b"\x1b[31m\t") == "\\x1b[31m\\t"


def test_colored(bpe: ByteBPE) -> None:
    shown = colored(bpe, "low low\n[red]x")
    assert shown.plain == "low low\\n\n[red]x"  # markup in the text is text
    first, second = shown.spans[:2]
    assert (first.start, first.end, second.start, second.end) == (0, 3, 3, 7)
    assert first.style != second.style
