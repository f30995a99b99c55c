"""The features that the second stage adds: the first stage's scores of a block, its neighbours, its containers and the blocks like it.

As in block_features.py: a function a group, -1 where there is nothing to measure. Scores are weighted by words (and half a word, so that
blocks of marks count), as in the F1 that is the aim.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np
from numba import njit

from webtext.extract.blocks.block_features import CONTAINERS, NEIGHBOURS, put
from webtext.extract.blocks.counts import WORDCOUNT
from webtext.extract.blocks.page_context import groups

Outlook = namedtuple("Outlook", "path_mean path_best before best_f1 cut share words sure_before sure_after above_cut")

WINDOWS = (2, 5, 12)  # blocks to each side: the paragraphs around, the section, the screen
LEAST = 0.5  # words divided by at least: those of one empty block
SURE, SURE_WORDS = 0.6, 8  # score and words from which on a block is surely text
NONE_NEAR = 99.0  # blocks to the nearest sure one where there is none; no distance is larger
SCORE_COLUMNS: list[str] = [
    *("score", *(f"score_at{d:+}" for d in NEIGHBOURS), *(f"score_window{r}" for r in WINDOWS)),
    *(f"score_container{level}_{name}" for level in range(CONTAINERS) for name in ("mean", "share")),
    *(f"score_{name}" for name in Outlook._fields),
]
N_COLUMNS = len(SCORE_COLUMNS)


@njit(cache=True)
def score_features(rows, page, paths, p):  # type: ignore[no-untyped-def]  # numba
    """The features of the first stage and those of its scores `p`: blocks x (COLUMNS + SCORE_COLUMNS)."""
    n, c = rows.shape
    x = np.zeros((n, c + N_COLUMNS), np.float32)
    words, hits = np.zeros(n + 1), np.zeros(n + 1)  # prefix sums of words, and of words times score
    for b in range(n):
        size = page.counts[b, WORDCOUNT] + 0.5
        words[b + 1] = words[b] + size
        hits[b + 1] = hits[b] + size * p[b]
        put(x[b], 0, rows[b])
    c = neighbour_scores(x, c, p, words, hits)
    c = container_scores(x, c, page, words, hits)
    outlook(x, c, page, paths, p, words, hits)
    return x


@njit(cache=True)
def mean_of_others(words, hits, first, last, b):  # type: ignore[no-untyped-def]  # numba
    """The mean score of the blocks first..last-1 without b, which knows its own."""
    return (hits[last] - hits[first] - hits[b + 1] + hits[b]) / max(words[last] - words[first] - words[b + 1] + words[b], LEAST)


@njit(cache=True)
def neighbour_scores(x, c, p, words, hits):  # type: ignore[no-untyped-def]  # numba
    """A block's score, those of its neighbours, and the mean of those around it: text stands together."""
    n = len(x)
    for b in range(n):
        x[b, c] = p[b]
        for k in range(len(NEIGHBOURS)):
            o = b + NEIGHBOURS[k]
            x[b, c + 1 + k] = p[o] if o >= 0 and o < n else -1.0
        for k in range(len(WINDOWS)):
            first, last = max(0, b - WINDOWS[k]), min(n, b + WINDOWS[k] + 1)
            x[b, c + 1 + len(NEIGHBOURS) + k] = mean_of_others(words, hits, first, last, b)
    return c + 1 + len(NEIGHBOURS) + len(WINDOWS)


@njit(cache=True)
def container_scores(x, c, page, words, hits):  # type: ignore[no-untyped-def]  # numba
    """For each container that is larger than the one inside it: the mean score in it, and its share of all that is expected on the page."""
    total = hits[-1]
    for b in range(len(x)):
        node = page.node[b]
        size = words[b + 1] - words[b]
        for level in range(CONTAINERS):
            while node >= 0 and words[page.last[node]] - words[page.first[node]] <= size:
                node = page.parent[node]
            at = c + 2 * level
            if node < 0:
                x[b, at : at + 2] = -1.0
                continue
            first, last = page.first[node], page.last[node]
            size = words[last] - words[first]
            x[b, at] = mean_of_others(words, hits, first, last, b)
            x[b, at + 1] = (hits[last] - hits[first]) / max(total, LEAST)
    return c + 2 * CONTAINERS


@njit(cache=True)
def outlook(x, c, page, paths, p, words, hits):  # type: ignore[no-untyped-def]  # numba
    """What the blocks of the same path are worth, and where the block stands in the text that the scores make likely."""
    n = len(x)
    total = hits[n]
    path_mean, path_best = path_scores(paths, p, words)
    best, cut = best_f1(p, words, total)
    before, after = sure_distances(page, p, range(n)), sure_distances(page, p, range(n - 1, -1, -1))
    for b in range(n):
        values = Outlook(
            path_mean=path_mean[b],  # made alike by the template, so mostly alike in kind
            path_best=path_best[b],
            before=hits[b] / max(total, LEAST),  # share of the expected text before it
            best_f1=best,  # how clear the page is
            cut=cut,  # the score of the last block of the best choice
            share=total / words[n],  # of the page's words that is expected to be text
            words=np.log1p(total),
            sure_before=before[b],
            sure_after=after[b],  # between two sure blocks lies text
            above_cut=p[b] - cut,
        )
        put(x[b], c, values)


@njit(cache=True)
def path_scores(paths, p, words):  # type: ignore[no-untyped-def]  # numba
    """For each block the mean and the highest score of the blocks of its path."""
    mean, best = np.zeros(len(p)), np.zeros(len(p))
    order, begins = groups(paths.view(np.uint64))
    for g in range(len(begins) - 1):
        alike = order[begins[g] : begins[g + 1]]
        size, hits, most = 0.0, 0.0, 0.0
        for b in alike:
            w = words[b + 1] - words[b]
            size += w
            hits += w * p[b]
            most = max(most, p[b])
        for b in alike:
            mean[b] = hits / size
            best[b] = most
    return mean, best


@njit(cache=True)
def best_f1(p, words, total):  # type: ignore[no-untyped-def]  # numba
    """The highest F1 expected of the k blocks of highest score, over all k, and the score of the last of them (see text.choose)."""
    best, cut, size, hits = 0.0, 0.0, 0.0, 0.0
    for b in np.argsort(-p.astype(np.float64), kind="mergesort"):
        w = words[b + 1] - words[b]
        size += w
        hits += w * p[b]
        f1 = 2 * hits / (size + total)
        if f1 > best:
            best, cut = f1, p[b]
    return best, cut


@njit(cache=True)
def sure_distances(page, p, order):  # type: ignore[no-untyped-def]  # numba
    """For each block the number of blocks to the nearest sure one before it in `order`, forward or backward."""
    distances = np.zeros(len(p))
    d = NONE_NEAR
    for b in order:
        distances[b] = d
        d = 1.0 if p[b] > SURE and page.counts[b, WORDCOUNT] >= SURE_WORDS else min(d + 1.0, NONE_NEAR)
    return distances
