"""The features of a page's blocks, and those of the second stage, which sees what the first said of the other blocks.

A block is described by its text, its element and those around it, the five containers around it that hold more text than what is in them,
its neighbours, the blocks with the same path of elements and classes, the heading that it stands under, its place, and its page.
"""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import NDArray

from webtext.extract.blocks.counts import WORDCOUNT
from webtext.extract.blocks.first import ANCESTORS, LEVELS, block_features
from webtext.extract.blocks.scan import Page
from webtext.extract.blocks.second import score_features
from webtext.extract.blocks.vocabulary import CUES, NAMES

# What a page says of itself, in its markup
HINTS = ("article", "product", "ld_article", "ld_product", "ld_questions", "ld_list", "published")
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


def columns() -> list[str]:
    """The name of every feature of the first stage, in order."""
    names = "words chars link_density links stop comma sentence digit capital all_caps ends starts cjk money bullets longest".split()
    names += "title title_words colon strong code word_length images numbers tag heading depth hidden spare copies copy rank".split()
    names += [f"in_{name}" for name in ANCESTORS]
    first = [[line.split()[0] for line in lines] for lines in (NAMES, CUES)]
    names += [f"{where}_{name}" for where in ("near", "far") for name in first[0]] + [f"cue_{name}" for name in first[1]]
    container = "share link_density words blocks long stop place p ends depth".split()
    names += [f"container{level}_{name}" for level in (*range(LEVELS), "_main") for name in container]
    names += [f"at{d:+}_{name}" for d in (-3, -2, -1, 1, 2, 3) for name in "words link_density stop ends heading same apart tag".split()]
    names += [f"window{r}_{name}" for r in (4, 12) for name in "words link_density long stop".split()]
    names += [f"path_{name}" for name in "count words mean link_density share stop siblings index run".split()]
    names += "place words_before long_before under_level under_blocks under_words under_link_density under_title section_words".split()
    names += [
        "section_link_density",
        *(f"under_{name}" for name in first[1]),
        "after_h1",
        "h1_words",
        "h1_blocks",
        "first_long",
        "last_long",
    ]
    names += [f"page_{name}" for name in "words link_density blocks long h1 article main p stop headings li copies cjk td".split()]
    return names + [f"says_{name}" for name in HINTS]


COLUMNS = columns()
OF_PAGE = next(number for number, name in enumerate(COLUMNS) if name.startswith("page_"))  # these and all after them are of the page


def first_stage(page: Page, html: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features (blocks x COLUMNS), and the path of each block as a number."""
    features, paths = block_features(
        page.parent,
        page.tag,
        page.names,
        page.signature,
        page.hidden,
        page.first,
        page.last,
        page.node,
        page.link_chars,
        page.links,
        page.strong_chars,
        page.code_chars,
        page.inline_names,
        page.images,
        page.counts,
        page.cues,
        page.hashes,
        len(COLUMNS),
        hints(html),
    )
    return features, paths


def second_stage(page: Page, first: NDArray[np.float32], paths: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features of the first stage and those of its scores."""
    args = (page.parent, page.first, page.last, page.node, page.counts)
    return np.asarray(score_features(first, *args, paths, scores), np.float32)


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
