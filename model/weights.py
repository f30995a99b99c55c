"""The weights of a GPT-2 from anywhere: `load_model`. And llm.c's file of them, which is written too.

A file of llm.c's (train_gpt2.py and llmc/ of karpathy/llm.c): 256 little-endian int32 [magic 20240326, version 3 (fp32) or 5 (bf16),
context, vocabulary, layers, heads, width, rows of the embedding], then the tensors of `_LLM_C`, each of all layers one after another.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model import hf, tf_checkpoint
from model.checkpoint import BEST, Checkpoint
from model.gpt2 import GPT2, GPT2Config
from model.lstm import LanguageModel, build_model
from webtext.core.errors import WebtextError
from webtext.core.files import writing

_MAGIC = 20240326
_DTYPES = {3: torch.float32, 5: torch.bfloat16}
_MODULES = ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
_LAYER = tuple(f"{module}.{kind}" for module in _MODULES for kind in ("weight", "bias"))
_PADDING = (64, 128, 256, 512, 1024)  # multiples to which trainers fill up the rows of the embedding


def load_model(path: Path, *, vocab_size: int | None = None) -> GPT2:
    """The model in `path`, as fp32 on the CPU.

    A file: a checkpoint of ours, nanoGPT's ckpt.pt, or llm.c's .bin. A directory: Hugging Face's layout (safetensors or
    pytorch_model.bin), OpenAI's, nanoGPT's out_dir, or that of a training run (its exported model, or its best checkpoint while there is
    none). Rows of the embedding that only fill it up behind `vocab_size` tokens are left out. Nothing in a file is executed. Raises
    WebtextError where there is no model or a broken one.
    """
    model = load_language_model(path)
    if not isinstance(model, GPT2):
        raise WebtextError(f"{path}: an LSTM, which can be trained further and fine-tuned, and nothing else")
    size = model.config.vocab_size
    if vocab_size is None or not any(size == -(-vocab_size // multiple) * multiple for multiple in _PADDING) or size == vocab_size:
        return model
    smaller = GPT2(replace(model.config, vocab_size=vocab_size))
    tensors = model.state_dict()
    with torch.no_grad():
        for name, tensor in smaller.state_dict().items():
            rows = vocab_size if name == "wte.weight" else None
            tensor[:rows].copy_(tensors[name][:rows])
    return smaller


def load_language_model(path: Path) -> LanguageModel:
    """As `load_model`, with the rows of the embedding as they are; a checkpoint may be that of an LSTM."""
    if path.is_file():
        hf.refuse_pointer(path)
        with path.open("rb") as file:
            begin = file.read(4)
        if begin == _MAGIC.to_bytes(4, "little"):
            return _load_llm_c(path)
        if begin in (b"PK\3\4", b"\x80\x02\x8a\x0a"):  # what torch.save writes
            return _load_nanogpt(path)
        found = Checkpoint(path)
        # NB: a key at its default is not in the checkpoints of before it was there.
        model = build_model(GPT2Config(**{field.name: found.state.config.get(field.name, field.default) for field in fields(GPT2Config)}))
        found.restore(model)
        return model
    for directory in (path, path / "hf"):
        if (directory / "config.json").is_file():
            return hf.load(directory)
    if (path / "hparams.json").is_file():
        return tf_checkpoint.load(path)
    for name in (BEST, "ckpt.pt"):
        if (path / name).is_file():
            return load_language_model(path / name)
    raise WebtextError(f"{path}: no model: neither a checkpoint, nor config.json with model.safetensors, nor a training run")


def _load_nanogpt(path: Path) -> GPT2:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        given = found["model_args"]
        config = GPT2Config(given["n_layer"], given["n_head"], given["n_embd"], given["block_size"], given["vocab_size"])
        tensors = {name.removeprefix("_orig_mod."): tensor for name, tensor in found["model"].items()}
    except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError, EOFError) as error:
        raise WebtextError(f"{path}: not a checkpoint of nanoGPT's, or damaged: {str(error).splitlines()[0]}") from error
    tensors = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    if not given.get("bias", True):  # without biases it computes what a GPT-2 does whose biases are 0
        biases = (name for name in GPT2(config).state_dict() if name.endswith(".bias"))
        sizes = {"c_attn": 3 * config.width, "c_fc": 4 * config.width}
        tensors |= {name: torch.zeros(sizes.get(name.split(".")[-2], config.width)) for name in biases}
    return _filled(config, tensors, path)


def _filled(config: GPT2Config, tensors: Mapping[str, Tensor], path: Path) -> GPT2:
    """A model of tensors with a linear layer's weights as torch has them, which `hf.fill` expects turned."""
    model = GPT2(config)
    hf.fill(model, {name: tensor.T if name.endswith(hf.TRANSPOSED) else tensor for name, tensor in tensors.items()}, str(path))
    return model


def _llm_c_shapes(config: GPT2Config, rows: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the tensors of a file in its order; h.* are those of all layers."""
    width = config.width
    yield "wte.weight", (rows, width)
    yield "wpe.weight", (config.context, width)
    out = {"attn.c_attn": 3 * width, "mlp.c_fc": 4 * width}
    for name in _LAYER:
        layer, _, kind = name.rpartition(".")
        matrix = kind == "weight" and not layer.startswith("ln_")
        into = 4 * width if layer == "mlp.c_proj" else width
        yield f"h.*.{name}", (config.layers, out.get(layer, width), *([into] if matrix else []))
    yield "ln_f.weight", (width,)
    yield "ln_f.bias", (width,)


def _load_llm_c(path: Path) -> GPT2:
    header = np.fromfile(path, dtype="<i4", count=256).tolist()
    dtype = _DTYPES.get(header[1]) if len(header) == 256 else None
    if dtype is None or min(header[2:8]) < 1 or header[7] < header[3]:
        raise WebtextError(f"{path}: weights of llm.c's of an unknown version; known are 3 (fp32) and 5 (bf16)")
    context, vocabulary, layers, heads, width, rows = header[2:8]
    config = GPT2Config(layers, heads, width, context, vocabulary)
    shapes = list(_llm_c_shapes(config, rows))
    count = sum(int(np.prod(shape)) for _, shape in shapes)
    if path.stat().st_size != 1024 + count * dtype.itemsize:
        raise WebtextError(f"{path}: {path.stat().st_size:,} bytes instead of {1024 + count * dtype.itemsize:,}; copy it again")
    values = torch.from_file(str(path), shared=False, size=1024 // dtype.itemsize + count, dtype=dtype)[1024 // dtype.itemsize :]
    tensors: dict[str, Tensor] = {}
    for name, shape in shapes:
        size = int(np.prod(shape))
        tensor, values = values[:size].view(shape).float(), values[size:]
        if name.startswith("h.*."):
            tensors.update((name.replace("*", str(layer)), part) for layer, part in enumerate(tensor))
        else:
            tensors[name] = tensor[:vocabulary] if name == "wte.weight" else tensor
    return _filled(config, tensors, path)


def write_llm_c(model: GPT2, path: Path) -> None:
    """Write a model as llm.c's train_gpt2 reads it, in fp32; the rows of the embedding are filled up with zeros to a multiple of 128."""
    config, state = model.config, model.state_dict()
    rows = -(-config.vocab_size // 128) * 128
    header = np.zeros(256, "<i4")
    header[:8] = _MAGIC, 3, config.context, config.vocab_size, config.layers, config.heads, config.width, rows
    with writing(path) as output:
        output.file.write(header.tobytes())
        for name, _ in _llm_c_shapes(config, rows):
            names = [name.replace("*", str(layer)) for layer in range(config.layers)] if "*" in name else [name]
            for each in names:
                tensor: Any = state[each].detach().cpu().float()
                output.file.write((tensor[: config.vocab_size] if each == "wte.weight" else tensor).contiguous().numpy().tobytes())
            if name == "wte.weight":
                output.file.write(bytes(4 * config.width * (rows - config.vocab_size)))
