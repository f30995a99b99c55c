"""The search for a learning rate: it walks to the best one, resumes, and survives rates that diverge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model.checkpoint import Checkpoint
from model.tune import main, tune_lr
from tests.model.runs import config
from webtext.core.errors import UsageError, WebtextError


def test_it_walks_to_the_best_rate_and_reuses_its_runs(tokens: Path, tmp_path: Path) -> None:
    settings = config(steps=15, dropout=0.0, lr=2e-3)
    found = tune_lr(settings, tokens, tmp_path, factor=4.0)
    rates = sorted(found.tried)
    assert 4 <= len(rates) <= 9
    assert found.lr > 2e-3
    assert found.val_loss == min(found.tried.values())
    at = rates.index(found.lr)
    assert 0 < at < len(rates) - 1
    for rate in rates:
        assert found.tried[rate] == Checkpoint(tmp_path / f"lr-{rate:g}" / "last.safetensors").state.val_loss
    written = json.loads((tmp_path / "tune.json").read_text())
    assert (written["lr"], written["val_loss"]) == (found.lr, found.val_loss)
    assert [row["lr"] for row in written["tried"]] == rates
    before = (tmp_path / "lr-0.002" / "last.safetensors").stat().st_mtime_ns
    assert tune_lr(settings, tokens, tmp_path, factor=4.0) == found
    assert (tmp_path / "lr-0.002" / "last.safetensors").stat().st_mtime_ns == before


def test_rates_that_diverge_lose(tokens: Path, tmp_path: Path) -> None:
    settings = config(steps=4, dropout=0.0, lr=1e-2, clip=0, weight_decay=0.0)
    found = tune_lr(settings, tokens, tmp_path, factor=1e18)
    assert found.lr == 1e-2
    assert found.tried[1e16] == float("inf")
    assert json.loads((tmp_path / "tune.json").read_text())["tried"][-1] == {"lr": 1e16, "val_loss": None}
    with pytest.raises(WebtextError, match="the training diverged at every learning rate"):
        tune_lr(config(steps=4, lr=1e20, clip=0, weight_decay=0.0), tokens, tmp_path / "hopeless", factor=1.5)
    with pytest.raises(UsageError, match=r"factor 1\.0 must be above 1"):
        tune_lr(settings, tokens, tmp_path, factor=1.0)


def test_the_command_line_says_what_was_best(tokens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shape = ["--layers=1", "--heads=1", "--width=8", "--context=16", "--vocab-size=50", "--batch-tokens=64", "--steps=2", "--device=cpu"]
    assert main([str(tokens), str(tmp_path), *shape]) == 0
    printed = capsys.readouterr().out
    assert printed.count("  best\n") == 1
    assert main([str(tmp_path / "nowhere"), str(tmp_path / "x"), *shape]) == 1
    assert "no token shards train-*.bin" in capsys.readouterr().err
    assert main([str(tokens), str(tmp_path / "x"), *shape, "--context=7"]) == 2
