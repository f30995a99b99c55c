"""Search the learning rate on the held-out split, as the paper did by hand (section 2.3: "the best perplexity on a 5% held-out sample").

python -m model.tune TOKENS OUT --size 124M --steps 2000
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from model.train import DivergedError, StepReport, TrainConfig, run, say, train
from webtext.core.errors import UsageError, WebtextError

_MOST_RUNS = 9


@dataclass(frozen=True)
class Tuning:
    """The best peak learning rate, and the validation loss (nats a token) of each that was tried; infinite where it diverged."""

    lr: float
    val_loss: float
    tried: dict[float, float]


def tune_lr(
    config: TrainConfig,
    tokens: Path,
    out: Path,
    *,
    factor: float = 2.0,
    progress: Callable[[StepReport], None] | None = None,
    announce: Callable[[str], None] | None = None,
) -> Tuning:
    """Train `config` at its learning rate, at `factor` times more and less, and on to the better side until no neighbour is better.

    Each run has a directory of its own in `out` and is resumed or reused when the search is started again; `out/tune.json` holds
    what was found. Of equal losses the smaller rate wins. Raises WebtextError where every rate diverges, else as `train` does.
    """
    if factor <= 1:
        raise UsageError(f"factor {factor} must be above 1")
    tried: dict[int, float] = {}  # power of the factor -> loss
    pending = [0, -1, 1]
    while pending and len(tried) < _MOST_RUNS:
        for power in pending:
            tried[power] = _loss(replace(config, lr=_rate(config, factor, power)), tokens, out, progress, announce)
        best = min(tried, key=lambda power: (tried[power], power))
        pending = [power for power in (best - 1, best + 1) if power not in tried]
    if tried[best] == math.inf:
        raise WebtextError(
            f"{out}: the training diverged at every learning rate from {_rate(config, factor, min(tried)):g} on; check the data"
        )
    found = Tuning(_rate(config, factor, best), tried[best], {_rate(config, factor, power): loss for power, loss in sorted(tried.items())})
    if os.environ.get("RANK", "0") == "0":
        temporary = out / ".tune.json.tmp"
        rows = [{"lr": lr, "val_loss": loss if math.isfinite(loss) else None} for lr, loss in found.tried.items()]
        temporary.write_text(json.dumps({**asdict(found), "tried": rows}, indent=2) + "\n", encoding="utf-8")
        temporary.replace(out / "tune.json")
    return found


def _rate(config: TrainConfig, factor: float, power: int) -> float:
    return float(f"{config.peak_lr * factor**power:.6g}")  # rounded, so that it makes a file name


def _loss(
    config: TrainConfig, tokens: Path, out: Path, progress: Callable[[StepReport], None] | None, announce: Callable[[str], None] | None
) -> float:
    if announce is not None:
        announce(f"learning rate {config.peak_lr:g}")
    try:
        result = train(config, tokens, out / f"lr-{config.peak_lr:g}", progress=progress, announce=announce)
    except DivergedError:
        return math.inf
    if not result.finished or result.val_loss is None:
        raise WebtextError(f"{out}: the search was told to stop; start it again to go on")
    return result.val_loss


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: the options of `python -m model.train`."""
    return run(_search, arguments)


def _search(config: TrainConfig, tokens: Path, out: Path) -> bool:
    found = tune_lr(config, tokens, out, progress=say, announce=say)
    for lr, loss in found.tried.items():
        say(f"lr {lr:g}  val {loss:.4f}{'  best' if lr == found.lr else ''}")
    return True


if __name__ == "__main__":
    sys.exit(main())
