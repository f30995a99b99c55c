"""The analyses of the GPT-1 paper: table 5, and figure 2. Each writes its results into a directory, and the page shows what is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from model.checkpoint import LAST, Checkpoint
from model.device import machine
from model.evaluate.page import number
from model.evaluate.scorer import Scorer
from model.finetune.objective import Encoder
from model.finetune.run import Recipe, finetune
from model.finetune.tasks import TASKS, TaskData
from model.finetune.zero_shot import HEURISTICS
from model.lstm import LanguageModel
from model.sample import Tokenizer
from model.weights import load_model
from webtext.core.errors import UsageError
from webtext.core.files import read_json, to_json, write_bytes
from webtext.overlap.plots import Axis, Chart, between

Analysis = Literal["full", "no-auxiliary", "no-pretraining", "lstm", "layers"]
Announce = Callable[[object], None]
# Rows of table 5: how we call a method, its name there, and the published figures by task, in per cent.
TABLE_5: dict[str, tuple[str, dict[str, float]]] = {
    "full": (
        "Transformer with auxiliary loss",
        {"cola": 45.4, "sst2": 91.3, "mrpc": 82.3, "stsb": 82.0, "qqp": 70.3, "qnli": 88.1, "rte": 56.0},
    ),
    "no-pretraining": ("Transformer without pre-training", {}),
    "no-auxiliary": (
        "Transformer without auxiliary loss",
        {"cola": 47.9, "sst2": 92.0, "mrpc": 84.9, "stsb": 83.2, "qqp": 69.8, "mnli": 81.1, "qnli": 86.9, "rte": 54.4},
    ),
    "lstm": ("LSTM with auxiliary loss", {}),
}
ANALYSES = (*TABLE_5, "layers", "zero-shot")
ZERO_SHOT = "zero-shot.json"


def analyse(
    name: Analysis,
    start: LanguageModel,
    tokenizer: Encoder,
    data: TaskData,
    out: Path,
    recipe: Recipe,
    seeds: Sequence[int],
    *,
    announce: Announce | None = None,
) -> None:
    """Fine-tune for a task as one row of table 5 does, in `out/NAME/TASK`; for "layers" once for each number of layers transferred."""
    variants: dict[str, dict[str, Any]] = {"no-auxiliary": {"auxiliary": 0.0}, "no-pretraining": {"pretrained": False}}
    recipes = {f"{name}/{data.task.name}": replace(recipe, **variants.get(name, {}))}
    if name == "layers":
        counts = range(start.config.layers + 1)
        recipes = {f"layers/{data.task.name}/{count}": replace(recipe, layers=count) for count in counts}
    for directory, plan in recipes.items():
        if announce is not None:
            announce(directory)
        finetune(start, tokenizer, data, out / directory, plan, seeds=seeds, announce=announce)


def zero_shot_course(
    model: Path, tokenizer: Tokenizer, names: Sequence[str], data: Path, out: Path, limit: int = 0, *, announce: Announce | None = None
) -> None:
    """The zero-shot heuristics on the kept checkpoints of a training (`--keep-every`) and its last, into `out/zero-shot.json`."""
    wanted = list(names) or list(HEURISTICS)
    unknown = next((name for name in wanted if name not in HEURISTICS), None)
    if unknown is not None:
        raise UsageError(f"there is no zero-shot heuristic for {unknown!r}; there are for {', '.join(HEURISTICS)}")
    paths = [*sorted(model.glob("step-*.safetensors")), *model.glob(LAST)] if model.is_dir() else []
    if not paths:
        raise UsageError(f"{model}: no checkpoints; give a training run, kept now and then by keep_every")
    rows: dict[int, dict[str, float]] = {}
    with machine("auto", "fp32") as here:
        for path in paths:
            step = Checkpoint(path).state.step
            if step not in rows:
                scorer = Scorer(load_model(path), tokenizer, here)
                rows[step] = {name: HEURISTICS[name](scorer, data, limit) for name in wanted}
                if announce is not None:
                    announce(f"step {step:,}: " + ", ".join(f"{name} {value:.4f}" for name, value in rows[step].items()))
    write_bytes(out / ZERO_SHOT, to_json([{"step": step, **row} for step, row in sorted(rows.items())]))


def write_page(out: Path) -> Path:
    """analyses.json and analyses.html of all results in a directory: a table as table 5, and plots as figure 2."""
    found: dict[str, dict[str, Any]] = {name: _results(out / name) for name in TABLE_5}
    tasks = [task for task in TASKS if any(task in row for row in found.values())]
    rows = [
        {
            "name": title,
            "published": [published.get(task) for task in tasks],
            "ours": [_percent(found[name].get(task)) for task in tasks],
            "average": _average([_percent(found[name].get(task)) for task in tasks]),
        }
        for name, (title, published) in TABLE_5.items()
        if found[name]
    ]
    layers = {path.name: _results(path) for path in sorted((out / "layers").glob("*"))}
    courses: Any = read_json(out / ZERO_SHOT) if (out / ZERO_SHOT).exists() else []
    write_bytes(out / "analyses.json", to_json({"tasks": tasks, "table 5": rows, "layers": layers, "zero-shot": courses}))
    transferred = {
        task: [
            (float(count), value)
            for count, row in sorted(runs.items(), key=lambda item: int(item[0]))
            if (value := _percent(row)) is not None
        ]
        for task, runs in layers.items()
    }
    steps = {name: [(float(row["step"]), 100 * row[name]) for row in courses] for name in HEURISTICS if courses and name in courses[0]}
    loader = ChoiceLoader([PackageLoader("model.finetune"), PackageLoader("webtext.overlap")])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(number=number)
    plots = [_plot(name, points, "layers transferred") for name, points in transferred.items()]
    plots += [_plot(f"{name}, zero-shot", points, "steps of pre-training") for name, points in steps.items()]
    html = environment.get_template("analyses.html.j2").render(
        tasks=[(task, TASKS[task].measures[0]) for task in tasks], rows=rows, plots=plots
    )
    write_bytes(out / "analyses.html", html.encode())
    return out / "analyses.html"


def _results(directory: Path) -> dict[str, Any]:
    """results.json of each directory in it, by its name."""
    return {path.parent.name: read_json(path) for path in sorted(directory.glob("*/results.json"))}


def _percent(result: Any) -> float | None:
    return None if result is None else 100 * float(next(iter(result["median"].values())))


def _average(values: list[float | None]) -> float | None:
    """The mean, where no task is missing."""
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there and len(there) == len(values) else None


def _plot(title: str, points: Sequence[tuple[float, float]], below: str) -> Markup:
    values, places = [value for _, value in points], [place for place, _ in points]
    last = max(places[-1], places[0] + 1)
    x = Axis(places[0], last, [(place, f"{place:,.0f}") for place in (places if len(places) <= 13 else (places[0], last))])
    chart = Chart(f"{title}, per cent", x, between(min(values), max(values)), below, width=300, height=190)
    dots = [chart.dot(point, "ours", f"{point[0]:,.0f}: {number(point[1])}") for point in points]
    return Markup("<figure><figcaption>{}</figcaption>{}</figure>").format(title, chart.draw(chart.line(points, "ours"), *dots))
