"""A ladder of sizes on random tokens, beside losses summed token by token."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from model import hf
from model.evaluate.ladder import climb
from tests.model.runs import config
from webtext.tokens.shards import open_shard, write_shard

SIZES = ["nano", "tiny"]


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    random = np.random.default_rng(1)
    (tmp_path / "tokens").mkdir()
    for split, count in (("train", 700), ("val", 203)):
        write_shard(tmp_path / "tokens" / f"{split}-00000.bin", [random.integers(50, size=count)], vocab_size=50)
    return tmp_path / "tokens"


def slow_loss(exported: Path, shard: Path) -> tuple[float, int]:
    """Mean nats of all tokens but the first, in windows of 16, and how many these are."""
    model, text = hf.load(exported).eval(), open_shard(shard).astype(np.int64)
    losses = []
    for begin in range(0, len(text) - 1, 16):
        window = torch.from_numpy(text[begin : begin + 17])
        with torch.no_grad():
            scores = torch.log_softmax(model(window[None, :-1])[0], -1)
        losses += [-float(scores[place, token]) for place, token in enumerate(window[1:])]
    return sum(losses) / len(losses), len(losses)


def test_losses_of_both_parts(tokens: Path, tmp_path: Path) -> None:
    said: list[str] = []
    plan = config(layers=1, heads=1, width=None, steps=3, batch_tokens=64, dropout=0.0, eval_tokens=0, threads=1)
    result = climb(SIZES, plan, tokens, tmp_path / "out", said.append)
    rows = result.tables["Figure 4"]
    assert [row["size"] for row in rows] == SIZES
    assert rows[0]["parameters"] < rows[1]["parameters"]
    for row in rows:
        for part, split in (("train", "train"), ("held-out", "val")):
            loss, count = slow_loss(tmp_path / "out" / row["size"] / "hf", tokens / f"{split}-00000.bin")
            assert row[f"{part} loss"] == pytest.approx(loss, abs=1e-4)
            (measure,) = [each for each in result.measures if each.group == part and each.protocol["size"] == row["size"]]
            assert measure.value == pytest.approx(math.exp(loss), rel=1e-4)
            assert measure.count == count
    assert climb(SIZES, plan, tokens, tmp_path / "out", said.append) == result
    assert sum("goes on at step 3" in line for line in said) == len(SIZES)  # nothing is trained again
