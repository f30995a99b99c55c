"""`webtext finetune`: a pre-trained model learns a task, the paper's or one of one's own columns; and the paper's analyses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from webtext.cli.models import model_home, tokenizer_of
from webtext.core.errors import UsageError, WebtextError
from webtext.tokens.vocabulary import load_vocabulary

if TYPE_CHECKING:
    from model.finetune.analyses import Analysis
    from model.finetune.tasks import TaskData
    from model.lstm import LanguageModel
    from tokenizer import ByteBPE


def finetune(
    model: Annotated[Path, typer.Argument(help="a build, a checkpoint, or a directory in Hugging Face's or OpenAI's layout")],
    out: Annotated[Path, typer.Option("--out", help="directory of the results; a run in it is resumed")],
    task: Annotated[list[str] | None, typer.Option(help="a published task, as sst2; several for an analysis")] = None,
    data: Annotated[Path | None, typer.Option(help="directory with the task's published files, or with one of its name")] = None,
    train_file: Annotated[Path | None, typer.Option(help="examples of one's own, in any format of records that `documents` reads")] = None,
    val_file: Annotated[Path | None, typer.Option(help="examples to validate on; none: every tenth of the training file")] = None,
    text: Annotated[list[str] | None, typer.Option(help="column of a text; two for a pair")] = None,
    answer: Annotated[list[str] | None, typer.Option(help="column of an answer to choose from; one may be a list")] = None,
    label: Annotated[str, typer.Option(help="column of the label; of a choice the answer's")] = "label",
    kind: Annotated[str, typer.Option(help="of a pair: entailment (its order matters) or similarity (it does not)")] = "",
    regression: Annotated[bool, typer.Option("--regression", help="the label is a number to predict")] = False,
    tokenizer: Annotated[str, typer.Option(help="of the model, if not beside it: directory, tokenizer.json, or gpt2")] = "",
    seeds: Annotated[int, typer.Option(help="runs, with the seeds 0, 1, …; results are their medians", min=1)] = 1,
    limit: Annotated[int, typer.Option(help="training examples, spread evenly over the file; 0: all", min=0)] = 0,
    lr: Annotated[float, typer.Option(help="highest learning rate; the paper's; smaller models need more")] = 6.25e-5,
    batch: Annotated[int, typer.Option(help="examples a step", min=1)] = 32,
    epochs: Annotated[int, typer.Option(min=1)] = 3,
    auxiliary: Annotated[float, typer.Option(help="weight of the language-modelling loss on the labelled text", min=0)] = 0.5,
    pretraining: Annotated[bool, typer.Option(help="begin with the model's weights, or with fresh ones of its shape")] = True,
    layers: Annotated[int | None, typer.Option(help="blocks whose weights are taken; the others are fresh", min=0)] = None,
    analyse: Annotated[
        list[str] | None,
        typer.Option(
            help="no-auxiliary, no-pretraining, lstm (with --lstm), layers, zero-shot, or full, what they are compared with; repeatable"
        ),
    ] = None,
    lstm: Annotated[Path | None, typer.Option(help="pre-trained by `webtext train --size lstm`, for the analysis lstm")] = None,
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16")] = "auto",
    device: Annotated[str, typer.Option(help="cuda, mps, cpu, or auto")] = "auto",
    threads: Annotated[int | None, typer.Option(help="processor threads", min=1)] = None,
) -> None:
    """Fine-tune a model for a task, as the GPT-1 paper does."""
    try:
        from model.finetune.run import Recipe
        from model.finetune.run import finetune as learn
    except ImportError as error:
        raise WebtextError(f"finetune: {error}; install it with `pip install 'webtext[train]'`") from None
    recipe = Recipe(
        lr=lr,
        batch=batch,
        epochs=epochs,
        auxiliary=auxiliary,
        pretrained=pretraining,
        layers=layers,
        precision=precision,
        device=device,
        threads=threads,
    )
    if analyse:
        _analyse(analyse, model, lstm, tokenizer, task or [], data, out, recipe, range(seeds), limit)
        return
    tasks = (
        [_own(train_file, val_file, text or [], label, answer or [], kind, regression, limit)]
        if train_file
        else _published(task, data, limit)
    )
    if len(tasks) != 1:
        raise UsageError("give one --task, or several with --analyse")
    start, bpe = _open(model, tokenizer)
    found = learn(start, bpe, tasks[0], out, recipe, seeds=range(seeds), progress=_say, announce=_say)
    for directory in sorted(out.glob("seed-*/hf")):
        bpe.save(directory, context=start.config.context)
    for name, value in found["median"].items():
        typer.echo(f"{found['task']} {name} {value:.4f} (median of {seeds}, {found['lowest'][name]:.4f} to {found['highest'][name]:.4f})")


def _published(names: list[str] | None, data: Path | None, limit: int) -> list[TaskData]:
    from model.finetune.tasks import TASKS, files_of, read_task

    if not names or data is None:
        raise UsageError("give --task with --data, or --train-file with --text and --label")
    unknown = next((name for name in names if name not in TASKS), None)
    if unknown is not None:
        raise UsageError(f"there is no task {unknown!r}; known are {', '.join(TASKS)}; for one's own give --train-file")
    return [read_task(TASKS[name], *files_of(TASKS[name], data), limit) for name in names]


def _own(
    train: Path, val: Path | None, texts: list[str], label: str, answers: list[str], kind: str, regression: bool, limit: int
) -> TaskData:
    from model.finetune.tasks import own_task, read_task

    if not texts:
        raise UsageError("--train-file needs the column of its text (--text)")
    return read_task(own_task(texts, label, answers, kind, regression), [train], [val] if val else [], limit)


def _open(named: Path, tokenizer: str) -> tuple[LanguageModel, ByteBPE]:
    """A model with its tokenizer. Raises WebtextError where they are of different vocabularies."""
    from model.weights import load_language_model

    home = model_home(named)
    bpe = load_vocabulary(tokenizer_of(named, tokenizer, named, home / "hf", named / "tokenizer", named.parent / "tokenizer"))
    start = load_language_model(home)
    if start.config.vocab_size != bpe.vocab_size:
        raise WebtextError(
            f"{named}: the model knows {start.config.vocab_size:,} tokens, the tokenizer {bpe.vocab_size:,}; give its own (--tokenizer)"
        )
    return start, bpe


def _say(what: object) -> None:
    sys.stderr.write(f"finetune: {what}\n")


def _analyse(
    wanted: list[str],
    model: Path,
    lstm: Path | None,
    tokenizer: str,
    names: list[str],
    data: Path | None,
    out: Path,
    recipe: Any,
    seeds: range,
    limit: int,
) -> None:
    from model.finetune.analyses import ANALYSES, analyse, write_page, zero_shot_course

    unknown = next((name for name in wanted if name not in ANALYSES), None)
    if unknown is not None:
        raise UsageError(f"there is no analysis {unknown!r}; known are {', '.join(ANALYSES)}")
    if "lstm" in wanted and lstm is None:
        raise UsageError("the analysis lstm needs one that read the same tokens: --lstm MODEL (`webtext train --size lstm`)")
    if data is None:
        raise UsageError("an analysis needs the files of the tasks (--data)")
    start, bpe = _open(model, tokenizer)
    for name in wanted:
        if name == "zero-shot":
            zero_shot_course(model_home(model), bpe, names, data, out, limit, announce=_say)
        else:
            begin = _open(cast("Path", lstm), tokenizer)[0] if name == "lstm" else start
            for task in _published(names, data, limit):
                analyse(cast("Analysis", name), begin, bpe, task, out, recipe, seeds, announce=_say)
    typer.echo(f"{write_page(out)}")
