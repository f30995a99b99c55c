"""Word F1 out of fold, and nested: with the constants of the choice and of the vote set anew for each fold, on the other folds.

The shipped constants were set on scores out of fold, so that the first figure is a little too good; the second owes nothing to the fold
that a page is in.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webtext.extract.blocks import features, text
from webtext.extract.blocks.counts import WORDCOUNT
from webtext.extract.blocks.trees import Forest
from webtext.extract.engines import combined
from webtext.extract.score import word_f1

# prices of a word in articles and on other pages; whether scores are smoothed; from which expected F1 on there is a text (blocks/text.py);
# the constants of engines/combined.py
PRICES, OTHERS, MENDED = (1.0, 1.2, 1.35, 1.5), (1.0, 1.2, 1.35), (True, False)
NOTHING = (0.0, 0.1, 0.2, 0.3)
ARTICLE, SURE, VOTE = (0.3, 0.5, 0.7), (0.0, 0.8, 0.9, 0.95), (0.2, 0.3, 0.4)  # 0.0: nobody is asked
BLOCKS = list(product(PRICES, OTHERS, MENDED, NOTHING, ARTICLE, SURE[:1], VOTE[:1]))
COMBINED = list(product(PRICES, OTHERS, MENDED, NOTHING, ARTICLE, SURE, VOTE))
SHIPPED = (text.LENGTH_PENALTY, text.LENGTH_PENALTY, True, text.MIN_EXPECTED_F1, combined.ARTICLE)


def figures(pages: list[dict[str, Any]], scores: list[NDArray[np.float32]], folds: list[int], kinds: list[Forest]) -> Iterator[str]:
    """Lines to print: pages of one set with their gold, each with its scores out of fold and its fold; the guess of every fold."""
    fold = np.array(folds)
    rows = [_of_page(page, p, kinds[k]) for page, p, k in zip(pages, scores, folds)]
    for name, settings in (("blocks", BLOCKS), ("combined", COMBINED)):
        table = np.array([[row[setting] for setting in settings] for row in rows])
        best = {k: int(table[fold != k].mean(0).argmax()) for k in sorted(set(folds))}
        nested = np.array([row[best[k]] for row, k in zip(table, folds)])
        column = table[:, settings.index((*SHIPPED, *((combined.SURE, combined.VOTE) if name == "combined" else (SURE[0], VOTE[0]))))]
        yield f"{name}: word F1 {column.mean():.4f}, nested {nested.mean():.4f}, {len(table)} pages"
        for kind in sorted({page["type"] for page in pages}):
            of_kind = np.array([page["type"] == kind for page in pages])
            yield f"  {kind} {column[of_kind].mean():.4f}, nested {nested[of_kind].mean():.4f}"


def _of_page(page: dict[str, Any], scores: NDArray[np.float32], kind: Forest) -> dict[tuple[float, ...], float]:
    """Word F1 of a page for each setting."""
    known: dict[bytes, float] = {}
    empty = word_f1("", page["gold"])

    def choice(scores: NDArray[np.float32], price: float) -> tuple[float, float]:
        """Word F1 of the best choice, and what decides whether it is a text: the word F1 expected, 1 where there are enough words."""
        chosen, expected = text.choose(page["page"], scores, price)
        key = chosen.tobytes()
        if key not in known:
            known[key] = word_f1("\n".join(block for block, taken in zip(page["texts"], chosen) if taken), page["gold"])
        few = page["page"].counts[chosen, WORDCOUNT].sum() < text.MIN_WORDS
        return known[key], expected if few else 1.0

    found: dict[tuple[float, ...], float] = {}
    for precise, mend in product(PRICES, MENDED):
        p = text.smooth_scores(page["page"], scores) if mend else scores
        chosen, expected = text.choose(page["page"], p, precise)
        probability = float(kind.scores(features.of_choice(page["page"], page["X"], p, chosen, expected))[0])
        alone = choice(p, precise)
        other = {price: choice(p, price) for price in OTHERS}
        mixed = {vote: ((1 - vote) * p + vote * page["vote"]).astype(np.float32) for vote in VOTE}
        voted = {vote: choice(both, precise) for vote, both in mixed.items()}
        for others, nothing, article, sure, vote in product(OTHERS, NOTHING, ARTICLE, SURE, VOTE):
            asked = voted[vote] if expected < sure else alone
            f1, hoped = other[others] if probability < article else asked
            found[precise, others, mend, nothing, article, sure, vote] = f1 if hoped >= nothing else empty
    return found
