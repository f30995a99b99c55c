"""The parts of the engine `blocks`, each beside a slow twin; its model; and pages that want to break it."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.webtext.extract.pages import article, paragraphs
from webtext.extract import dom
from webtext.extract.blocks import block_features, block_scanner, features, model, text
from webtext.extract.blocks.block_scanner import Page
from webtext.extract.blocks.counts import LONGEST, STOPS, TITLE, WORDCOUNT
from webtext.extract.blocks.trees import Forest, load, write
from webtext.extract.blocks.vocabulary import CUE, INLINE, NAME, SKIPPED, STOP_WORDS, TAG
from webtext.extract.engines import blocks_engine

_SPACE = re.compile("[\x00-\x20\u00a0\u2000-\u200a\u2028\u2029\u202f\u3000]+")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
WORDS_OF = ("class", "id", "role", "itemprop", "data-testid", "aria-label")


class Walk:
    """The slow twin of block_scanner.read: a walk over the tree's elements."""

    def __init__(self, tree: dom.Tree) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.blocks: list[dict[str, Any]] = []
        self.images = 0
        self.open: list[str] = []
        self.links: list[bool] = []  # of the open links: whether it is still to be counted
        self.inline: list[int] = []
        self.pieces: list[str] = []
        self.after_link = False
        self.clear()
        self.enter(tree, -1)

    def clear(self) -> None:
        self.pieces = []
        self.now = {"link_chars": 0, "links": 0, "strong_chars": 0, "code_chars": 0, "inline_names": 0}

    def end_block(self, node: int) -> None:
        whole = "".join(self.pieces)
        value = whole.rstrip("".join(map(chr, range(33)))).lstrip("\n") if "pre" in self.open else _SPACE.sub(" ", whole).strip()
        if value.strip("".join(map(chr, range(33)))):
            self.blocks.append({"text": value, "node": node, "images": self.images} | self.now)
        self.clear()

    def add(self, piece: str | None) -> None:
        if not piece:
            return
        if "pre" in self.open:
            self.pieces.append(
                _SPACE.sub(lambda found: found[0].replace("\r", "").translate({ord(c): " " for c in found[0] if c > " "}), piece)
            )
        else:
            self.pieces.append(piece)
        size = len(_SPACE.sub("", piece))
        if size:
            self.after_link = False
            self.now["inline_names"] |= self.inline[-1]
            if self.links:
                self.now["link_chars"] += size
                self.now["links"] += self.links[-1]
                self.links[-1] = False
            self.now["strong_chars"] += size * bool({"b", "strong"} & set(self.open))
            self.now["code_chars"] += size * bool({"code", "kbd", "samp", "tt"} & set(self.open))

    def enter(self, element: Any, node: int) -> None:
        name = element.tag
        names = 0
        for attribute in WORDS_OF:
            for word in re.findall(r"[A-Za-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", element.get(attribute, ""))):
                names |= 1 << NAME[word.lower()] if word.lower() in NAME else 0
        if name in SKIPPED:
            return
        if name == "br":
            if "pre" in self.open:
                self.pieces.append("\n")
            else:
                self.end_block(node)
            return
        self.images += name == "img"
        if name in INLINE:
            link = name == "a" and element.get("href") is not None
            if link:
                if self.after_link:
                    self.pieces.append(" ")
                self.links.append(True)
            self.open.append(name)
            self.inline.append(self.inline[-1] | names)
            self.content(element, node)
            self.inline.pop()
            self.open.pop()
            if link:
                self.links.pop()
            if name == "a":
                self.after_link = True
                if self.links:
                    self.links[-1] = False
            return
        self.end_block(node)
        number = len(self.nodes)
        inherited = self.inline[-1] if self.inline else 0
        hidden = element.get("hidden") is not None or element.get("aria-hidden") == "true" or bool(_HIDDEN.search(element.get("style", "")))
        kind = re.sub("[0-9]", "", element.get("class", ""))
        self.nodes.append({"parent": node, "tag": TAG.get(name, 0), "names": names | inherited, "hidden": hidden, "kind": (name, kind)})
        self.nodes[number]["first"] = len(self.blocks)
        self.open.append(name)
        self.inline.append(0)
        self.content(element, number)
        self.end_block(number)
        self.inline.pop()
        self.open.pop()
        self.nodes[number]["last"] = len(self.blocks)

    def content(self, element: Any, node: int) -> None:
        self.add(element.text)
        for child in element:
            self.enter(child, node)
            self.add(child.tail)


def read(html: str, title: str = "") -> Page | None:
    tree = dom.parse(html)
    return None if tree is None else block_scanner.read(tree, title)


def check(html: str) -> None:
    tree = dom.parse(html)
    if tree is None:
        return
    page, walk = block_scanner.read(tree, ""), Walk(tree)
    assert [page.block(number) for number in range(len(page.node))] == [block["text"] for block in walk.blocks]
    for name in ("node", "link_chars", "links", "strong_chars", "code_chars", "inline_names", "images"):
        assert getattr(page, name).tolist() == [block[name] for block in walk.blocks], name
    for name in ("parent", "tag", "names", "hidden", "first", "last"):
        assert getattr(page, name).tolist() == [node[name] for node in walk.nodes], name
    kinds: dict[Any, int] = {}
    for node, signature in zip(walk.nodes, page.signature.tolist()):
        assert kinds.setdefault(node["kind"], signature) == signature
    assert len(set(kinds.values())) == len(kinds)


ELEMENTS = "div p h1 ul li table tr td pre a a b strong code span em img br section nav article script x-y button font".split()
ATTRIBUTES = (
    'class="nav mainMenu 12"',
    'id="Story-body"',
    'href="/x"',
    "hidden",
    'style="color:red; Display : none"',
    'aria-hidden="true"',
    "=a",
)
WORDS = st.sampled_from(
    ["word", "Zwei", "naïve", "中文", "a&amp;b", "1 &lt; 2", "\n  ", "\u00a0", "x\r\ny", "“quoted”", "<!-- c -->", "&", "\t"]
)


@st.composite
def markup(draw: st.DrawFn, depth: int = 4) -> str:
    parts = []
    for _ in range(draw(st.integers(0, 3))):
        parts.append(draw(WORDS))
        if depth:
            name = draw(st.sampled_from(ELEMENTS))
            attributes = " ".join(draw(st.lists(st.sampled_from(ATTRIBUTES), max_size=2)))
            parts.append(f"<{name} {attributes}>{draw(markup(depth - 1))}</{name}>")
    return "".join(parts)


@settings(max_examples=300)
@given(markup())
def test_the_scan_sees_what_a_walk_of_the_tree_sees(html: str) -> None:
    check(f"<body>{html}</body>")


def test_the_scan_on_whole_pages() -> None:
    check(article("A story", paragraphs(1)))
    check("<p>one<a href=a>two</a><a href=b>three</a> <b>four</b><div class='nav'>five<pre>\n\n  six\n   seven <br>eight</pre></div>nine")


def test_counts_of_a_block() -> None:
    page = read("<p>The Tower of 中文, in 1820: costs 5 € © NATO said.</p>", "Tower of NATO")
    assert page is not None
    counts = page.counts[0]
    assert counts[[WORDCOUNT, STOPS, TITLE, LONGEST]].tolist() == [11, 4, 3, 5]
    assert {"the", "of", "in", "said"} <= STOP_WORDS
    assert page.cues[0] == 1 << CUE["copyright"]


HOSTILE = {
    "open tag": "<p",
    "attributes": "<a b='<' =x \"y>z",
    "control characters": "<p>\ufffe\x00\x1b[31m",
    "empty pre": "<pre>\n\n</pre>",
    "prefix": "<o:p class=x>word</o:p>",
    "one word": "<p>" + "x" * 3_000_000,
    "cells": "<td>" * 30,
    "references": "&" * 999,
    "CDATA": "<script><![CDATA[a]]>]]></script><p>b",
    "svg": "<body><svg><p>a</p></svg>b",
    "blocks": "<p><p><p>x" * 20_000,
    "links": "<a href=x>y</a>" * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_do_no_harm(name: str) -> None:
    check(HOSTILE[name])
    assert 0 <= blocks_engine.extract(HOSTILE[name], "http://example.org/").confidence <= 1


@pytest.mark.parametrize("tag", ["div", "b", "a href=x", "pre", "li", "table><tr><td"])
def test_depth_and_size(tag: str) -> None:
    assert blocks_engine.extract(f"<{tag}>x" * 50_000, "").engine == "blocks"


def test_noscript_is_read_where_there_is_nothing_else() -> None:
    page = read("<body><div> </div><noscript><p>The words of a forum.</p></noscript>")
    assert page is not None
    assert [page.block(number) for number in range(len(page.node))] == ["The words of a forum."]
    page = read("<body><p>Words</p><noscript><p>Please run scripts.</p></noscript>")
    assert page is not None
    assert [page.block(number) for number in range(len(page.node))] == ["Words"]


# -- trees


def slow_scores(forest: Forest, x: np.ndarray[Any, Any]) -> list[float]:
    scores = []
    for row in x:
        total = 0.0
        for root, leaves in zip(forest.roots, forest.leaves):
            node = 0
            while node >= 0:
                place = root + node
                node = int((forest.left if row[forest.feature[place]] <= forest.threshold[place] else forest.right)[place])
            total += float(forest.values[leaves + ~node])
        scores.append(1 / (1 + math.exp(-total)))
    return scores


def grown(draw: st.DrawFn, depth: int) -> dict[str, Any]:
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return {"leaf_value": draw(st.floats(-2, 2))}
    return {
        "split_feature": draw(st.integers(0, 3)),
        "threshold": draw(st.floats(-3, 3)),
        "left_child": grown(draw, depth - 1),
        "right_child": grown(draw, depth - 1),
    }


@st.composite
def dumps(draw: st.DrawFn) -> dict[str, Any]:
    return {"tree_info": [{"tree_structure": grown(draw, 4)} for _ in range(draw(st.integers(1, 3)))]}


def plain(node: dict[str, Any], row: Any) -> float:
    while "leaf_value" not in node:
        node = node["left_child" if float(row[node["split_feature"]]) <= node["threshold"] else "right_child"]
    return float(np.float32(node["leaf_value"]))


@settings(max_examples=100)
@given(dumps(), st.lists(st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4), min_size=1, max_size=5))
def test_a_forest_scores_as_the_trees_it_was_made_of(dumped: dict[str, Any], rows: list[list[float]]) -> None:
    x = np.array(rows, np.float32)
    expected = [1 / (1 + math.exp(-sum(plain(tree["tree_structure"], row) for tree in dumped["tree_info"]))) for row in x]
    forest = Forest.of(dumped)
    assert forest.scores(x) == pytest.approx(expected, rel=1e-6)
    assert slow_scores(forest, x) == pytest.approx(expected, rel=1e-6)


def test_a_forest_is_read_as_it_was_written(tmp_path: Path) -> None:
    leaf, other = {"leaf_value": 1.0}, {"leaf_value": -1.0}
    forest = Forest.of(
        {"tree_info": [{"tree_structure": {"split_feature": 2, "threshold": 0.1, "left_child": leaf, "right_child": other}}]}
    )
    for name in ("a", "b"):
        write(tmp_path / f"{name}.npz", [forest, forest], "hash")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    again = load(tmp_path / "a.npz")
    assert len(again) == 2
    # 0.1 is no float32: the next one above it is on the right
    x = np.array([[0, 0, np.float32(0.1)], [0, 0, 0.0999]], np.float32)
    assert (again[1].scores(x) > 0.5).tolist() == [False, True]


def test_the_model_is_small_names_its_data_and_fits_the_features() -> None:
    assert model.INSTALLED.stat().st_size < 1_000_000
    with np.load(model.INSTALLED) as arrays:
        assert re.fullmatch("[0-9a-f]{64}", str(arrays["data"]))
    first, second, kind = model.forests()
    assert first.feature.max() < len(block_features.COLUMNS)
    page = read(article("A story", paragraphs(1)))
    assert page is not None
    rows, paths = features.first_stage(page, "")
    assert rows.shape == (len(page.node), len(block_features.COLUMNS))
    scores = first.scores(rows)
    assert scores == pytest.approx(slow_scores(first, rows), rel=1e-6)
    assert second.feature.max() < features.second_stage(page, rows, paths, scores).shape[1]
    chosen, expected = text.choose(page, scores)
    assert kind.feature.max() < features.of_choice(page, rows, scores, chosen, expected).shape[1]


# -- text


def fake(sizes: list[int]) -> Page:
    page = read("".join(f"<p>{'w ' * size}</p>" for size in sizes))
    assert page is not None
    return page


def test_a_few_words_that_are_hardly_the_text_are_none() -> None:
    """A wall for robots has words, but no main text."""
    for sizes, scores, taken in (([4, 30], [0.02, 0.04], 0), ([4, 30], [0.02, 0.9], 30), ([4, 60], [0.02, 0.04], 60)):
        page = fake(sizes)
        chosen, expected = text.choose(page, np.array(scores, np.float32))
        assert (page.counts[chosen, WORDCOUNT].sum() if text.is_text(page, chosen, expected) else 0) == taken


GAPS = {
    "short": ("<p>a a</p><p>b</p><p>c c</p>", [0.9, 0.5, 0.9], 0.8, [1, 1, 1]),
    "unlikely": ("<p>a a</p><p>b</p><p>c c</p>", [0.9, 0.3, 0.9], 0.8, [1, 0, 1]),
    "unlikely paragraph": ("<p>a a</p><p>b</p><p>c c</p>", [0.9, 0.3, 0.9], 0.95, [1, 0, 1]),
    "item of a sure page": ("<p>a a</p><ul><li>b</ul><p>c c</p>", [0.9, 0.3, 0.9], 0.95, [1, 1, 1]),
    "long": (f"<p>a a</p><p>{'b ' * 41}</p><p>c c</p>", [0.9, 0.5, 0.9], 0.8, [1, 0, 1]),
    "linked": ("<p>a a</p><p><a href=x>b</a></p><p>c c</p>", [0.9, 0.5, 0.9], 0.8, [1, 0, 1]),
    "edge": ("<p>b</p><p>a a</p><p>c</p>", [0.5, 0.9, 0.5], 0.95, [0, 1, 0]),
    "one of two": ("<p>a a</p><p>b</p><p>d</p><p>c c</p>", [0.9, 0.5, 0.1, 0.9], 0.8, [1, 0, 0, 1]),
    "button": ("<p>a a</p><pre>b</pre><button>d</button><p>c c</p>", [0.9, 0.5, 0.1, 0.9], 0.8, [1, 1, 0, 1]),
    "formula": ("<p>a a</p><p>$$x$$</p><p>c c</p>", [0.9, 0.1, 0.9], 0.8, [1, 1, 1]),
    "caption of text": ("<figure><p>a</p><figcaption>b</figcaption></figure>", [0.9, 0.1], 0.8, [1, 1]),
    "caption of no text": ("<p>a a</p><figure><img><figcaption>b</figcaption></figure><p>c c</p>", [0.9, 0.1, 0.9], 0.8, [1, 0, 1]),
}


@pytest.mark.parametrize("name", GAPS)
def test_what_belongs_to_the_chosen_blocks(name: str) -> None:
    html, scores, expected, taken = GAPS[name]
    page = read(html)
    assert page is not None
    chosen = np.array(scores) > 0.8
    assert text.complete(page, chosen, np.array(scores, np.float32), expected).astype(int).tolist() == taken


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 30), st.floats(1 / 64, 63 / 64, width=32)), min_size=1, max_size=7), st.floats(1, 2))
def test_no_other_choice_of_blocks_has_a_higher_expected_f1(blocks: list[tuple[int, float]], price: float) -> None:
    sizes, scores = np.array([size for size, _ in blocks]), np.array([score for _, score in blocks], np.float32)
    chosen, expected = text.choose(fake(sizes.tolist()), scores, price)

    def f1(which: Any, price: float) -> float:
        return float(2 * (scores * sizes)[which].sum() / (price * sizes[which].sum() + (scores * sizes).sum()))

    every = [f1(np.array([number >> bit & 1 for bit in range(len(sizes))], bool), price) for number in range(1, 2 ** len(sizes))]
    assert f1(chosen, price) == pytest.approx(max(every), rel=1e-5)
    assert expected == pytest.approx(f1(chosen, 1), rel=1e-5)


def test_tables_stand_or_fall_as_a_whole_and_code_leans_on_what_is_around_it() -> None:
    page = read("<p>one two three four</p><table><tr><td>a</td><td>b</td></tr><tr><td>c d</td><td>e</td></tr></table><pre>f()</pre>")
    assert page is not None
    scores = np.array([0.9, 0.4, 0.2, 0.1, 0.3, 0.05], np.float32)
    # words 4, 1 1 2 1, 1: the table's mean is 1.1 / 5; around it are 4 x 0.9 + 0.05 of 5 words, around the code 4 x 0.9 + 1.1 of 9
    table, code = max(1.1 / 5, text.GROUP_FLOOR * 3.65 / 5), max(0.05, text.CODE_FLOOR * 4.7 / 9)
    assert text.smooth_scores(page, scores) == pytest.approx([0.9, table, table, table, table, code])
    sure = np.ones(6, np.float32)
    assert text.smooth_scores(page, sure) == pytest.approx(sure)


def test_blocks_found_in_another_text() -> None:
    page = read("<p>One two.</p><p>two</p><p>Two three</p><p>wo</p><p>!</p>")
    assert page is not None
    assert text.found_in(page, "one two\nthree").tolist() == [1, 1, 1, 0, 0]
    assert text.found_in(page, "").tolist() == [0, 0, 0, 0, 0]


def test_the_tree_is_left_as_it_was() -> None:
    html = article("A story", paragraphs(1))
    tree = dom.parse(html)
    before = etree.tostring(tree)
    blocks_engine.from_tree(tree, html)
    assert etree.tostring(tree) == before
