"""Fine-tune a model for a task, once or with several seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, cast

from model.config import TrainConfig
from model.finetune.objective import MEASURED, Encoder, Finetuning
from model.finetune.tasks import TaskData
from model.log import StepReport
from model.lstm import LanguageModel
from model.train import learn
from webtext.core.errors import UsageError, WebtextError
from webtext.core.files import read_json, to_json, write_bytes


@dataclass(frozen=True)
class Recipe:
    """How a task is learned; the defaults are the paper's (section 4.1)."""

    lr: float = 6.25e-5
    batch: int = 32
    epochs: int = 3
    warmup: float = 0.002  # share of the steps
    dropout: float = 0.1
    weight_decay: float = 0.01
    auxiliary: float = 0.5  # lambda
    layers: int | None = None  # whose weights are taken from the pre-trained model; None: all
    pretrained: bool = True
    precision: str = "auto"
    device: str = "auto"
    threads: int | None = None
    micro_batch: int | None = None

    def settings(self, start: LanguageModel, examples: int, seed: int) -> TrainConfig:
        """The settings of the training loop for so many examples. Raises UsageError for impossible ones."""
        if min(self.batch, self.epochs) < 1 or self.auxiliary < 0:
            raise UsageError(f"batch {self.batch} and epochs {self.epochs} must be 1 or more, auxiliary {self.auxiliary} 0 or more")
        if self.layers is not None and not 0 <= self.layers <= start.config.layers:
            raise UsageError(f"layers {self.layers} must lie in 0 to {start.config.layers}, those of the model")
        shape = start.config
        batch = min(self.batch, examples)
        an_epoch = -(-examples // batch)
        return TrainConfig(
            **{name: getattr(shape, name) for name in ("layers", "heads", "width", "context", "architecture")},
            vocab_size=shape.vocab_size + 3,
            dropout=self.dropout,
            batch_tokens=batch * shape.context,
            micro_batch=self.micro_batch,
            steps=self.epochs * an_epoch,
            lr=self.lr,
            schedule="linear",
            warmup=round(self.warmup * self.epochs * an_epoch),
            final_lr=0.0,
            weight_decay=self.weight_decay,
            beta2=0.999,
            precision=self.precision,
            device=self.device,
            threads=self.threads,
            seed=seed,
            eval_every=an_epoch,
            checkpoint_every=an_epoch,
        )


def finetune(
    start: LanguageModel,
    tokenizer: Encoder,
    data: TaskData,
    out: Path,
    recipe: Recipe | None = None,
    *,
    seeds: Sequence[int] = (0,),
    progress: Callable[[StepReport], None] | None = None,
    announce: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Fine-tune once a seed, in `out/seed-N`; `out/results.json` has the measures of each at its best epoch, and their medians.

    A run that was stopped goes on when it is asked for again, and one that is finished is not repeated. Raises WebtextError when told to
    stop, and as `model.train.train` does.
    """
    recipe = recipe or Recipe()
    runs: list[dict[str, Any]] = []
    for seed in seeds:
        directory = out / f"seed-{seed}"
        config = recipe.settings(start, len(data.train), seed)
        objective = Finetuning(
            config, start, tokenizer, data, auxiliary=recipe.auxiliary, layers=recipe.layers, pretrained=recipe.pretrained
        )
        result = learn(config, objective, directory, progress=progress, announce=announce)
        if not result.finished:
            raise WebtextError(f"{directory}: stopped after step {result.steps:,}; run the same command again to go on")
        runs.append({"seed": seed, "best_step": result.best_step, **cast("dict[str, Any]", read_json(directory / MEASURED))})
    measures = {name: [run["measures"][name] for run in runs] for name in data.task.measures}
    summary = {
        "task": data.task.name,
        "examples": {"train": len(data.train), "val": len(data.val)},
        "truncated": runs[0]["truncated"],
        "median": {name: median(values) for name, values in measures.items()},
        "lowest": {name: min(values) for name, values in measures.items()},
        "highest": {name: max(values) for name, values in measures.items()},
        "runs": runs,
    }
    write_bytes(out / "results.json", to_json(summary))
    return summary
