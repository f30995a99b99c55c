from __future__ import annotations

import pickle
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import regex
import tiktoken
from hypothesis import example, given
from hypothesis import strategies as st
from tiktoken.load import data_gym_to_mergeable_bpe_ranks
from tiktoken_ext.openai_public import r50k_pat_str

from tests.tokenizer import twins
from tokenizer import EOT, ByteBPE, TokenizerError, train
from tokenizer import encoder as encoder_module
from tokenizer.pretokenize import SPACE, character_classes

WORDS = st.sampled_from(
    ["the", " the", "ing", "'s", " ", "  ", "\n", "\t", "é", "日本", "😀", "\ufffd", "1", "23", "!?", EOT, "<|", "\0", "\u00a0", "\u2003"]
)
TEXTS = st.one_of(st.text(), st.lists(WORDS).map("".join))


@pytest.fixture(scope="module")
def gpt2(data_dir: Path) -> ByteBPE:
    return ByteBPE.from_gpt2(data_dir / "gpt2")


@pytest.fixture(scope="module")
def r50k(data_dir: Path) -> tiktoken.Encoding:
    """tiktoken's own reading of GPT-2's files with its own pattern, as in tiktoken_ext.openai_public but from disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", "")
        ranks = data_gym_to_mergeable_bpe_ranks(str(data_dir / "gpt2" / "vocab.bpe"), str(data_dir / "gpt2" / "encoder.json"))
    return tiktoken.Encoding("r50k", pat_str=r50k_pat_str, mergeable_ranks=ranks, special_tokens={EOT: 50256}, explicit_n_vocab=50257)


@pytest.fixture(scope="module")
def small() -> ByteBPE:
    return train(["the thing is that this is the other thing's string, isn't it? 日本日本 1234 é é !?!? \n\n \n the  the   the"], 330)


def test_gpt2s_ids(gpt2: ByteBPE) -> None:
    assert (gpt2.vocab_size, gpt2.eot, len(gpt2.merges), gpt2.missing) == (50257, 50256, 50000, 0)
    assert gpt2.encode("Hello world") == [15496, 995]
    assert gpt2.encode("!") == [0]
    assert gpt2.encode(" ") == [220]
    assert gpt2.encode("\n") == [198]
    assert gpt2.merges[0] == (b" ", b"t")
    assert gpt2.decode([15496, 995]) == "Hello world"


def test_special_token_is_text_unless_asked_for(gpt2: ByteBPE, r50k: tiktoken.Encoding) -> None:
    text = f"a  {EOT}\n\n{EOT}{EOT} b"
    assert gpt2.encode(EOT) == [27, 91, 437, 1659, 5239, 91, 29]
    assert gpt2.encode(EOT, allow_special=True) == [50256]
    assert gpt2.encode(text, allow_special=True) == r50k.encode(text, allowed_special="all")
    assert gpt2.encode(text) == gpt2.encode_to_numpy(text).tolist() == r50k.encode(text, disallowed_special=())
    assert gpt2.decode(gpt2.encode(text, allow_special=True)) == gpt2.decode(gpt2.encode(text)) == text


def test_tokens_are_those_of_tiktokens_r50k(
    gpt2: ByteBPE, r50k: tiktoken.Encoding, some_novels: list[str], languages: dict[str, str]
) -> None:
    for text in [*some_novels, *(text[:30_000] for text in languages.values()), "", " ", EOT, "\ud83d\ude00 \ud800"]:
        expected = r50k.encode_ordinary(text)
        assert gpt2.encode(text) == expected
        assert np.array_equal(gpt2.encode_to_numpy(text), expected)


def test_random_bytes_are_encoded_as_by_tiktoken(gpt2: ByteBPE, r50k: tiktoken.Encoding) -> None:
    data = random.Random(7).randbytes(200_000)
    for text in (data.decode("latin-1"), data.decode(errors="replace"), data.decode("utf-16-le", errors="replace")):
        assert gpt2.encode(text) == r50k.encode_ordinary(text)
    assert gpt2.decode_bytes(gpt2.encode_bytes(data)) == data


@given(text=TEXTS, allow_special=st.booleans())
def test_gpt2s_tokens_are_those_of_the_slow_twin(gpt2: ByteBPE, text: str, allow_special: bool) -> None:
    assert gpt2.encode(text, allow_special=allow_special) == twins.encode(gpt2, text, allow_special)


@given(text=TEXTS)
@example(text="the thing's the   the")
def test_trained_tokens_are_those_of_the_slow_twin(small: ByteBPE, text: str) -> None:
    assert small.encode(text) == twins.encode(small, text)
    assert small.decode(small.encode(text)) == text


@given(data=st.one_of(st.binary(), st.lists(st.one_of(WORDS.map(str.encode), st.binary(max_size=2))).map(b"".join)))
@example(data=b"the \xff the\xe2\x82")
def test_any_bytes_come_back(small: ByteBPE, data: bytes) -> None:
    ids = small.encode_bytes(data)
    assert small.decode_bytes(ids) == data
    assert small.decode(ids) == data.decode(errors="replace")


def test_invalid_bytes_are_cut_into_words_as_well(small: ByteBPE) -> None:
    assert small.encode_bytes(b"the \xffthe the") == [
        *small.encode("the"),
        *small.encode_bytes(b" "),
        *[small.ids[b"\xff"]],
        *small.encode("the the"),
    ]


@pytest.mark.parametrize("white", [" ", " \n\u3000"])
@pytest.mark.parametrize("tail", ["", "a", "\x1c"])
def test_long_white_space_is_no_panic(gpt2: ByteBPE, white: str, tail: str) -> None:
    """tiktoken alone panics with a stack overflow at about a million spaces before a letter."""
    run = white * (1_500_000 // len(white))
    text = f"x{run}{tail}"
    ids = gpt2.encode(text)
    assert gpt2.decode(ids) == text
    assert np.array_equal(gpt2.encode_to_numpy(text), ids)
    if tail:
        # The last white space goes with what follows.
        assert ids == [*gpt2.encode(f"x{run[:-1]}"), *gpt2.encode(run[-1] + tail)]


@given(text=st.lists(st.sampled_from([" ", "  ", "   ", "\n", "\x1c", "\u3000", "a", "."])).map("".join))
def test_long_white_space_is_cut_as_if_it_were_short(gpt2: ByteBPE, r50k: tiktoken.Encoding, text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder_module, "_LONG_WHITESPACE", 3)
        assert gpt2.encode(text) == gpt2.encode_to_numpy(text).tolist() == r50k.encode_ordinary(text)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("x  y", ["x  y"]),
        ("x   y", ["x", "  ", " y"]),
        ("x    y", ["x", "   ", " y"]),
        ("x    ", ["x    "]),
        ("   y   z", ["", "  ", " y", "  ", " z"]),
    ],
    ids=["below", "at", "above", "end", "two"],
)
def test_white_space_is_cut_from_the_limit_on(monkeypatch: pytest.MonkeyPatch, text: str, pieces: list[str]) -> None:
    monkeypatch.setattr(encoder_module, "_LONG_WHITESPACE", 3)
    assert list(encoder_module.split_long_whitespace(text)) == pieces


@given(text=st.lists(st.sampled_from([" ", "  ", "   ", "\n", "\x1c", "\u3000", "a", "."])).map("".join))
def test_no_piece_has_long_white_space_before_something_else(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder_module, "_LONG_WHITESPACE", 3)
        pieces = list(encoder_module.split_long_whitespace(text))
    assert "".join(pieces) == text
    assert not any(regex.search(r"\s{3}\S", piece) for piece in pieces)


def test_white_space_is_that_of_the_pattern() -> None:
    assert character_classes()[0x3001:0x110000].max() < SPACE
    assert "".join(chr(code) for code in range(0x3001) if regex.match(r"\s", chr(code))) == encoder_module._SPACES


def test_batches(gpt2: ByteBPE) -> None:
    texts = [f"text number {i} {EOT}" for i in range(100)]
    assert gpt2.encode_batch(texts) == gpt2.encode_batch(texts, threads=1) == [gpt2.encode(text) for text in texts]
    assert gpt2.encode_batch([]) == []


@pytest.mark.parametrize("wrong", [50257, -1, 1 << 40])
def test_ids_that_do_not_exist(gpt2: ByteBPE, wrong: int) -> None:
    with pytest.raises(TokenizerError, match=f"token {wrong} does not exist: .* 0 to 50256"):
        gpt2.decode([1, wrong])


def test_arrays_are_decoded(gpt2: ByteBPE) -> None:
    for kind in (np.uint16, np.uint32, np.int64):
        assert gpt2.decode(np.array([15496, 995, 50256], dtype=kind)) == f"Hello world{EOT}"


def test_equality_and_copies(small: ByteBPE, gpt2: ByteBPE) -> None:
    assert small.encode("x")  # so that tiktoken's part is made and left out of the pickle
    copy = pickle.loads(pickle.dumps(small))
    assert copy == small
    assert hash(copy) == hash(small)
    assert copy.encode("the thing") == small.encode("the thing")
    assert small != gpt2
    assert small != "small"
    assert ByteBPE(small.pairs[:-1]) != small


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([(0, 256)], "merge 0 joins the tokens 0 and 256"),
        ([(-1, 0)], "do not exist"),
        ([(0, 1), (0, 1)], "two merges make the token b'!\"'"),
        ([(0, 1), (256, 2), (1, 2), (0, 258)], "two merges make"),
    ],
)
def test_impossible_merges(pairs: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(TokenizerError, match=message):
        ByteBPE(pairs)


def test_a_merge_cannot_make_the_special_token() -> None:
    with pytest.raises(TokenizerError, match="which no text may make"):
        pairs, token = [], twins.BYTE_ORDER.index(EOT.encode()[0])
        for i, byte in enumerate(EOT.encode()[1:]):
            pairs.append((token, twins.BYTE_ORDER.index(byte)))
            token = 256 + i
        ByteBPE(pairs)


@pytest.fixture(scope="module")
def slow(gpt2: ByteBPE) -> ByteBPE:
    """The same vocabulary where gigatoken is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "gigatoken", None)
        bpe = ByteBPE(gpt2.pairs)
        assert bpe._fast is None
    return bpe


@given(text=TEXTS)
@example(text="x" * 5000 + " " * 70_000 + "y")
def test_tiktoken_alone_gives_the_same_ids(gpt2: ByteBPE, slow: ByteBPE, text: str) -> None:
    assert slow.encode(text) == gpt2.encode(text)


def test_every_character_has_the_same_ids_by_both(gpt2: ByteBPE, slow: ByteBPE) -> None:
    """All planes of Unicode: each character within letters, numbers and marks, twice in a row, and behind a space."""
    pytest.importorskip("gigatoken")
    for first in range(0, 0x110000, 0x1000):
        characters = [chr(code) for code in range(first, first + 0x1000) if not 0xD800 <= code < 0xE000]
        text = "".join(f"a{c}1{c}! {c}{c} {c}\n" for c in characters)
        assert np.array_equal(gpt2.encode_to_numpy(text), slow.encode_to_numpy(text)), hex(first)


def test_the_fast_encoder_begins_anew_before_its_memory_grows(gpt2: ByteBPE, monkeypatch: pytest.MonkeyPatch) -> None:
    gigatoken_rs = pytest.importorskip("gigatoken").gigatoken_rs
    loaded = []
    load = gigatoken_rs.load_hf_json
    monkeypatch.setattr(gigatoken_rs, "load_hf_json", lambda text: loaded.append(1) or load(text))
    monkeypatch.setattr(encoder_module, "_REMEMBERED", 100)
    bpe = ByteBPE(gpt2.pairs[:500])
    assert [bpe.encode("some more words " * 3) for _ in range(7)] == [bpe.encode("some more words " * 3)] * 7
    assert len(loaded) == 4


def test_threads_share_an_encoder(gpt2: ByteBPE) -> None:
    texts = ["".join(random.Random(i).choices("abc dé日\n!1", k=5000)) for i in range(100)]
    assert gpt2.encode_batch(texts, threads=8) == [gpt2.encode(text) for text in texts]
