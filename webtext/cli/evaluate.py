"""The stage `evaluate`: a GPT-2 on the tasks of the paper, a task of the stage each, and a page on them all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.stage import Stage
from webtext.cli.build_directory import BUILD_FILE
from webtext.core.config import Config, EvaluateSection
from webtext.core.directories import DIRECTORIES
from webtext.core.errors import UsageError, WebtextError
from webtext.core.files import read_json, to_json, write_bytes
from webtext.core.task import StageContext, TaskRun, run_task
from webtext.tokens.vocabulary import find_vocabulary, load_vocabulary

if TYPE_CHECKING:
    from model.evaluate.scorer import Scorer
    from model.evaluate.task import Task


def _tasks(section: EvaluateSection) -> list[tuple[Task, list[Path]]]:
    """The tasks to run, each with its files. Raises UsageError where a wanted one has none."""
    try:
        from model.evaluate.task import choose
        from model.evaluate.tasks import TASKS
    except ImportError as error:
        raise WebtextError(f"evaluate: {error}; install it with `pip install 'webtext[train]'` or set evaluate.enabled = false") from None
    data = Path(section.data)
    if not section.data or not data.is_dir():
        raise UsageError(
            f"evaluate.data: {section.data or 'nothing'} is not a directory; give the one with the files of the tasks (--data)"
        )
    found = [(task, task.files(data)) for task in choose(TASKS, section.tasks)]
    absent = [task for task, files in found if not files]
    if section.tasks and absent:
        raise UsageError(f"{data}: has no files of the task {absent[0].name}, as {' or '.join(absent[0].patterns)}")
    there = [(task, files) for task, files in found if files]
    if not there:
        raise UsageError(f"{data}: has no files of any task; known are {', '.join(TASKS)}")
    return there


def _model_and_tokenizer(section: EvaluateSection, build: Path) -> tuple[Path, Path | str]:
    """Where the model is, and its tokenizer. Raises UsageError where there is no tokenizer."""
    given = Path(section.model) if section.model else build
    is_build = not section.model or (given / BUILD_FILE).exists()
    model = given / "model" if is_build else given
    if not model.exists():
        raise UsageError(f"{given}: no such model; give a build that has one, or a directory in Hugging Face's or OpenAI's layout")
    found: Path | str | None = section.tokenizer or find_vocabulary(model, model / "hf", *([given / "tokenizer"] if is_build else []))
    if not found:
        raise UsageError(f"{given}: the tokenizer of its model is not known; give it as --tokenizer PATH, or --tokenizer gpt2")
    return model, found


def _sources(config: Config) -> list[Path]:
    """The files of the tasks, and those of a given model."""
    section = config.evaluate
    files = [path for _, paths in _tasks(section) for path in paths]
    if section.model:
        model, tokenizer = _model_and_tokenizer(section, Path(section.model))
        known = "safetensors json index txt bpe".split()
        for directory in {model, model / "hf", Path(tokenizer)}:
            if directory.is_dir():
                files += [path for path in directory.iterdir() if path.suffix[1:] in known or ".data-" in path.name]
    return sorted(set(files))


def _evaluate(context: StageContext, config: Config, progress: Callable[[str], None]) -> None:
    section = config.evaluate
    tasks = _tasks(section)
    names = [task.name for task, _ in tasks]
    scorers: list[Scorer] = []  # made when the first task is not done yet, and then used by all
    from model.device import machine

    with machine(section.device, section.precision) as here:

        def scorer() -> Scorer:
            if not scorers:
                scorers.append(_scorer(section, context.build, here))
            return scorers[0]

        for task, files in tasks:
            progress(task.title)
            run_task(context, f"evaluate-{task.name}", evaluate_task, scorer, task, files, section)
    run_task(context, "page-00000", write_page, names, section)


def _scorer(section: EvaluateSection, build: Path, here: Any) -> Scorer:
    from model.evaluate.scorer import Scorer
    from model.sample import load_model

    path, tokenizer = _model_and_tokenizer(section, build)
    model, bpe = load_model(path), load_vocabulary(Path(tokenizer))
    if model.config.vocab_size != bpe.vocab_size:
        raise WebtextError(
            f"{path}: the model knows {model.config.vocab_size:,} tokens, the tokenizer {tokenizer} {bpe.vocab_size:,}; "
            "give the tokenizer that it was trained with (--tokenizer)"
        )
    sys.stderr.write(f"evaluate: GPT-2 of {model.config.parameters:,} parameters, context {model.config.context:,}, on {here}\n")
    return Scorer(model, bpe, here, batch_tokens=section.batch_tokens)


def evaluate_task(log: TaskRun, scorer: Callable[[], Scorer], task: Task, files: list[Path], section: EvaluateSection) -> None:
    """Run a task; its measures go to evaluation/tasks/NAME.json and its examples to evaluation/examples/NAME.parquet."""
    from model.evaluate.results import OUTCOMES, to_record
    from model.evaluate.task import Settings

    ready = scorer()
    settings = Settings(section.limit, section.stride, section.pairs, section.seed)
    result = task.run(ready, files, settings)
    about = {
        "parameters": ready.model.config.parameters,
        "context": ready.context,
        "vocabulary": ready.model.config.vocab_size,
        "precision": ready.here.precision,
    }
    text = {
        "task": task.name,
        "title": task.title,
        "kind": task.kind,
        "model": about,
        "files": [path.name for path in files],
        "settings": asdict(settings),
        "measures": [to_record(task.name, measure) for measure in result.measures],
        "notes": result.notes,
        "tables": result.tables,
    }
    path = f"{log.context.directory}/tasks/{task.name}.json"
    write_bytes(log.context.build / path, to_json(text))
    log.register_file(path, len(result.measures))
    with log.table(f"{log.context.directory}/examples/{task.name}.parquet", OUTCOMES) as table:
        for outcome in result.outcomes:
            table.write(asdict(outcome))
    log.records_in = log.records_out = len(result.outcomes)


def write_page(log: TaskRun, names: list[str], section: EvaluateSection) -> None:
    """Join the results of the tasks: evaluation/evaluation.json and evaluation.csv."""
    from model.evaluate.results import to_csv

    directory = log.context.path
    tasks: list[Any] = [read_json(directory / "tasks" / f"{name}.json") for name in names]
    records = [measure for task in tasks for measure in task["measures"]]
    for name, data in (
        ("evaluation.json", to_json({"model": tasks[0]["model"], "tasks": tasks})),
        ("evaluation.csv", to_csv(records).encode()),
    ):
        write_bytes(directory / name, data)
        log.register_file(f"{log.context.directory}/{name}", len(records))


EVALUATE = Stage(
    name="evaluate",
    directory=DIRECTORIES["evaluate"],
    unit="examples",
    reads=("train", "tokenizer"),
    sections=("evaluate",),
    phases=lambda config: {"evaluate": len(_tasks(config.evaluate)), "page": 1},
    sources=_sources,
    local=_evaluate,
)
