"""Copies of Wikipedia: planted mirrors of all the usual forms are known, and pages that only speak of Wikipedia stay."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webtext.extract.pages import article, paragraphs
from webtext.core.config import ExtractSection
from webtext.extract.page import extract_page
from webtext.extract.result import Rejection, Text
from webtext.extract.wikipedia import _names, is_copy

STORY = "\n".join(paragraphs(1))
ARTICLE = [
    "A lighthouse is a tower that emits light from a system of lamps and lenses.[1] It serves as a beacon for pilots at sea.",
    "Before there were harbours, mariners were guided by fires on hilltops.[2] Placing the fire on a platform made it more visible.",
    "In antiquity the lighthouse was an entrance marker to ports.[3] The most famous of all was the Pharos of Alexandria in Egypt.",
]

# What mirrors put above, below or between the text of an article
MIRRORS = {
    "tagline": '<div id="siteSub">From Wikipedia, the free encyclopedia</div>',
    "tagline with markup": '<p>From <a href="https://en.wikipedia.org/"><b>Wikipedia</b></a>, the free encyclopedia.</p>',
    "tagline between lines": "<h3>\n  From Wikipedia, the\n  free encyclopedia\n</h3>",
    "tagline in French": "<p>Un article de Wikipédia, l&#39;encyclopédie libre.</p>",
    "tagline in Russian": "<div>Материал из Википедии&nbsp;— свободной энциклопедии</div>",
    "the Foundation's form": '<p>This article is licensed under the <a href="/gfdl">GNU Free Documentation License</a>. '
    'It uses material from the <a href="http://en.wikipedia.org/wiki/Lighthouse">Wikipedia article "Lighthouse"</a>.</p>',
    "all text": "<p>This article is from Wikipedia. All text is available under the terms of the <a>GFDL</a>.</p>",
    "uses material": "<p>This article uses material from the Wikipedia article <i>Lighthouse</i>.</p>",
    "uses content": "<p><b>This page uses</b> Creative Commons Licensed content from <a href='x'>Wikipedia</a> (view authors).</p>",
    "English Wikipedia": "<p>This page uses content from the English-language Wikipedia. The original article was at Lighthouse.</p>",
    "snippet": "<p>The above text is a snippet from Wikipedia: Lighthouse, and as such available under the Creative Commons licence.</p>",
    "adapted": "<footer>Text adapted from the Wikipedia article Lighthouse, used under CC-BY-SA.</footer>",
    "copied": "<small>The above entry is taken in full from the free encyclopedia, Wikipedia.</small>",
    "retrieved": "<div>Retrieved from &quot;<a href='x'>https://en.wikipedia.org/w/index.php?title=Lighthouse&amp;oldid=7</a>&quot;</div>",
    "trademark": "<p>Wikipedia® is a registered trademark of the Wikimedia Foundation, Inc.</p>",
}


def page(note: str, *, below: bool) -> str:
    html = article("Lighthouse", ARTICLE)
    return html.replace("</body>", note + "</body>") if below else html.replace("<body>", "<body>" + note)


@pytest.mark.parametrize("below", [True, False])
@pytest.mark.parametrize("name", MIRRORS)
def test_planted_mirrors_are_known(name: str, below: bool) -> None:
    assert is_copy(page(MIRRORS[name], below=below), "\n".join(ARTICLE))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Wikipedia</p>", "From Wikipedia, the free encyclopedia\nThe lighthouse is a tower."),
        ("<p>Wikipedia</p>", "History[edit]\nIt was.\nUse[ edit ]\nIt is.\nSee also[edit]\nBridges"),
    ],
)
def test_marks_that_are_left_in_the_text(html: str, text: str) -> None:
    assert is_copy(html, text)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>According to Wikipedia, bridges are old.</p>", "According to Wikipedia, bridges are old."),
        ('<p>He typed "From Wikipedia, the free encyclopedia" into his essay.</p>', "He typed it into his essay."),
        ("<p>From Wiktionary, the free dictionary. Wikipedia has an article.</p>", "From Wiktionary, the free dictionary"),
        ("<a href='https://en.wikipedia.org/wiki/Bridge'>source</a>", STORY),
        ("<li>Bridge. (2009). Retrieved from https://en.wikipedia.org/wiki/Bridge</li>", "A bridge is a structure."),
        ("<p>The Harry Potter Wiki</p>", "Magic[edit]\nSpells[edit]\nWands[edit]"),
        ("<figcaption>Photo: Wikipedia, Creative Commons</figcaption>", STORY),
        ("<p>Source: Wikipedia</p>", STORY),
        ("<p>This article is about a man who edits Wikipedia. All text is his own.</p>", STORY),
        ("<p>This page is licensed under a Creative Commons licence. Wikipedia is too.</p>", STORY),
        ("<p>The text of this law is quoted in Wikipedia. This article is taken from our archive of 1998.</p>", STORY),
        ("<script>var tagline = 'From Wikipedia, the free encyclopedia';</script><p>Read more on Wikipedia.</p>", STORY),
    ],
)
def test_pages_that_mention_wikipedia_stay(html: str, text: str) -> None:
    assert not is_copy(html, text)


def test_a_mirror_is_rejected_by_name_and_stays_where_it_is_wanted() -> None:
    body = page(MIRRORS["the Foundation's form"], below=True).encode()
    assert extract_page(body, "text/html", "http://example.org/", ExtractSection()) == Rejection("wikipedia-text")
    assert isinstance(extract_page(body, "text/html", "http://example.org/", ExtractSection(drop_wikipedia=False)), Text)


@given(st.text(alphabet="<>a/ \nWikipedia,.thfrncylo", max_size=400))
def test_any_markup_has_an_answer(markup: str) -> None:
    assert is_copy("Wikipedia" + markup, markup) in (True, False)


@given(st.lists(st.sampled_from(["Wikipedia", "wikipédia", "Википедия", "ikipedia", "Вики", "википед", "w", "W", "х"])).map("".join))
def test_where_the_name_stands(markup: str) -> None:
    names = re.compile("[Ww]ikip[eé]d|[Вв]икипед")
    assert _names(markup) == [match.span() for match in names.finditer(markup)]
