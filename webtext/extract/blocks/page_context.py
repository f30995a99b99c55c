"""What the features of a block need of the rest of its page, computed once a page: inherited properties, prefix sums, groups, landmarks."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from webtext.extract.blocks.counts import CHARS, ENDS, STOPS, TITLE, WORDCOUNT
from webtext.extract.blocks.vocabulary import TAG

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int32]

HTML, BODY, H1, H6, P, MAIN, ARTICLE = (TAG[name] for name in "html body h1 h6 p main article".split())
ANCESTORS = [
    *("p", "li", "ul", "ol", "dl", "table", "th", "blockquote", "pre", "section", "article", "main", "header", "footer", "nav", "aside"),
    *("figure", "figcaption", "form", "button", "details", "address"),
]
ANCESTOR_TAGS = np.array([TAG[name] for name in ANCESTORS], np.int32)
# A block of running text, as Boilerpipe's and Dragnet's rules have it: long, with few of its characters in links
LONG_WORDS, LONG_LINKS = 12, 0.34
SURE_WORDS, SURE_LINKS = 20, 0.3  # stricter: the first and last such block of a page mark where its text can begin and end
PATH_DEPTH = 4  # elements of a block's path: more tell the rows of a list apart, fewer confuse text and comments


class NodeContext(NamedTuple):
    """For each node, from itself and the nodes around it: `names` (bits of NAMES; not of html and body), `ancestors` (bits of ANCESTORS),
    `main` (node of the innermost main or else the outermost article, -1: none), `heading` (level 1 to 6, 0: none). For its place among the
    children of its parent: `children` (of the node itself), `index`, `run` (siblings of the same signature directly before it)."""

    names: NDArray[np.uint64]
    ancestors: NDArray[np.uint64]
    hidden: Ints
    depth: Ints
    main: Ints
    in_p: Ints
    heading: Ints
    children: Ints
    index: Ints  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    run: Ints


class BlockContext(NamedTuple):
    """For each block; `copies` counts the blocks with the same words, `copy` those of them before it, `path` is a hash of the elements and
    classes around it, `rank` its place by words, `next_heading` the first heading block from it on (the number of blocks: none)."""

    words: Floats
    link_density: Floats
    stop: Floats
    heading: Ints
    copies: Floats
    copy: Floats
    path: NDArray[np.int64]
    rank: Floats
    next_heading: Ints


class Sums(NamedTuple):
    """Prefix sums over the blocks: those of blocks f..l-1 are `sums[l] - sums[f]`. All but the first three are words of certain blocks."""

    words: Floats
    chars: Floats
    link_chars: Floats
    stops: Floats
    long: Floats
    in_p: Floats
    ending: Floats


class Landmarks(NamedTuple):
    """Blocks: the main heading (-1: none), the first and last sure running text (the number of blocks, -1: none)."""

    h1: int
    first_long: int
    last_long: int


@njit(cache=True)
def node_context(page):  # type: ignore[no-untyped-def]  # numba
    parent, tag = page.parent, page.tag
    n = len(parent)
    names, ancestors = np.zeros(n, np.uint64), np.zeros(n, np.uint64)
    hidden, depth, in_p, heading = np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int32)
    main = np.full(n, -1, np.int32)
    children, index, run = np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int32)
    last_child = np.full(n, -1, np.int32)
    for i in range(n):  # a parent comes before its children
        up, t = parent[i], tag[i]
        hidden[i] = page.hidden[i]
        if up >= 0:
            names[i], ancestors[i], main[i], in_p[i], heading[i] = names[up], ancestors[up], main[up], in_p[up], heading[up]
            hidden[i] |= hidden[up]
            depth[i] = depth[up] + 1
            index[i] = children[up]
            children[up] += 1
            before = last_child[up]
            if before >= 0 and page.signature[before] == page.signature[i]:
                run[i] = run[before] + 1
            last_child[up] = i
        if t != HTML and t != BODY:  # their classes are of the page, and on every block alike
            names[i] |= page.names[i]
        for k in range(len(ANCESTOR_TAGS)):
            if t == ANCESTOR_TAGS[k]:
                ancestors[i] |= np.uint64(1) << np.uint64(k)
        if t == MAIN or (t == ARTICLE and main[i] < 0):
            main[i] = i
        if t == P:
            in_p[i] = 1
        if t >= H1 and t <= H6:
            heading[i] = t - H1 + 1
    return NodeContext(names, ancestors, hidden, depth, main, in_p, heading, children, index, run)


@njit(cache=True)
def groups(values):  # type: ignore[no-untyped-def]  # numba
    """Equal values (uint64; numba compiles a sort for each type, seconds): the order that puts them together, and where in it each group
    begins, with the end of the last.

    [7, 5, 7]: order [1, 0, 2], begins [0, 1, 3].
    """
    order = np.argsort(values, kind="mergesort")
    begins = np.zeros(len(values) + 1, np.int64)
    count = 0
    for k in range(len(values)):
        if k == 0 or values[order[k]] != values[order[k - 1]]:
            begins[count] = k
            count += 1
    begins[count] = len(values)
    return order, begins[: count + 1]


@njit(cache=True)
def paths_of(page):  # type: ignore[no-untyped-def]  # numba
    """For each block a hash of the signatures of its node and those around it: blocks that a page's template makes alike share it."""
    paths = np.zeros(len(page.node), np.int64)
    for b in range(len(paths)):
        value = np.int64(1469598103934665603)  # FNV-1a's constants, with a shift, since signatures differ in their high bits
        node = page.node[b]
        k = 0
        while node >= 0 and k < PATH_DEPTH:
            value = (value ^ page.signature[node]) * np.int64(1099511628211)
            value = value ^ (value >> 29)
            node = page.parent[node]
            k += 1
        paths[b] = value
    return paths


@njit(cache=True)
def block_context(page, nodes):  # type: ignore[no-untyped-def]  # numba
    n = len(page.node)
    words, link_density, stop = np.zeros(n), np.zeros(n), np.zeros(n)
    heading, next_heading = np.zeros(n, np.int32), np.zeros(n + 1, np.int32)
    copies, copy, rank = np.ones(n), np.zeros(n), np.zeros(n)
    for b in range(n):
        words[b] = page.counts[b, WORDCOUNT]
        link_density[b] = min(page.link_chars[b] / max(page.counts[b, CHARS], 1.0), 1.0)
        stop[b] = page.counts[b, STOPS] / max(words[b], 1.0)
        heading[b] = nodes.heading[page.node[b]]
    order, begins = groups(page.hashes)
    for g in range(len(begins) - 1):
        for k in range(begins[g], begins[g + 1]):
            copies[order[k]] = begins[g + 1] - begins[g]
            copy[order[k]] = k - begins[g]
    by_size = np.argsort(-words, kind="mergesort")
    for k in range(n):
        rank[by_size[k]] = k
    next_heading[n] = n
    for b in range(n - 1, -1, -1):
        next_heading[b] = b if heading[b] > 0 else next_heading[b + 1]
    return BlockContext(words, link_density, stop, heading, copies, copy, paths_of(page), rank, next_heading)


@njit(cache=True)
def prefix_sums(page, nodes, blocks):  # type: ignore[no-untyped-def]  # numba
    n = len(page.node)
    words, chars, link_chars, stops = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
    long, in_p, ending = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
    for b in range(n):
        w = blocks.words[b]
        words[b + 1] = words[b] + w
        chars[b + 1] = chars[b] + page.counts[b, CHARS]
        link_chars[b + 1] = link_chars[b] + min(page.link_chars[b], page.counts[b, CHARS])
        stops[b + 1] = stops[b] + page.counts[b, STOPS]
        long[b + 1] = long[b] + (w if (w >= LONG_WORDS and blocks.link_density[b] < LONG_LINKS) else 0.0)
        in_p[b + 1] = in_p[b] + (w if nodes.in_p[page.node[b]] else 0.0)
        ending[b + 1] = ending[b] + (w if page.counts[b, ENDS] > 0 else 0.0)
    return Sums(words, chars, link_chars, stops, long, in_p, ending)


@njit(cache=True)
def landmarks(page, blocks):  # type: ignore[no-untyped-def]  # numba
    n = len(page.node)
    h1, most, first_long, last_long = -1, -1.0, n, -1
    for b in range(n):
        if blocks.words[b] >= SURE_WORDS and blocks.link_density[b] < SURE_LINKS:
            first_long = min(first_long, b)
            last_long = b
        if blocks.heading[b] == 1 and page.counts[b, TITLE] > most:  # of several, the first that has most of the title
            h1, most = b, page.counts[b, TITLE]
    return Landmarks(h1, first_long, last_long)


@njit(cache=True)
def ratio(above, below, first, last):  # type: ignore[no-untyped-def]  # numba
    """Of two prefix sums over the blocks first..last-1."""
    return (above[last] - above[first]) / max(below[last] - below[first], 1.0)
