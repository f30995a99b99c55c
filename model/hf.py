"""GPT-2 and GPT-1 in Hugging Face's layout, `config.json` and `model.safetensors` or `pytorch_model.bin`; transformers is not needed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from model.gpt2 import GPT2, GPT2Config
from model.tensors import write_safetensors
from webtext.core.errors import WebtextError
from webtext.core.files import write_bytes

# OpenAI's code multiplies x @ w (its "Conv1D"), torch's Linear x @ w.T: these weights are stored transposed.
TRANSPOSED = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")

_FILES = ("model.safetensors", "pytorch_model.bin")  # each may be in parts, named by an index

# GPT-1's class has other names for the embeddings than GPT-2's.
_GPT1_NAMES = {"wte.weight": "tokens_embed.weight", "wpe.weight": "positions_embed.weight"}
_ARCHITECTURES = {"gpt2": "gpt2", "openai-gpt": "gpt1"}
# Settings of transformers' configurations that change what is computed, and the only value that is GPT-2 or GPT-1.
_MUST_BE = {
    "model_type": tuple(_ARCHITECTURES),
    "afn": ("gelu",),  # of GPT-1: transformers' name for its tanh approximation there
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "layer_norm_epsilon": (1e-5,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
    "tie_word_embeddings": (True,),
}


def export(
    model: GPT2, directory: Path, *, eot: int | None = None, score: Tensor | None = None, more: Mapping[str, Any] | None = None
) -> None:
    """Write a model so that the class that its config.json names reads it; `eot` is its end-of-text token.

    That is `GPT2LMHeadModel` or `OpenAIGPTLMHeadModel`; with `score` [classes, C], the weights of a linear layer on the state of the last
    token, the one for sequence classification. `more` goes into config.json.
    """
    gpt1 = model.config.architecture == "gpt1"
    tensors: dict[str, Tensor] = {} if score is None else {"score.weight": score}
    for name, tensor in model.state_dict().items():
        visible = tensor[: model.config.vocab_size] if name == "wte.weight" else tensor
        tensors[f"transformer.{_GPT1_NAMES.get(name, name) if gpt1 else name}"] = visible.T if name.endswith(TRANSPOSED) else visible
    write_safetensors(directory / "model.safetensors", tensors, {"format": "pt"})
    # NB: without it transformers' generate() makes its settings of config.json, with a warning.
    write_bytes(directory / "generation_config.json", _json({"bos_token_id": eot, "eos_token_id": eot, "pad_token_id": eot}))
    described = {**config_json(model.config, eot), **(more or {})}
    if score is not None:
        described["architectures"] = [described["architectures"][0].replace("LMHeadModel", "ForSequenceClassification")]
    write_bytes(directory / "config.json", _json(described))  # last: `load` takes a directory with it for a model


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def load(directory: Path) -> GPT2:
    """Read a model, one file or sharded, whatever its precision, as fp32 on the CPU.

    Raises WebtextError for files that are missing, broken, or of a model that is not a GPT-2.
    """
    config = _read_config(directory / "config.json")
    model = GPT2(config)
    fill(model, dict(_read_tensors(directory)), str(directory))
    return model


def fill(model: GPT2, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copy tensors by Hugging Face's names, with or without "transformer.", into a model. Raises WebtextError where they do not fit."""
    given = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    if model.config.architecture == "gpt1":
        ours = {theirs: name for name, theirs in _GPT1_NAMES.items()}
        given = {ours.get(name, name): tensor for name, tensor in given.items() if name != "position_ids"}
    given.pop("score.weight", None)  # of a fine-tuned model; what it was fine-tuned for is not asked of it here
    head = given.pop("lm_head.weight", None)
    if head is not None and not torch.equal(head, given.get("wte.weight", head)):
        raise WebtextError(f"{source}: its output is not tied to the token embedding, so it is no GPT-2")
    # The causal mask, which older versions of transformers stored.
    given = {name: tensor for name, tensor in given.items() if not name.endswith((".attn.bias", ".attn.masked_bias"))}
    state = model.state_dict()
    if given.keys() != state.keys():
        missing, unknown = sorted(state.keys() - given.keys()), sorted(given.keys() - state.keys())
        raise WebtextError(
            f"{source}: not the tensors of a GPT-2 of {model.config.layers} layers; missing {missing[:3]}, unknown {unknown[:3]}"
        )
    with torch.no_grad():
        for name, tensor in given.items():
            target = state[name][: model.config.vocab_size] if name == "wte.weight" else state[name]
            value = tensor.T if name.endswith(TRANSPOSED) else tensor
            if value.shape != target.shape:
                raise WebtextError(
                    f"{source}: tensor {name} has shape {list(tensor.shape)}, the configuration makes it {list(target.shape)}"
                )
            target.copy_(value)


def config_json(config: GPT2Config, eot: int | None = None) -> dict[str, Any]:
    """The config.json of a model."""
    gpt1 = config.architecture == "gpt1"
    return {
        "architectures": ["OpenAIGPTLMHeadModel" if gpt1 else "GPT2LMHeadModel"],
        "model_type": "openai-gpt" if gpt1 else "gpt2",
        "vocab_size": config.vocab_size,
        "n_positions": config.context,
        "n_ctx": config.context,
        "n_embd": config.width,
        "n_layer": config.layers,
        "n_head": config.heads,
        **({"afn": "gelu"} if gpt1 else {"activation_function": "gelu_new"}),
        "layer_norm_epsilon": 1e-5,
        "initializer_range": 0.02,
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
        "resid_pdrop": config.dropout,
        "tie_word_embeddings": True,
        "bos_token_id": eot,
        "eos_token_id": eot,
        "torch_dtype": "float32",
    }


def _read_config(path: Path) -> GPT2Config:
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        for name, allowed in _MUST_BE.items():
            if given.get(name, allowed[0]) not in allowed:
                raise WebtextError(f"{path}: {name} is {given[name]!r}, in a GPT-2 it is {allowed[0]!r}")
        if given.get("n_inner") not in (None, 4 * given["n_embd"]):
            raise WebtextError(f"{path}: n_inner is {given['n_inner']}, in a GPT-2 it is four times n_embd")
        return GPT2Config(
            layers=given["n_layer"],
            heads=given["n_head"],
            width=given["n_embd"],
            context=given.get("n_positions", given.get("n_ctx", 1024)),
            vocab_size=given.get("vocab_size", 50_257),
            architecture=_ARCHITECTURES[given.get("model_type", "gpt2")],
        )
    except OSError as error:
        raise WebtextError(f"{path}: cannot read the model's configuration: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise WebtextError(f"{path}: not the configuration of a GPT-2: {error!r}") from error


def _read_tensors(directory: Path) -> Iterator[tuple[str, Tensor]]:
    one = next((name for name in _FILES if (directory / name).exists() or (directory / f"{name}.index.json").exists()), _FILES[0])
    index = directory / f"{one}.index.json"
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())) if index.exists() else [one]
    except (ValueError, KeyError) as error:
        raise WebtextError(f"{index}: not an index of files of weights: {error!r}") from error
    for name in names:
        path = directory / name
        try:
            refuse_pointer(path)
            if path.suffix == ".bin":
                yield from torch.load(path, map_location="cpu", weights_only=True).items()
                continue
            with safe_open(path, framework="pt") as file:
                for key in file.keys():  # noqa: SIM118 (no mapping)
                    yield key, file.get_tensor(key)
        except (OSError, SafetensorError, UnpicklingError, RuntimeError, EOFError) as error:
            raise WebtextError(f"{path}: cannot read the weights: {error}") from error


def refuse_pointer(path: Path) -> None:
    """Raise WebtextError where git has left a pointer instead of the file."""
    with path.open("rb") as file:
        if file.read(40).startswith(b"version https://git-lfs.github.com/spec"):
            raise WebtextError(f"{path}: a git-lfs pointer, not the weights; run `git lfs pull` there, or download the file itself")
