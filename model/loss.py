"""Cross-entropy of a linear layer, without ever holding all its logits.

For a vocabulary of 50,257 the logits are the largest tensor of a GPT-2 by far: 1.6 GB in fp32 for 8 windows of 1,024 tokens, and
autograd keeps them twice. Here they are made, used for the gradient at once, and dropped, a slice of the rows at a time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORED = -100  # target of a token without one, as in torch
# Logits held at once: on a CPU about its last-level cache (measured best of 2^21 to 2^26), elsewhere enough to fill the device.
CPU_CHUNK, DEVICE_CHUNK = 2**23, 2**27


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor, vocab_size: int, scales: Tensor | None = None) -> Tensor:
    """Sum of -log softmax(hidden @ weight[:vocab_size].T)[target] over rows whose target is not -100, as an fp32 scalar.

    hidden [N, C], weight [padded vocabulary, C], targets [N]; each row counts `scales` [N] times where that is given. The gradients are
    those of torch's cross_entropy to rounding.
    """
    return _LinearCrossEntropy.apply(hidden, weight, targets, vocab_size, torch.is_grad_enabled(), scales)  # type: ignore[no-any-return, no-untyped-call]


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, vocab_size: int, with_gradient: bool, scales: Tensor | None
    ) -> Tensor:
        # NB: the ambient autocast decides the type of the products; the softmax and the sums over chunks stay in fp32.
        dtype = torch.get_autocast_dtype(hidden.device.type) if torch.is_autocast_enabled(hidden.device.type) else weight.dtype
        with torch.autocast(hidden.device.type, enabled=False):
            x, w = hidden.to(dtype), weight.to(dtype)
            d_hidden = torch.empty_like(x) if with_gradient else None
            d_weight = torch.zeros_like(weight) if with_gradient else None
            loss = torch.zeros((), device=hidden.device)
            counts = targets != IGNORED if scales is None else (targets != IGNORED) * scales
            rows = max(1, (CPU_CHUNK if weight.device.type == "cpu" else DEVICE_CHUNK) // weight.size(0))
            for start in range(0, len(x), rows):
                part = slice(start, start + rows)
                d_x = None if d_hidden is None else d_hidden[part]
                loss += _chunk(x[part], w, targets[part], counts[part], vocab_size, d_x, d_weight)
        if d_hidden is not None and d_weight is not None:
            ctx.save_for_backward(d_hidden.to(hidden.dtype), d_weight)
        return loss

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor | None, ...]:
        d_hidden, d_weight = ctx.saved_tensors
        return d_hidden.mul_(grad[0].to(d_hidden.dtype)), d_weight.mul_(grad[0]), None, None, None, None


def _chunk(x: Tensor, w: Tensor, targets: Tensor, counts: Tensor, vocab_size: int, d_x: Tensor | None, d_w: Tensor | None) -> Tensor:
    """Loss of some rows, each as often as it counts; their gradients are written into d_x and added to d_w."""
    logits = F.linear(x, w).float()
    logits[:, vocab_size:] = -torch.inf
    index = torch.where(targets != IGNORED, targets, 0)[:, None]
    log_probability = torch.log_softmax(logits, -1)
    loss = -(log_probability.gather(1, index)[:, 0] * counts).sum()
    if d_x is not None and d_w is not None:
        d_logits = log_probability.exp_()
        d_logits.scatter_add_(1, index, torch.full_like(index, -1, dtype=d_logits.dtype))
        d_logits = d_logits.mul_(counts[:, None]).to(x.dtype)
        torch.mm(d_logits, w, out=d_x)
        if x.dtype == d_w.dtype:
            d_w.addmm_(d_logits.T, x)
        else:
            d_w += d_logits.T @ x
    return loss
