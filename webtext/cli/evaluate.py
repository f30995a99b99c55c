"""The stage `evaluate`: a GPT-2 on the tasks of the paper, a task of the stage each, and a page on them all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.stage import Stage
from webtext.cli.build_directory import BUILD_FILE
from webtext.core.config import Config
from webtext.core.directories import DIRECTORIES
from webtext.core.errors import UsageError, WebtextError
from webtext.core.files import read_json, to_json, write_bytes
from webtext.core.model_sections import EvaluateSection
from webtext.core.tables import read_table
from webtext.core.task import StageContext, TaskRun, run_task
from webtext.tokens.shards import split_files
from webtext.tokens.vocabulary import find_vocabulary, load_vocabulary

if TYPE_CHECKING:
    from model.evaluate.overlap import OverlapReport
    from model.evaluate.results import TaskResult
    from model.evaluate.scorer import Scorer
    from model.evaluate.task import Task


def _tasks(section: EvaluateSection, build: Path | None = None) -> list[tuple[Task, list[Path]]]:
    """The tasks to run, each with its files; without `build`, those of the build itself have none yet.

    Raises UsageError where a wanted one has none.
    """
    try:
        from model.evaluate.task import choose
        from model.evaluate.tasks import TASKS
    except ImportError as error:
        raise WebtextError(f"evaluate: {error}; install it with `pip install 'webtext[train]'` or set evaluate.enabled = false") from None
    data, home = Path(section.data), Path(section.model) if section.model else build
    wanted = choose(TASKS, section.tasks)
    if not all(task.of_build for task in wanted) and not (section.data and data.is_dir()):
        raise UsageError(
            f"evaluate.data: {section.data or 'nothing'} is not a directory; give the one with the files of the tasks (--data)"
        )
    there = []
    for task in wanted:
        where = home if task.of_build else data
        files = task.files(where) if where else []
        if files or where is None:
            there.append((task, files))
        elif section.tasks:
            raise UsageError(f"{where}: has no files of the task {task.name}, as {' or '.join(task.patterns)}")
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
        overlap = Path(section.model) / DIRECTORIES["overlap"]
        files += [*overlap.glob("*.json"), *overlap.glob("examples/*.csv")]
        if section.ladder:
            files += [path for split in ("train", "val") for path in split_files(Path(section.model) / DIRECTORIES["tokenize"], split)]
        model, tokenizer = _model_and_tokenizer(section, Path(section.model))
        known = "safetensors json index txt bpe".split()
        for directory in {model, model / "hf", Path(tokenizer)}:
            if directory.is_dir():
                files += [path for path in directory.iterdir() if path.suffix[1:] in known or ".data-" in path.name]
    return sorted(set(files))


def _evaluate(context: StageContext, config: Config, progress: Callable[[str], None]) -> None:
    section = config.evaluate
    tasks = _tasks(section, context.build)
    names = [task.name for task, _ in tasks]
    scorers: list[Scorer] = []  # made when the first task is not done yet, and then used by all
    from model.device import machine
    from model.evaluate.lm_eval import HARNESS_TASKS
    from model.evaluate.lm_eval_tasks import WRITTEN

    with machine(section.device, section.precision) as here:

        def scorer() -> Scorer:
            if not scorers:
                scorers.append(_scorer(section, context.build, here))
            return scorers[0]

        for task, files in tasks:
            progress(task.title)
            run_task(context, f"evaluate-{task.name}", evaluate_task, scorer, task, files, section)
        for task, files in tasks if section.harness else ():
            if task.name in HARNESS_TASKS:
                progress(f"{task.title} as lm-eval")
                names.append(f"{task.name}_lm_eval")
                run_task(context, f"harness-{task.name}", evaluate_as_other, scorer, task, files, section)
            elif task.name in WRITTEN:
                run_task(context, f"written-{task.name}", write_for_harness, task, files, section)
        if section.ladder:
            progress("ladder")
            run_task(context, "ladder-00000", climb_ladder, scorer, config)
            names.append("ladder")
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
    from model.evaluate.task import Settings

    ready = scorer()
    settings = Settings(section.limit, section.stride, section.pairs, section.seed)
    result = task.run(ready, files, settings)
    about = {"title": task.title, "kind": task.kind, "files": [path.name for path in files], "settings": asdict(settings)}
    _write_result(log, task.name, result, {**about, "model": _about_model(ready)})


def evaluate_as_other(log: TaskRun, scorer: Callable[[], Scorer], task: Task, files: list[Path], section: EvaluateSection) -> None:
    """Run the version of a task that lm-evaluation-harness has."""
    from model.evaluate.lm_eval import evaluate_as_harness
    from model.evaluate.task import Settings

    ready, settings = scorer(), Settings(section.limit)
    result = evaluate_as_harness(ready, task.name, files, settings, log.context.scratch_path("lm_eval"))
    about = {"title": f"{task.title}, by lm-evaluation-harness", "kind": task.kind, "files": [path.name for path in files]}
    _write_result(log, f"{task.name}_lm_eval", result, {**about, "settings": asdict(settings), "model": _about_model(ready)})


def write_for_harness(log: TaskRun, task: Task, files: list[Path], section: EvaluateSection) -> None:
    """Write a task that lm-evaluation-harness lacks into evaluation/lm_eval/, so that it can run it."""
    from model.evaluate.lm_eval_tasks import write_harness_task
    from model.evaluate.task import Settings

    for path in write_harness_task(task.name, files, Settings(section.limit), log.context.path / "lm_eval"):
        log.register_file(path.relative_to(log.context.build).as_posix())


def climb_ladder(log: TaskRun, scorer: Callable[[], Scorer], config: Config) -> None:
    """Train the ladder of sizes on the tokens of the model's build. Their checkpoints are deleted when the stage is finished."""
    from model.config import TrainConfig
    from model.evaluate.ladder import climb

    section, ready = config.evaluate, scorer()
    settings = config.train.model_dump(
        exclude={"enabled", "tokens", "vocabulary", "tune_lr", "tune_steps", "layers", "heads", "width", "lr"}
    )
    settings |= {"context": ready.context, "steps": section.ladder_steps or config.train.steps, "device": section.device}
    train = TrainConfig(vocab_size=ready.model.config.vocab_size, eot=ready.tokenizer.eot, **settings)
    build = Path(section.model) if section.model else log.context.build
    result = climb(section.ladder, train, build / DIRECTORIES["tokenize"], log.context.scratch_path("ladder"), _announce)
    about = {"title": "A ladder of sizes", "kind": "training", "files": [], "settings": {"limit": 0}, "model": _about_model(ready)}
    _write_result(log, "ladder", result, about)


def _announce(line: str) -> None:
    sys.stderr.write(f"evaluate: {line}\n")


def _about_model(scorer: Scorer) -> dict[str, Any]:
    config = scorer.model.config
    about = {"parameters": config.parameters, "context": scorer.context, "vocabulary": config.vocab_size}
    return {**about, "precision": scorer.here.precision}


def _write_result(log: TaskRun, name: str, result: TaskResult, about: dict[str, Any]) -> None:
    from model.evaluate.results import OUTCOMES, to_record

    measures = [to_record(name, measure) for measure in result.measures]
    path = f"{log.context.directory}/tasks/{name}.json"
    record = {**about, "task": name, "measures": measures, "notes": result.notes, "tables": result.tables}
    write_bytes(log.context.build / path, to_json(record))
    log.register_file(path, len(result.measures))
    with log.table(f"{log.context.directory}/examples/{name}.parquet", OUTCOMES) as table:
        for outcome in result.outcomes:
            table.write(asdict(outcome))
    log.records_in = log.records_out = len(result.outcomes)


def write_page(log: TaskRun, names: list[str], section: EvaluateSection) -> None:
    """Join the results of the tasks, with their measures by overlap: evaluation/evaluation.json, evaluation.csv and evaluation.html."""
    from model.evaluate.overlap import read_overlaps
    from model.evaluate.page import render
    from model.evaluate.results import to_csv

    directory = log.context.path
    overlaps = read_overlaps((Path(section.model) if section.model else log.context.build) / DIRECTORIES["overlap"])
    tasks: list[Any] = [_with_overlap(read_json(directory / "tasks" / f"{name}.json"), directory, overlaps) for name in names]
    records = [measure for task in tasks for measure in [*task["measures"], *task["overlap"]]]
    for name, data in (
        ("evaluation.json", to_json({"model": tasks[0]["model"], "tasks": tasks})),
        ("evaluation.csv", to_csv(records).encode()),
        ("evaluation.html", render(tasks[0]["model"], tasks).encode()),
    ):
        write_bytes(directory / name, data)
        log.register_file(f"{log.context.directory}/{name}", len(records))


def _with_overlap(task: Any, directory: Path, overlaps: list[OverlapReport]) -> dict[str, Any]:
    """The record of a task with its measures by overlap, for each of the test sets that it shares examples with."""
    from model.evaluate.overlap import by_overlap
    from model.evaluate.results import Outcome, from_record, to_record

    measures = [from_record(measure) for measure in task["measures"]]
    outcomes = [Outcome(**row) for row in read_table(directory / "examples" / f"{task['task']}.parquet")] if overlaps else []
    found = [by_overlap(measures, outcomes, task["files"], test) for test in overlaps]
    records = [to_record(task["task"], measure) for parts, _ in found for measure in parts]
    return {**task, "overlap": records, "notes": task["notes"] + [note for _, notes in found for note in notes]}


EVALUATE = Stage(
    name="evaluate",
    directory=DIRECTORIES["evaluate"],
    unit="examples",
    reads=("train", "tokenizer", "tokenize", "ngrams", "overlap"),
    sections=("evaluate", "train"),
    phases=lambda config: {"evaluate": len(_tasks(config.evaluate)), "ladder": int(bool(config.evaluate.ladder)), "page": 1},
    sources=_sources,
    local=_evaluate,
)
