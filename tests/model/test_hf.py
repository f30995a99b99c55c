"""Hugging Face's layout against transformers' own GPT-2, both ways."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from model import hf
from model.gpt2 import GPT2, SIZES, GPT2Config
from tokenizer import ByteBPE
from webtext.core.errors import WebtextError

FOUR = ["124M", "355M", "774M", "1558M"]


def randomised(model: torch.nn.Module) -> None:
    """Random biases and gains too, so that none can be mixed up unseen."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))


def theirs(config: GPT2Config) -> torch.nn.Module:
    import transformers

    model: torch.nn.Module = transformers.GPT2LMHeadModel(transformers.GPT2Config(**hf.config_json(config)))
    return model.eval()


def both_ways(config: GPT2Config, directory: Path) -> None:
    """Export ours and read it with transformers; save theirs and read it with ours: the logits agree to 1e-4."""
    import transformers

    tokens = torch.randint(config.vocab_size, (2, 64), generator=torch.Generator().manual_seed(0))
    ours = GPT2(config, seed=1).eval()
    randomised(ours)
    hf.export(ours, directory / "ours", eot=config.vocab_size - 1)
    with torch.no_grad():
        expected = ours(tokens)
        del ours
        read = transformers.GPT2LMHeadModel.from_pretrained(directory / "ours").eval()
        torch.testing.assert_close(read(tokens).logits, expected, rtol=0, atol=1e-4)
        del read
        other = theirs(config)
        randomised(other)
        other.save_pretrained(directory / "theirs", max_shard_size="2GB")  # type: ignore[operator]
        expected = other(tokens).logits
        del other
        torch.testing.assert_close(hf.load(directory / "theirs").eval()(tokens), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", FOUR)
def test_logits_agree_with_transformers_both_ways(size: str, tmp_path: Path) -> None:
    """Heads and width of the four sizes, with few layers and a small vocabulary so that it is quick."""
    both_ways(replace(SIZES[size], layers=2 if size == "124M" else 1, context=64, vocab_size=257), tmp_path)


@pytest.mark.parametrize("size", FOUR)
def test_all_tensors_of_the_full_sizes_have_their_names_and_shapes(size: str) -> None:
    """Without their memory: tensors on torch's meta device have shapes alone."""
    with torch.device("meta"):
        ours, other = GPT2(SIZES[size]).state_dict(), theirs(SIZES[size]).state_dict()
    layout = {}
    for name, tensor in ours.items():
        shape = list(tensor.shape[::-1] if name.endswith(hf.TRANSPOSED) else tensor.shape)
        layout[f"transformer.{name}"] = [SIZES[size].vocab_size, *shape[1:]] if name == "wte.weight" else shape
    assert layout == {name: list(tensor.shape) for name, tensor in other.items() if name != "lm_head.weight"}
    assert sum(torch.Size(shape).numel() for shape in layout.values()) == SIZES[size].parameters


@pytest.mark.slow
@pytest.mark.parametrize("size", FOUR)
def test_logits_agree_with_transformers_at_full_size(size: str, tmp_path: Path) -> None:
    both_ways(SIZES[size], tmp_path)


def test_a_round_trip_keeps_every_bit(tmp_path: Path) -> None:
    model = GPT2(GPT2Config(2, 2, 16, 8, 50), seed=2)
    randomised(model)
    with torch.no_grad():
        model.wte.weight[50:] = 0
    hf.export(model, tmp_path)
    again = hf.load(tmp_path)
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in model.state_dict().items())
    assert again.config == model.config
    assert load_file(tmp_path / "model.safetensors")["transformer.wte.weight"].shape == (50, 16)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "generation_config.json", "model.safetensors"]


def test_old_names_and_half_precision_are_read(tmp_path: Path) -> None:
    """OpenAI's weights on the hub have no prefix and hold the causal masks; other files hold the head and fp16."""
    model = GPT2(GPT2Config(1, 2, 16, 8, 50), seed=2)
    hf.export(model, tmp_path)
    tensors = {name.removeprefix("transformer."): tensor.half() for name, tensor in load_file(tmp_path / "model.safetensors").items()}
    tensors["h.0.attn.bias"] = torch.ones(1, 1, 8, 8).half()
    tensors["lm_head.weight"] = tensors["wte.weight"].clone()
    save_file(tensors, tmp_path / "model.safetensors")
    again = hf.load(tmp_path)
    assert again.wte.weight.dtype == torch.float32
    torch.testing.assert_close(again.wte.weight, model.wte.weight, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"activation_function": "gelu"}, r"config\.json: activation_function is 'gelu', in a GPT-2 it is 'gelu_new'"),
        ({"model_type": "llama"}, "model_type is 'llama'"),
        ({"n_inner": 17}, "n_inner is 17"),
        ({"n_layer": "two"}, "not the configuration of a GPT-2"),
        ({"n_layer": 3}, r"missing \['h\.2\.attn\.c_attn\.bias'"),
        ({"n_layer": 1}, r"unknown \['h\.1\.attn\.c_attn\.bias'"),
        ({"vocab_size": 51}, r"tensor wte\.weight has shape \[50, 16\], the configuration makes it \[51, 16\]"),
    ],
)
def test_other_models_are_refused_with_the_reason(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    hf.export(GPT2(GPT2Config(2, 2, 16, 8, 50)), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(WebtextError, match=reason):
        hf.load(tmp_path)


def test_untied_missing_and_cut_weights_are_refused(tmp_path: Path) -> None:
    hf.export(GPT2(GPT2Config(1, 2, 16, 8, 50)), tmp_path)
    path = tmp_path / "model.safetensors"
    whole = path.read_bytes()
    save_file({**load_file(path), "lm_head.weight": torch.ones(50, 16)}, path)
    with pytest.raises(WebtextError, match="not tied to the token embedding"):
        hf.load(tmp_path)
    path.write_bytes(whole[:-10])
    with pytest.raises(WebtextError, match=r"model\.safetensors: cannot read the weights"):
        hf.load(tmp_path)
    path.unlink()
    with pytest.raises(WebtextError, match=r"model\.safetensors: cannot read the weights"):
        hf.load(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(WebtextError, match=r"config\.json: cannot read the model's configuration: No such file"):
        hf.load(tmp_path)


def test_what_is_exported_is_whole_for_transformers(tmp_path: Path) -> None:
    """Model, tokenizer and settings of generation, by the classes that choose by themselves."""
    import transformers

    bpe = ByteBPE([(104, 101)])
    hf.export(GPT2(GPT2Config(layers=1, heads=1, width=8, context=16, vocab_size=bpe.vocab_size)), tmp_path, eot=bpe.eot)
    bpe.save(tmp_path, context=16)
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert (len(tokenizer), tokenizer.model_max_length, tokenizer.eos_token_id) == (258, 16, bpe.eot)
    assert tokenizer("he had")["input_ids"] == bpe.encode("he had")
    assert model.generation_config.eos_token_id == bpe.eot
    prompt = tokenizer("he", return_tensors="pt")
    assert model.generate(**prompt, max_new_tokens=3).shape[1] <= prompt["input_ids"].shape[1] + 3
