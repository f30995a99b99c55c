"""The loss of a model on a part of a token corpus."""

from __future__ import annotations

import torch

from model.config import TrainConfig
from model.data import Windows, evaluation_windows, prefetched
from model.device import Machine


@torch.no_grad()
def mean_loss(model: torch.nn.Module, split: Windows, config: TrainConfig, here: Machine) -> float:
    """Mean loss in nats a token over fixed windows of a split, about `eval_tokens` of them, which the ranks share."""
    windows, at_once = evaluation_windows(split, config.eval_tokens), config.windows_at_once(here.ranks)
    mine = windows[here.rank :: here.ranks]
    batches = (mine[i : i + at_once] for i in range(0, len(mine), at_once))
    loss = torch.zeros((), dtype=torch.float64 if here.device.type != "mps" else torch.float32, device=here.device)
    eot = None if config.cross_documents else config.eot_token
    was_training = model.training
    model.eval()
    for arrays in prefetched(split.load, batches, config.loader_workers):
        inputs, targets = (torch.from_numpy(array).to(here.device, non_blocking=True) for array in arrays)
        with here.autocast():
            loss += model(inputs, targets, eot=eot)
    model.train(was_training)
    return float(here.sum(loss)) / split.targets(windows)
