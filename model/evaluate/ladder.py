"""A ladder of sizes trained alike on a corpus: its loss on the training and on the held-out part (figure 4 of the paper)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from model import hf
from model.config import TrainConfig
from model.data import TokenSplit, Windows, evaluation_windows
from model.device import machine
from model.evaluate.results import Choice, Measure, TaskResult
from model.train import train
from model.validation import mean_loss
from webtext.core.errors import WebtextError


def climb(sizes: Sequence[str], config: TrainConfig, tokens: Path, out: Path, announce: Callable[[str], None]) -> TaskResult:
    """Train each of some sizes by a configuration and measure both parts; each resumes in its directory of `out` when started again.

    Raises WebtextError where a training was told to stop.
    """
    result = TaskResult("ladder")
    rows = []
    for size in sizes:
        mine = replace(config, size=size)
        trained = train(mine, tokens, out / size, announce=announce)
        if trained.hf is None:
            raise WebtextError(f"evaluate: the ladder was told to stop at the size {size}; run the same command again to go on")
        protocol: dict[str, Choice] = {"size": size, "parameters": trained.parameters, "steps": mine.steps, "tokens": trained.tokens}
        protocol |= {"context": mine.model.context, "learning rate": mine.peak_lr}
        row: dict[str, Any] = {"size": size, "parameters": trained.parameters}
        with machine(mine.device, mine.precision, mine.threads) as here:
            model = hf.load(trained.hf).to(here.device)
            for part, split in (("train", "train"), ("held-out", "val")):
                windows = Windows(TokenSplit(tokens, split), mine.model.context, mine.vocab_size)
                loss, count = mean_loss(model, windows, mine, here), windows.targets(evaluation_windows(windows, mine.eval_tokens))
                result.measures.append(Measure("perplexity per token", math.exp(loss), count, "tokens", protocol, group=part))
                row |= {f"{part} loss": loss, f"{part} perplexity": math.exp(loss)}
        rows.append(row)
    result.tables["Figure 4"] = sorted(rows, key=lambda row: row["parameters"])
    return result
