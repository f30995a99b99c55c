"""The official measures of the tasks, of predictions [N] and what is right [N]."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def accuracy(predicted: Array, right: Array) -> float:
    """Share of examples whose class is right."""
    return float(np.mean(predicted == right))


def matthews(predicted: Array, right: Array) -> float:
    """Matthews' correlation of two classes; 0 where one of them is never predicted."""
    return pearson(predicted, right)


def f1(predicted: Array, right: Array) -> float:
    """F1 of class 1; 0 where it is neither predicted nor right."""
    both, either = float(np.sum((predicted == 1) & (right == 1))), float(np.sum(predicted == 1) + np.sum(right == 1))
    return 2 * both / either if either else 0.0


def pearson(predicted: Array, right: Array) -> float:
    """Pearson's correlation; 0 where one side does not vary."""
    one, other = (values.astype(np.float64) - values.mean() for values in (predicted, right))
    scale = math.sqrt(float(one @ one) * float(other @ other))
    return float(one @ other) / scale if scale > 1e-12 else 0.0


def spearman(predicted: Array, right: Array) -> float:
    """Pearson's correlation of the ranks; equal values share the mean of theirs."""
    return pearson(_ranks(predicted), _ranks(right))


def _ranks(values: Array) -> Array:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Array = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


MEASURES: dict[str, Callable[[Array, Array], float]] = {
    "accuracy": accuracy,
    "matthews": matthews,
    "f1": f1,
    "pearson": pearson,
    "spearman": spearman,
}
