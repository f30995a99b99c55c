"""The order of windows: a permutation an epoch, pure, the same however it is divided."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.data import TokenSplit, Windows, evaluation_windows, permute, prefetched, windows_of_step
from webtext.core.errors import WebtextError
from webtext.tokens.shards import write_shard


def slow_permute(index: int, size: int, key: str) -> int:
    """The Feistel network in plain integers."""
    half = 1
    while 4**half < size:
        half += 1
    stream = hashlib.sha256(key.encode()).digest() + hashlib.sha256(b"2" + key.encode()).digest()
    keys = [int.from_bytes(stream[8 * i : 8 * i + 8], "little") for i in range(6)]
    while True:
        left, right = index // 2**half, index % 2**half
        for round_key in keys:
            x = right ^ round_key
            x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
            x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % 2**64
            left, right = right, left ^ ((x ^ (x >> 31)) % 2**half)
        index = left * 2**half + right
        if index < size:
            return index


@given(st.integers(1, 3000), st.text(max_size=5))
def test_permute_is_a_permutation_and_its_slow_twin(size: int, key: str) -> None:
    image = permute(np.arange(size), size, key)
    assert sorted(image.tolist()) == list(range(size))
    for index in {0, size // 2, size - 1}:
        assert image[index] == slow_permute(index, size, key)


def test_permute_needs_no_memory_for_large_corpora() -> None:
    size = 9_000_000_000 // 1024
    assert permute(np.array([0, size - 1]), size, "0/0").tolist() == [slow_permute(0, size, "0/0"), slow_permute(size - 1, size, "0/0")]


def test_permute_looks_random() -> None:
    """Neighbours are spread as independent draws would be: chi-square over a grid of (place, image), 225 degrees of freedom."""
    size = 100_000
    image = permute(np.arange(size), size, "7/0")
    grid = np.histogram2d(np.arange(size), image, bins=16)[0]
    assert ((grid - size / 256) ** 2 / (size / 256)).sum() == pytest.approx(225, abs=5 * np.sqrt(2 * 225))
    steps = np.histogram((np.diff(image)) % size, bins=256)[0]
    assert ((steps - size / 256) ** 2 / (size / 256)).sum() == pytest.approx(255, abs=5 * np.sqrt(2 * 255))
    assert abs(np.corrcoef(image, permute(np.arange(size), size, "7/1"))[0, 1]) < 0.02


@given(windows=st.integers(1, 40), batch=st.integers(1, 15), seed=st.integers(0, 3), epochs=st.integers(1, 3))
def test_every_window_comes_once_an_epoch(windows: int, batch: int, seed: int, epochs: int) -> None:
    steps = -(-windows * epochs // batch)
    order = np.concatenate([windows_of_step(windows, batch, seed, step) for step in range(steps)])
    for epoch in range(epochs):
        assert sorted(order[epoch * windows : (epoch + 1) * windows].tolist()) == list(range(windows))


def test_seeds_and_epochs_have_orders_of_their_own() -> None:
    orders = {tuple(windows_of_step(100, 100, seed, step).tolist()) for seed in range(3) for step in range(3)}
    assert len(orders) == 9


def corpus(directory: Path, shards: list[list[int]]) -> TokenSplit:
    for number, shard in enumerate(shards):
        write_shard(directory / f"train-{number:05}.bin", [np.array(shard, dtype=np.int64)])
    return TokenSplit(directory, "train")


@settings(max_examples=60)
@given(
    shards=st.lists(st.lists(st.integers(0, 999), max_size=12), min_size=1, max_size=5).filter(lambda s: sum(map(len, s)) >= 2),
    context=st.integers(1, 9),
)
def test_every_token_but_the_first_is_a_target_once(
    tmp_path_factory: pytest.TempPathFactory, shards: list[list[int]], context: int
) -> None:
    split = corpus(tmp_path_factory.mktemp("shards"), shards)
    flat = np.array([token for shard in shards for token in shard])
    windows = Windows(split, context, 1000)
    inputs, targets = windows.load(np.arange(len(windows)))
    assert inputs.shape == targets.shape == (len(windows), context)
    assert targets.flatten()[targets.flatten() != -100].tolist() == flat[1:].tolist()
    assert inputs.flatten()[targets.flatten() != -100].tolist() == flat[:-1].tolist()
    for chosen in (np.arange(len(windows)), np.array([0, 0]), np.array([len(windows) - 1])):
        assert windows.targets(chosen) == (windows.load(chosen)[1] != -100).sum()
    assert split.read(1, 5).tolist() == flat[1:6].tolist()
    assert split.read(len(flat), 5).tolist() == []


@settings(max_examples=40)
@given(tokens=st.lists(st.integers(0, 999), min_size=2, max_size=60), cut=st.integers(0, 60), context=st.integers(1, 9))
def test_the_same_tokens_are_the_same_windows_in_every_format(
    tmp_path_factory: pytest.TempPathFactory, tokens: list[int], cut: int, context: int
) -> None:
    flat = np.array(tokens)
    ours, llm_c, nano_gpt = (tmp_path_factory.mktemp(name) for name in ("ours", "llmc", "nanogpt"))
    for number, part in enumerate((flat[:cut], flat[cut:])):
        write_shard(ours / f"train-{number:05}.bin", [part])
        write_shard(llm_c / f"fineweb_train_{number + 1:06}.bin", [part])
    flat.astype("<u2").tofile(nano_gpt / "train.bin")
    expected = Windows(TokenSplit(ours, "train"), context, 1000)
    every = np.arange(len(expected))
    for directory in (llm_c, nano_gpt):
        windows = Windows(TokenSplit(directory, "train"), context, 1000)
        assert len(windows) == len(expected)
        for theirs, mine in zip(windows.load(every), expected.load(every)):
            assert np.array_equal(theirs, mine)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_loader_threads_do_not_change_the_order(tokens: Path, workers: int) -> None:
    windows = Windows(TokenSplit(tokens, "train"), 16, 50)
    batches = [windows_of_step(len(windows), 4, 0, step) for step in range(20)]
    loaded = list(prefetched(windows.load, iter(batches), workers))
    assert len(loaded) == 20
    for batch, (inputs, targets) in zip(batches, loaded):
        assert np.array_equal(inputs, windows.load(batch)[0])
        assert np.array_equal(targets, windows.load(batch)[1])


def test_evaluation_windows_are_spread_and_fixed(tokens: Path) -> None:
    windows = Windows(TokenSplit(tokens, "val"), 8, 50)
    everything = evaluation_windows(windows, 0)
    assert everything.tolist() == list(range(len(windows)))
    assert evaluation_windows(windows, 10**9).tolist() == everything.tolist()
    some = evaluation_windows(windows, 80)
    assert len(some) == 10
    assert some[0] == 0
    assert np.diff(some).min() >= len(windows) // 10
    assert evaluation_windows(windows, 1).tolist() == [0]


def test_fingerprints_tell_corpora_apart(tmp_path: Path) -> None:
    base = [list(range(1000)), [5, 6]]
    prints = []
    for number, shards in enumerate([base, base, [list(range(1000)), [5, 7]], [list(range(1002))], [[1, *range(1, 1000)], [5, 6]]]):
        (tmp_path / str(number)).mkdir()
        prints.append(corpus(tmp_path / str(number), shards).fingerprint())
    assert prints[0] == prints[1]
    assert len(set(prints)) == 4


def test_wrong_corpora_are_named(tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match=r"no token shards train-\*\.bin"):
        TokenSplit(tmp_path, "train")
    split = corpus(tmp_path, [[1], [], [2, 60]])
    with pytest.raises(WebtextError, match="train split holds token 60, outside the vocabulary of 50"):
        Windows(split, 4, 50).load(np.array([0]))
    write_shard(tmp_path / "val-00000.bin", [np.array([1])])
    with pytest.raises(WebtextError, match="val split holds 1 tokens; at least 2"):
        TokenSplit(tmp_path, "val")
