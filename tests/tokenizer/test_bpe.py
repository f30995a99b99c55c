from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from tests.tokenizer.twins import train_pairs
from tokenizer import EOT, TokenizerError, WordCounts, count_words, train
from tokenizer import bpe as trainer
from tokenizer.files import to_characters

# Few letters, so that runs of one letter, ties and pairs of merged tokens are common.
COUNTS = st.dictionaries(st.text(alphabet="abc", min_size=1, max_size=14).map(str.encode), st.integers(1, 6), max_size=25)


def pairs_of(counts: dict[bytes, int], merges: int, followed: int) -> list[tuple[int, int]]:
    words = trainer._words_of(WordCounts.from_items(counts.items()), 256 + merges)
    return [(left, right) for left, right in trainer._merges(words, merges, followed, None).tolist()]


def hugging_face(texts: list[str], vocab_size: int, path: Path) -> list[tuple[str, str]]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, special_tokens=[EOT], show_progress=False)
    )
    tokenizer.save(str(path))
    return [tuple(merge) for merge in json.loads(path.read_text())["model"]["merges"]]


def test_example() -> None:
    assert train(["low lower lowest"], 260).merges == [(b"l", b"o"), (b"lo", b"w"), (b" ", b"low")]


def test_ties_go_to_the_lower_ids_in_gpt2s_order() -> None:
    # "!" is id 0, "a" is 64 and the space 220, so " a" comes after "a!" though its byte is lower.
    assert train(WordCounts.from_items([(b" a", 5), (b"a!", 5), (b"!a", 5)]), 260).merges == [(b"!", b"a"), (b"a", b"!"), (b" ", b"a")]


def test_overlapping_pairs_count_each_and_merge_left_to_right() -> None:
    assert train(WordCounts.from_items([(b"aaaaa", 1), (b"ab", 3)]), 259).merges == [(b"a", b"a"), (b"a", b"b")]
    # "aa aa a" has (aa, a) and (aa, aa) once each, and "a" is the lower id.
    assert train(WordCounts.from_items([(b"aaaaa", 1)]), 260).merges == [(b"a", b"a"), (b"aa", b"a"), (b"aa", b"aaa")]


@settings(max_examples=300)
@given(COUNTS, st.integers(0, 40), st.sampled_from([1, 2, 1024]))
@example({b"abababab": 1, b"bababa": 1}, 10, 1)
@example({b"a" * 13: 2, b"b" + b"a" * 6 + b"b": 1}, 10, 1024)
def test_merges_are_those_of_counting_anew(counts: dict[bytes, int], merges: int, followed: int) -> None:
    """However few pairs are followed at first, the result is the same."""
    assert pairs_of(counts, merges, followed) == train_pairs(counts, merges)


@settings(max_examples=50)
@given(st.dictionaries(st.binary(min_size=1, max_size=9), st.integers(1, 1 << 55), max_size=40), st.integers(0, 200))
def test_any_bytes_and_large_counts(counts: dict[bytes, int], merges: int) -> None:
    assert pairs_of(counts, merges, 4) == train_pairs(counts, merges)


def test_counts_beyond_32_bits() -> None:
    """Hugging Face's trainer overflows at 2**31 and would take "bc" first."""
    bpe = train(WordCounts.from_items([(b"ab", 1 << 40), (b"bc", 1 << 20)]), 258)
    assert bpe.merges == [(b"a", b"b")]


def test_real_words_by_counting_anew(shakespeare: str) -> None:
    counts = dict(count_words([shakespeare[:25_000]]).items())
    assert pairs_of(counts, 100, 16) == train_pairs(counts, 100)


def test_merges_are_those_of_hugging_face(shakespeare: str, languages: dict[str, str], tmp_path: Path) -> None:
    texts = [shakespeare[:300_000], *(text[:5000] for text in languages.values())]
    expected = hugging_face(texts, 8000, tmp_path / "tokenizer.json")
    merges = train(texts, 8000).merges
    assert len(merges) == 8000 - 257
    assert [(to_characters(left), to_characters(right)) for left, right in merges] == expected


def test_a_small_corpus_gives_a_small_vocabulary_and_says_so(tmp_path: Path) -> None:
    bpe = train(["abc abc"], 50_257)
    # "abc" and " abc": ab, abc, then the space.
    assert bpe.merges == [(b"a", b"b"), (b"ab", b"c"), (b" ", b"abc")]
    assert (bpe.vocab_size, bpe.eot, bpe.missing) == (260, 259, 50_000 - 3)
    assert [tuple(map(to_characters, merge)) for merge in bpe.merges] == hugging_face(["abc abc"], 50_257, tmp_path / "t.json")
    empty = train([], 300)
    assert (empty.vocab_size, empty.missing) == (257, 43)
    assert train(["abc abc"], 260).missing == 0


def test_order_and_parts_of_the_corpus_do_not_matter(shakespeare: str) -> None:
    scenes = shakespeare[:200_000].split("\n\n")
    whole = train(scenes, 1000)
    random.Random(1).shuffle(scenes)
    parts = [count_words(scenes[i::3]) for i in range(3)]
    parts[0].merge(parts[2])
    parts[0].merge(parts[1])
    assert train(parts[0], 1000) == whole


def test_progress(shakespeare: str) -> None:
    calls: list[tuple[int, int]] = []
    train([shakespeare], 2257, progress=lambda done, wanted: calls.append((done, wanted)))
    assert calls == sorted(calls)
    assert calls[-1] == (2000, 2000)
    assert len(calls) >= 4


@pytest.mark.parametrize("vocab_size", [256, 0, -1])
def test_impossible_sizes(vocab_size: int) -> None:
    with pytest.raises(TokenizerError, match="256 bytes and"):
        train(["text"], vocab_size)


def test_the_smallest_vocabulary_is_bytes() -> None:
    bpe = train(["text"], 257)
    assert bpe.encode("hi") == [71, 72]
    assert bpe.eot == 256


def test_several_sizes_from_one_training(shakespeare: str) -> None:
    large = train([shakespeare[:100_000]], 1000)
    for size in (257, 300, 999, 1000):
        assert large.first(size) == train([shakespeare[:100_000]], size)
    for size in (256, 1001):
        with pytest.raises(TokenizerError, match=f"a vocabulary of {size} tokens is no part"):
            large.first(size)


def test_counts_beyond_32_bits_are_right_and_sums_beyond_64_refused() -> None:
    counts = WordCounts.from_items([(b"ab", 1 << 40), (b"ac", (1 << 40) + 1), (b"bc", 1 << 33)])
    assert train(counts, 260).merges == [(b"a", b"c"), (b"a", b"b"), (b"b", b"c")]
    for items in ([(b"ab", 1 << 62), (b"ac", 1 << 62)], [(b"ab", 1 << 62)] * 2 + [(b"ab", 1)]):
        with pytest.raises(TokenizerError, match=r"2\*\*63 bytes or more"):
            train(WordCounts.from_items(items), 260)
