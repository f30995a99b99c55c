"""Checkpoints of a training run: one file each, from which the run goes on to the same bits.

A checkpoint is a valid safetensors file (fp32 tensors `model.NAME`, `exp_avg.NAME`, `exp_avg_sq.NAME`; no pickle). Its
`__metadata__` holds under "state" the JSON of `State`, and under "sha256" the digest of the whole file. So a cut, damaged or
foreign file is detected before anything is read from it. The state of random generators is not stored: all are seeded by (seed, step),
see `model.train`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model.tensors import seal_fits, write_safetensors
from webtext.core.errors import WebtextError

FORMAT = "webtext-gpt2-checkpoint-1"
LAST, BEST = "last.safetensors", "best.safetensors"
_MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass
class State:
    """The state of a run apart from its tensors."""

    config: dict[str, Any]  # TrainConfig.resume_key()
    data: dict[str, str]  # split -> TokenSplit.fingerprint()
    step: int = 0  # steps done
    val_loss: float | None = None  # last and best validation, in nats a token
    best_val_loss: float | None = None
    best_step: int | None = None
    optimizer_steps: float = 0.0  # less than step where fp16 overflowed
    scaler: dict[str, Any] = field(default_factory=dict)
    threads: int = 1  # CPU threads, on which rounding depends
    platform: dict[str, str] = field(default_factory=dict)  # so it does on this: device.platform_of()


def save(path: Path, state: State, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Write a checkpoint: temporary, synced, renamed, so that a crash leaves the one before."""
    state.optimizer_steps = max((float(entry["step"]) for entry in optimizer.state.values()), default=0.0)
    tensors = {**{f"model.{name}": parameter for name, parameter in model.named_parameters()}, **dict(_moments(model, optimizer))}
    text = json.dumps(asdict(state), sort_keys=True)
    write_safetensors(path, tensors, {"format": FORMAT, "state": text}, seal=True)


def keep_last_as(directory: Path, name: str) -> None:
    """Keep the last checkpoint under another name: a hard link, or a copy where the file system has no links."""
    temporary = directory / f".{name}.tmp"
    temporary.unlink(missing_ok=True)
    try:
        os.link(directory / LAST, temporary)
    except OSError:
        shutil.copyfile(directory / LAST, temporary)
    temporary.replace(directory / name)


def _moments(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, Tensor]]:
    for key in _MOMENTS:
        for name, parameter in model.named_parameters():
            if key in optimizer.state.get(parameter, {}):
                yield f"{key}.{name}", optimizer.state[parameter][key]


class Checkpoint:
    """A checkpoint, opened; its tensors are mapped from the file. Raises WebtextError with the reason if the file is not whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        file = np.memmap(path, dtype=np.uint8, mode="c") if path.stat().st_size else np.empty(0, np.uint8)
        length = int(file[:8].view("<u8")[0]) if len(file) >= 8 else 0
        if not 2 <= length <= len(file) - 8:
            raise WebtextError(f"{path}: not a checkpoint, or cut within its header ({len(file):,} bytes)")
        try:
            header = json.loads(file[8 : 8 + length].tobytes())
            metadata = header.pop("__metadata__")
            written, sealed = metadata["format"], metadata["sha256"]
            expected = 8 + length + max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WebtextError(f"{path}: not a checkpoint of this program, or damaged: its header cannot be read ({error!r})") from error
        if written != FORMAT:
            raise WebtextError(f"{path}: checkpoint of another format, {written!r} instead of {FORMAT!r}")
        if len(file) != expected:
            raise WebtextError(
                f"{path}: checkpoint is cut or too long: {len(file):,} bytes instead of {expected:,}; remove it to train anew"
            )
        if not seal_fits(file.data, sealed):
            raise WebtextError(f"{path}: checkpoint is damaged: its SHA-256 does not fit; remove it to train anew")
        self.digest: str = sealed
        self.state = State(**json.loads(metadata["state"]))
        data = file[8 + length :]
        self.tensors = {
            name: torch.from_numpy(data[slice(*entry["data_offsets"])].view(np.float32).reshape(entry["shape"]))
            for name, entry in header.items()
        }

    def check_fits(self, config: dict[str, Any], data: dict[str, str]) -> None:
        """Raise WebtextError with the reason where the checkpoint belongs to another configuration or to other data."""
        for name in [*config, *sorted(self.state.config.keys() - config.keys())]:  # what was given before what follows from it
            there, here = self.state.config.get(name), config.get(name)
            if there != here:
                raise WebtextError(
                    f"{self.path}: made with {name} = {there}, this run has {here}; set it back, or train into another directory"
                )
        for split in sorted(data):
            if self.state.data.get(split) != data[split]:
                what = "weights" if split == "weights" else f"{split} tokens"
                raise WebtextError(f"{self.path}: made from other {what} than those given; give the same, or train into another directory")

    def restore(self, model: torch.nn.Module, optimizer: torch.optim.Optimizer | None = None) -> None:
        """Load into a model and, where given, its optimiser. Raises WebtextError where they have another shape."""
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(self._tensor(f"model.{name}", parameter))
                if optimizer is not None and self.state.optimizer_steps:
                    # Copied into torch's own memory: kernels round differently on the unaligned addresses of a mapped file.
                    moments = {key: torch.empty_like(parameter).copy_(self._tensor(f"{key}.{name}", parameter)) for key in _MOMENTS}
                    # A fused AdamW counts its steps on the parameter's device.
                    steps = torch.tensor(self.state.optimizer_steps, dtype=torch.float32, device=parameter.device)
                    optimizer.state[parameter] = {"step": steps, **moments}

    def _tensor(self, name: str, like: Tensor) -> Tensor:
        tensor = self.tensors.get(name)
        if tensor is None or tensor.shape != like.shape:
            found = "none" if tensor is None else f"one of {list(tensor.shape)}"
            raise WebtextError(f"{self.path}: expected a tensor {name} of {list(like.shape)}, found {found}")
        return tensor
