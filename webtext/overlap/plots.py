"""Plots as inline SVG: coloured by the page's style sheet, readable as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

LEFT, RIGHT, TOP, BOTTOM = 56, 30, 14, 52
Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high` with ticks, each a place and its text; where it is `log`, equal distances are equal factors."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    log: bool = False

    def share(self, value: float) -> float:
        """How far along the axis a value lies: 0 at its beginning, 1 at its end."""
        low, high, here = (math.log(each) for each in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return (here - low) / (high - low)


@dataclass(frozen=True)
class Chart:
    """A plot area with its axes; `label` says in words what it shows, `below` what the x-axis counts."""

    label: str
    x: Axis
    y: Axis
    below: str = ""
    width: int = 560
    height: int = 210

    def at_x(self, value: float) -> float:
        return round(LEFT + (self.width - LEFT - RIGHT) * self.x.share(value), 1)

    def at_y(self, value: float) -> float:
        return round(self.height - BOTTOM - (self.height - TOP - BOTTOM) * self.y.share(value), 1)

    def steps(self, points: Sequence[Point]) -> str:
        """The path of a stepped curve: a value holds from its place on to the next."""
        (x, y), *others = points
        return f"M{self.at_x(x)} {self.at_y(y)}" + "".join(f"H{self.at_x(x)}V{self.at_y(y)}" for x, y in others)

    def line(self, points: Sequence[Point], kind: str) -> Markup:
        """Points joined by a line, of a class of the style sheet."""
        path = "M" + "L".join(f"{self.at_x(x)} {self.at_y(y)}" for x, y in points)
        return Markup('<path class="curve {}" d="{}"/>').format(kind, path)

    def dot(self, point: Point, kind: str, text: str) -> Markup:
        """A point, with a text that a pointer over it shows."""
        x, y = self.at_x(point[0]), self.at_y(point[1])
        return Markup('<circle class="dot {}" cx="{}" cy="{}" r="4.5"><title>{}</title></circle>').format(kind, x, y, text)

    def draw(self, *marks: Markup) -> Markup:
        """The plot with its axes behind the marks."""
        return Markup(
            '<svg class="plot" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">{ticks_y}{ticks_x}{marks}'
            '<text class="tick" text-anchor="middle" x="{middle}" y="{bottom}">{below}</text></svg>'
        ).format(
            w=self.width,
            h=self.height,
            label=self.label,
            ticks_y=_joined(self._tick_y(*tick) for tick in self.y.ticks),
            ticks_x=_joined(self._tick_x(*tick) for tick in self.x.ticks),
            marks=_joined(marks),
            middle=(LEFT + self.width - RIGHT) / 2,
            bottom=self.height - 8,
            below=self.below,
        )

    def _tick_x(self, value: float, text: str) -> Markup:
        y = self.height - BOTTOM + 18
        return Markup('<text class="tick" text-anchor="middle" x="{}" y="{}">{}</text>').format(self.at_x(value), y, text)

    def _tick_y(self, value: float, text: str) -> Markup:
        y = self.at_y(value)
        return Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="tick" text-anchor="end" x="{}" y="{}">{}</text>'
        ).format(LEFT, self.width - RIGHT, y, y, LEFT - 7, y + 4, text)


def exceedance(counts: Sequence[int], examples: int, heavy: float, label: str) -> Markup:
    """The share of examples above each percentage of n-grams found, as a stepped curve; `counts` [100] as of `measure.above`."""
    y = from_zero(100 * counts[0] / examples if examples and counts[0] else 1.0, " %")
    chart = Chart(label, percentages(), y, "of an example’s n-grams found")
    path = chart.steps([(percent, 100 * count / examples if examples else 0.0) for percent, count in enumerate([*counts, 0])])
    bottom, line = chart.height - BOTTOM, chart.at_x(100 * heavy)
    return chart.draw(
        Markup(
            '<line class="heavy" x1="{line}" x2="{line}" y1="{top}" y2="{bottom}"/>'
            '<text class="note" x="{note}" y="{text}">heavy: above {heavy} %</text>'
            '<path class="area" d="{path}V{bottom}H{left}Z"/><path class="curve" d="{path}"/>'
        ).format(line=line, top=TOP, bottom=bottom, note=line + 5, text=TOP + 9, heavy=f"{100 * heavy:g}", path=path, left=LEFT)
    )


def percentages(high: int = 100) -> Axis:
    """An axis of percentages from 0, with a tick at each fifth."""
    return Axis(0, high, [(high * part / 5, f"{high * part / 5:g} %") for part in range(6)])


def from_zero(value: float, unit: str = "") -> Axis:
    """An axis from 0 to at least a value, to the next of 1, 2, 4, 8 times a power of ten: its quarters are short numbers."""
    scale = 1e-6
    while not any(value <= scale * step for step in (1, 2, 4, 8)):
        scale *= 10
    top = float(f"{next(scale * step for step in (1, 2, 4, 8) if value <= scale * step):.6g}")
    return Axis(0, top, [(top * part / 4, f"{top * part / 4:.4g}{unit}") for part in range(5)])


def between(low: float, high: float) -> Axis:
    """An axis that holds two values, with a few ticks at short numbers."""
    step = from_zero((high - low) / 4 or abs(high) / 4 or 1.0).high
    first, last = math.floor(low / step), max(math.ceil(high / step), math.floor(low / step) + 1)
    return Axis(first * step, last * step, [(place * step, f"{place * step:.4g}") for place in range(first, last + 1)])


def decades(low: float, high: float) -> Axis:
    """A logarithmic axis over whole powers of ten that hold two values above 0."""
    first, last = math.floor(math.log10(low)), max(math.ceil(math.log10(high)), math.floor(math.log10(low)) + 1)
    every = -(-(last - first) // 5)
    return Axis(10.0**first, 10.0**last, [(10.0**power, _short(power)) for power in range(first, last + 1, every)], log=True)


def _short(power: int) -> str:
    """A power of ten for the eye.

    >>> _short(4), _short(8), _short(-1)
    ('10 k', '100 M', '0.1')
    """
    thousands = power // 3
    return f"{10 ** (power % 3)}\u202f{' kMGT'[thousands]}".strip() if 0 < thousands < 5 else f"{10.0**power:g}"


def _joined(marks: Iterable[Markup]) -> Markup:
    return Markup("").join(marks)
