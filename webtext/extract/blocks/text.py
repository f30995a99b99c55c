"""Which blocks are the text of a page."""

from __future__ import annotations

import re

import numpy as np
from numba import njit
from numpy.typing import NDArray

from webtext.extract.blocks.block_scanner import Page
from webtext.extract.blocks.counts import WORDCOUNT
from webtext.extract.blocks.vocabulary import TAG, TAGS

_WORD = re.compile(r"\w+")
TABLE, TR, TD, TH, PRE, QUOTE, FIGCAPTION, BUTTON = (TAG[name] for name in "table tr td th pre blockquote figcaption button".split())
# Between 1 and 1.35 word F1 on articles and F1 of the strings do not differ in cross-validation; with 1.35 precision is trafilatura's
LENGTH_PENALTY = 1.35
# Expected word F1 and words below which a page is taken to have no main text (a wall for robots, a page that its scripts would have
# filled): of seven such pages of WCXB three have none, and what is taken from the others is worth 0.03
MIN_EXPECTED_F1, MIN_WORDS = 0.2, 50
# Between two chosen blocks, up to so many words are text where each block has at least this score, which is less for parts of lists, tables
# and the like where the page is surely read right, and at most this share of them is linked. It leaves the word F1 of WCXB as it is
GAP_WORDS, GAP_FLOOR, GAP_SURE, SURE_PAGE, GAP_LINKS = 40, 0.4, 0.15, 0.93, 0.5
PARTS = np.isin(np.arange(len(TAGS)), [TAG[name] for name in "h2 h3 h4 h5 h6 li dt dd td th caption pre address button".split()])
CODE_FLOOR, GROUP_FLOOR = 0.8, 0.6  # of the mean around them is the least that code, and that tables and quotations are worth


def choose(page: Page, scores: NDArray[np.float32], length_penalty: float = LENGTH_PENALTY) -> tuple[NDArray[np.bool_], float]:
    """The blocks with the highest expected word F1 where a chosen word counts `length_penalty` times, and their expected F1 (without it).

    With p the share of a block's n words expected to be gold, it is 2 sum(p n, chosen) / (penalty sum(n, chosen) + sum(p n, all)); the best
    choice of any size are the blocks of highest p (Lewis, Evaluating and optimizing autonomous text classification systems, SIGIR 1995).
    """
    sizes = np.maximum(page.counts[:, WORDCOUNT], 0.5)
    order = np.argsort(-scores, kind="stable")
    hoped, taken = np.cumsum((scores * sizes)[order]), np.cumsum(sizes[order])
    best = int(np.argmax(hoped / (length_penalty * taken + hoped[-1])))
    chosen = np.zeros(len(scores), np.bool_)
    chosen[order[: best + 1]] = True
    return chosen, float(2 * hoped[best] / (taken[best] + hoped[-1]))


def smooth_scores(page: Page, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores that keep together what is read together: all cells of a table have its mean; tables, code and quotations
    lean to the mean of what is around them."""
    sizes = np.maximum(page.counts[:, WORDCOUNT], 0.5)
    rows = rows_of(page.parent, page.tag, page.first, page.last, page.node)
    return np.asarray(_smooth(page.parent, page.tag, page.first, page.last, page.node, sizes, rows, scores), np.float32)


def found_in(page: Page, text: str) -> NDArray[np.float32]:
    """1 for each block whose words stand in a text one after the other, else 0."""
    words = f" {' '.join(_WORD.findall(text.lower()))} "
    blocks = (" ".join(_WORD.findall(page.block(number).lower())) for number in range(len(page.node)))
    return np.array([bool(block) and f" {block} " in words for block in blocks], np.float32)


def complete(page: Page, chosen: NDArray[np.bool_], scores: NDArray[np.float32], expected: float) -> NDArray[np.bool_]:
    """The choice, and what belongs to it: short gaps in it, formulas that stand alone in it, and the captions of what is chosen."""
    kinds, sizes, lengths = page.tag[page.node], page.counts[:, WORDCOUNT], np.diff(page.offsets)
    likely = scores >= GAP_FLOOR
    if expected >= SURE_PAGE:
        likely |= (scores >= GAP_SURE) & (PARTS[kinds] | (page.code_chars > 0))
    whole: NDArray[np.bool_] = _without_gaps(chosen, likely, sizes, page.link_chars, lengths, kinds == BUTTON)
    for block in np.flatnonzero(~chosen[1:-1] & chosen[:-2] & chosen[2:]) + 1:
        whole[block] |= bytes(page.text[page.offsets[block] : page.offsets[block] + 2]) == b"$$"
    for caption in np.flatnonzero(page.tag == FIGCAPTION):
        figure = page.parent[caption]
        first, last = page.first[caption], page.last[caption]
        others = np.r_[page.first[figure] : first, last : page.last[figure]]
        if len(others) and whole[others].all():
            whole[first:last] = True
    return whole


@njit(cache=True)
def _without_gaps(chosen, likely, sizes, link_chars, lengths, button):  # type: ignore[no-untyped-def]  # numba
    whole = chosen.copy()
    last = -1
    for b in range(len(chosen)):
        if not chosen[b]:
            continue
        words, links, chars, fits = 0.0, 0.0, 0.0, last >= 0
        for k in range(last + 1, b):
            if likely[k]:
                words, links, chars = words + sizes[k], links + link_chars[k], chars + lengths[k]
            elif not button[k]:
                fits = False
        if fits and words <= GAP_WORDS and links <= GAP_LINKS * chars:
            whole[last + 1 : b] = likely[last + 1 : b]
        last = b
    return whole


def is_text(page: Page, chosen: NDArray[np.bool_], expected: float) -> bool:
    """Whether the chosen blocks are a text; not where they are few words that are too unlikely to be the text of the page."""
    return expected >= MIN_EXPECTED_F1 or bool(page.counts[chosen, WORDCOUNT].sum() >= MIN_WORDS)


@njit(cache=True)
def rows_of(parent, tag, first, last, node):  # type: ignore[no-untyped-def]  # numba
    """For each block its row of a table, -1 where it is in none.

    A row is one where no cell has more than one block; the cells of a table that only makes a layout have many.
    """
    nodes = len(parent)
    row, cells = np.full(nodes, -1, np.int32), np.zeros(nodes, np.int32)
    for i in range(nodes):
        up = parent[i]
        if up >= 0:
            row[i] = row[up]
        if tag[i] == TR:
            row[i] = i
        elif (tag[i] == TD or tag[i] == TH) and up >= 0 and row[i] >= 0:
            cells[row[i]] += 1
    rows = np.full(len(node), -1, np.int32)
    for b in range(len(node)):
        r = row[node[b]]
        if r >= 0 and cells[r] > 1 and last[r] - first[r] <= cells[r]:
            rows[b] = r
    return rows


@njit(cache=True)
def _smooth(parent, tag, first, last, node, sizes, rows, scores):  # type: ignore[no-untyped-def]  # numba
    blocks = len(node)
    words, hopes = np.zeros(blocks + 1), np.zeros(blocks + 1)
    group = np.full(blocks, -1, np.int32)  # the table, code or quotation that a block is in
    size, hope = np.zeros(len(parent)), np.zeros(len(parent))  # of a group
    for b in range(blocks):
        words[b + 1] = words[b] + sizes[b]
        hopes[b + 1] = hopes[b] + sizes[b] * scores[b]
        if rows[b] >= 0:
            group[b] = parent[rows[b]]
            while parent[group[b]] >= 0 and tag[parent[group[b]]] == TABLE:  # thead, tbody and tfoot count as tables
                group[b] = parent[group[b]]
        else:
            above = node[b]
            while above >= 0 and tag[above] not in (PRE, QUOTE):
                above = parent[above]
            group[b] = above
        if group[b] >= 0:
            size[group[b]] += sizes[b]
            hope[group[b]] += sizes[b] * scores[b]
    smoothed = scores.copy()
    for b in range(blocks):
        g = group[b]
        if g < 0:
            continue
        if rows[b] >= 0:
            smoothed[b] = hope[g] / size[g]
        around = parent[g]
        while around >= 0 and words[last[around]] - words[first[around]] <= size[g]:
            around = parent[around]
        if around >= 0:
            rest = words[last[around]] - words[first[around]] - size[g]
            least = CODE_FLOOR if tag[g] == PRE else GROUP_FLOOR
            smoothed[b] = max(smoothed[b], least * (hopes[last[around]] - hopes[first[around]] - hope[g]) / rest)
    return smoothed
