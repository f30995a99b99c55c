"""The hardware of a run: device, ranks of torchrun, precision, peak speed and memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from webtext.core.errors import UsageError, WebtextError
from webtext.core.memory import peak_memory

# Dense peaks in TFLOP/s of matrix products with fp32 accumulation, from the vendors' data sheets: in fp16 or bf16, and in fp32, which
# is TF32 where there are tensor cores for it (not in V100 and T4). The first name that fits counts.
PEAK_TFLOPS = {
    "GB200": (2500.0, 1250.0),
    "B200": (2250.0, 1125.0),
    "GH200": (989.4, 494.7),
    "H200": (989.4, 494.7),
    "H100 PCIe": (756.0, 378.0),
    "H100 NVL": (835.5, 417.5),
    "H100": (989.4, 494.7),
    "A100": (312.0, 156.0),
    "A800": (312.0, 156.0),
    "A40": (149.7, 74.8),
    "A30": (165.0, 82.0),
    "A10G": (70.0, 35.0),
    "A10": (125.0, 62.5),
    "L40S": (362.05, 183.0),
    "L40": (181.05, 90.5),
    "L4": (121.0, 60.0),
    "V100S": (130.0, 16.4),
    "V100-PCIE": (112.0, 14.0),
    "V100": (125.0, 15.7),
    "T4": (65.0, 8.1),
    "RTX 5090": (209.5, 104.8),
    "RTX 4090": (165.2, 82.6),
    "RTX 3090": (71.0, 35.6),
}
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # glibc's malloc.h
_TORCH_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Machine:
    """The device of this process and its place among the ranks."""

    device: torch.device
    precision: str  # fp32, bf16 or fp16
    rank: int = 0
    ranks: int = 1

    @property
    def dtype(self) -> torch.dtype:
        """Of the matrix products."""
        return _TORCH_TYPES[self.precision]

    def autocast(self) -> AbstractContextManager[object]:
        """Matrix products in half precision where asked for; weights, optimiser and sums stay fp32."""
        if self.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def sum(self, value: Tensor) -> Tensor:
        """The sum of a tensor over all ranks, in place."""
        if self.ranks > 1:
            distributed.all_reduce(value)
        return value

    def agree(self, value: object) -> bool:
        """Whether all ranks hold what rank 0 holds. Each learns the same answer, so that all go on or all stop."""
        if self.ranks == 1:
            return True
        held: list[object] = [None] * self.ranks
        distributed.all_gather_object(held, value)
        return all(other == held[0] for other in held)

    def barrier(self) -> None:
        if self.ranks > 1:
            distributed.barrier()

    def memory(self) -> int:
        """Peak bytes: of the device's memory on CUDA, else of the process."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return peak_memory()

    def peak_flops(self, given: float | None) -> float | None:
        """Peak FLOP/s of all ranks: as given in TFLOP/s a device, else by the table, else unknown."""
        if given is None and self.device.type == "cuda":
            given = peak_tflops(torch.cuda.get_device_name(self.device), self.precision)
        return None if given is None else given * 1e12 * self.ranks

    def __str__(self) -> str:
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else f"{torch.get_num_threads()} threads"
        return f"{self.ranks} x {self.device.type} ({name}), {self.precision}"


def platform_of(device: torch.device) -> dict[str, str]:
    """What rounding depends on beside the settings: torch's version, and the CPU's vector instructions or the GPU's name."""
    if device.type == "cuda":
        return {"torch": torch.__version__, "GPU": torch.cuda.get_device_name(device)}
    return {"torch": torch.__version__, "CPU capability": torch.backends.cpu.get_cpu_capability()}


def peak_tflops(name: str, precision: str) -> float | None:
    """The peak of a device by the name its driver gives it, None for one that is not in the table.

    Variants of another speed are not matched: a laptop's chip, a "Ti" or "SUPER", a slice of a card (MIG).

    >>> peak_tflops("NVIDIA A100-SXM4-80GB", "bf16")
    312.0
    """
    for part, (half, single) in PEAK_TFLOPS.items():
        if re.search(rf"\b{part}\b(?! (?:Ti|SUPER|D|Laptop|Max-Q)\b)(?!.*\bMIG\b)", name):
            return single if precision == "fp32" else half
    return None


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
        with _deterministic(chosen.type == "cpu"), _memory_kept(chosen.type == "cpu"):
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
        # Otherwise every new tensor is filled with NaN first, which costs a pass over memory.
        memory.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        memory.fill_uninitialized_memory = before[1]


@contextlib.contextmanager
def _memory_kept(wanted: bool) -> Iterator[None]:
    """On a CPU under glibc, freed memory stays with the process (mallopt(3)).

    Else each step gives the pages of its large tensors back and has the kernel fill them with zeros again: 15 % of a step of 7
    million parameters, 4 % of one of 14. At the end what is free goes back, and large blocks are mapped singly as before.
    """
    libc: Any = ctypes.CDLL(None) if wanted and sys.platform == "linux" else None
    if not hasattr(libc, "mallopt"):
        yield
        return
    libc.mallopt(_M_TRIM_THRESHOLD, -1)  # never
    libc.mallopt(_M_MMAP_MAX, 0)
    try:
        yield
    finally:
        libc.mallopt(_M_TRIM_THRESHOLD, 2**26)
        libc.mallopt(_M_MMAP_MAX, 65536)
        libc.malloc_trim(0)
