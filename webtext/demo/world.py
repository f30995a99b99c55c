"""The demo's small web, whole: sites full of articles, the planted cases, the dump that links to them, a benchmark that quotes them.

    world = make_world()
    with serve(world) as server: ...        # webtext.demo.server
    write_dump(world, Path("RS_demo.zst"))  # webtext.demo.files

The same version of Python makes the same world, byte by byte.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import replace

from webtext.demo import languages
from webtext.demo.builder import Builder, Response, World, date_of
from webtext.demo.cases import EXPECTED
from webtext.demo.looks import Site, chance, pick, render_front
from webtext.demo.plant_fetch import plant_fetch
from webtext.demo.plant_links import plant_links
from webtext.demo.plant_pages import plant_pages
from webtext.demo.sites import SITES
from webtext.demo.submissions import dump
from webtext.demo.texts import Article, articles

UNPOPULAR = 7  # percent of the ordinary pages that nobody gave three points
QUOTES = 16  # examples of the benchmark that quote a page

PATHS = {
    "blog": "/{year}/{month}/{slug}/",
    "news": "/tech/{year}/{month}/{day}/{slug}.html",
    "magazine": "/p/{slug}-{number:08x}",
    "docs": "/library/{slug}.html",
    "api": "/api/{slug}.html",
    "wiki": "/wiki/{title}",
    "project": "/{slug}",
    "forum": "/viewtopic.php?f=2&t={number}",
    "questions": "/questions/{number}/{slug}",
    "list": "/archives/{year}-{month}/{number:06}.html",
    "tables": "/~library/{slug}.htm",
    "plain": "/texts/{slug}.txt",
}
TITLES = {
    "blog": ("{title}", "Reading about {subject}", "What I learned about {subject}", "{title}, annotated"),
    "news": ("{title}", "{subject}: what you need to know", "Inside {subject}", "Experts explain {subject}"),
    "magazine": ("{title}", "The quiet elegance of {subject}", "A long look at {subject}"),
    "forum": ("{title}", "Question about {subject}", "[SOLVED] {subject}", "{subject} - please help"),
    "questions": ("How does {subject} work?", "What is {subject} good for?", "When should I use {subject}?"),
    "list": ("{title}", "[PATCH] clarify {subject}", "Re: {subject}"),
    "project": ("{title}", "awesome {subject}"),
}
OPENINGS = (
    "She read the sentence aloud, slowly, and then once more:",
    "It was written on a note that somebody had pinned to the door:",
    "The old manual had only one line that he remembered:",
    "They argued until midnight about what this could mean:",
)


def make_world() -> World:
    """Everything of the demo that is served, submitted, quoted and expected."""
    found = articles()
    builder = Builder(EXPECTED, sorted(filter(_telling, found), key=lambda article: chance(2**60, article.name)))
    plant_links(builder)
    plant_fetch(builder)
    plant_pages(builder)
    planted = {article.name for article in filter(_telling, found)} - {article.name for article in builder.spare}
    ordinary = _ordinary(builder, [article for article in found if article.name not in planted])
    benchmark, quotes = _benchmark(ordinary)
    records = dump(builder.posts)
    own_page = next(str(record["url"]) for record in records if record["is_self"])
    cases = [replace(case, url=own_page) if case.name == "self-post" else case for case in builder.cases]
    lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() for record in records]
    lines.insert(len(lines) // 2, lines[0][: len(lines[0]) // 2])  # broken-line
    return World(builder.pages, lines, cases, sorted(ordinary), benchmark, quotes)


def _telling(article: Article) -> bool:
    """Whether a planted case may be about an article: enough running text, and sentences to look for."""
    return 3_500 <= article.characters <= 9_000 and article.prose >= 0.7 * article.characters and len(article.sentences()) >= 6


def _ordinary(builder: Builder, found: list[Article]) -> dict[str, Article]:
    """Deal the articles out to the sites and submit them; returns those that reach the karma rule, by URL."""
    shelves: dict[Site, list[tuple[str, str, Article]]] = defaultdict(list)
    for article in found:
        kind = article.name.split("-")[0]
        fitting = [site for site in SITES if kind in site.kinds]
        site = fitting[chance(len(fitting), article.name)]
        title = pick(TITLES.get(site.look, ("{title}",)), article.name).format(title=article.title, subject=article.subject)
        shelves[site].append((title, _path(site, article), article))
    popular: dict[str, Article] = {}
    for site, shelf in shelves.items():
        links = [(title, path) for title, path, _ in shelf]
        builder.answer(f"http://{site.host}/", Response(render_front(site, links).encode()))
        for place, (title, path, article) in enumerate(shelf):
            related = tuple((links[place + 1 :] + links[:place])[:12])
            url = builder.page(site, path, title, article.blocks, related=related)
            if _submit(builder, url):
                popular[url] = article
    return popular


def _path(site: Site, article: Article) -> str:
    year, month, day = date_of(article.name, "path").split("-")
    return PATHS[site.look].format(
        year=year,
        month=month,
        day=day,
        slug=article.name.partition("-")[2],
        title=re.sub(r"[^A-Za-z0-9.]+", "_", article.title).strip("_"),
        number=10_000 + chance(10**6, site.host, article.name),
    )


def _submit(builder: Builder, url: str) -> bool:
    """Submit an ordinary page once, sometimes more often; whether a post has three points."""
    if chance(100, url, "unpopular") < UNPOPULAR:
        builder.post(url, 1 + chance(2, url, "score"))
        return False
    builder.post(url, 3 + chance(30, url, "score") * chance(30, url, "factor"))
    for again in range(chance(12, url, "again") // 10):
        builder.post(url, 1 + chance(40, url, again), date_of(url, again, "again"))
    return True


def _benchmark(ordinary: dict[str, Article]) -> tuple[list[dict[str, str]], dict[int, str]]:
    """Examples in no telling order: some quote a sentence of a page, the others are on none."""
    quotable = [url for url in sorted(ordinary) if ordinary[url].sentences() and not re.search(r"viewtopic|/questions/", url)]
    quoted = sorted(quotable, key=lambda url: chance(2**60, url, "quoted"))[:QUOTES]
    examples: list[tuple[str, str]] = [(text, "") for text in languages.UNRELATED]
    for url in quoted:
        sentences = ordinary[url].sentences()
        examples.append((f"{pick(OPENINGS, url)} {sentences[chance(len(sentences), url)]}", url))
    examples.sort(key=lambda example: chance(2**60, *example))
    return [{"text": text} for text, _ in examples], {place: url for place, (_, url) in enumerate(examples) if url}
