"""The features of a page's blocks for the first stage of the model: a function a group, in the order of the model's columns.

Each function fills the columns from `c` on for all blocks and returns the column behind them. A feature is computed under its name, and
COLUMNS is made from the same names. -1 says that there is nothing to measure: no such neighbour, container or heading.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np
from numba import njit

from webtext.extract.blocks import counts as of
from webtext.extract.blocks.page_context import ANCESTORS, BODY, block_context, groups, landmarks, node_context, prefix_sums, ratio
from webtext.extract.blocks.vocabulary import CUES, NAMES, TAG

Text = namedtuple(
    "Text",
    "words chars link_density links stop comma sentence digit capital all_caps ends starts cjk money bullets longest title title_words "
    "colon strong code word_length images numbers",
)
Element = namedtuple("Element", "tag heading depth hidden spare copies copy rank")
Container = namedtuple("Container", "share link_density words blocks long stop place p ends depth")
Neighbour = namedtuple("Neighbour", "words link_density stop ends heading same apart tag")
Window = namedtuple("Window", "words link_density long stop")
Path = namedtuple("Path", "count words mean link_density share stop siblings index run")
Place = namedtuple("Place", "place words_before long_before")
Under = namedtuple("Under", "level blocks words link_density title")
Section = namedtuple("Section", "words link_density")
Landmark = namedtuple("Landmark", "after_h1 h1_words h1_blocks first_long last_long")
OfPage = namedtuple("OfPage", "words link_density blocks long h1 article main p stop headings li copies cjk td")

CONTAINERS = 5  # each larger than the one before: from the paragraph's box over the article's to the page's
NEIGHBOURS = (-3, -2, -1, 1, 2, 3)
WINDOWS = (4, 12)  # blocks to each side: a paragraph's surroundings, and a screen's
FAR = 99  # a distance in the tree that is larger than any that matters
NO_H1 = -1e4  # words and blocks after an h1 that the page does not have: below all real ones
SMALL_PARENT = 3  # blocks: the class of a grandparent with no more is that of the block (<li><a><span>)

_NAMES, _CUES = ([line.split()[0] for line in lines] for lines in (NAMES, CUES))
HINTS = ("article", "product", "ld_article", "ld_product", "ld_questions", "ld_list", "published")  # see features.hints
COLUMNS: list[str] = [
    *(*Text._fields, *Element._fields),
    *(f"in_{name}" for name in ANCESTORS),
    *(f"{where}_{name}" for where in ("near", "far") for name in _NAMES),
    *(f"cue_{name}" for name in _CUES),
    *(f"container{level}_{name}" for level in (*range(CONTAINERS), "_main") for name in Container._fields),
    *(f"at{d:+}_{name}" for d in NEIGHBOURS for name in Neighbour._fields),
    *(f"window{r}_{name}" for r in WINDOWS for name in Window._fields),
    *(f"path_{name}" for name in Path._fields),
    *Place._fields,
    *(f"under_{name}" for name in Under._fields),
    *(f"section_{name}" for name in Section._fields),
    *(f"under_{name}" for name in _CUES),
    *Landmark._fields,
    *(f"page_{name}" for name in OfPage._fields),
    *(f"says_{name}" for name in HINTS),
]
N_ANCESTORS, N_NAMES, N_CUES, N_COLUMNS = len(ANCESTORS), len(_NAMES), len(_CUES), len(COLUMNS)
N_CONTAINER, N_NEIGHBOUR, N_UNDER = len(Container._fields), len(Neighbour._fields), len(Under._fields)
IN_LI = ANCESTORS.index("li")
TD, TH, H1, ARTICLE, MAIN = (TAG[name] for name in ("td", "th", "h1", "article", "main"))


@njit(cache=True)
def block_features(page, hints):  # type: ignore[no-untyped-def]  # numba
    """Features (blocks x COLUMNS), and the path of each block."""
    nodes = node_context(page)
    blocks = block_context(page, nodes)
    sums = prefix_sums(page, nodes, blocks)
    x = np.zeros((len(page.node), N_COLUMNS), np.float32)
    c = text_features(x, 0, page, blocks)
    c = element_features(x, c, page, nodes, blocks)
    c = name_features(x, c, page, nodes)
    c = container_features(x, c, page, nodes, blocks, sums)
    c = neighbour_features(x, c, page, nodes, blocks)
    c = window_features(x, c, sums)
    c = path_features(x, c, page, nodes, blocks, sums)
    c = place_features(x, c, sums)
    c = heading_features(x, c, page, blocks, sums)
    c = landmark_features(x, c, page, blocks, sums)
    of_page = page_features(page, nodes, blocks, sums)
    for b in range(len(x)):
        put(x[b], put(x[b], c, of_page), hints)  # the same block is text on one kind of page and not on another
    return x, blocks.path


@njit(cache=True)
def put(row, c, values):  # type: ignore[no-untyped-def]  # numba
    """Write a tuple of numbers into a row from column `c` on; the column behind them."""
    for k in range(len(values)):
        row[c + k] = values[k]
    return c + len(values)


@njit(cache=True)
def put_bits(row, c, bits, size):  # type: ignore[no-untyped-def]  # numba
    for k in range(size):
        row[c + k] = np.float32((bits >> np.uint64(k)) & np.uint64(1))
    return c + size


@njit(cache=True)
def text_features(x, c, page, blocks):  # type: ignore[no-untyped-def]  # numba
    """What the block's own text is made of. `words` is the number of words, and so on."""
    end = c
    for b in range(len(x)):
        n = page.counts[b]
        words, chars = max(n[of.WORDCOUNT], 1.0), max(n[of.CHARS], 1.0)
        images_before = page.images[b - 1] if b else 0
        values = Text(
            words=n[of.WORDCOUNT],  # running text is long, buttons and labels are short
            chars=chars,  # the same for scripts without blanks
            link_density=blocks.link_density[b],  # menus and lists of links are all link
            links=page.links[b],  # a few links in a long text are citations
            stop=blocks.stop[b],  # sentences have stop words, menus do not
            comma=n[of.COMMAS] / words,  # so with commas
            sentence=n[of.SENTENCES] / words,  # and full stops
            digit=n[of.DIGITS] / chars,  # dates, prices, counts of votes
            capital=n[of.CAPITALISED] / words,  # titles and menus capitalise their words
            all_caps=n[of.ALL_CAPS] / words,  # labels and banners
            ends=n[of.ENDS],  # 1: the last mark ends a sentence; a label has none
            starts=n[of.STARTS],  # 1: begins with a capital, as a sentence does
            cjk=n[of.CJK] / words,  # words there are characters: other counts then mean something else
            money=n[of.MONEY],  # shops
            bullets=n[of.BULLETS],  # "a | b · c": a footer's or a menu's links in one block
            longest=n[of.LONGEST],  # URLs and code
            title=n[of.TITLE] / words,  # share of the title's words: the heading, or a link to the page itself
            title_words=n[of.TITLE],
            colon=n[of.COLON],  # 1: ends in a colon, announces a list or labels a value
            strong=min(page.strong_chars[b] / chars, 1.0),  # a heading in disguise
            code=min(page.code_chars[b] / chars, 1.0),
            word_length=chars / words,
            images=float(page.images[b] - images_before),  # since the last block: a caption or a tile follows one
            numbers=n[of.NUMBERS] / words,  # cells of tables, pagination
        )
        end = put(x[b], c, values)
    return end


@njit(cache=True)
def element_features(x, c, page, nodes, blocks):  # type: ignore[no-untyped-def]  # numba
    """The element that holds the block, and the block among all of the page."""
    end = c
    for b in range(len(x)):
        node = page.node[b]
        values = Element(
            tag=float(page.tag[node]),  # p is text more often than div or td
            heading=float(blocks.heading[b]),  # level, 0: none
            depth=float(nodes.depth[node]),  # menus and widgets nest deeply
            hidden=float(nodes.hidden[node]),  # not shown: dialogs, menus of phones
            spare=0.0,  # the model was fitted with this column, which is not used
            copies=blocks.copies[b],  # what a page repeats is its template
            copy=blocks.copy[b],  # of a repeated text, the first is more likely the real one
            rank=blocks.rank[b] / len(x),  # by words, 0 is the longest: long means something else on each page
        )
        end = put_bits(x[b], put(x[b], c, values), nodes.ancestors[node], N_ANCESTORS)  # in_…: nav, footer, article say what is in them
    return end


@njit(cache=True)
def name_features(x, c, page, nodes):  # type: ignore[no-untyped-def]  # numba
    """Words of class and id on the block and its closest containers (near_), on any around it (far_), and of its text (cue_)."""
    parent, tag = page.parent, page.tag
    end = c
    for b in range(len(x)):
        node = page.node[b]
        near = page.names[node] | page.inline_names[b]
        up = parent[node]
        if up >= 0 and tag[up] != BODY:
            near |= page.names[up]
            up = parent[up]
            if up >= 0 and tag[up] != BODY and page.last[up] - page.first[up] <= SMALL_PARENT:
                near |= page.names[up]
        end = put_bits(x[b], c, near, N_NAMES)
        end = put_bits(x[b], end, nodes.names[node], N_NAMES)
        end = put_bits(x[b], end, page.cues[b], N_CUES)
    return end


@njit(cache=True)
def container_features(x, c, page, nodes, blocks, sums):  # type: ignore[no-untyped-def]  # numba
    """The containers around a block, each the smallest that has more words than the one inside it, then the main or article element.

    The text of a page is mostly one container: what it is like says more about a short block in it than the block itself.
    """
    total = max(sums.words[-1], 1.0)
    for b in range(len(x)):
        start = node = page.node[b]
        size = blocks.words[b]
        for level in range(CONTAINERS + 1):
            if level < CONTAINERS:
                while node >= 0 and sums.words[page.last[node]] - sums.words[page.first[node]] <= size:
                    node = page.parent[node]
            else:
                node = nodes.main[start]
            at = c + level * N_CONTAINER
            if node < 0:
                x[b, at : at + N_CONTAINER] = -1
                continue
            first, last = page.first[node], page.last[node]
            size = sums.words[last] - sums.words[first]
            values = Container(
                share=size / total,  # of the page's words: near 1 holds the page, near 0 is a widget
                link_density=ratio(sums.link_chars, sums.chars, first, last),  # menus and lists of related pages
                words=np.log1p(size),
                blocks=np.log1p(last - first),
                long=ratio(sums.long, sums.words, first, last),  # share of words in running text
                stop=ratio(sums.stops, sums.words, first, last),
                place=(b - first + 0.5) / max(last - first, 1),  # bylines come first in it, tags and shares last
                p=ratio(sums.in_p, sums.words, first, last),  # share of words in p
                ends=ratio(sums.ending, sums.words, first, last),  # share of words in blocks that end as sentences do
                depth=float(nodes.depth[start] - nodes.depth[node]),
            )
            put(x[b], at, values)
    return c + (CONTAINERS + 1) * N_CONTAINER


@njit(cache=True)
def neighbour_features(x, c, page, nodes, blocks):  # type: ignore[no-untyped-def]  # numba
    """Blocks before and after: text stands together, and so do the parts of a menu."""
    for b in range(len(x)):
        start = page.node[b]
        at = c
        for d in NEIGHBOURS:
            o = b + d
            if o < 0 or o >= len(x):
                x[b, at : at + N_NEIGHBOUR] = -1
                at += N_NEIGHBOUR
                continue
            node = start  # up to the innermost that holds both
            while node >= 0 and not (page.first[node] <= o and o < page.last[node]):
                node = page.parent[node]
            values = Neighbour(
                words=blocks.words[o],
                link_density=blocks.link_density[o],
                stop=blocks.stop[o],
                ends=page.counts[o, of.ENDS],
                heading=float(blocks.heading[o]),
                same=1.0 if blocks.path[o] == blocks.path[b] else 0.0,  # made alike by the template, so alike in kind
                apart=float(nodes.depth[start] - nodes.depth[node] if node >= 0 else FAR),  # levels up to a common container
                tag=float(page.tag[page.node[o]]),
            )
            at = put(x[b], at, values)
    return c + len(NEIGHBOURS) * N_NEIGHBOUR


@njit(cache=True)
def window_features(x, c, sums):  # type: ignore[no-untyped-def]  # numba
    """The blocks around a block, itself among them, wherever they are in the tree."""
    end = c
    for b in range(len(x)):
        end = c
        for reach in WINDOWS:
            first, last = max(0, b - reach), min(len(x), b + reach + 1)
            values = Window(
                words=sums.words[last] - sums.words[first],
                link_density=ratio(sums.link_chars, sums.chars, first, last),
                long=ratio(sums.long, sums.words, first, last),
                stop=ratio(sums.stops, sums.words, first, last),
            )
            end = put(x[b], end, values)
    return end


@njit(cache=True)
def path_features(x, c, page, nodes, blocks, sums):  # type: ignore[no-untyped-def]  # numba
    """The blocks with the same path of elements and classes: all paragraphs, all entries of a menu, all comments."""
    total = max(sums.words[-1], 1.0)
    order, begins = groups(blocks.path.view(np.uint64))
    end = c
    for g in range(len(begins) - 1):
        words, links, chars, stops = 0.0, 0.0, 0.0, 0.0
        for k in range(begins[g], begins[g + 1]):
            b = order[k]
            words += blocks.words[b]
            links += page.link_chars[b]
            chars += page.counts[b, of.CHARS]
            stops += page.counts[b, of.STOPS]
        count = begins[g + 1] - begins[g]
        for k in range(begins[g], begins[g + 1]):
            b = order[k]
            node = page.node[b]
            up = page.parent[node]
            values = Path(
                count=float(count),
                words=np.log1p(words),
                mean=words / count,  # a short paragraph among long ones is still one
                link_density=min(links / max(chars, 1.0), 1.0),
                share=words / total,  # of the page's words
                stop=stops / max(words, 1.0),
                siblings=float(nodes.children[up] if up >= 0 else 0),  # elements of its parent: many in lists and articles
                index=float(nodes.index[node]),
                run=float(nodes.run[node]),  # siblings like it directly before it: inside a list
            )
            end = put(x[b], c, values)
    return end


@njit(cache=True)
def place_features(x, c, sums):  # type: ignore[no-untyped-def]  # numba
    end = c
    for b in range(len(x)):
        values = Place(
            place=b / len(x),  # menus come first, footers last
            words_before=sums.words[b] / max(sums.words[-1], 1.0),  # the same where menus have hundreds of blocks
            long_before=sums.long[b] / max(sums.long[-1], 1.0),  # 0 before the text begins, 1 after its end
        )
        end = put(x[b], c, values)
    return end


@njit(cache=True)
def heading_features(x, c, page, blocks, sums):  # type: ignore[no-untyped-def]  # numba
    """The last heading before a block, the section that the block opens or is in, and the cues of that heading ("Related", "Comments")."""
    n = len(x)
    end, under = c, -1
    for b in range(n):
        row = x[b]
        if under >= 0:
            until = blocks.next_heading[b] if blocks.heading[b] == 0 else b
            values = Under(
                level=float(blocks.heading[under]),
                blocks=float(b - under),
                words=sums.words[b] - sums.words[under],
                link_density=ratio(sums.link_chars, sums.chars, under, until),  # "Read more" is followed by links
                title=page.counts[under, of.TITLE],  # under the page's own heading is its text
            )
            put(row, c, values)
        else:
            row[c : c + N_UNDER] = -1
        first = b if blocks.heading[b] > 0 else max(under, 0)
        last = blocks.next_heading[first + 1]
        section = Section(
            words=sums.words[last] - sums.words[first],  # a heading stays if its section does
            link_density=ratio(sums.link_chars, sums.chars, first, last),
        )
        end = put_bits(row, put(row, c + N_UNDER, section), page.cues[under] if under >= 0 else np.uint64(0), N_CUES)
        if blocks.heading[b] > 0:
            under = b
    return end


@njit(cache=True)
def landmark_features(x, c, page, blocks, sums):  # type: ignore[no-untyped-def]  # numba
    """Where a block is from the main heading, and from the first and last running text."""
    marks = landmarks(page, blocks)
    h1, has_h1 = marks.h1, marks.h1 >= 0
    end = c
    for b in range(len(x)):
        values = Landmark(
            after_h1=float((1 if b > h1 else (0 if b == h1 else -1)) if has_h1 else -2),  # what is above it is the site's
            h1_words=sums.words[b] - sums.words[h1] if has_h1 else NO_H1,
            h1_blocks=float(b - h1) if has_h1 else NO_H1,
            first_long=float(b - marks.first_long),  # below 0: before the text begins
            last_long=float(marks.last_long - b),  # below 0: after its end
        )
        end = put(x[b], c, values)
    return end


@njit(cache=True)
def page_features(page, nodes, blocks, sums):  # type: ignore[no-untyped-def]  # numba
    """What kind of page it is: an article, a list, a shop, a forum."""
    n = len(page.node)
    words = max(sums.words[n], 1.0)
    h1, article, main = 0.0, 0.0, 0.0
    for tag in page.tag:
        h1 += tag == H1
        article += tag == ARTICLE
        main += tag == MAIN
    headings, li, td, cjk, copies = 0.0, 0.0, 0.0, 0.0, 0.0
    for b in range(n):
        headings += blocks.heading[b] > 0
        li += (nodes.ancestors[page.node[b]] >> np.uint64(IN_LI)) & np.uint64(1)
        td += page.tag[page.node[b]] == TD or page.tag[page.node[b]] == TH
        cjk += page.counts[b, of.CJK]
        copies += blocks.words[b] if blocks.copy[b] > 0 else 0.0
    return OfPage(
        words=np.log1p(words),
        link_density=ratio(sums.link_chars, sums.chars, 0, n),  # front pages are links
        blocks=np.log1p(n),
        long=sums.long[n] / words,  # share of words in running text: articles
        h1=h1,
        article=article,  # many: a list of teasers, or comments
        main=main,
        p=sums.in_p[n] / words,
        stop=sums.stops[n] / words,
        headings=headings / max(n, 1),
        li=li / max(n, 1),  # share of blocks in lists
        copies=copies / words,  # share of words that were there before
        cjk=cjk / words,
        td=td / max(n, 1),  # share of blocks in tables: data, or a layout of the nineties
    )
