"""The demo's web: sites full of articles, the planted cases, the dump that links to them, a benchmark that quotes them.

Every run makes the same world, byte by byte.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urljoin

from webtext.demo.articles import Article, articles
from webtext.demo.cases import HTML, Case, Entry, Pages, Response, host_and_target, read_entries, respond, sentence
from webtext.demo.resources import read_toml, stable_choice, stable_date, stable_int
from webtext.demo.site import Page, Site, render, render_front, sites
from webtext.demo.submissions import Post, dump

UNPOPULAR = 7  # percent of the ordinary pages whose posts have less than three points
QUOTES = 16  # examples of the benchmark that quote a page


@dataclass(frozen=True, repr=False)
class World:
    """A small web and the posts that link to it.

    `pages` are by host and request target (path and query); `lines` are those of the dump. `ordinary` are the URLs of the pages with
    nothing special that pass the karma rule. `benchmark` are records with `text`; `quotes` has the page that an example quotes, by index.
    """

    pages: Pages
    lines: list[bytes]
    cases: list[Case]
    ordinary: list[str]
    benchmark: list[dict[str, str]]
    quotes: dict[int, str]

    @property
    def hosts(self) -> list[str]:
        return sorted({host for host, _ in self.pages})


@cache  # it takes some seconds, most of them in the templates
def make_world() -> World:
    """Everything of the demo that is served, submitted, quoted and expected."""
    documentation = articles()
    plantable = sorted(filter(_is_plantable, documentation), key=lambda article: stable_int(2**60, article.name))
    entries = read_entries()
    planted = {plantable[entry.article - 1].name for entry in entries if entry.article}
    pages = _plant(entries, plantable)
    posts = [Post(**{**_default_post(entry.url), **fields}) for entry in entries for fields in entry.posts]
    ordinary = _publish(pages, posts, [article for article in documentation if article.name not in planted])
    benchmark, quotes = _benchmark(ordinary)
    records = dump(posts)
    lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() for record in records]
    lines.insert(len(lines) // 2, lines[0][: len(lines[0]) // 2])  # the case broken-line
    urls = {entry.name: entry.url for entry in entries if entry.name}
    urls["self-post"] = next(str(record["url"]) for record in records if record["is_self"])  # its own page on Reddit
    by_url = {entry.url: entry for entry in entries}
    cases = [_case(entry, urls, by_url, plantable) for entry in entries if entry.name]
    return World(pages, lines, cases, sorted(ordinary), benchmark, quotes)


def _is_plantable(article: Article) -> bool:
    """Whether an entry may show an article: it has enough running text, and sentences to look for."""
    return 3_500 <= article.characters <= 9_000 and article.prose >= 0.7 * article.characters and len(article.sentences()) >= 6


def _serve(pages: Pages, url: str, response: Response) -> None:
    if pages.setdefault(host_and_target(url), response) is not response:
        raise ValueError(f"two responses for {url}")


def _plant(entries: list[Entry], plantable: list[Article]) -> Pages:
    """What is served for the entries of data/*.toml."""
    pages: Pages = {}
    related = tuple((article.title, f"/{article.name}.html") for article in plantable[-5:])  # dead links, as many a site has
    for entry in entries:
        response = respond(entry, plantable, related, pages)
        if response:
            _serve(pages, entry.url, response)
    return pages


def _default_post(url: str) -> dict[str, Any]:
    return {"url": url, "score": 3 + stable_int(400, url, 0), "created": stable_date(url, 0)}


def _case(entry: Entry, urls: dict[str, str], by_url: dict[str, Entry], plantable: list[Article]) -> Case:
    stage, outcome, text = (entry.stage, entry.rejected, "") if entry.rejected else ("corpus", "kept", entry.text)
    if outcome == "kept" and not text:
        page = entry
        while not page.article:  # it redirects, or mirrors
            page = by_url[page.mirror_of or urljoin(page.url, page.location)]
        text = sentence(plantable[page.article - 1])
    return Case(entry.name, urls[entry.name], stage, outcome, entry.note, text, len(entry.posts), urls.get(entry.copy_of, ""))


def _publish(pages: Pages, posts: list[Post], documentation: Sequence[Article]) -> dict[str, Article]:
    """Distribute the articles among the sites and submit them; returns those that pass the karma rule, by URL."""
    by_site: dict[Site, list[Article]] = defaultdict(list)
    for article in documentation:
        fitting = [site for site in sites().values() if article.name.split("-")[0] in site.kinds]
        by_site[fitting[stable_int(len(fitting), article.name)]].append(article)
    popular: dict[str, Article] = {}
    for site, shown in by_site.items():
        links = [(site.title_of(article), site.path_of(article)) for article in shown]
        _serve(pages, f"http://{site.host}/", Response(render_front(site, links).encode()))
        for index, (article, (title, path)) in enumerate(zip(shown, links)):
            related = tuple((links[index + 1 :] + links[:index])[:12])
            page = Page(site, path, title, article.blocks, stable_date(site.host, path), related)
            content_type = "text/plain; charset=utf-8" if site.look == "plain" else HTML
            _serve(pages, page.url, Response(render(page).encode(), headers=(("Content-Type", content_type),)))
            submissions = _submissions(page.url)
            posts += submissions
            if submissions[0].score >= 3:
                popular[page.url] = article
    return popular


def _submissions(url: str) -> list[Post]:
    """An ordinary page is submitted once, sometimes more often; of some pages no post has three points."""
    day = stable_date(url, 0)
    if stable_int(100, url, "unpopular") < UNPOPULAR:
        return [Post(url, 1 + stable_int(2, url, "score"), day)]
    first = Post(url, 3 + stable_int(30, url, "score") * stable_int(30, url, "factor"), day)
    again = range(stable_int(12, url, "again") // 10)
    return [first, *(Post(url, 1 + stable_int(40, url, number), stable_date(url, number, "again")) for number in again)]


def _benchmark(ordinary: dict[str, Article]) -> tuple[list[dict[str, str]], dict[int, str]]:
    """Examples in an order without a pattern: some quote a sentence of a page, the others are on none."""
    texts = read_toml("benchmark.toml")
    quotable = [url for url in sorted(ordinary) if ordinary[url].sentences() and not re.search(r"viewtopic|/questions/", url)]
    examples: list[tuple[str, str]] = [(text, "") for text in texts["unrelated"]]
    for url in sorted(quotable, key=lambda url: stable_int(2**60, url, "quoted"))[:QUOTES]:
        sentences = ordinary[url].sentences()
        examples.append((f"{stable_choice(texts['openings'], url)} {sentences[stable_int(len(sentences), url)]}", url))
    examples.sort(key=lambda example: stable_int(2**60, *example))
    return [{"text": text} for text, _ in examples], {index: url for index, (_, url) in enumerate(examples) if url}
