"""Two ranks over gloo on loopback: the same losses as one, and the same bits after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from model.log import read_log
from model.train import train
from tests.model.runs import ROOT, config, finish, options_of, signal_at, start
from tests.model.test_train import same_bits


def test_two_ranks_have_the_losses_of_one(tokens: Path, tmp_path: Path) -> None:
    """With dropout, whose masks belong to the micro-batch and not to the rank."""
    settings = config(steps=30, eval_every=10)
    alone = read_log(train(settings, tokens, tmp_path / "one").log)
    first, second = finish(start(settings, tokens, tmp_path / "two", ranks=2))
    assert "2 x cpu" in first
    assert "4 at once in 2 passes" in first
    assert second == ""
    together = read_log(tmp_path / "two/log.jsonl")
    assert [report.loss for report in together] == pytest.approx([report.loss for report in alone], abs=1e-6)
    assert [report.val_loss for report in together if report.val_loss] == pytest.approx([r.val_loss for r in alone if r.val_loss], abs=1e-6)
    assert [report.grad_norm for report in together] == pytest.approx([report.grad_norm for report in alone], rel=1e-5)


def test_torchrun_itself(tokens: Path, tmp_path: Path) -> None:
    """As the user starts it: ranks, their rendezvous and their environment are torchrun's. Afterwards one process goes on from there."""
    settings = config(steps=12, checkpoint_every=6, eval_every=6)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "model.train"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [*command, str(tokens), str(tmp_path / "two"), *options_of(settings)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    assert "on 2 x cpu" in done.stdout
    assert done.stdout.count("step 12/12") == 1  # one rank speaks
    alone = read_log(train(settings, tokens, tmp_path / "one").log)
    assert [r.loss for r in read_log(tmp_path / "two/log.jsonl")] == pytest.approx([r.loss for r in alone], abs=1e-6)
    assert train(settings, tokens, tmp_path / "two").finished


@pytest.mark.parametrize("case", ["missing", "older", "damaged"])
def test_ranks_with_different_checkpoints_end_at_once(tokens: Path, tmp_path: Path, case: str) -> None:
    """As on two machines without a shared directory: rank 0 has step 8, rank 1 nothing, step 4 or a broken file."""
    settings = config(steps=4, checkpoint_every=4, eval_every=4, schedule="constant", warmup=0, cooldown=0)
    outs = [tmp_path / "first", tmp_path / "second"]
    train(settings, tokens, tmp_path / "four")
    train(replace(settings, steps=8), tokens, outs[0])
    outs[1].mkdir()
    here = (outs[0] / "last.safetensors").read_bytes()
    there = {"missing": None, "older": (tmp_path / "four/last.safetensors").read_bytes(), "damaged": here[:-1]}[case]
    if there is not None:
        (outs[1] / "last.safetensors").write_bytes(there)
    processes = start(replace(settings, steps=8), tokens, outs[0], outs[1], ranks=2)
    outputs = [process.communicate(timeout=900)[0] for process in processes]
    assert [process.returncode for process in processes] == [1, 1]
    assert "last.safetensors: on rank 0 it is of step 8, but the ranks do not all have the same checkpoint: give all" in outputs[0]
    reason = {"missing": "on rank 1 it is missing, but", "older": "with steps = 4, this run has 8", "damaged": "checkpoint is cut"}[case]
    assert reason in outputs[1]
    assert not any("Traceback" in output for output in outputs)
    assert (outs[0] / "last.safetensors").read_bytes() == here
    assert not (outs[1] / "hf").exists()


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_two_ranks_killed_and_resumed_end_in_the_same_bits(tokens: Path, tmp_path: Path, precision: str) -> None:
    settings = config(steps=100, precision=precision)
    finish(start(settings, tokens, tmp_path / "undisturbed", ranks=2))
    out = tmp_path / "out"
    signal_at(start(settings, tokens, out, ranks=2), out / "log.jsonl", 45, signal.SIGKILL)
    finish(start(settings, tokens, out, ranks=2))
    assert same_bits(out / "last.safetensors", tmp_path / "undisturbed/last.safetensors")


@pytest.mark.slow
def test_sigterm_stops_all_ranks_at_the_same_step(tokens: Path, tmp_path: Path) -> None:
    settings = config(steps=100, checkpoint_every=1000, eval_every=1000)
    processes = start(settings, tokens, tmp_path / "out", ranks=2)
    signal_at(processes, tmp_path / "out/log.jsonl", 30, signal.SIGTERM)
    assert [process.returncode for process in processes] == [1, 1]
    finish(start(settings, tokens, tmp_path / "out", ranks=2))
    finish(start(settings, tokens, tmp_path / "undisturbed", ranks=2))
    assert same_bits(tmp_path / "out/last.safetensors", tmp_path / "undisturbed/last.safetensors")
