"""Weights as other projects write them, each made by hand from a model of random values; and ours as they read them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model import hf, tf_checkpoint
from model.gpt2 import GPT2, GPT2Config
from model.weights import load_model, write_llm_c
from tests.model.test_hf import randomised
from tests.model.test_tf_checkpoint import WRITTEN
from webtext.core.errors import WebtextError

TINY = GPT2Config(layers=2, heads=2, width=8, context=16, vocab_size=100)


@pytest.fixture
def model() -> GPT2:
    model = GPT2(TINY, seed=3)
    randomised(model)
    return model.eval()


def logits(model: GPT2) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(torch.arange(16)[None])


def nanogpt(model: GPT2, rows: int, bias: bool = True, prefix: str = "") -> dict[str, Any]:
    """As nanoGPT's train.py saves it: linear layers as torch has them, and the output beside the embedding to which it is tied."""
    tensors = {f"{prefix}transformer.{name}": tensor.clone() for name, tensor in model.state_dict().items()}
    embedding = torch.randn(rows, TINY.width)
    embedding[: TINY.vocab_size] = model.wte.weight[: TINY.vocab_size].detach()
    tensors[f"{prefix}transformer.wte.weight"] = tensors[f"{prefix}lm_head.weight"] = embedding
    tensors = {name: tensor for name, tensor in tensors.items() if bias or not name.endswith(".bias")}
    shape = {"n_layer": 2, "n_head": 2, "n_embd": 8, "block_size": 16, "vocab_size": rows, "bias": bias, "dropout": 0.0}
    return {"model": tensors, "optimizer": {"state": {}}, "model_args": shape, "iter_num": 7, "config": {"dataset": "x"}}


def llm_c(model: GPT2, version: int = 3, rows: int = 128) -> bytes:
    """As train_gpt2.py of llm.c writes it, tensor by tensor."""
    state, layers = model.state_dict(), range(TINY.layers)
    names = ["ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight", "attn.c_proj.bias", "ln_2.weight"]
    names += ["ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias"]
    padded = torch.zeros(rows, TINY.width)
    padded[: TINY.vocab_size] = state["wte.weight"][: TINY.vocab_size]
    tensors = [padded, state["wpe.weight"], *(state[f"h.{i}.{name}"] for name in names for i in layers)]
    tensors += [state["ln_f.weight"], state["ln_f.bias"]]
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    values = flat.numpy().tobytes() if version == 3 else flat.bfloat16().view(torch.int16).numpy().tobytes()
    return struct.pack("<256i", 20240326, version, 16, TINY.vocab_size, 2, 2, 8, rows, *[0] * 248) + values


@pytest.mark.parametrize("prefix", ["", "_orig_mod."], ids=["plain", "compiled"])
def test_nanogpts_checkpoint(model: GPT2, tmp_path: Path, prefix: str) -> None:
    torch.save(nanogpt(model, 128, prefix=prefix), tmp_path / "ckpt.pt")
    for path in (tmp_path, tmp_path / "ckpt.pt"):
        assert torch.equal(logits(load_model(path, vocab_size=100)), logits(model))
    assert load_model(tmp_path).config.vocab_size == 128


def test_nanogpt_without_biases(model: GPT2, tmp_path: Path) -> None:
    torch.save(nanogpt(model, 100, bias=False), tmp_path / "ckpt.pt")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".bias"):
                parameter.zero_()
    assert torch.equal(logits(load_model(tmp_path)), logits(model))


def test_llm_cs_file_both_ways(model: GPT2, tmp_path: Path) -> None:
    write_llm_c(model, tmp_path / "gpt2.bin")
    assert (tmp_path / "gpt2.bin").read_bytes() == llm_c(model)
    assert torch.equal(logits(load_model(tmp_path / "gpt2.bin")), logits(model))
    (tmp_path / "half.bin").write_bytes(llm_c(model, version=5))
    half = load_model(tmp_path / "half.bin")
    assert half.wte.weight.dtype == torch.float32
    assert torch.equal(half.wpe.weight, model.wpe.weight.bfloat16().float())
    torch.testing.assert_close(logits(half), logits(model), rtol=0, atol=0.1)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (struct.pack("<256i", 20240326, 4, *[1] * 254), "unknown version"),
        (struct.pack("<256i", 20240326, 3, 16, 100, 2, 2, 8, 128, *[0] * 248), "1,024 bytes instead of"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "a git-lfs pointer, not the weights"),
        (b"PK\3\4 and no more", "not a checkpoint of nanoGPT's, or damaged"),
    ],
    ids=["version", "cut", "pointer", "zip"],
)
def test_broken_files(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(WebtextError, match=sentence):
        load_model(tmp_path / "a.bin")


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("evil"),)


def test_nothing_in_a_checkpoint_is_executed(model: GPT2, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({**nanogpt(model, 100), "evil": Evil()}, tmp_path / "ckpt.pt")
    with pytest.raises(WebtextError, match="not a checkpoint of nanoGPT's"):
        load_model(tmp_path)
    hf.export(model, tmp_path / "hf")
    (tmp_path / "hf" / "model.safetensors").unlink()
    torch.save({"evil": Evil()}, tmp_path / "hf" / "pytorch_model.bin")
    with pytest.raises(WebtextError, match=r"pytorch_model\.bin: cannot read the weights"):
        load_model(tmp_path / "hf")
    assert not (tmp_path / "evil").exists()


def test_pytorch_model_bin(model: GPT2, tmp_path: Path) -> None:
    """With names as transformers' GPT2Model saved them, without "transformer.", and rows of the embedding filled up."""
    hf.export(model, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    state = {name: tensor.T if name.endswith(hf.TRANSPOSED) else tensor for name, tensor in model.state_dict().items()}
    torch.save({**state, "wte.weight": model.wte.weight[:100]}, tmp_path / "pytorch_model.bin")
    assert torch.equal(logits(load_model(tmp_path)), logits(model))
    (tmp_path / "pytorch_model.bin").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(WebtextError, match="git lfs pull"):
        load_model(tmp_path)


def test_the_checksums_of_tensorflow(tmp_path: Path) -> None:
    """A changed byte of the data, and of the index, is seen."""
    for name in ("model.ckpt.data-00000-of-00001", "model.ckpt.index"):
        for file in WRITTEN.iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        raw = bytearray((tmp_path / name).read_bytes())
        raw[40] ^= 1
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(WebtextError, match="checksum"):
            tf_checkpoint.read_bundle(tmp_path / "model.ckpt")


def test_crc32c() -> None:
    """The value of RFC 3720, B.4, for 32 bytes of zeros, masked."""
    crc = 0x8A9136AA
    assert tf_checkpoint._masked_crc(np.zeros(32, np.uint8)) == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
