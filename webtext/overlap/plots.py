"""Plots as inline SVG: coloured by the page's style sheet, readable as text."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT = 560, 210
LEFT, RIGHT, TOP, BOTTOM = 56, 30, 14, 52


def exceedance(counts: Sequence[int], examples: int, heavy: float, label: str) -> Markup:
    """The share of examples above each percentage of n-grams found, as a stepped curve; `counts` [100] as of `measure.above`."""
    top = _ceiling(100 * counts[0] / examples) if examples and counts[0] else 1.0
    points = [(percent, 100 * count / examples if examples else 0.0) for percent, count in enumerate([*counts, 0])]
    path = f"M{_x(0)} {_y(points[0][1], top)}" + "".join(f"H{_x(percent)}V{_y(value, top)}" for percent, value in points[1:])
    ticks_x = Markup("").join(_tick_x(percent) for percent in range(0, 101, 20))
    ticks_y = Markup("").join(_tick_y(top * part / 4, top) for part in range(5))
    line = _x(100 * heavy)
    return Markup(
        '<svg class="plot" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">{ticks_y}{ticks_x}'
        '<line class="heavy" x1="{line}" x2="{line}" y1="{t}" y2="{b}"/>'
        '<text class="note" x="{note}" y="{ty}">heavy: above {heavy} %</text>'
        '<path class="area" d="{path}V{b}H{l}Z"/><path class="curve" d="{path}"/>'
        '<text class="tick" text-anchor="middle" x="{middle}" y="{bottom}">of an example’s n-grams found</text></svg>'
    ).format(
        w=WIDTH,
        middle=(LEFT + WIDTH - RIGHT) / 2,
        bottom=HEIGHT - 8,
        h=HEIGHT,
        label=label,
        ticks_y=ticks_y,
        ticks_x=ticks_x,
        line=line,
        note=line + 5,
        ty=TOP + 9,
        t=TOP,
        b=HEIGHT - BOTTOM,
        l=LEFT,
        path=path,
        heavy=f"{100 * heavy:g}",
    )


def _ceiling(value: float) -> float:
    """The next of 1, 2, 4, 8 times a power of ten: an axis whose quarters are short numbers."""
    scale = 1e-6
    while True:
        for step in (1, 2, 4, 8):
            if value <= scale * step:
                return float(f"{scale * step:.6g}")
        scale *= 10


def _x(percent: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * percent / 100, 1)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top, 1)


def _tick_x(percent: int) -> Markup:
    return Markup('<text class="tick" text-anchor="middle" x="{}" y="{}">{} %</text>').format(_x(percent), HEIGHT - BOTTOM + 18, percent)


def _tick_y(value: float, top: float) -> Markup:
    return Markup(
        '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="tick" text-anchor="end" x="{}" y="{}">{} %</text>'
    ).format(LEFT, WIDTH - RIGHT, _y(value, top), _y(value, top), LEFT - 7, _y(value, top) + 4, f"{value:.4g}")
