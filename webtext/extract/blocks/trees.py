"""A forest of regression trees as arrays, and its scores: independent of the library that grew it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from webtext.core.files import writing


@dataclass(frozen=True)
class Forest:
    """Node i of a tree asks whether feature[i] <= threshold[i] and goes on to left[i] or right[i]; a child below 0 is leaf ~child.

    The nodes of tree t begin at roots[t], and children are counted from there; its leaves begin at leaves[t] in `values`.
    """

    feature: NDArray[np.int16]
    threshold: NDArray[np.float32]
    left: NDArray[np.int16]
    right: NDArray[np.int16]
    roots: NDArray[np.int32]
    leaves: NDArray[np.int32]
    values: NDArray[np.float32]

    def scores(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probability for each row: the logistic function of the sum of the trees' leaves, in their order."""
        sums = _sums(x, self.feature, self.threshold, self.left, self.right, self.roots, self.leaves, self.values)
        return np.asarray(1.0 / (1.0 + np.exp(-sums)), np.float32)

    @staticmethod
    def of(dumped: dict[str, Any]) -> Forest:
        """The forest of a LightGBM model (`Booster.dump_model()`) without categories and missing values.

        A threshold becomes the largest float32 that is not above it: no float32 compares otherwise.
        """
        columns: dict[str, list[float]] = {name: [] for name in ("feature", "threshold", "left", "right", "roots", "leaves", "values")}
        for tree in dumped["tree_info"]:
            nodes: list[dict[str, Any]] = []
            values: list[float] = []

            def number(node: dict[str, Any], nodes: list[dict[str, Any]] = nodes, values: list[float] = values) -> int:
                if "split_feature" not in node:
                    values.append(node["leaf_value"])
                    return ~(len(values) - 1)
                place = len(nodes)
                nodes.append(node)
                node["left"], node["right"] = number(node["left_child"]), number(node["right_child"])
                return place

            root = number(tree["tree_structure"])
            if root < 0:  # a tree of one leaf
                nodes.append({"split_feature": 0, "threshold": 0.0, "left": root, "right": root})
            columns["roots"].append(len(columns["feature"]))
            columns["leaves"].append(len(columns["values"]))
            columns["feature"] += [node["split_feature"] for node in nodes]
            columns["threshold"] += [_not_above(node["threshold"]) for node in nodes]
            columns["left"] += [node["left"] for node in nodes]
            columns["right"] += [node["right"] for node in nodes]
            columns["values"] += values
        return Forest(**{name: np.array(column, TYPES[name]) for name, column in columns.items()})


TYPES = {
    "feature": np.int16,
    "threshold": np.float32,
    "left": np.int16,
    "right": np.int16,
    "roots": np.int32,
    "leaves": np.int32,
    "values": np.float32,
}


def _not_above(threshold: float) -> float:
    near = np.float32(threshold)
    return float(near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf)))


def write(path: Path, forests: list[Forest], data: str) -> None:
    """Write forests and the hash of the data that they were grown on."""
    arrays = {f"{name}{number}": getattr(forest, name) for number, forest in enumerate(forests) for name in TYPES}
    packed = io.BytesIO()
    np.savez_compressed(packed, data=np.array(data), **arrays)
    with writing(path) as output:
        output.file.write(packed.getvalue())


def load(path: Path) -> list[Forest]:
    with np.load(path) as arrays:
        count = sum(name.startswith("roots") for name in arrays)
        return [Forest(**{name: arrays[f"{name}{number}"] for name in TYPES}) for number in range(count)]


@njit(cache=True)
def _sums(x, feature, threshold, left, right, roots, leaves, values):  # type: ignore[no-untyped-def]  # numba
    sums = np.zeros(len(x))
    for row in range(len(x)):
        for tree in range(len(roots)):
            root = roots[tree]
            node = 0
            while node >= 0:
                place = root + node
                node = left[place] if x[row, feature[place]] <= threshold[place] else right[place]
            sums[row] += values[leaves[tree] + ~node]
    return sums
