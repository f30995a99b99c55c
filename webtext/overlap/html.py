"""The overlap report as one HTML file: no network, no script, plots as inline SVG."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from webtext.overlap import paper
from webtext.overlap.measure import Share
from webtext.overlap.plots import exceedance


def render(about: dict[str, Any], benchmarks: list[dict[str, Any]]) -> str:
    """The page. `about` is what the reports have in common and `benchmarks` what is of each, as the JSON files have it."""
    environment = Environment(
        loader=PackageLoader("webtext.overlap"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(percent=percent, count=count, rate=rate, web=web)
    rows = [_row(benchmark, about["heavy_above"]) for benchmark in benchmarks]
    columns = [_column(column, rows) for column in paper.TABLE_6]
    return environment.get_template("report.html.j2").render(
        about=about,
        rows=rows,
        columns=columns,
        means={key: _mean([column[key] for column in columns]) for key in ("own_train", "webtext", "own_here", "here")},
        widest=max((row["corpus"].percent for row in rows), default=0.0) or 1.0,
        n=about["filters"]["words"],
        with_documents=any(row["documents_that_quote"] is not None for row in rows),
    )


def _row(benchmark: dict[str, Any], heavy: float) -> dict[str, Any]:
    examples = benchmark["examples"] - benchmark["too_short"]
    label = f"{benchmark['name']}: share of examples above each percentage of n-grams found"
    return {
        **benchmark,
        "corpus": Share(**benchmark["corpus"]),
        "own_train": Share(**benchmark["own_train"]) if benchmark["own_train"] else None,
        "measured": examples,
        "plot": exceedance(benchmark["examples_above_percent"], examples, heavy, label),
        "remark": paper.REMARKS.get(benchmark["read_as"]),
    }


def _column(column: paper.Column, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A column of Table 6 with the first test set here that belongs to it."""
    here = next((row for row in rows if row["paper_column"] == column.name), None)
    return {
        **column._asdict(),
        "here": here["corpus"].percent if here else None,
        "own_here": here["own_train"].percent if here and here["own_train"] else None,
    }


def _mean(values: list[float | None]) -> float | None:
    """The mean of a whole row; that of some columns would stand beside the paper's and mislead."""
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if len(there) == len(values) else None


def percent(value: float | None, digits: int = 2) -> str:
    """A percentage for the eye: a dash for none, and never 0 for what is not."""
    if value is None:
        return "–"
    return f"< {10**-digits:g}" if 0 < value < 0.5 * 10**-digits else f"{value:.{digits}f}"


def count(value: int) -> str:
    """A number with thin spaces between its thousands.

    >>> count(1234567)
    '1\\u202f234\\u202f567'
    """
    return f"{value:,}".replace(",", "\u202f")


def rate(value: float) -> str:
    """A small rate.

    >>> rate(9.9812e-09)
    '1.0\\u202f×\\u202f10⁻⁸'
    """
    if not value:
        return "0"
    digits, _, exponent = f"{value:.1e}".partition("e")
    return f"{digits}\u202f×\u202f10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def web(url: str) -> bool:
    """Whether a URL may become a link: pages of the corpus are on the web, and nothing else is."""
    return url.startswith(("http://", "https://"))
