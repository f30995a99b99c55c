"""Training: it learns, it is the same twice, and killed and resumed it ends in the same bits."""

from __future__ import annotations

import json
import math
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from model.checkpoint import Checkpoint
from model.data import TokenSplit, Windows, windows_of_step
from model.gpt2 import GPT2
from model.log import read_log
from model.train import StepReport, TrainConfig, main, parser, train
from model.weights import load_model
from tests.model.runs import config, finish, options_of, signal_at, start
from webtext.core.errors import UsageError, WebtextError
from webtext.tokens.shards import write_shard


def weights(path: Path) -> dict[str, torch.Tensor]:
    return {name: parameter.detach() for name, parameter in load_model(path).named_parameters()}


def same_bits(one: Path, other: Path) -> bool:
    """Checkpoints with the same weights and moments."""
    tensors, others = Checkpoint(one).tensors, Checkpoint(other).tensors
    return tensors.keys() == others.keys() and all(torch.equal(tensor, others[name]) for name, tensor in tensors.items())


@pytest.fixture(scope="module")
def run(tokens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    out = tmp_path_factory.mktemp("run")
    assert train(config(), tokens, out).finished
    return out


def test_it_learns_and_says_so(tokens: Path, tmp_path: Path) -> None:
    reports: list[StepReport] = []
    said: list[str] = []
    result = train(config(steps=250, eval_every=50, dropout=0.0), tokens, tmp_path / "out", progress=reports.append, announce=said.append)
    assert said == [
        "GPT-2 of 7,648 parameters on 1 x cpu (1 threads), fp32; 250 steps of 16 windows of 16 tokens, 4 at once in 4 passes; "
        f"{len(TokenSplit(tokens, 'train')):,} tokens to train on, {len(TokenSplit(tokens, 'val')):,} to validate"
    ]
    assert [report.step for report in reports] == list(range(1, 251))
    assert reports[0].loss == pytest.approx(math.log(50), abs=0.1)
    assert result.val_loss == reports[-1].val_loss
    assert result.val_loss is not None
    assert result.val_loss < 2.5
    validated = {report.step: report.val_loss for report in reports if report.val_loss is not None}
    assert list(validated) == [50, 100, 150, 200, 250]
    assert (result.best_val_loss, result.best_step) == min((loss, step) for step, loss in validated.items())
    assert (result.finished, result.steps, result.tokens, result.parameters) == (True, 250, 250 * 256, 7648)
    assert read_log(result.log) == reports
    assert all(report.grad_norm > 0 and report.tokens_per_second > 0 and report.memory_bytes > 2**20 for report in reports)
    assert reports[-1].seconds_left == 0
    assert "step 250/250  loss" in str(reports[-1])
    assert "val " in str(reports[-1])
    assert "MFU" not in str(reports[-1])


def test_the_loss_is_that_of_the_model_by_hand(tokens: Path, tmp_path: Path) -> None:
    """Two steps of AdamW written out, on the windows of the order; then the validation loss over all tokens at once."""
    settings = config(steps=2, dropout=0.0, precision="fp32", clip=0.01)
    result = train(settings, tokens, tmp_path / "out")
    model = GPT2(settings.model, seed=settings.seed)
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 0.1},
            {"params": [p for p in model.parameters() if p.dim() == 1], "weight_decay": 0.0},
        ],
        betas=(0.9, 0.95),
    )
    windows = Windows(TokenSplit(tokens, "train"), 16, 50)
    for step, lr in ((0, 1e-2), (1, 1e-3 + 9e-3 * 0.5)):
        inputs, targets = (torch.from_numpy(array) for array in windows.load(windows_of_step(len(windows), 16, 0, step)))
        F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten()).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()
        optimizer.zero_grad()
    for name, parameter in load_model(result.checkpoint).named_parameters():
        torch.testing.assert_close(parameter, dict(model.named_parameters())[name], rtol=1e-3, atol=2e-5)
    flat = TokenSplit(tokens, "val").read(0, 10**9)
    losses = []
    for begin in range(0, len(flat) - 1, 16):
        piece = torch.from_numpy(flat[begin : begin + 17])[None]
        losses += F.cross_entropy(load_model(result.checkpoint)(piece[:, :-1])[0], piece[0, 1:], reduction="none").tolist()
    assert len(losses) == len(flat) - 1
    assert result.val_loss == pytest.approx(np.mean(losses), abs=1e-5)


def test_accumulation_and_loader_threads_change_rounding_at_most(tokens: Path, tmp_path: Path) -> None:
    losses = []
    for number, (micro_batch, workers) in enumerate([(16, 0), (4, 1), (1, 3)]):
        settings = config(steps=12, dropout=0.0, micro_batch=micro_batch, loader_workers=workers)
        result = train(settings, tokens, tmp_path / str(number))
        losses.append([report.loss for report in read_log(result.log)])
    for other in losses[1:]:
        assert other == pytest.approx(losses[0], abs=2e-6)


@pytest.mark.parametrize(("precision", "steps", "kills"), [("fp32", 150, [30, 101]), ("bf16", 50, [25]), ("fp16", 50, [25])])
def test_killed_and_resumed_it_ends_in_the_same_bits(
    tokens: Path, tmp_path: Path, precision: str, steps: int, kills: list[int], run: Path
) -> None:
    settings = config(precision=precision, steps=steps)
    undisturbed = run
    if precision != "fp32":
        undisturbed = tmp_path / "undisturbed"
        train(settings, tokens, undisturbed)
    out = tmp_path / "out"
    for step in kills:
        signal_at(start(settings, tokens, out), out / "log.jsonl", step, signal.SIGKILL)
        assert step - 7 <= Checkpoint(out / "last.safetensors").state.step < steps
    assert "goes on at step" in finish(start(settings, tokens, out))[0]
    assert same_bits(out / "last.safetensors", undisturbed / "last.safetensors")
    assert same_bits(out / "best.safetensors", undisturbed / "best.safetensors")
    assert (out / "hf/model.safetensors").read_bytes() == (undisturbed / "hf/model.safetensors").read_bytes()
    logs = [[(r.step, r.loss, r.val_loss, r.grad_norm) for r in read_log(where / "log.jsonl")] for where in (out, undisturbed)]
    assert logs[0] == logs[1]


def test_sigterm_saves_and_leaves(tokens: Path, tmp_path: Path, run: Path) -> None:
    settings = config(checkpoint_every=10_000, eval_every=20)
    (process,) = start(settings, tokens, tmp_path)
    signal_at([process], tmp_path / "log.jsonl", 30, signal.SIGTERM)
    assert process.returncode == 1
    stopped = Checkpoint(tmp_path / "last.safetensors").state.step
    assert stopped == len(read_log(tmp_path / "log.jsonl")) < 150
    assert not (tmp_path / "hf").exists()
    assert train(settings, tokens, tmp_path).finished
    assert same_bits(tmp_path / "last.safetensors", run / "last.safetensors")


def test_a_finished_run_is_not_trained_again(tokens: Path, run: Path) -> None:
    before = (run / "last.safetensors").stat().st_mtime_ns
    reports: list[StepReport] = []
    result = train(config(), tokens, run, progress=reports.append)
    assert (result.finished, result.steps, reports) == (True, 150, [])
    assert (run / "last.safetensors").stat().st_mtime_ns == before
    assert result.val_loss == read_log(run / "log.jsonl")[-1].val_loss


def test_how_it_runs_may_change_on_resume(tokens: Path, run: Path) -> None:
    assert train(config(checkpoint_every=50, log_every=5, loader_workers=0, eval_every=75), tokens, run).finished


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"steps": 151}, "made with steps = 150, this run has 151"),
        ({"steps": 3000}, "made with steps = 150, this run has 3000"),  # not: with a warmup of another length, which follows from it
        ({"lr": 2e-2}, r"made with lr = 0\.01, this run has 0\.02"),
        ({"width": 32}, "made with width = 16, this run has 32"),
        ({"seed": 1}, "made with seed = 0, this run has 1"),
    ],
)
def test_a_checkpoint_of_another_configuration_is_refused(tokens: Path, run: Path, change: dict[str, object], reason: str) -> None:
    with pytest.raises(WebtextError, match=reason):
        train(config(**change), tokens, run)


def test_a_checkpoint_of_other_data_is_refused(tokens: Path, tmp_path: Path, run: Path) -> None:
    for path in tokens.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    write_shard(tmp_path / "train-00001.bin", [np.array([1, 2, 3])])
    with pytest.raises(WebtextError, match=r"last\.safetensors: made from other train tokens"):
        train(config(), tmp_path, run)


def test_a_resume_on_another_platform_is_announced(tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights depend on the CPU's vector instructions and on torch's version."""
    now = {"torch": torch.__version__, "CPU capability": torch.backends.cpu.get_cpu_capability()}
    said: list[str] = []
    train(config(steps=1), tokens, tmp_path, announce=said.append)
    assert Checkpoint(tmp_path / "last.safetensors").state.platform == now
    train(config(steps=1), tokens, tmp_path, announce=said.append)
    assert not any("platform" in line for line in said)
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX9")
    train(config(steps=1), tokens, tmp_path, announce=said.append)
    expected = f"resumed on another platform, so the weights will differ by rounding: CPU capability was {now['CPU capability']}, is AVX9"
    assert said.count(expected) == 1


def test_a_resumed_run_has_the_threads_it_had(tokens: Path, tmp_path: Path) -> None:
    """Rounding depends on their number."""
    seen: list[int] = []
    train(config(steps=2, threads=2), tokens, tmp_path, progress=lambda report: seen.append(torch.get_num_threads()))
    assert torch.get_num_threads() == 1
    assert Checkpoint(tmp_path / "last.safetensors").state.threads == 2
    for threads, then in ((None, 2), (1, 1)):
        said: list[str] = []
        train(config(steps=2, threads=threads), tokens, tmp_path, announce=said.append)
        assert f"({then} threads)" in said[0]
        assert torch.get_num_threads() == 1
    assert seen == [2, 2]


def test_documents_may_be_kept_apart(tokens: Path, tmp_path: Path) -> None:
    crossed, apart = (train(config(steps=3, cross_documents=cross), tokens, tmp_path / str(cross)).val_loss for cross in (True, False))
    assert crossed != apart


def test_fp16_scales_the_loss_and_keeps_the_scale(tokens: Path, tmp_path: Path) -> None:
    result = train(config(steps=40, precision="fp16", dropout=0.0), tokens, tmp_path / "half")
    whole = train(config(steps=40, dropout=0.0), tokens, tmp_path / "whole")
    assert result.val_loss == pytest.approx(whole.val_loss, abs=0.1)
    state = Checkpoint(result.checkpoint).state
    assert state.scaler["scale"] >= 1
    assert state.optimizer_steps <= 40


@pytest.mark.slow
def test_compiled_it_learns_the_same(tokens: Path, tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("torch.compile needs a C++ compiler on a CPU")
    whole, compiled = (
        read_log(train(config(steps=8, dropout=0.0, compile=wanted), tokens, tmp_path / str(wanted)).log) for wanted in (False, True)
    )
    assert [report.loss for report in compiled] == pytest.approx([report.loss for report in whole], abs=1e-4)
    assert compiled[-1].val_loss == pytest.approx(whole[-1].val_loss, abs=1e-4)
    assert train(config(steps=8, dropout=0.0), tokens, tmp_path / "True").finished  # its checkpoint is one like any other


def test_a_sample_for_validation_is_stated(tokens: Path, tmp_path: Path) -> None:
    said: list[str] = []
    train(config(steps=1, eval_tokens=64), tokens, tmp_path, announce=said.append)
    assert said[0].endswith(f"{len(TokenSplit(tokens, 'val')):,} to validate, of which 64 are read each time")


def test_a_fresh_model_that_knows_something_is_refused(tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that were loaded where fresh ones were meant, or a vocabulary that is not the tokens': its loss would not be ln(V)."""
    drawn = GPT2.__init__

    def wrong(self: GPT2, *arguments: Any, **keys: Any) -> None:
        drawn(self, *arguments, **keys)
        with torch.no_grad():
            self.wte.weight.mul_(100)

    monkeypatch.setattr(GPT2, "__init__", wrong)
    with pytest.raises(WebtextError, match=r"the loss of the fresh model is \S+ nats a token, it should be about 3\.92 = ln\(vocabulary\)"):
        train(config(), tokens, tmp_path)


def test_an_exploding_loss_stops_the_run(tokens: Path, tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match=r"the loss is (nan|inf) and the norm of its gradient \S+ at step \d+: lower lr"):
        train(config(lr=1e12, clip=0, warmup=0, weight_decay=1e6), tokens, tmp_path)


def test_a_peak_gives_a_utilisation(tokens: Path, tmp_path: Path) -> None:
    settings = config(steps=3, peak_tflops=1e-3)
    report = read_log(train(settings, tokens, tmp_path).log)[-1]
    assert report.mfu == pytest.approx(report.tokens_per_second * settings.model.flops_per_token / 1e9)
    assert "MFU" in str(report)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"batch_tokens": 100}, "batch_tokens 100 must be a multiple of the context 16"),
        ({"micro_batch": 3}, "micro_batch 3 does not divide the 16 windows"),
        ({"steps": 0}, "steps 0 must be 1 or more"),
        ({"schedule": "cosin"}, "schedule 'cosin' is not one of cosine, linear, constant"),
        ({"precision": "int8"}, "precision 'int8' is not one of auto, fp32"),
        ({"lr": -1.0}, r"lr -1\.0 must be a positive number"),
        ({"warmup": 151}, "warmup 151"),
        ({"eot": 50}, "eot 50 is outside the vocabulary of 50"),
        ({"beta2": 1.0}, r"beta2 1\.0"),
        ({"clip": -1.0}, r"clip -1\.0 must not be negative"),
    ],
)
def test_impossible_settings_are_refused(change: dict[str, object], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        config(**change)


def test_devices_that_are_not_there_are_named(tokens: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="device 'gpu' is not one of auto, cuda, mps, cpu"):
        train(config(device="gpu"), tokens, tmp_path)
    if not torch.cuda.is_available():
        with pytest.raises(WebtextError, match="device 'cuda': this machine or this build of torch has none"):
            train(config(device="cuda"), tokens, tmp_path)


def test_the_defaults_are_the_papers_batch() -> None:
    default = TrainConfig()
    assert (default.windows, default.model.context, default.batch_tokens) == (512, 1024, 524_288)
    assert default.windows_at_once(1) == 8
    assert default.windows_at_once(8) == 8
    assert replace(default, micro_batch=4).windows_at_once(2) == 4
    with pytest.raises(UsageError, match="512 windows a step cannot be shared by 3 devices"):
        default.windows_at_once(3)
    assert [TrainConfig(size=size).peak_lr for size in ("124M", "355M", "774M", "1558M", "tiny")] == [6e-4, 3e-4, 2.5e-4, 2e-4, 3e-3]


def test_the_command_line_has_every_setting() -> None:
    given = vars(parser().parse_args(["tokens", "out", "--size", "tiny", "--no-cross-documents", "--lr", "1e-3", "--batch-tokens", "1280"]))
    assert (given.pop("tokens"), given.pop("out")) == (Path("tokens"), Path("out"))
    assert TrainConfig(**given) == TrainConfig(size="tiny", cross_documents=False, lr=1e-3, batch_tokens=1280)


def test_the_command_line_fails_with_a_sentence(tokens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("no directory")
    for arguments, status, reason in (
        ([str(tokens), str(tmp_path / "file"), *options_of(config())], 1, f"{tmp_path / 'file'}: File exists\n"),
        (
            [str(tmp_path), str(tmp_path / "out"), *options_of(config())],
            1,
            f"{tmp_path}: no token shards train-*.bin, nor NAME_train_*.bin as llm.c has them, nor train.bin as nanoGPT; give a "
            "directory of token shards, or run the tokenize stage first\n",
        ),
        ([str(tokens), str(tmp_path / "out"), "--context=7"], 2, "batch_tokens 524288 must be a multiple of the context 7\n"),
    ):
        assert main(arguments) == status
        assert capsys.readouterr().err == reason


def test_a_broken_log_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(json.dumps({"step": 1}) + "\n")
    with pytest.raises(WebtextError, match=r"log\.jsonl, line 1: not a step"):
        read_log(tmp_path / "log.jsonl")
