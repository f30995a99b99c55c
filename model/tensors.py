"""Writes safetensors files a tensor at a time: no second copy in memory, and never half a file under the final name."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_KEY = b'"sha256": "'
_UNSEALED = _KEY + b"0" * 64


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], *, seal: bool = False) -> None:
    """Write tensors as fp32 with `metadata`; temporary, synced, renamed.

    With `seal`, the metadata begins with "sha256": the digest of the whole file with 64 zeros in its own place.
    Format: https://github.com/huggingface/safetensors (8 bytes of length, JSON header, tensor bytes).
    """
    described: dict[str, Any] = {"__metadata__": {**({"sha256": "0" * 64} if seal else {}), **metadata}}
    offset = 0
    for name, tensor in tensors.items():
        end = offset + 4 * tensor.numel()
        described[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    header = json.dumps(described).encode()
    header += b" " * (-len(header) % 8)  # aligns the tensors
    header = struct.pack("<Q", len(header)) + header
    digest = hashlib.sha256(header)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(header)
        for tensor in tensors.values():
            values = tensor.detach().to("cpu", torch.float32).contiguous().numpy().data.cast("B")
            if seal:
                digest.update(values)
            file.write(values)
        if seal:
            file.seek(header.index(_UNSEALED) + len(_KEY))
            file.write(digest.hexdigest().encode())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def seal_fits(file: memoryview, sealed: str) -> bool:
    """Whether the bytes of a file are those that `write_safetensors` has sealed with the digest `sealed`."""
    header = bytes(file[: 8 + struct.unpack("<Q", file[:8])[0]])
    digest = hashlib.sha256(header.replace(_KEY + sealed.encode(), _UNSEALED, 1))
    digest.update(file[len(header) :])
    return digest.hexdigest() == sealed
