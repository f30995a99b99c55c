"""The machine of a run: the table of peaks, and memory that stays with the process."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.device import PEAK_TFLOPS, Machine, peak_tflops
from model.train import TrainConfig, train
from webtext.tokens.shards import write_shard


@pytest.mark.parametrize(
    ("name", "half", "single"),
    [
        # As the drivers give them. Peaks without sparsity, from the data sheets.
        ("NVIDIA A100-SXM4-40GB", 312, 156),
        ("NVIDIA A100 80GB PCIe", 312, 156),
        ("NVIDIA H100 80GB HBM3", 989.4, 494.7),
        ("NVIDIA H100 PCIe", 756, 378),
        ("NVIDIA H100 NVL", 835.5, 417.5),
        ("NVIDIA H200", 989.4, 494.7),
        ("NVIDIA GH200 480GB", 989.4, 494.7),
        ("NVIDIA B200", 2250, 1125),
        ("NVIDIA GB200", 2500, 1250),
        ("Tesla V100-SXM2-16GB", 125, 15.7),
        ("Tesla V100-PCIE-32GB", 112, 14.0),
        ("Tesla V100S-PCIE-32GB", 130, 16.4),
        ("Tesla T4", 65, 8.1),
        ("NVIDIA A10", 125, 62.5),
        ("NVIDIA A10G", 70, 35),
        ("NVIDIA A30", 165, 82),
        ("NVIDIA A40", 149.7, 74.8),
        ("NVIDIA L4", 121, 60),
        ("NVIDIA L40", 181.05, 90.5),
        ("NVIDIA L40S", 362.05, 183),
        ("NVIDIA GeForce RTX 3090", 71, 35.6),
        ("NVIDIA GeForce RTX 4090", 165.2, 82.6),
        ("NVIDIA GeForce RTX 5090", 209.5, 104.8),
    ],
)
def test_peaks_of_devices_by_their_drivers_names(name: str, half: float, single: float) -> None:
    assert peak_tflops(name, "bf16") == peak_tflops(name, "fp16") == half
    assert peak_tflops(name, "fp32") == single


@pytest.mark.parametrize(
    "name",
    [
        *(
            "NVIDIA RTX A4000",
            "NVIDIA T400 4GB",
            "Quadro RTX 4000",
            "NVIDIA H20",
            "NVIDIA GeForce RTX 4090 D",
            "NVIDIA GeForce RTX 3090 Ti",
        ),
        *("NVIDIA GeForce RTX 4090 Laptop GPU", "NVIDIA H100 80GB HBM3 MIG 1g.10gb", "NVIDIA GeForce GTX 1080", "AMD Instinct MI300X", ""),
    ],
)
def test_a_relative_of_a_device_is_not_taken_for_it(name: str) -> None:
    assert peak_tflops(name, "bf16") is None


def test_every_entry_of_the_table_can_be_reached() -> None:
    assert {name: (peak_tflops(f"NVIDIA {name}", "bf16"), peak_tflops(f"NVIDIA {name}", "fp32")) for name in PEAK_TFLOPS} == PEAK_TFLOPS


def test_the_peak_is_of_all_ranks_and_the_given_one_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA A100-SXM4-80GB")
    cuda = Machine(torch.device("cuda", 0), "bf16", ranks=8)
    assert cuda.peak_flops(None) == 8 * 312e12
    assert cuda.peak_flops(100.0) == 8 * 100e12
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Chip of tomorrow")
    assert cuda.peak_flops(None) is None
    assert Machine(torch.device("cpu"), "fp32").peak_flops(None) is None
    assert Machine(torch.device("cpu"), "fp32", ranks=2).peak_flops(0.5) == 1e12


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_the_memory_of_a_step_is_that_of_the_step_before(tmp_path: Path) -> None:
    """The logits alone are 4,096 pages; once each is there, no step asks the kernel for as many again."""
    for split in ("train", "val"):
        write_shard(tmp_path / f"{split}-00000.bin", [np.arange(8192)], vocab_size=8192)
    faults: list[int] = []
    shape: dict[str, Any] = {"layers": 1, "heads": 1, "width": 64, "context": 64, "vocab_size": 8192, "batch_tokens": 512}
    train(
        TrainConfig(**shape, steps=12, eval_every=100, device="cpu", threads=1),
        tmp_path,
        tmp_path / "out",
        progress=lambda report: faults.append(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt),
    )
    assert np.median(np.diff(faults)[4:-1]) < 1000  # the last step has a validation
