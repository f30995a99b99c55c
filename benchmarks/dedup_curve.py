"""The curve of detection as an SVG: what met in a band and what was found, by Jaccard similarity, beside the theory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 60, 20, 44, 52
INK, THEORY, MET, FOUND, RULE = "#222", "#888", "#0b6ab0", "#c2410c", "#ddd"


@dataclass(frozen=True)
class Bin:
    """The true pairs of a range of similarities: their number and mean similarity, the shares that met in a band and that were found,
    and the mean of the probabilities of meeting."""

    low: float
    high: float
    pairs: int
    jaccard: float
    met: float
    theory: float
    found: float


def curve(bins: Sequence[Bin], meeting: Callable[[float], float], threshold: float, title: str) -> str:
    """The curve as a file of its own. `meeting` is the theory: the probability to meet by similarity.

    Bars are twice the standard error of a share of so many pairs.
    """
    first = min(one.low for one in bins)

    def x(jaccard: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (jaccard - first) / (1 - first), 1)

    def y(share: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 1)

    parts = [f'<text x="{LEFT}" y="20" font-size="14">{title}</text>']
    for step in range(0, 11, 2):
        parts.append(_line(LEFT, WIDTH - RIGHT, y(step / 10), y(step / 10), RULE))
        parts.append(_text(LEFT - 8, y(step / 10) + 4, f"{step * 10} %", "end"))
    ticks = [tick / 10 for tick in range(math.ceil(first * 10), 11)]
    parts += [_text(x(tick), HEIGHT - BOTTOM + 18, f"{tick:.1f}", "middle") for tick in ticks]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "exact Jaccard similarity of the pair", "middle"))
    parts.append(_line(x(threshold), x(threshold), TOP, HEIGHT - BOTTOM, INK, 'stroke-dasharray="4 4"'))
    parts.append(_text(x(threshold) - 6, HEIGHT - BOTTOM - 8, f"threshold {threshold:g}", "end"))
    line = " ".join(f"{x(first + (1 - first) * k / 200)},{y(meeting(first + (1 - first) * k / 200))}" for k in range(201))
    parts.append(f'<polyline points="{line}" fill="none" stroke="{THEORY}" stroke-width="2"/>')
    for one in bins:
        error = 2 * math.sqrt(one.met * (1 - one.met) / one.pairs)
        place = x(one.jaccard)
        parts.append(_line(place, place, y(max(one.met - error, 0)), y(min(one.met + error, 1)), MET))
        parts.append(
            f'<circle cx="{place}" cy="{y(one.met)}" r="4" fill="{MET}"><title>{one.pairs} pairs: {one.met:.3f} met</title></circle>'
        )
        parts.append(
            f'<rect x="{place - 4}" y="{y(one.found) - 4}" width="8" height="8" fill="none" stroke="{FOUND}" stroke-width="2">'
            f"<title>{one.pairs} pairs: {one.found:.3f} found</title></rect>"
        )
    legend = (("theory of the bands", THEORY), ("met in a band", MET), ("found and verified", FOUND))
    for k, (label, colour) in enumerate(legend):
        parts.append(f'<rect x="{LEFT + 14}" y="{TOP + 10 + 20 * k}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(LEFT + 34, TOP + 20 + 20 * k, label, "start"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}" role="img" aria-label="{title}">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _line(x1: float, x2: float, y1: float, y2: float, colour: str, more: str = "") -> str:
    return f'<line x1="{x1}" x2="{x2}" y1="{y1}" y2="{y2}" stroke="{colour}" {more}/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>'
