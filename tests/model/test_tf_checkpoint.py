"""OpenAI's checkpoints, against one that TensorFlow wrote.

data/tf_checkpoint was made by TensorFlow 2.21's SaveV2 with OpenAI's names and shapes (12 layers, 1 head, width 2, context 4,
vocabulary 6): tensor k in the order of names holds k, k + 0.001, k + 0.002 ...
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from model import tf_checkpoint
from model.weights import load_model
from webtext.core.errors import WebtextError

WRITTEN = Path(__file__).parent / "data" / "tf_checkpoint"


def test_every_tensor_is_read() -> None:
    tensors = tf_checkpoint.read_bundle(WRITTEN / "model.ckpt")
    assert len(tensors) == 12 * 12 + 4
    for number, name in enumerate(sorted(tensors)):
        expected = (number + np.arange(tensors[name].numel()) / 1000).astype(np.float32)
        assert np.array_equal(tensors[name].flatten().numpy(), expected), name
    assert tensors["model/h11/attn/c_attn/w"].shape == (2, 6)
    assert tensors["model/wte"].shape == (6, 2)


def test_the_model_has_them_in_their_places() -> None:
    tensors = tf_checkpoint.read_bundle(WRITTEN / "model.ckpt")
    model = load_model(WRITTEN)
    assert (model.config.layers, model.config.heads, model.config.width, model.config.context, model.config.vocab_size) == (12, 1, 2, 4, 6)
    parameters = dict(model.named_parameters())
    for name, ours in (
        ("h3/attn/c_attn/w", parameters["h.3.attn.c_attn.weight"].T),
        ("h10/mlp/c_proj/w", parameters["h.10.mlp.c_proj.weight"].T),
        ("h10/mlp/c_proj/b", parameters["h.10.mlp.c_proj.bias"]),
        ("h2/ln_1/g", parameters["h.2.ln_1.weight"]),
        ("h2/ln_2/b", parameters["h.2.ln_2.bias"]),
        ("ln_f/g", parameters["ln_f.weight"]),
        ("wpe", parameters["wpe.weight"]),
        ("wte", parameters["wte.weight"][:6]),
    ):
        assert torch.equal(tensors[f"model/{name}"], ours), name


def test_broken_ones_are_refused(tmp_path: Path) -> None:
    directory = tmp_path / "model"
    shutil.copytree(WRITTEN, directory)
    index, data = directory / "model.ckpt.index", directory / "model.ckpt.data-00000-of-00001"
    whole = index.read_bytes()
    for broken in (b"", whole[:-1], whole[:20] + whole[-48:], whole[100:]):
        index.write_bytes(broken)
        with pytest.raises(WebtextError, match=r"model\.ckpt\.index: not the index of a TensorFlow checkpoint"):
            tf_checkpoint.load(directory)
    index.write_bytes(whole)
    data.write_bytes(data.read_bytes()[:-4])
    with pytest.raises(WebtextError, match="damaged"):
        tf_checkpoint.load(directory)
    data.unlink()
    with pytest.raises(WebtextError, match=r"data-00000-of-00001: cannot read the checkpoint"):
        tf_checkpoint.load(directory)
    hparams = json.loads((WRITTEN / "hparams.json").read_text())
    shutil.copy(WRITTEN / data.name, data)
    (directory / "hparams.json").write_text(json.dumps({**hparams, "n_layer": 13}))
    with pytest.raises(WebtextError, match=r"missing \['h\.12\.attn"):
        tf_checkpoint.load(directory)
    (directory / "hparams.json").write_text("{}")
    with pytest.raises(WebtextError, match=r"hparams\.json: not the configuration"):
        tf_checkpoint.load(directory)
