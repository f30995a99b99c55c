"""The machine a run has: device, ranks of a torchrun, precision, peak speed and memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from webtext.errors import UsageError, WebtextError
from webtext.memory import peak_memory

# Dense half-precision tensor peaks in TFLOP/s with fp32 accumulation, from the vendors' data sheets; matched in this order.
PEAK_TFLOPS = (
    *(("B200", 2250.0), ("H200", 989.0), ("H100 PCIe", 756.0), ("H100 NVL", 835.0), ("H100", 989.0), ("GH200", 989.0)),
    *(("A100", 312.0), ("A800", 312.0), ("A40", 149.7), ("A30", 165.0), ("A10G", 70.0), ("A10", 125.0), ("L40S", 362.0), ("L40", 181.0)),
    *(("L4", 121.0), ("V100", 125.0), ("T4", 65.0), ("RTX 5090", 209.5), ("RTX 4090", 165.2), ("RTX 3090", 71.0)),
)
_TORCH_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Machine:
    """The device of this process and its place among the ranks."""

    device: torch.device
    precision: str  # fp32, bf16 or fp16
    rank: int = 0
    ranks: int = 1

    def autocast(self) -> AbstractContextManager[object]:
        """Matrix products in half precision where asked for; weights, optimiser and sums stay fp32."""
        if self.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=_TORCH_TYPES[self.precision])

    def sum(self, value: Tensor) -> Tensor:
        """The sum of a tensor over all ranks, in place."""
        if self.ranks > 1:
            distributed.all_reduce(value)
        return value

    def barrier(self) -> None:
        if self.ranks > 1:
            distributed.barrier()

    def memory(self) -> int:
        """Peak bytes: of the device's memory on CUDA, else of the process."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return peak_memory()

    def peak_flops(self, given: float | None) -> float | None:
        """Peak FLOP/s of all ranks: as given in TFLOP/s a device, else by the table, else unknown. fp32 is never in the table."""
        if given is None and self.device.type == "cuda" and self.precision != "fp32":
            name = torch.cuda.get_device_name(self.device)
            given = next((tflops for part, tflops in PEAK_TFLOPS if part in name), None)
        return None if given is None else given * 1e12 * self.ranks

    def __str__(self) -> str:
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else f"{torch.get_num_threads()} threads"
        return f"{self.ranks} x {self.device.type} ({name}), {self.precision}"


@contextlib.contextmanager
def machine(device: str, precision: str, threads: int | None = None) -> Iterator[Machine]:
    """The machine for a run; within torchrun it joins the other ranks (NCCL on CUDA, gloo elsewhere) and leaves them at the end.

    `threads` of the processor are used, or as many as torch would; a run that follows has those it had before.
    """
    kind = _device_type(device)
    rank, ranks, local_rank = (int(os.environ.get(name, default)) for name, default in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0)))
    chosen = (
        torch.device(kind, local_rank)
        if kind == "cuda" and device in ("auto", "cuda")
        else torch.device(kind if device == "auto" else device)
    )
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
        torch.set_float32_matmul_precision("high")  # TF32 where there are tensor cores for it
    threads_before = torch.get_num_threads()
    torch.set_num_threads(threads or threads_before)
    joined = ranks > 1 and not distributed.is_initialized()
    if joined:
        distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        with _deterministic(chosen.type == "cpu"):
            yield Machine(chosen, _precision(precision, chosen.type), rank, ranks)
    finally:
        torch.set_num_threads(threads_before)
        if joined:
            distributed.destroy_process_group()


def _device_type(device: str) -> str:
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return next(kind for kind, there in available.items() if there)
    kind = device.partition(":")[0]
    if kind not in available:
        raise UsageError(f"device {device!r} is not one of auto, {', '.join(available)}")
    if not available[kind]:
        raise WebtextError(f"device {device!r}: this machine or this build of torch has none; use device 'auto' or 'cpu'")
    return kind


def _precision(precision: str, kind: str) -> str:
    if precision == "auto":
        if kind != "cuda":
            return "fp32"
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return precision


@contextlib.contextmanager
def _deterministic(wanted: bool) -> Iterator[None]:
    """On a CPU, torch refuses operations whose result could differ from run to run; their rounding depends on the threads alone."""
    memory: Any = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), memory.fill_uninitialized_memory
    if wanted:
        torch.use_deterministic_algorithms(True)
        # NB: else every fresh tensor is filled with NaN first, which costs a pass over memory.
        memory.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        memory.fill_uninitialized_memory = before[1]
