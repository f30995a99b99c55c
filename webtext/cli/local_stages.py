"""The stages that run in the launching process: training, and the report on the build."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.stage import Stage
from webtext.cli.build_directory import BUILD_FILE
from webtext.cli.models import model_files, model_home
from webtext.core.config import Config
from webtext.core.directories import DIRECTORIES
from webtext.core.errors import UsageError, WebtextError
from webtext.core.files import write_bytes
from webtext.core.manifest import manifest_of
from webtext.core.model_sections import TrainSection
from webtext.core.task import StageContext, TaskRun, run_task
from webtext.report import write_report
from webtext.tokens.shards import split_files
from webtext.tokens.vocabulary import find_vocabulary, load_vocabulary

if TYPE_CHECKING:
    from model.config import TrainConfig
    from model.log import StepReport

ProgressLine = Callable[[str], None]
GPT2_TOKENS = 50_257


def _train(context: StageContext, config: Config, progress: ProgressLine) -> None:
    run_task(context, "train-00000", train_model, config.train, progress)


def train_model(log: TaskRun, section: TrainSection, progress: ProgressLine) -> None:
    """Train on the token shards; resumes from checkpoints in model/. hf/ has the tokenizer beside given shards, or says there is none."""
    try:
        from model.card import model_card
        from model.config import NO_EOT
        from model.train import TrainConfig, train
    except ImportError as error:
        raise WebtextError(f"train: {error}; install it with `pip install 'webtext[train]'` or set train.enabled = false") from None
    tokens, directory = _given(section) if section.tokens else (log.context.build / "tokens", None)
    log.records_in = log.records_out = len(sorted(tokens.glob("*.bin")))
    manifest = None if section.tokens else manifest_of(log.context.build, "tokenizer")
    bpe = load_vocabulary(directory) if directory else None
    known = bpe.vocab_size if bpe else manifest.counters["vocabulary"] if manifest else None
    if not (known or section.vocabulary) and (tokens / "meta.pkl").exists():
        raise UsageError(f"{tokens}: meta.pkl has the vocabulary, but a pickle may run code and is not read; give its size (--vocabulary)")
    vocabulary = section.vocabulary or known or GPT2_TOKENS
    eot = bpe.eot if bpe else manifest.counters.get("end-of-text", vocabulary - 1) if manifest else None
    if section.eot is not None:
        eot = section.eot
    elif eot is None and vocabulary != GPT2_TOKENS:
        eot = NO_EOT

    start = {"init_from": str(model_home(Path(section.init_from)))} if section.init_from else {}
    config = TrainConfig(vocab_size=vocabulary, eot=eot, **{**section.settings(), **start})
    if section.tune_lr:
        config = replace(config, lr=_best_rate(log, replace(config, steps=section.tune_steps or config.steps), tokens, progress))
    result = train(config, tokens, log.context.path, progress=partial(_show, progress), announce=_announce)
    if not result.finished:
        raise WebtextError(f"train: stopped after step {result.steps:,}; run the same command again to go on")
    log.counters.update({"steps": result.steps, "tokens": result.tokens, "parameters": result.parameters})
    if result.hf is None:  # an LSTM, which is a checkpoint alone
        log.register_file(str(result.checkpoint.relative_to(log.context.build)))
        return
    if bpe is not None:
        bpe.save(result.hf, context=config.model.context)
    corpus = manifest_of(log.context.build, "dedup")
    write_bytes(result.hf / "README.md", model_card(config.model, result, corpus.hash() if corpus else None, bpe is not None).encode())
    for path in sorted(result.hf.iterdir()):
        log.register_file(str(path.relative_to(log.context.build)))


def _given(section: TrainSection) -> tuple[Path, Path | None]:
    """The directory of the shards that `train.tokens` names, which may be a build, and that of the tokenizer there if there is one."""
    given = Path(section.tokens)
    if not given.is_dir():
        raise UsageError(f"{given}: not a directory; give one with token shards, as train-00000.bin and val-00000.bin")
    tokens = given / "tokens" if (given / BUILD_FILE).exists() else given
    build = [tokens.parent / "tokenizer"] if (tokens.parent / BUILD_FILE).exists() else []
    return tokens, find_vocabulary(tokens, *build)


def _sources(config: Config) -> list[Path]:
    """The given shards and the files of the tokenizer beside them, and those of the model to begin with."""
    start = model_files(Path(config.train.init_from)) if config.train.init_from else []
    if not config.train.tokens:
        return start
    tokens, tokenizer = _given(config.train)
    files = [path for path in tokenizer.iterdir() if path.suffix in (".json", ".txt", ".bpe")] if tokenizer else []
    return [*start, *split_files(tokens, "train"), *split_files(tokens, "val"), *files]


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
    sources=_sources,
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
