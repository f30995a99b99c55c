"""The stages that run in the launching process: training, and the report on the build."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.stage import Stage
from webtext.core.config import Config, TrainSection
from webtext.core.directories import DIRECTORIES
from webtext.core.errors import WebtextError
from webtext.core.files import write_bytes
from webtext.core.manifest import manifest_of
from webtext.core.task import StageContext, TaskRun, run_task
from webtext.report import write_report

if TYPE_CHECKING:
    from model.config import TrainConfig
    from model.log import StepReport

ProgressLine = Callable[[str], None]


def _train(context: StageContext, config: Config, progress: ProgressLine) -> None:
    run_task(context, "train-00000", train_model, config.train, progress)


def train_model(log: TaskRun, section: TrainSection, progress: ProgressLine) -> None:
    """Train on the token shards; after an interruption it resumes from the checkpoints in model/."""
    try:
        from model.train import TrainConfig, train
    except ImportError as error:
        raise WebtextError(f"train: {error}; install it with `pip install 'webtext[train]'` or set train.enabled = false") from None
    tokens = log.context.build / "tokens"
    shards = sorted(tokens.glob("*.bin"))
    log.records_in = log.records_out = len(shards)
    manifest = manifest_of(log.context.build, "tokenizer")
    vocabulary = manifest.counters["vocabulary"] if manifest else 0

    config = TrainConfig(vocab_size=vocabulary, **section.model_dump(exclude={"enabled", "tune_lr", "tune_steps"}))
    if section.tune_lr:
        config = replace(config, lr=_best_rate(log, replace(config, steps=section.tune_steps or config.steps), tokens, progress))
    result = train(config, tokens, log.context.path, progress=partial(_show, progress), announce=_announce)
    if result.hf is None:
        raise WebtextError(f"train: stopped after step {result.steps:,}; run the same command again to go on")
    log.counters.update({"steps": result.steps, "tokens": result.tokens, "parameters": result.parameters})
    for path in sorted(result.hf.iterdir()):
        log.register_file(str(path.relative_to(log.context.build)))


def _best_rate(log: TaskRun, config: TrainConfig, tokens: Path, progress: ProgressLine) -> float:
    """Search the learning rate; model/tune.json lists the trials. Their checkpoints are deleted when the stage is finished."""
    from model.tune import tune_lr

    runs = log.context.scratch_path("tune")
    found = tune_lr(config, tokens, runs, progress=partial(_show, progress), announce=_announce)
    tried = ", ".join(f"{lr:g}: {loss:.4f}" for lr, loss in found.tried.items())
    _announce(f"learning rate {found.lr:g} is the best of {len(found.tried)} (validation losses {tried})")
    write_bytes(log.context.path / "tune.json", (runs / "tune.json").read_bytes())
    log.register_file(f"{log.context.directory}/tune.json", len(found.tried))
    return found.lr


def _show(progress: ProgressLine, report: StepReport) -> None:
    """Show the last step beside the bar; a step with a validation is printed."""
    progress(str(report))
    if report.val_loss is not None:
        _announce(str(report))


def _announce(line: str) -> None:
    """Print a line: rich shows what is written to standard error above its bar."""
    sys.stderr.write(f"train: {line}\n")


def _report(context: StageContext, config: Config, progress: ProgressLine) -> None:
    run_task(context, "report-00000", write_report, config.report)


def _domains(config: Config) -> list[Path]:
    return [Path(config.report.domains)] if config.report.domains else []


TRAIN = Stage(
    name="train",
    directory=DIRECTORIES["train"],
    unit="token shards",
    reads=("tokenize", "tokenizer"),
    sections=("train",),
    phases=lambda config: {"train": 1},
    local=_train,
)
REPORT = Stage(
    name="report",
    directory=DIRECTORIES["report"],
    unit="manifests",
    reads=(),
    sections=("report",),
    phases=lambda config: {"report": 1},
    sources=_domains,
    local=_report,
    extra_outputs=("report.html", "README.md"),
)
