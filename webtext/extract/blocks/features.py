"""The features of a page's blocks, and those of the second stage, which sees what the first said of the other blocks.

A block is described by its text, its element and those around it, the five containers around it that hold more text than what is in them,
its neighbours, the blocks with the same path of elements and classes, the heading that it stands under, its place, and its page.
"""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import NDArray

from webtext.extract.blocks.block_features import COLUMNS, block_features
from webtext.extract.blocks.block_scanner import Page
from webtext.extract.blocks.counts import WORDCOUNT
from webtext.extract.blocks.score_features import score_features

_OG_TYPE = re.compile(r'property="og:type"\s+content="(\w+)')
_LD_TYPE = re.compile(r'"@type"\s*:\s*"(\w+)"')


def hints(html: str) -> NDArray[np.float32]:
    """A flag for each of HINTS."""
    kinds, types = set(_OG_TYPE.findall(html)), set(_LD_TYPE.findall(html))
    flags = (
        "article" in kinds,
        "product" in kinds,
        bool(types & {"Article", "NewsArticle", "BlogPosting"}),
        "Product" in types,
        bool(types & {"FAQPage", "QAPage", "DiscussionForumPosting", "Question"}),
        bool(types & {"CollectionPage", "ItemList"}),
        "article:published_time" in html,
    )
    return np.array(flags, np.float32)


OF_PAGE = next(number for number, name in enumerate(COLUMNS) if name.startswith("page_"))  # these and all after them are of the page


def first_stage(page: Page, html: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features (blocks x COLUMNS), and the path of each block as a number."""
    features, paths = block_features(page, hints(html))
    return features, paths


def second_stage(page: Page, first: NDArray[np.float32], paths: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features of the first stage and those of its scores."""
    return np.asarray(score_features(first, page, paths, scores), np.float32)


def of_choice(
    page: Page, first: NDArray[np.float32], scores: NDArray[np.float32], chosen: NDArray[np.bool_], expected: float
) -> NDArray[np.float32]:
    """One row: what was chosen with which scores, and the features of the page. For the guess whether the page is an article."""
    sizes = np.maximum(page.counts[:, WORDCOUNT], 0.5)
    taken, hoped = float(sizes[chosen].sum()), float((sizes * scores).sum())
    row = [
        expected,
        math.log1p(taken),
        taken / float(sizes.sum()),
        float((sizes * scores * (1 - scores)).sum()) / max(hoped, 0.5),
        float(scores[chosen].min()),
        float(scores[chosen].mean()),
        float(chosen.sum()),
        hoped / float(sizes.sum()),
        taken / float(chosen.sum()),
    ]
    return np.concatenate([np.array(row, np.float32), first[0, OF_PAGE:]])[None]
