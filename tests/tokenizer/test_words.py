from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tokenizer.twins import words_of
from tokenizer import TokenizerError, WordCounts, count_words
from tokenizer import words as words_module

WORDS = st.one_of(
    st.binary(min_size=1, max_size=20),
    st.sampled_from([b"a", b"a\0", b"a\0\0", b"\0" * 7, b"\0" * 8, b"\0" * 9, b"seven b", b"eight by", b"eight by\0"]),
)


def twin(texts: list[str]) -> dict[bytes, int]:
    return dict(Counter(word for text in texts for word in words_of(text.encode())))


def test_example() -> None:
    counts = count_words(["a rose is a rose", "a rose"])
    assert list(counts.items()) == [(b" a", 1), (b" is", 1), (b" rose", 3), (b"a", 2)]
    assert len(counts) == 4
    assert counts.total == 7


@given(st.lists(st.text(alphabet=st.sampled_from("abcdefghij klmnopqrst'\n 1é日😀\0"))))
def test_counts_are_those_of_a_dictionary(texts: list[str]) -> None:
    assert dict(count_words(texts).items()) == twin(texts)


@given(st.lists(st.tuples(WORDS, st.integers(1, 1 << 40)), max_size=200))
def test_items_are_sorted_and_complete(items: list[tuple[bytes, int]]) -> None:
    expected: Counter[bytes] = Counter()
    for word, count in items:
        expected[word] += count
    assert list(WordCounts.from_items(items).items()) == sorted(expected.items())


@given(st.lists(st.lists(st.tuples(WORDS, st.integers(1, 9)), max_size=50), max_size=5), st.randoms(use_true_random=False))
def test_merging_in_any_order_gives_the_same(parts: list[list[tuple[bytes, int]]], order: random.Random) -> None:
    whole = WordCounts.from_items([item for part in parts for item in part])
    order.shuffle(parts)
    merged = WordCounts()
    for part in parts:
        merged.merge(WordCounts.from_items(part))
    assert merged == whole
    assert list(merged.items()) == list(whole.items())


def test_tables_grow() -> None:
    """More words than the first tables hold, of both kinds, with the same beginnings."""
    expected = {f"{kind}{i}".encode(): i + 1 for i in range(30_000) for kind in ("s", "a much longer word ")}
    assert dict(WordCounts.from_items(expected.items()).items()) == expected


def test_counts_of_64_bits() -> None:
    counts = WordCounts.from_items([(b"the", 1 << 62), (b"a longer word", 1 << 62), (b"a longer word", (1 << 62) - 1)])
    assert dict(counts.items()) == {b"the": 1 << 62, b"a longer word": (1 << 63) - 1}


@pytest.mark.parametrize("item", [(b"", 1), (b"a", 0), (b"a", -1), (b"a", 1 << 63)])
def test_impossible_items(item: tuple[bytes, int]) -> None:
    with pytest.raises(TokenizerError, match="cannot be counted"):
        WordCounts.from_items([item])


@given(st.lists(st.text(alphabet="ab \n\u00a0\x1c'.")), st.integers(1, 8), st.integers(1, 8))
def test_batches_and_pieces_do_not_show(texts: list[str], batch: int, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words_module, "_BATCH_BYTES", batch)
        patch.setattr(words_module, "_PIECE", piece)
        patch.setattr(words_module, "_BLOCK_WORDS", 3)
        assert dict(count_words(texts).items()) == twin(texts)


def test_bytes_are_counted_as_their_text() -> None:
    assert count_words(["naïve café", "x"]) == count_words(["naïve café".encode(), b"x"])
    assert dict(count_words([b"a \xff\xfe b"]).items()) == {b"a": 1, b" \xff\xfe": 1, b" b": 1}


def test_an_error_in_the_texts_is_not_swallowed() -> None:
    def texts():  # type: ignore[no-untyped-def]
        yield "fine " * 100_000
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        count_words(texts())


def test_novels(some_novels: list[str]) -> None:
    assert dict(count_words(some_novels).items()) == twin(some_novels)
