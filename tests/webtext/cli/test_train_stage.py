"""The train stage as the command line runs it, on shards of a few random tokens."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from model.checkpoint import Checkpoint
from webtext.cli.local_stages import train_model
from webtext.core.config import TrainSection
from webtext.core.manifest import build_manifest
from webtext.core.task import Report, StageContext, run_task
from webtext.tokens.shards import write_shard

VOCABULARY = 50
SECTION = {"layers": 1, "heads": 1, "width": 8, "context": 16, "batch_tokens": 64, "steps": 4, "device": "cpu", "eval_every": 4}


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "tokens").mkdir()
    random = np.random.default_rng(1)
    for split, count in (("train", 2000), ("val", 200)):
        write_shard(tmp_path / "tokens" / f"{split}-00000.bin", [random.integers(VOCABULARY, size=count)], vocab_size=VOCABULARY)
    report = Report("train-00000", counters={"vocabulary": VOCABULARY}, measured={"cpu_seconds": 0, "peak_memory_bytes": 0})
    build_manifest("tokenizer", "documents", [report], fingerprint="", configuration={}, inputs={}, sources=[]).write(
        tmp_path / "stages/tokenizer/manifest.json"
    )
    return tmp_path


def test_the_learning_rate_is_searched_first(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    section = TrainSection(**SECTION, lr=1e-4, tune_lr=True, tune_steps=2)
    report = run_task(StageContext(build, "train", "key"), "train-00000", train_model, section, said.append)
    found = json.loads((build / "model" / "tune.json").read_text())
    assert len(found["tried"]) >= 3
    assert found["val_loss"] == min(row["val_loss"] for row in found["tried"])
    state = Checkpoint(build / "model" / "last.safetensors").state
    assert (state.step, state.config["lr"]) == (4, found["lr"])
    told = capsys.readouterr().err.splitlines()
    losses = ", ".join(f"{row['lr']:g}: {row['val_loss']:.4f}" for row in found["tried"])
    assert f"train: learning rate {found['lr']:g} is the best of {len(found['tried'])} (validation losses {losses})" in told
    assert sum(" parameters on 1 x cpu (" in line for line in told) == len(found["tried"]) + 1
    assert [line for line in told if "step 4/4" in line] == [f"train: {said[-1]}"]
    assert "model/tune.json" in [file.path for file in report.files]
    assert not list((build / "model").glob("lr-*"))  # they lie in .work/, which goes with the end of the stage


def test_without_a_search_the_rate_is_the_given_one(build: Path) -> None:
    run_task(StageContext(build, "train", "key"), "train-00000", train_model, TrainSection(**SECTION, lr=1e-4), lambda line: None)
    assert Checkpoint(build / "model" / "last.safetensors").state.config["lr"] == 1e-4
    assert not (build / "model" / "tune.json").exists()
