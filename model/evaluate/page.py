"""The results of an evaluation as one HTML file: no network, no script, the paper's tables and figures with ours beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from model.evaluate.overlap import PARTS
from model.evaluate.paper import PARAMETERS, TABLE_3
from model.evaluate.results import SIZES
from webtext.overlap.html import count, percent
from webtext.overlap.plots import Axis, Chart, Point, between, decades, from_zero, percentages

Record = Mapping[str, Any]
OURS = "this model"
SMALL = {"width": 300, "height": 190}
TABLE_4 = "Table 4 of the paper"  # tables that tasks give, and that are drawn
CALIBRATION, FIGURE_4, FIGURE_5 = "calibration", "Figure 4", "Figure 5"


def render(model: Record, tasks: Sequence[Record]) -> str:
    """The page. `model` and `tasks` are as evaluation.json has them."""
    loader = ChoiceLoader([PackageLoader("model.evaluate"), PackageLoader("webtext.overlap")])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(percent=percent, count=count, number=number)
    measures = [measure for task in tasks for measure in task["measures"]]
    tables = {name: rows for task in tasks for name, rows in task["tables"].items()}
    kinds = [name for name in (tables.get(TABLE_4) or [{}])[0] if name != "summary"]
    return environment.get_template("evaluation.html.j2").render(
        model=model,
        tasks=[{**task, **_lettered(task["measures"])} for task in tasks],
        sizes=SIZES,
        columns=[{**column._asdict(), "here": here(column, measures)} for column in TABLE_3],
        table_4=_table_4(tables.get(TABLE_4, []), measures),
        kinds=kinds,
        multiples=[plot for task in tasks for plot in _against_size(task, model["parameters"], without=kinds[:-1])],
        figures=_figures(tables),
        overlaps=_overlaps(tasks),
        parts=("all", *PARTS),
    )


def number(value: Any) -> str:
    """A value of a table for the eye: four digits of a fraction, a dash for none.

    >>> number(0.63241), number(12345.6), number(None), number(True)
    ('0.6324', '12\\u202f346', '–', 'yes')
    """
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "–", True: "yes", False: "no"}[value]
    if isinstance(value, int) or 1e4 <= abs(value) < 1e12:
        return count(round(value))
    return f"{value:.4g}"


def here(column: Any, measures: Sequence[Record]) -> float | None:
    """Our figure in a column of Table 3: of the first measure whose published figures are those of the column."""
    for measure in measures:
        if scale := column.scale(measure["paper"]):
            return float(scale * measure["value"])
    return None


def _lettered(measures: Sequence[Record]) -> dict[str, Any]:
    """The measures, each with a letter for its protocol, and the protocols by letter."""
    protocols = list(dict.fromkeys("; ".join(f"{key}: {value}" for key, value in each["protocol"].items()) for each in measures))
    letters = {text: _letter(place) for place, text in enumerate(protocols)}
    rows = [{**each, "letter": letters["; ".join(f"{key}: {value}" for key, value in each["protocol"].items())]} for each in measures]
    return {"measures": rows, "protocols": {letter: text for text, letter in letters.items()}}


def _letter(place: int) -> str:
    return chr(ord("A") + place) if place < 26 else str(place + 1)


def _table_4(rows: Sequence[Record], measures: Sequence[Record]) -> list[dict[str, Any]]:
    """The published rows, each followed by ours where we have it: its measures are named `ROUGE-1, SUMMARY`."""
    values = {measure["measure"]: measure["value"] for measure in measures}
    found = []
    for row in rows:
        kinds = [kind for kind in row if kind != "summary"]
        ours = [values.get(f"{kind}, {row['summary']}") for kind in kinds]
        found.append({"summary": row["summary"], "paper": [row[kind] for kind in kinds], "ours": ours if set(ours) != {None} else None})
    return found


def _compared(task: Record, without: Sequence[str]) -> list[Record]:
    """The measures of a task that have published figures, each figure once; of kinds of ROUGE only the mean."""
    found: dict[tuple[Any, ...], Record] = {}
    for measure in task["measures"]:
        if measure["paper"] and measure["measure"].partition(",")[0] not in without:
            found.setdefault((measure["measure"], *sorted(measure["paper"].items())), measure)
    return list(found.values())


def _against_size(task: Record, parameters: int, without: Sequence[str]) -> list[Markup]:
    """Figure 1: each measure against the number of parameters, with what tells it from others of its name."""
    found = []
    measures = _compared(task, without)
    for measure in measures:
        alike = [other["protocol"] for other in measures if other["measure"] == measure["measure"]]
        different = [str(value) for key, value in measure["protocol"].items() if any(other.get(key) != value for other in alike)]
        points = [(float(PARAMETERS[size]), measure["paper"][size]) for size in SIZES if size in measure["paper"]]
        mine = (float(parameters), measure["value"])
        values = [value for _, value in (*points, mine)]
        falls = measure["measure"].startswith("perplexity") and min(values) > 0
        x = decades(min(parameters, 1e8), max(parameters, *PARAMETERS.values()))
        y = decades(min(values), max(values)) if falls else from_zero(max(values))
        name = f"{task['title']}: {', '.join([measure['measure'], *different])}"
        chart = Chart(name, x, y, "parameters", **SMALL)
        dots = [chart.dot(point, "published", f"GPT-2 {size}: {number(point[1])}") for size, point in zip(measure["paper"], points)]
        drawn = chart.draw(chart.line(points, "published"), *dots, chart.dot(mine, "ours", f"{OURS}: {number(mine[1])}"))
        found.append(Markup("<figure><figcaption>{}</figcaption>{}</figure>").format(name, drawn))
    return found


def _figures(tables: Mapping[str, Sequence[Record]]) -> dict[str, Markup]:
    """Figures 4 and 5 and the calibration curve, of the tables that hold their points."""
    found = {}
    if rows := tables.get(FIGURE_4):
        losses = [row[part] for row in rows for part in ("train perplexity", "held-out perplexity")]
        sizes = [row["parameters"] for row in rows]
        label = "Perplexity on the training part and on the held-out part, against the number of parameters"
        chart = Chart(label, decades(min(sizes), max(sizes)), between(min(losses), max(losses)), "parameters")
        found[FIGURE_4] = _two_curves(chart, rows, "parameters", {"train perplexity": "published", "held-out perplexity": "ours"})
    if rows := tables.get(FIGURE_5):
        last = next((row["percent"] for row in rows if row["held-out"] == row["samples"] == 1), 100)
        label = "Share of texts with at most so many per cent of their n-grams in the corpus"
        last = max(5, 5 * math.ceil(last / 5))
        chart = Chart(label, percentages(last), _shares(), "of a text’s n-grams in the corpus, at most")
        within = [row for row in rows if row["percent"] <= last]
        found[FIGURE_5] = _two_curves(chart, within, "percent", {"held-out": "published", "samples": "ours"}, dots=False)
    if rows := [row for row in tables.get(CALIBRATION, []) if row["answers"]]:
        chart = Chart("Accuracy of answers by their probability", Axis(0, 1, _shares().ticks), _shares(), "probability of the answer")
        points = [(row["mean probability"], row["exact match"]) for row in rows]
        texts = [f"{row['answers']} answers: {number(row['exact match'])}" for row in rows]
        dots = [chart.dot(point, "ours", text) for point, text in zip(points, texts)]
        found[CALIBRATION] = chart.draw(chart.line([(0, 0), (1, 1)], "published"), chart.line(points, "ours"), *dots)
    return found


def _shares() -> Axis:
    return Axis(0, 1, [(part / 4, f"{25 * part} %") for part in range(5)])


def _two_curves(chart: Chart, rows: Sequence[Record], x: str, curves: Mapping[str, str], *, dots: bool = True) -> Markup:
    marks = []
    for name, kind in curves.items():
        points: list[Point] = [(row[x], row[name]) for row in rows]
        marks.append(chart.line(points, kind))
        marks += [chart.dot(point, kind, f"{name}: {number(point[1])}") for point in points if dots]
    return chart.draw(*marks)


def _overlaps(tasks: Sequence[Record]) -> list[dict[str, Any]]:
    """A row for each measure, group and overlap report, with its figure on each part of the examples."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for task in tasks:
        for record in task["overlap"]:
            key = (task["title"], record["measure"], record["group"], record["protocol"]["overlap report"])
            rows.setdefault(key, {"key": key, "above": record["protocol"]["heavy above"]})[record["protocol"]["overlap"]] = record
    return list(rows.values())
