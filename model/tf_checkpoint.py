"""Reads the checkpoints OpenAI published GPT-2 in, without TensorFlow.

Such a directory holds `hparams.json`, and a TensorFlow "tensor bundle": `model.ckpt.data-00000-of-00001`, the tensors one behind
another, and `model.ckpt.index`, a table in LevelDB's format from each name to a protocol-buffer message `BundleEntryProto`
(tensorflow/core/protobuf/tensor_bundle.proto, and leveldb/doc/table_format.md). TensorFlow writes the table uncompressed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model import hf
from model.gpt2 import GPT2, GPT2Config
from tokenizer.kernels import Bytes, kernel
from webtext.core.errors import WebtextError

_MAGIC = 0xDB4775248B80FB57
_FLOAT32 = 1  # DataType.DT_FLOAT


def load(directory: Path) -> GPT2:
    """Read a model as fp32 on the CPU. Raises WebtextError for files that are missing, broken or of another model."""
    try:
        hparams = json.loads((directory / "hparams.json").read_text(encoding="utf-8"))
        config = GPT2Config(
            layers=hparams["n_layer"],
            heads=hparams["n_head"],
            width=hparams["n_embd"],
            context=hparams["n_ctx"],
            vocab_size=hparams["n_vocab"],
        )
    except OSError as error:
        raise WebtextError(f"{directory / 'hparams.json'}: cannot read the model's configuration: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise WebtextError(f"{directory / 'hparams.json'}: not the configuration of a GPT-2: {error!r}") from error
    model = GPT2(config)
    hf.fill(model, {_hf_name(name): tensor for name, tensor in read_bundle(directory / "model.ckpt").items()}, str(directory))
    return model


def _hf_name(name: str) -> str:
    """model/h3/attn/c_attn/w -> h.3.attn.c_attn.weight."""
    parts = re.sub(r"^h(\d+)/", r"h/\1/", name.removeprefix("model/")).split("/")
    last = {"w": ["weight"], "g": ["weight"], "b": ["bias"]}.get(parts[-1], [parts[-1], "weight"])
    return ".".join([*parts[:-1], *last])


def read_bundle(prefix: Path) -> dict[str, Tensor]:
    """The fp32 tensors of a bundle by name; weights [1, in, out], as OpenAI's convolutions are, lose their first axis.

    Raises WebtextError where a file is missing, damaged, or of another type.
    """
    index = prefix.with_name(f"{prefix.name}.index")
    try:
        table = dict(_table(index.read_bytes()))
        shards = _number(_fields(table.pop(b"")), 1)
        data = [np.memmap(f"{prefix}.data-{shard:05}-of-{shards:05}", np.uint8, "r") for shard in range(shards)]
        tensors = {}
        for key, value in table.items():
            entry = _fields(value)
            if _number(entry, 1) != _FLOAT32:
                raise ValueError(f"tensor {key.decode()} is not of fp32")
            shape = [_number(_fields(axis), 1) for axis in _fields(entry[2][0]).get(2, [])] if 2 in entry else []
            offset, size = _number(entry, 4), _number(entry, 5)
            raw = data[_number(entry, 3)][offset : offset + size]
            if raw.size != size or _masked_crc(raw) != int.from_bytes(bytes(entry[6][0]), "little"):
                raise ValueError(f"tensor {key.decode()} has other bytes than were written: its checksum does not fit")
            values = np.frombuffer(raw.tobytes(), "<f4").reshape(shape)
            tensors[key.decode()] = torch.from_numpy((values[0] if len(shape) == 3 else values).copy())
        return tensors
    except OSError as error:
        raise WebtextError(f"{error.filename}: cannot read the checkpoint: {error.strerror}") from error
    except (ValueError, IndexError, KeyError) as error:
        raise WebtextError(f"{index}: not the index of a TensorFlow checkpoint of a GPT-2, or damaged: {error}") from error


def _table(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a LevelDB table: its footer names the index block, whose values name the data blocks."""
    if len(raw) < 48 or int.from_bytes(raw[-8:], "little") != _MAGIC:
        raise ValueError("its last 8 bytes are not those of a table")
    _, _, position = _handle(raw, len(raw) - 48)  # of the meta-index
    for _, value in _block(raw, *_handle(raw, position)[:2]):
        yield from _block(raw, *_handle(value, 0)[:2])


def _block(raw: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a block: keys share a prefix with the key before; behind them lie positions of restarts and the compression."""
    if raw[offset + size] != 0:
        raise ValueError("it is compressed, which TensorFlow's own are not")
    block = np.frombuffer(raw, np.uint8)[offset : offset + size + 1]
    if _masked_crc(block) != int.from_bytes(raw[offset + size + 1 : offset + size + 5], "little"):
        raise ValueError("the checksum of a block does not fit")
    end = offset + size - 4 - 4 * int.from_bytes(raw[offset + size - 4 : offset + size], "little")
    key = b""
    while offset < end:
        shared, offset = _varint(raw, offset)
        new, offset = _varint(raw, offset)
        length, offset = _varint(raw, offset)
        key = key[:shared] + raw[offset : offset + new]
        offset += new + length
        yield key, raw[offset - length : offset]


@cache
def _crc_table() -> npt.NDArray[np.uint32]:
    """What each value of a byte adds to CRC-32C (polynomial 0x82F63B78, bits reversed)."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ 0x82F63B78, table >> 1).astype(np.uint32)
    return table


@kernel
def _crc(data: Bytes, table: npt.NDArray[np.uint32]) -> int:
    crc = np.uint32(0xFFFFFFFF)
    for byte in data:
        crc = table[(crc ^ np.uint32(byte)) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
    return int(crc ^ np.uint32(0xFFFFFFFF))


def _masked_crc(data: Bytes) -> int:
    """CRC-32C as LevelDB stores it, turned by 15 bits and shifted, so that a checksum of checksums is none (util/crc32c.h)."""
    crc = int(_crc(data, _crc_table()))
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _handle(raw: bytes, position: int) -> tuple[int, int, int]:
    """(offset, size, position behind) of a pointer to a block."""
    offset, position = _varint(raw, position)
    size, position = _varint(raw, position)
    return offset, size, position


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    """(number, position behind) of a base-128 number, lowest digits first."""
    number = shift = 0
    while True:
        byte = raw[position]
        number |= (byte & 127) << shift
        shift, position = shift + 7, position + 1
        if byte < 128:
            return number, position


def _fields(message: bytes | int) -> dict[int, list[bytes | int]]:
    """The fields of a protocol-buffer message by number."""
    if isinstance(message, int):
        raise ValueError("a number where a message belongs")
    fields: dict[int, list[bytes | int]] = {}
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        value: bytes | int
        if tag & 7 == 0:
            value, position = _varint(message, position)
        else:
            length = {1: 8, 5: 4}.get(tag & 7)
            if length is None:
                length, position = _varint(message, position)
            value, position = message[position : position + length], position + length
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _number(fields: dict[int, list[bytes | int]], field: int) -> int:
    """A number field; 0, as absent fields are, where it is not there."""
    value = fields.get(field, [0])[0]
    if not isinstance(value, int):
        raise ValueError("a message where a number belongs")
    return value
