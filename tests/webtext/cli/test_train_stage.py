"""The train stage as the command line runs it, on shards of a few random tokens."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from model.checkpoint import Checkpoint
from model.config import TrainConfig
from tokenizer import ByteBPE
from webtext.cli.build import stages_of
from webtext.cli.file_builds import config_of_files
from webtext.cli.local_stages import TRAIN, train_model
from webtext.core.config import Config
from webtext.core.errors import UsageError
from webtext.core.manifest import build_manifest
from webtext.core.model_sections import TrainSection
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


def given(directory: Path, style: str) -> Path:
    """The tokens of `build` as others lay them out."""
    random = np.random.default_rng(1)
    directory.mkdir()
    for split, count in (("train", 2000), ("val", 200)):
        tokens = random.integers(VOCABULARY, size=count)
        if style == "nanogpt":
            tokens.astype("<u2").tofile(directory / f"{split}.bin")
        else:
            write_shard(directory / f"tiny_shakespeare_{split}.bin", [tokens])
    return directory


def train_on(build: Path, tokens: Path, **keys: object) -> Path:
    """Train on given shards in a new build; its hf/."""
    section = TrainSection(**{**SECTION, "tokens": str(tokens), **keys})
    run_task(StageContext(build, "model", "key"), "train-00000", train_model, section, lambda line: None)
    return build / "model" / "hf"


def test_given_shards_make_the_same_model_whatever_their_format(build: Path, tmp_path: Path) -> None:
    run_task(StageContext(build, "model", "key"), "train-00000", train_model, TrainSection(**SECTION), lambda line: None)
    weights = (build / "model" / "hf" / "model.safetensors").read_bytes()
    for style in ("llmc", "nanogpt"):
        exported = train_on(tmp_path / f"{style}-build", given(tmp_path / style, style), vocabulary=VOCABULARY)
        assert (exported / "model.safetensors").read_bytes() == weights
        assert "No tokenizer of this GPT-2 is known" in (exported / "README.md").read_text()
        assert json.loads((exported / "config.json").read_text())["eos_token_id"] is None


def test_a_tokenizer_beside_the_shards_is_the_models(tmp_path: Path) -> None:
    tokens = given(tmp_path / "tokens", "llmc")
    bpe = ByteBPE([])
    bpe.save(tokens)
    exported = train_on(tmp_path / "build", tokens)
    assert ByteBPE.load(exported) == bpe
    card = (exported / "README.md").read_text()
    assert "| vocabulary | 257 tokens |" in card
    assert "No tokenizer" not in card
    assert {"vocab_size": 257, "eos_token_id": 256}.items() <= json.loads((exported / "config.json").read_text()).items()


def test_tokens_of_a_build_are_read_with_its_tokenizer(tmp_path: Path) -> None:
    given(tmp_path / "tokens", "llmc")
    ByteBPE([]).save(tmp_path / "tokenizer")
    (tmp_path / "build.json").write_text("{}")
    for number, named in enumerate((tmp_path, tmp_path / "tokens")):
        exported = train_on(tmp_path / f"out{number}", named)
        assert json.loads((exported / "config.json").read_text())["vocab_size"] == 257


def test_a_vocabulary_is_not_guessed_and_no_pickle_read(tmp_path: Path) -> None:
    tokens = given(tmp_path / "tokens", "nanogpt")
    (tokens / "meta.pkl").write_bytes(b"cos\nsystem\n(S'touch hurt'\ntR.")
    with pytest.raises(UsageError, match=r"tokens: meta\.pkl has the vocabulary, .* give its size \(--vocabulary\)"):
        train_on(tmp_path / "build", tokens)
    with pytest.raises(UsageError, match="cross_documents can only be turned off"):
        train_on(tmp_path / "build", tokens, vocabulary=VOCABULARY, cross_documents=False)


def test_given_shards_are_a_build_of_their_own(tmp_path: Path) -> None:
    tokens = given(tmp_path / "tokens", "nanogpt")
    config = config_of_files("train", [str(tokens)], {"train.enabled": True})
    assert {name: stage.reads for name, stage in stages_of(config).items()} == {"train": ()}
    assert [path.name for path in TRAIN.sources(config)] == ["train.bin", "val.bin"]  # type: ignore[union-attr]
    ByteBPE([]).save(tokens)
    assert "merges.txt" in {path.name for path in TRAIN.sources(config)}  # type: ignore[union-attr]
    assert TRAIN.sources(Config()) == []
    with pytest.raises(UsageError, match=r"leave out train\.tokens or what it begins with"):
        stages_of(config_of_files("train", [str(tokens)], {"links.dumps": ["x.zst"]}))
    with pytest.raises(UsageError, match="one directory of token shards"):
        config_of_files("train", [str(tokens), str(tokens)], {})
    for wrong in (tokens / "train.bin", tmp_path / "absent"):
        with pytest.raises(UsageError, match="not a directory; give one with token shards"):
            TRAIN.sources(config_of_files("train", [str(wrong)], {}))


def test_the_section_has_every_setting_of_a_training_with_its_default() -> None:
    settings = TrainSection().settings()
    defaults = {field.name: field.default for field in fields(TrainConfig)}
    # `size` stands for an architecture too
    assert settings == {name: value for name, value in defaults.items() if name not in ("vocab_size", "eot", "architecture")}
