"""The sliced cross-entropy against torch's."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

import model.loss
from model.loss import linear_cross_entropy


@settings(max_examples=50)
@given(
    rows=st.integers(1, 9),
    width=st.integers(1, 5),
    vocab=st.integers(1, 9),
    padding=st.integers(0, 3),
    chunk=st.integers(1, 60),
    data=st.data(),
)
def test_it_is_torchs_cross_entropy(rows: int, width: int, vocab: int, padding: int, chunk: int, data: st.DataObject) -> None:
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 2**31)))
    x = torch.randn(rows, width, generator=generator)
    w = torch.randn(vocab + padding, width, generator=generator)
    targets = torch.tensor(data.draw(st.lists(st.sampled_from([-100, *range(vocab)]), min_size=rows, max_size=rows)))
    inputs = [tensor.clone().requires_grad_() for tensor in (x, w)]
    expected_inputs = [tensor.clone().requires_grad_() for tensor in (x, w)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model.loss, "CPU_CHUNK", chunk)
        loss = linear_cross_entropy(inputs[0], inputs[1], targets, vocab)
    expected = F.cross_entropy(F.linear(expected_inputs[0], expected_inputs[1][:vocab]), targets, reduction="sum")
    torch.testing.assert_close(loss, expected)
    for gradient, reference in zip(torch.autograd.grad(loss * 3, inputs), torch.autograd.grad(expected * 3, expected_inputs)):
        torch.testing.assert_close(gradient, reference)


def test_without_gradient_it_is_the_same_number() -> None:
    x, w, targets = torch.randn(7, 4), torch.randn(11, 4, requires_grad=True), torch.arange(7)
    with torch.no_grad():
        assert torch.equal(linear_cross_entropy(x, w, targets, 10), linear_cross_entropy(x, w, targets, 10))
        quiet = linear_cross_entropy(x, w, targets, 10)
    assert torch.equal(quiet, linear_cross_entropy(x, w, targets, 10).detach())


def test_a_certain_mistake_is_finite() -> None:
    """log(softmax) would be log(0): the loss is the distance of the logits, 200."""
    loss = linear_cross_entropy(torch.tensor([[100.0]]), torch.tensor([[1.0], [-1.0]]), torch.tensor([1]), 2)
    assert float(loss) == 200.0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_half_precision_the_products_alone_are_rounded(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 32, generator=generator).requires_grad_()
    w = (torch.randn(200, 32, generator=generator) * 0.2).requires_grad_()
    targets = torch.randint(190, (64,), generator=generator)
    exact = linear_cross_entropy(x, w, targets, 190)
    exact_gradients = torch.autograd.grad(exact, [x, w])
    with torch.autocast("cpu", dtype=dtype):
        rounded = linear_cross_entropy(x, w, targets, 190)
    assert rounded.dtype == torch.float32
    assert rounded.item() == pytest.approx(exact.item(), rel=2e-3)
    for gradient, reference in zip(torch.autograd.grad(rounded, [x, w]), exact_gradients):
        assert gradient.dtype == torch.float32
        assert float((gradient - reference).norm() / reference.norm()) < 0.01
