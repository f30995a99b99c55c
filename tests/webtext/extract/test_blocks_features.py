"""The features of blocks beside a slow twin, which says of each by its name how it is made."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.webtext.extract.pages import article, paragraphs
from tests.webtext.extract.test_blocks import markup, read
from webtext.extract.blocks import block_features, features
from webtext.extract.blocks import counts as c
from webtext.extract.blocks.block_scanner import Page
from webtext.extract.blocks.page_context import ANCESTORS
from webtext.extract.blocks.vocabulary import CUES, NAMES, TAG, TAGS

HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
NAME_LINES, CUE_LINES = ([line.split()[0] for line in lines] for lines in (NAMES, CUES))


class Slow:
    """What the features are made from, by plain loops over a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.blocks = range(len(page.node))
        self.nodes = range(len(page.parent))
        self.counts: list[list[float]] = page.counts.tolist()
        self.node: list[int] = page.node.tolist()
        self.words: list[float] = [row[c.WORDCOUNT] for row in self.counts]
        self.chars = [row[c.CHARS] for row in self.counts]
        self.linked = [min(link, chars) for link, chars in zip(page.link_chars.tolist(), self.chars)]
        self.density = [min(link / max(chars, 1), 1) for link, chars in zip(page.link_chars.tolist(), self.chars)]
        self.stops = [row[c.STOPS] for row in self.counts]
        self.heading = [self.heading_of(node) for node in self.node]
        self.long = [w if w >= 12 and d < 0.34 else 0 for w, d in zip(self.words, self.density)]
        self.in_p = [w if self.inside(node, "p") else 0 for w, node in zip(self.words, self.node)]
        self.ending = [w if row[c.ENDS] else 0 for w, row in zip(self.words, self.counts)]
        self.total = max(sum(self.words), 1)
        self.path = [tuple(page.signature[node] for node in self.up(node)[:4]) for node in self.node]

    def up(self, node: int) -> list[int]:
        """A node and those around it, from the inside."""
        chain = []
        while node >= 0:
            chain.append(node)
            node = int(self.page.parent[node])
        return chain

    def tag(self, node: int) -> str:
        return str(TAGS[self.page.tag[node]])

    def inside(self, node: int, tag: str) -> bool:
        return any(self.tag(above) == tag for above in self.up(node))

    def heading_of(self, node: int) -> int:
        levels = [HEADINGS.index(self.tag(above)) + 1 for above in self.up(node) if self.tag(above) in HEADINGS]
        return levels[0] if levels else 0

    def range(self, node: int) -> range:
        return range(int(self.page.first[node]), int(self.page.last[node]))

    def main(self, node: int) -> int:
        """The innermost `main`, or else the outermost `article`."""
        chain = self.up(node)
        return next((n for n in chain if self.tag(n) == "main"), next((n for n in reversed(chain) if self.tag(n) == "article"), -1))

    def containers(self, block: int, sizes: list[float]) -> list[int]:
        """Five nodes around a block, each the smallest with more words than the one before it; -1: there is none."""
        size, found = sizes[block], []
        for node in self.up(self.node[block]):
            around = sum(sizes[b] for b in self.range(node))
            if around > size:
                found.append(node)
                size = around
        return (found + [-1] * 5)[:5]

    def share(self, values: list[float], of: list[float], blocks: Iterable[int]) -> float:
        """The sum of values by that of `of`, over some blocks."""
        chosen = list(blocks)
        return sum(values[b] for b in chosen) / max(sum(of[b] for b in chosen), 1)

    def sum(self, blocks: Iterable[int]) -> float:
        return sum(self.words[b] for b in blocks)


def flags(prefix: str, lines: list[str], bits: int) -> dict[str, float]:
    return {f"{prefix}_{name}": bits >> number & 1 for number, name in enumerate(lines)}


def of_text(s: Slow, b: int) -> dict[str, float]:
    row, words, chars, page = s.counts[b], max(s.words[b], 1), max(s.chars[b], 1), s.page
    by_words = {"stop": c.STOPS, "comma": c.COMMAS, "sentence": c.SENTENCES, "capital": c.CAPITALISED, "all_caps": c.ALL_CAPS}
    by_words |= {"cjk": c.CJK, "title": c.TITLE, "numbers": c.NUMBERS}
    plain = {"words": c.WORDCOUNT, "ends": c.ENDS, "starts": c.STARTS, "money": c.MONEY, "bullets": c.BULLETS, "longest": c.LONGEST}
    plain |= {"title_words": c.TITLE, "colon": c.COLON}
    alike = [other for other in s.blocks if page.hashes[other] == page.hashes[b]]
    longer = [o for o in s.blocks if s.words[o] > s.words[b] or (s.words[o] == s.words[b] and o < b)]
    return {
        **{name: row[column] / words for name, column in by_words.items()},
        **{name: row[column] for name, column in plain.items()},
        "chars": chars,
        "link_density": s.density[b],
        "links": float(page.links[b]),
        "digit": row[c.DIGITS] / chars,
        "strong": min(float(page.strong_chars[b]) / chars, 1),
        "code": min(float(page.code_chars[b]) / chars, 1),
        "word_length": chars / words,
        "images": float(page.images[b]) - (float(page.images[b - 1]) if b else 0),
        "copies": len(alike),
        "copy": alike.index(b),
        "rank": len(longer) / len(s.blocks),
    }


def of_element(s: Slow, b: int) -> dict[str, float]:
    page, node = s.page, s.node[b]
    chain = s.up(node)
    near = int(page.names[node]) | int(page.inline_names[b])
    for above in chain[1:3]:
        if s.tag(above) == "body" or (above == chain[-1] and len(chain) < 2) or (above in chain[2:3] and len(s.range(above)) > 3):
            break
        near |= int(page.names[above])
    far = 0
    for above in chain:
        far |= int(page.names[above]) if s.tag(above) not in ("html", "body") else 0
    children = [n for n in s.nodes if page.parent[n] == page.parent[node] and page.parent[node] >= 0]
    index = children.index(node) if children else 0
    run = 0
    while run < index and page.signature[children[index - run - 1]] == page.signature[node]:
        run += 1
    return {
        "tag": TAG[s.tag(node)],
        "heading": s.heading[b],
        "depth": len(chain) - 1,
        "hidden": any(page.hidden[above] for above in chain),
        "spare": 0,
        **{f"in_{tag}": s.inside(node, tag) for tag in ANCESTORS},
        **flags("near", NAME_LINES, near),
        **flags("far", NAME_LINES, far),
        **flags("cue", CUE_LINES, int(page.cues[b])),
        "path_siblings": len(children),
        "path_index": index,
        "path_run": run,
    }


def of_containers(s: Slow, b: int) -> dict[str, float]:
    names = [*(f"container{level}" for level in range(5)), "container_main"]
    values: dict[str, float] = {}
    for name, node in zip(names, [*s.containers(b, s.words), s.main(s.node[b])]):
        inner = s.range(node) if node >= 0 else range(0)
        words = s.sum(inner)
        found = {
            "share": words / s.total,
            "link_density": s.share(s.linked, s.chars, inner),
            "words": math.log1p(words),
            "blocks": math.log1p(len(inner)),
            "long": s.share(s.long, s.words, inner),
            "stop": s.share(s.stops, s.words, inner),
            "place": (b - inner.start + 0.5) / max(len(inner), 1),
            "p": s.share(s.in_p, s.words, inner),
            "ends": s.share(s.ending, s.words, inner),
            "depth": len(s.up(s.node[b])) - len(s.up(node)),
        }
        values |= {f"{name}_{key}": value if node >= 0 else -1 for key, value in found.items()}
    return values


def of_neighbours(s: Slow, b: int) -> dict[str, float]:
    values: dict[str, float] = {}
    for d in (-3, -2, -1, 1, 2, 3):
        o = b + d
        if o not in s.blocks:
            values |= {f"at{d:+}_{name}": -1 for name in "words link_density stop ends heading same apart tag".split()}
            continue
        above = [n for n in s.up(s.node[b]) if o in s.range(n)]
        found = {
            "words": s.words[o],
            "link_density": s.density[o],
            "stop": s.stops[o] / max(s.words[o], 1),
            "ends": s.counts[o][c.ENDS],
            "heading": s.heading[o],
            "same": s.path[o] == s.path[b],
            "apart": len(s.up(s.node[b])) - len(s.up(above[0])) if above else 99,
            "tag": TAG[s.tag(s.node[o])],
        }
        values |= {f"at{d:+}_{name}": value for name, value in found.items()}
    for r in (4, 12):
        window = s.blocks[max(0, b - r) : b + r + 1]
        values[f"window{r}_words"] = s.sum(window)
        values[f"window{r}_link_density"] = s.share(s.linked, s.chars, window)
        values[f"window{r}_long"] = s.share(s.long, s.words, window)
        values[f"window{r}_stop"] = s.share(s.stops, s.words, window)
    alike = [o for o in s.blocks if s.path[o] == s.path[b]]
    return values | {
        "path_count": len(alike),
        "path_words": math.log1p(s.sum(alike)),
        "path_mean": s.sum(alike) / len(alike),
        "path_link_density": min(s.share(s.page.link_chars.tolist(), s.chars, alike), 1),
        "path_share": s.sum(alike) / s.total,
        "path_stop": s.share(s.stops, s.words, alike),
    }


def of_place(s: Slow, b: int) -> dict[str, float]:
    headings = [o for o in s.blocks if s.heading[o]]
    under = max((o for o in headings if o < b), default=-1)

    def section(start: int, after: int) -> range:
        return range(start, min((o for o in headings if o >= after), default=len(s.blocks)))

    long = [o for o in s.blocks if s.words[o] >= 20 and s.density[o] < 0.3]
    titles = [o for o in s.blocks if s.heading[o] == 1]
    title = max(titles, key=lambda o: (s.counts[o][c.TITLE], -o), default=-1)
    start = b if s.heading[b] else max(under, 0)
    own = section(start, start + 1)
    values = {
        "place": b / len(s.blocks),
        "words_before": s.sum(range(b)) / s.total,
        "long_before": sum(s.long[:b]) / max(sum(s.long), 1),
        "section_words": s.sum(own),
        "section_link_density": s.share(s.linked, s.chars, own),
        "after_h1": (b > title) - (b < title) if titles else -2,
        "h1_words": s.sum(range(title, b)) - s.sum(range(b, title)) if titles else -1e4,
        "h1_blocks": b - title if titles else -1e4,
        "first_long": b - (long[0] if long else len(s.blocks)),
        "last_long": (long[-1] if long else -1) - b,
        **flags("under", CUE_LINES, int(s.page.cues[under]) if under >= 0 else 0),
    }
    above = {
        "level": s.heading[under],
        "blocks": b - under,
        "words": s.sum(range(under, b)),
        "link_density": s.share(s.linked, s.chars, range(under, b) if s.heading[b] else section(under, b)),
        "title": s.counts[under][c.TITLE],
    }
    return values | {f"under_{name}": value if under >= 0 else -1 for name, value in above.items()}


def of_page(s: Slow) -> dict[str, float]:
    tags = Counter(s.tag(node) for node in s.nodes)
    copies = [b for b in s.blocks if s.page.hashes[b] in s.page.hashes[:b]]
    everything = list(s.blocks)
    return {
        "page_words": math.log1p(s.total),
        "page_link_density": s.share(s.linked, s.chars, everything),
        "page_blocks": math.log1p(len(everything)),
        "page_long": s.share(s.long, s.words, everything),
        **{f"page_{tag}": tags[tag] for tag in ("h1", "article", "main")},
        "page_p": s.share(s.in_p, s.words, everything),
        "page_stop": s.share(s.stops, s.words, everything),
        "page_headings": sum(map(bool, s.heading)) / len(everything),
        "page_li": sum(s.inside(node, "li") for node in s.node) / len(everything),
        "page_copies": s.sum(copies) / s.total,
        "page_cjk": sum(row[c.CJK] for row in s.counts) / s.total,
        "page_td": sum(s.tag(node) in ("td", "th") for node in s.node) / len(everything),
    }


def of_scores(s: Slow, b: int, p: list[float]) -> list[float]:
    """The features of the second stage, in their order."""
    sizes = [words + 0.5 for words in s.words]
    hoped = [size * score for size, score in zip(sizes, p)]
    total = math.fsum(hoped)

    def mean(blocks: Iterable[int], least: float = 0.5) -> float:
        chosen = list(blocks)
        return sum(hoped[o] for o in chosen) / max(sum(sizes[o] for o in chosen), least)

    def near(step: int) -> float:
        o = b + step
        while o in s.blocks and not (p[o] > 0.6 and s.words[o] >= 8):
            o += step
        return min(abs(o - b), 99) if o in s.blocks else 99

    row = [p[b], *(p[b + d] if b + d in s.blocks else -1 for d in (-3, -2, -1, 1, 2, 3))]
    row += [mean(o for o in s.blocks[max(0, b - r) : b + r + 1] if o != b) for r in (2, 5, 12)]
    for node in s.containers(b, sizes):
        inner = s.range(node) if node >= 0 else range(0)
        row += [mean(o for o in inner if o != b), sum(hoped[o] for o in inner) / max(total, 0.5)] if node >= 0 else [-1, -1]
    alike = [o for o in s.blocks if s.path[o] == s.path[b]]
    best, edge = expected_f1(sizes, p)
    row += [mean(alike), max(p[o] for o in alike), sum(hoped[:b]) / max(total, 0.5), best, edge]
    return [*row, total / sum(sizes), math.log1p(total), near(-1), near(1), p[b] - edge]


def expected_f1(sizes: list[float], p: list[float]) -> tuple[float, float]:
    """The highest F1 expected of the blocks of highest score, and the lowest score among them."""
    order = sorted(range(len(p)), key=lambda o: -p[o])
    total = math.fsum(size * score for size, score in zip(sizes, p))
    values = []
    for count in range(1, len(order) + 1):
        taken = order[:count]
        values.append(2 * sum(sizes[o] * p[o] for o in taken) / (sum(sizes[o] for o in taken) + total))
    # NB: sums in another order differ in their last digits: the first of those that are equal up to there
    best = next(number for number, value in enumerate(values) if value >= max(values) - 1e-12)
    return values[best], p[order[best]]


def check(page: Page, html: str, scores: list[float]) -> None:
    slow = Slow(page)
    rows, paths = features.first_stage(page, html)
    hints = {f"says_{name}": flag for name, flag in zip(block_features.HINTS, features.hints(html).tolist())}
    for b in slow.blocks:
        parts: list[dict[str, Any]] = [part(slow, b) for part in (of_text, of_element, of_containers, of_neighbours, of_place)]
        expected = {name: float(value) for part in (*parts, of_page(slow), hints) for name, value in part.items()}
        assert dict(zip(block_features.COLUMNS, rows[b].tolist())) == pytest.approx(expected, rel=1e-5, abs=1e-6), f"block {b}"
    assert [[one == other for other in slow.path] for one in slow.path] == (paths[:, None] == paths[None]).tolist()
    p = np.array([scores[b % len(scores)] for b in slow.blocks], np.float32)
    second = features.second_stage(page, rows, paths, p)
    assert (second[:, : rows.shape[1]] == rows).all()
    for b in slow.blocks:
        assert second[b, rows.shape[1] :].tolist() == pytest.approx(of_scores(slow, b, p.tolist()), rel=1e-5, abs=1e-6), f"block {b}"


@settings(max_examples=150)
@given(markup(), st.lists(st.floats(1 / 64, 63 / 64, width=32), min_size=1, max_size=9))
def test_features_of_any_page(body: str, scores: list[float]) -> None:
    html = f"<title>Word zwei</title><body>{body}</body>"
    page = read(html, "Word zwei")
    if page is not None and len(page.node):
        check(page, html, scores)


def test_features_of_whole_pages() -> None:
    story = article("A story", paragraphs(1)).replace("</article>", "<h2>Read more</h2><p>Share this</p><p>Share this</p></article>")
    ruled = '<meta property="og:type" content="article"><script type="application/ld+json">{"@type": "Product"}</script>'
    for html in (story, f"<main><article><div>{ruled}{story}</div></article></main>", "".join(f"<li>word {n}</li>" for n in range(150))):
        page = read(html, "A story")
        assert page is not None
        check(page, html, [0.9, 0.7, 0.1])


def test_every_column_has_a_name() -> None:
    assert len(set(block_features.COLUMNS)) == len(block_features.COLUMNS)
