"""Checkpoints: every bit comes back, and no broken file is ever taken for a good one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from model import checkpoint
from model.checkpoint import Checkpoint, State
from model.gpt2 import GPT2, GPT2Config
from model.optim import adamw
from webtext.core.errors import WebtextError

CONFIG = GPT2Config(2, 2, 16, 8, 50)


def trained(steps: int, seed: int = 1) -> tuple[GPT2, torch.optim.AdamW]:
    model = GPT2(CONFIG, seed=seed)
    optimizer = adamw(model, weight_decay=0.1, betas=(0.9, 0.95))
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        tokens = torch.randint(50, (2, 9), generator=generator)
        model(tokens[:, :-1], tokens[:, 1:]).backward()
        for group in optimizer.param_groups:
            group["lr"] = 0.01
        optimizer.step()
        optimizer.zero_grad()
    return model, optimizer


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "last.safetensors"
    checkpoint.save(path, State({"lr": 0.1}, {"train": "abc"}, step=3, scaler={"scale": 2.0}), *trained(3))
    return path


def test_every_bit_comes_back(saved: Path) -> None:
    model, optimizer = trained(3)
    other, other_optimizer = trained(0, seed=2)
    found = Checkpoint(saved)
    found.restore(other, other_optimizer)
    assert found.state == State({"lr": 0.1}, {"train": "abc"}, step=3, scaler={"scale": 2.0}, optimizer_steps=3.0)
    for one, two in zip(model.parameters(), other.parameters()):
        assert torch.equal(one, two)
        assert optimizer.state[one].keys() == other_optimizer.state[two].keys()
        assert all(torch.equal(optimizer.state[one][key], other_optimizer.state[two][key]) for key in optimizer.state[one])


def test_any_safetensors_reader_opens_it(saved: Path) -> None:
    model, optimizer = trained(3)
    with safe_open(saved, framework="pt") as file:
        assert len(file.keys()) == 3 * len(list(model.parameters()))
        assert torch.equal(file.get_tensor("model.wte.weight"), model.wte.weight)
        assert torch.equal(file.get_tensor("exp_avg_sq.wpe.weight"), optimizer.state[model.wpe.weight]["exp_avg_sq"])


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_cut_and_no_flipped_bit_is_overlooked(saved: Path, tmp_path: Path, data: st.DataObject) -> None:
    whole = saved.read_bytes()
    broken = bytearray(whole)
    if data.draw(st.booleans(), "cut"):
        del broken[data.draw(st.integers(0, len(whole) - 1), "at") :]
    else:
        broken[data.draw(st.integers(0, len(whole) - 1), "byte")] ^= 1 << data.draw(st.integers(0, 7), "bit")
    path = tmp_path / "broken.safetensors"
    path.write_bytes(broken)
    with pytest.raises(WebtextError, match=str(path)):
        Checkpoint(path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda raw: raw[:-1], r"is cut or too long: [\d,]+ bytes instead of [\d,]+; remove it"),
        (lambda raw: raw + b"x", "is cut or too long"),
        (lambda raw: raw[:200], "cut within its header"),
        (lambda raw: b"", "cut within its header"),
        (lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]), "is damaged: its SHA-256 does not fit"),
        (lambda raw: raw.replace(b'\\"lr\\": 0.1', b'\\"lr\\": 0.2'), "is damaged: its SHA-256 does not fit"),
        (lambda raw: raw.replace(b"checkpoint-1", b"checkpoint-2"), "checkpoint of another format"),
    ],
)
def test_the_reason_is_told(saved: Path, tmp_path: Path, change: object, reason: str) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(change(saved.read_bytes()))  # type: ignore[operator]
    with pytest.raises(WebtextError, match=reason):
        Checkpoint(path)


def test_other_models_are_refused(saved: Path) -> None:
    with pytest.raises(WebtextError, match=r"expected a tensor model\.wpe\.weight of \[9, 16\], found one of \[8, 16\]"):
        Checkpoint(saved).restore(GPT2(replace(CONFIG, context=9)))
    with pytest.raises(WebtextError, match=r"expected a tensor model\.h\.2\.ln_1\.weight of \[16\], found none"):
        Checkpoint(saved).restore(GPT2(replace(CONFIG, layers=3)))


def test_a_failed_save_leaves_the_one_before(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.safetensors"
    checkpoint.save(path, State({}, {}, step=1), *trained(1))

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(path, State({}, {}, step=2), *trained(2))
    assert Checkpoint(path).state.step == 1


def test_the_best_one_outlives_the_last(tmp_path: Path) -> None:
    last, best = tmp_path / "last.safetensors", tmp_path / "best.safetensors"
    for step in (1, 2, 3):
        checkpoint.save(last, State({}, {}, step=step), *trained(step))
        if step != 3:
            checkpoint.keep_last_as(tmp_path, "best.safetensors")
    assert (Checkpoint(last).state.step, Checkpoint(best).state.step) == (3, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.safetensors", "last.safetensors"]
