"""From the blocks of a page to their scores, by the model that ships with the package."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from webtext.extract.blocks import features
from webtext.extract.blocks.block_scanner import Page
from webtext.extract.blocks.text import choose, smooth_scores
from webtext.extract.blocks.trees import Forest, load

INSTALLED = Path(__file__).parent / "data" / "model.npz"


@cache
def forests(path: Path = INSTALLED) -> list[Forest]:
    """The two stages of the model in a file that `webtext/extract/training/fit.py` wrote, and its guess whether a page is an article."""
    return load(path)


@dataclass(frozen=True)
class Prediction:
    """`scores`: for each block the share of its words that is expected to be main text; `chosen`: the blocks that are the text;
    `expected`: the word F1 expected of them; `article`: the probability that the page is an article."""

    scores: NDArray[np.float32]
    chosen: NDArray[np.bool_]
    expected: float
    article: float


def predict(page: Page, html: str, path: Path = INSTALLED) -> Prediction:
    """What the model says of a page with at least one block."""
    one, two, kind = forests(path)
    first, paths = features.first_stage(page, html)
    scores = smooth_scores(page, two.scores(features.second_stage(page, first, paths, one.scores(first))))
    chosen, expected = choose(page, scores)
    return Prediction(scores, chosen, expected, float(kind.scores(features.of_choice(page, first, scores, chosen, expected))[0]))
