"""AdamW and learning-rate schedules.

The paper does not name its optimiser. These are GPT-3's choices (Brown et al. 2020, appendix B), which every reproduction takes.
"""

from __future__ import annotations

import math

import torch

SCHEDULES = ("cosine", "linear", "constant")


def adamw(model: torch.nn.Module, *, weight_decay: float, betas: tuple[float, float]) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019) that decays matrices and embeddings, but neither biases nor gains."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    # Fused on every device: one pass over memory instead of a dozen, on a CPU too.
    return torch.optim.AdamW(groups, lr=0.0, betas=betas, eps=1e-8, fused=True)


def learning_rate(step: int, *, schedule: str, peak: float, final: float, steps: int, warmup: int, cooldown: int) -> float:
    """The rate of training step `step` (from 0) of `steps`.

    It rises linearly over `warmup` steps to `peak`, then falls to `final` on a cosine or a line, or stays ("constant") and falls
    on a line in the last `cooldown` steps. The last step has a rate just above `final`, the first one just above 0.
    """
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    if schedule == "constant":
        warmup = max(warmup, steps - cooldown)
        if step < warmup:
            return peak
    done = (step - warmup) / max(1, steps - warmup)
    left = 0.5 * (1 + math.cos(math.pi * done)) if schedule == "cosine" else 1 - done
    return final + (peak - final) * left
