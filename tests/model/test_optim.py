"""Schedules at their corners, and AdamW against its definition."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch

from model.gpt2 import GPT2, GPT2Config
from model.optim import adamw, learning_rate


def test_cosine_rises_falls_and_ends_at_a_tenth() -> None:
    lr = partial(learning_rate, schedule="cosine", peak=1.0, final=0.1, steps=110, warmup=10, cooldown=0)
    assert lr(0) == pytest.approx(1 / 11)
    assert lr(9) == pytest.approx(10 / 11)
    assert lr(10) == 1.0
    assert lr(60) == pytest.approx(0.55)
    assert lr(35) == pytest.approx(0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi / 4)))
    assert 0.1 < lr(109) < 0.101


def test_linear_is_a_line() -> None:
    lr = partial(learning_rate, schedule="linear", peak=2.0, final=0.0, steps=100, warmup=0, cooldown=0)
    assert [lr(0), lr(25), lr(50), lr(99)] == pytest.approx([2.0, 1.5, 1.0, 0.02])


def test_constant_cools_down_at_the_end() -> None:
    lr = partial(learning_rate, schedule="constant", peak=1.0, final=0.0, steps=100, warmup=10, cooldown=20)
    assert [lr(10), lr(50), lr(79), lr(80), lr(90), lr(99)] == pytest.approx([1, 1, 1, 1, 0.5, 0.05])


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_no_schedule_fails_at_its_limits(schedule: str) -> None:
    for steps, warmup, cooldown in ((1, 0, 0), (1, 1, 0), (1, 0, 1), (5, 5, 5), (3, 2, 2)):
        for step in range(steps):
            assert 0 < learning_rate(step, schedule=schedule, peak=1.0, final=0.0, steps=steps, warmup=warmup, cooldown=cooldown) <= 1


def test_adamw_follows_the_paper_and_decays_matrices_alone() -> None:
    torch.manual_seed(0)
    model = GPT2(GPT2Config(1, 1, 4, 4, 5))
    optimizer = adamw(model, weight_decay=0.5, betas=(0.8, 0.9))
    for group in optimizer.param_groups:
        group["lr"] = 0.1
    parameters = dict(model.named_parameters())
    expected = {name: parameter.detach().double() for name, parameter in parameters.items()}
    first, second = ({name: torch.zeros_like(value) for name, value in expected.items()} for _ in range(2))
    for step in (1, 2, 3):
        for name, parameter in parameters.items():
            parameter.grad = torch.randn_like(parameter)
            gradient = parameter.grad.double()
            if parameter.dim() == 2:
                expected[name] *= 1 - 0.1 * 0.5
            first[name] = 0.8 * first[name] + 0.2 * gradient
            second[name] = 0.9 * second[name] + 0.1 * gradient**2
            expected[name] -= 0.1 * (first[name] / (1 - 0.8**step)) / ((second[name] / (1 - 0.9**step)).sqrt() + 1e-8)
        optimizer.step()
    for name, parameter in parameters.items():
        torch.testing.assert_close(parameter.detach(), expected[name].float(), rtol=1e-5, atol=1e-6)
