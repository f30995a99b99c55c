"""Table 3 of the paper, to stand beside what is measured here: "Language Models are Unsupervised Multitask Learners", 2019."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from model.evaluate.results import SIZES

PARAMETERS = dict(zip(SIZES, (124_439_808, 354_823_168, 774_030_080, 1_557_611_200)))  # what the paper's names stand for


class Column(NamedTuple):
    """A column: a test set, its measure, the best figure before the paper, and those of GPT-2 by size."""

    name: str
    measure: str
    before: float
    figures: Mapping[str, float]

    def scale(self, paper: Mapping[str, float]) -> float | None:
        """The factor between a measure's unit and this column's, by the published figures of the measure; None where they are others."""
        for factor in (1.0, 100.0):
            if len(paper) == len(SIZES) and all(math.isclose(factor * paper[size], self.figures[size], rel_tol=1e-6) for size in SIZES):
                return factor
        return None


def published(name: str, measure: str) -> dict[str, float]:
    """The figures of a column by size, in the unit of our measures: accuracies as shares.

    >>> published("CBT-CN", "ACC")["117M"]
    0.8765
    """
    column = next(column for column in TABLE_3 if (column.name, column.measure) == (name, measure))
    return {size: round(figure / 100, 4) if measure == "ACC" else figure for size, figure in column.figures.items()}


TABLE_3 = tuple(
    Column(name, measure, before, dict(zip(SIZES, figures)))
    for name, measure, before, figures in (
        ("LAMBADA", "PPL", 99.8, (35.13, 15.60, 10.87, 8.63)),
        ("LAMBADA", "ACC", 59.23, (45.99, 55.48, 60.12, 63.24)),
        ("CBT-CN", "ACC", 85.7, (87.65, 92.35, 93.45, 93.30)),
        ("CBT-NE", "ACC", 82.3, (83.4, 87.1, 88.0, 89.05)),
        ("WikiText-2", "PPL", 39.14, (29.41, 22.76, 19.93, 18.34)),
        ("PTB", "PPL", 46.54, (65.85, 47.33, 40.31, 35.76)),
        ("enwik8", "BPB", 0.99, (1.16, 1.01, 0.97, 0.93)),
        ("text8", "BPC", 1.08, (1.17, 1.06, 1.02, 0.98)),
        ("WikiText-103", "PPL", 18.3, (37.50, 26.37, 22.05, 17.48)),
        ("1BW", "PPL", 21.8, (75.20, 55.72, 44.575, 42.16)),
    )
)
