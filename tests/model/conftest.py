"""A small corpus for the trainer, and one thread, so that the tests take the same time on any machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from webtext.tokens.shards import write_shard

VOCAB = 50
EOT = VOCAB - 1


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def documents(seed: int, count: int) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Learnable text: each document counts upwards from a random token in steps of its own."""
    random = np.random.default_rng(seed)
    return [
        np.concatenate([[EOT], (random.integers(EOT) + random.integers(1, 4) * np.arange(random.integers(5, 60))) % EOT])
        for _ in range(count)
    ]


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokens directory: two shards to train on (the second small), one to validate, one to test."""
    directory = tmp_path_factory.mktemp("tokens")
    write_shard(directory / "train-00000.bin", documents(1, 200), vocab_size=VOCAB)
    write_shard(directory / "train-00001.bin", documents(2, 7), vocab_size=VOCAB)
    write_shard(directory / "val-00000.bin", documents(3, 20), vocab_size=VOCAB)
    write_shard(directory / "test-00000.bin", documents(4, 20), vocab_size=VOCAB)
    return directory
