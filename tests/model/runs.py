"""Training runs in processes of their own, which tests may kill."""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import sys
import time
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch

import model.train
from model.train import TrainConfig
from pipelines.fork_server import ForkServer

ROOT = Path(__file__).resolve().parent.parent.parent

MODEL: dict[str, Any] = {"size": "nano", "layers": 2, "heads": 2, "width": 16, "context": 16, "vocab_size": 50, "dropout": 0.1}
PLAN: dict[str, Any] = {"steps": 150, "batch_tokens": 256, "micro_batch": 4, "lr": 1e-2, "eval_every": 20, "checkpoint_every": 7}


def config(**changes: Any) -> TrainConfig:
    return TrainConfig(**{**MODEL, **PLAN, "device": "cpu", **changes})


@functools.cache
def _server() -> ForkServer:
    """torch takes three seconds of a processor to import."""
    return ForkServer("tests.model.runs")


def main(arguments: list[str]) -> None:
    torch.set_num_threads(1)  # OMP_NUM_THREADS comes too late: the server has loaded torch
    sys.exit(model.train.main(arguments))


def start(config: TrainConfig, tokens: Path, *outs: Path, ranks: int = 1) -> list[subprocess.Popen[str]]:
    """`python -m model.train` for each rank; the ranks meet on loopback. They write to one directory, or each to its own."""
    options = options_of(config)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
    return [
        subprocess.Popen(
            [*_server().command("tests.model.runs:main"), str(tokens), str(outs[rank % len(outs)]), *options],
            cwd=ROOT,
            env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(ranks)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(ranks)
    ]


def options_of(config: TrainConfig) -> list[str]:
    """The command line that gives every setting."""
    options = []
    for field in fields(TrainConfig):
        value, name = asdict(config)[field.name], field.name.replace("_", "-")
        if isinstance(value, bool):
            options.append(f"--{name}" if value else f"--no-{name}")
        elif value is not None:
            options.append(f"--{name}={value}")
    return options


def finish(processes: list[subprocess.Popen[str]]) -> list[str]:
    """The outputs of processes that all end well."""
    outputs = [process.communicate(timeout=900)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), outputs
    return outputs


def signal_at(processes: list[subprocess.Popen[str]], log: Path, step: int, number: int) -> None:
    """Send a signal to all processes when the log has reached a step; wait until they are gone."""
    deadline = time.monotonic() + 120
    while not log.exists() or log.read_text().count("\n") < step:
        assert time.monotonic() < deadline, "the run does not get on"
        assert all(process.poll() is None for process in processes), [process.communicate()[0] for process in processes]
        time.sleep(0.002)
    for process in processes:
        process.send_signal(number)
    for process in processes:
        process.communicate(timeout=900)
