"""The model: exact sizes, the paper's initialisation, causality, padding, documents kept apart."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from model.gpt2 import GPT2, PAPER_NAMES, SIZES, GPT2Config, KVCache, preset
from webtext.core.errors import UsageError

SMALL = GPT2Config(layers=3, heads=2, width=32, context=24, vocab_size=50)


@pytest.mark.parametrize(
    ("paper", "true", "parameters", "non_embedding"),
    [
        ("117M", "124M", 124_439_808, 85_056_000),
        ("345M", "355M", 354_823_168, 302_311_424),
        ("762M", "774M", 774_030_080, 708_390_400),
        ("1542M", "1558M", 1_557_611_200, 1_475_561_600),
    ],
)
def test_the_four_sizes_have_exactly_the_known_parameters(paper: str, true: str, parameters: int, non_embedding: int) -> None:
    config = preset(paper)
    assert config is preset(true)
    assert PAPER_NAMES[paper] == true
    assert (config.parameters, config.non_embedding) == (parameters, non_embedding)
    assert (config.context, config.vocab_size, config.padded_vocab, config.width // config.heads) == (1024, 50_257, 50_304, 64)


@pytest.mark.parametrize("config", [SMALL, *(SIZES[name] for name in ("nano", "tiny", "mini", "124M"))])
def test_the_formula_counts_the_tensors(config: GPT2Config) -> None:
    held = sum(parameter.numel() for parameter in GPT2(config).parameters())
    assert held - (config.padded_vocab - config.vocab_size) * config.width == config.parameters


def test_unknown_sizes_and_impossible_shapes_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown model size '125M'; known are nano, tiny"):
        preset("125M")
    with pytest.raises(UsageError, match="width 30 is no multiple of heads 4"):
        GPT2Config(layers=1, heads=4, width=30)
    with pytest.raises(UsageError, match="1 or more"):
        GPT2Config(layers=0, heads=1, width=4)
    with pytest.raises(UsageError, match=r"dropout 1\.0"):
        GPT2Config(layers=1, heads=1, width=4, dropout=1.0)


def test_initialisation_is_the_papers() -> None:
    config = GPT2Config(layers=8, heads=4, width=256, context=512, vocab_size=4000)
    parameters = {name: parameter.detach() for name, parameter in GPT2(config, seed=3).named_parameters()}
    assert float(parameters["wte.weight"][:4000].std()) == pytest.approx(0.02, rel=0.01)
    assert float(parameters["wte.weight"][4000:].abs().max()) == 0
    assert float(parameters["wpe.weight"].std()) == pytest.approx(0.01, rel=0.01)
    for layer in range(8):
        for name, std in (("attn.c_attn", 0.02), ("mlp.c_fc", 0.02), ("attn.c_proj", 0.02 / 4), ("mlp.c_proj", 0.02 / 4)):
            assert float(parameters[f"h.{layer}.{name}.weight"].std()) == pytest.approx(std, rel=0.02)
            assert float(parameters[f"h.{layer}.{name}.bias"].abs().max()) == 0
    assert float(parameters["ln_f.weight"].min()) == float(parameters["h.0.ln_1.weight"].max()) == 1
    again = dict(GPT2(config, seed=3).named_parameters())
    other = dict(GPT2(config, seed=4).named_parameters())
    assert all(torch.equal(parameter, again[name]) for name, parameter in parameters.items())
    assert not torch.equal(parameters["wte.weight"], other["wte.weight"])


@pytest.mark.parametrize("size", ["nano", "tiny", "mini"])
def test_a_fresh_model_knows_nothing(size: str) -> None:
    """Its loss is ln(50,257) = 10.825, plus half the variance of its logits."""
    model = GPT2(preset(size), seed=1)
    tokens = torch.randint(50_257, (4, model.config.context + 1), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        loss = float(model(tokens[:, :-1], tokens[:, 1:])) / tokens[:, 1:].numel()
    assert loss == pytest.approx(math.log(50_257) + 0.0002 * model.config.width, abs=0.1)


def test_padding_of_the_vocabulary_does_not_show() -> None:
    model = GPT2(SMALL, seed=1)
    tokens = torch.randint(50, (2, 13), generator=torch.Generator().manual_seed(0))
    logits = model(tokens[:, :-1])
    assert logits.shape == (2, 12, 50)
    loss = model(tokens[:, :-1], tokens[:, 1:])
    torch.testing.assert_close(loss, F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="sum"))
    loss.backward()
    assert model.wte.weight.grad is not None
    assert float(model.wte.weight.grad[50:].abs().max()) == 0
    with torch.no_grad():
        model.wte.weight[50:] = 100.0
    torch.testing.assert_close(model(tokens[:, :-1], tokens[:, 1:]), loss)


def test_no_token_sees_those_behind_it() -> None:
    model = GPT2(SMALL, seed=1).eval()
    tokens = torch.randint(50, (1, 20), generator=torch.Generator().manual_seed(0))
    changed = tokens.clone()
    changed[0, 12] = (tokens[0, 12] + 1) % 50
    before, after = model(tokens).detach(), model(changed).detach()
    torch.testing.assert_close(before[:, :12], after[:, :12], rtol=0, atol=1e-6)
    assert float((before[:, 12:] - after[:, 12:]).abs().amax(-1).min()) > 1e-5


def test_documents_kept_apart_are_read_as_if_alone() -> None:
    model = GPT2(SMALL, seed=1).eval()
    first, second, third = torch.tensor([[3, 4, 5, 6]]), torch.tensor([[49, 7, 8]]), torch.tensor([[49, 9, 10, 11, 12]])
    packed = model(torch.cat([first, second, third], 1), eot=49)
    alone = torch.cat([model(document) for document in (first, second, third)], 1)
    torch.testing.assert_close(packed, alone, rtol=1e-5, atol=1e-6)
    crossed = model(torch.cat([first, second, third], 1))
    assert float((crossed - alone).detach()[:, 4:].abs().max()) > 1e-3


def test_activation_checkpointing_gives_the_same_gradients() -> None:
    tokens = torch.randint(50, (2, 13), generator=torch.Generator().manual_seed(0))
    gradients = []
    for activation_checkpointing in (False, True):
        model = GPT2(GPT2Config(2, 2, 32, 24, 50, dropout=0.2), seed=1, activation_checkpointing=activation_checkpointing)
        torch.manual_seed(5)
        model(tokens[:, :-1], tokens[:, 1:]).backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    for plain, recomputed in zip(*gradients):
        torch.testing.assert_close(plain, recomputed)


def test_dropout_acts_in_training_alone() -> None:
    model = GPT2(GPT2Config(2, 2, 32, 24, 50, dropout=0.5), seed=1)
    tokens = torch.arange(20)[None]
    assert not torch.equal(model(tokens), model(tokens))
    model.eval()
    assert torch.equal(model(tokens), model(tokens))


def test_more_tokens_than_positions_are_refused() -> None:
    model = GPT2(SMALL)
    with pytest.raises(ValueError, match="25 tokens exceed the context of 24"):
        model(torch.zeros(1, 25, dtype=torch.long))
    cache = KVCache(SMALL, 1, 24, device=torch.device("cpu"), dtype=torch.float32)
    with torch.no_grad(), pytest.raises(ValueError, match="25 tokens exceed"):
        model.hidden(torch.zeros(1, 24, dtype=torch.long), cache=cache)
        model.hidden(torch.zeros(1, 1, dtype=torch.long), cache=cache)


def test_flops_a_token_are_palms() -> None:
    """nanoGPT's transformer_sizing counts 875 GFLOP a window of 1,024 for 124M: 6 N T with the head, plus attention."""
    config = preset("124M")
    weights = 124_439_808 - 1024 * 768
    assert config.flops_per_token == 6 * weights + 12 * 12 * 768 * 1024
    assert config.flops_per_token * 1024 == pytest.approx(875e9, rel=0.01)
