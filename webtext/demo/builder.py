"""The pieces of the demo's web, and the builder that puts pages, posts and expectations into one world."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from webtext.demo.looks import Page, Site, chance, render
from webtext.demo.markup import Block
from webtext.demo.submissions import Post
from webtext.demo.texts import Article

Behaviour = Literal["answer", "chunked", "broken-chunks", "hang", "drip", "close", "short", "garbage"]

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Response:
    """What the server answers: a status, headers but for those of the connection, a body, and how it misbehaves."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", HTML),)
    behaviour: Behaviour = "answer"


@dataclass(frozen=True)
class Case:
    """Where a planted URL must end.

    `url` is canonical. `outcome` is `kept` (in corpus/) or the reason in the rejected records of `stage`. The text of a kept page
    holds `text` but for white space, and its link has `posts` posts where that is not 0. A copy is recorded as one of `copy_of`.
    """

    name: str
    url: str
    stage: str
    outcome: str
    note: str
    text: str = ""
    posts: int = 0
    copy_of: str = ""


@dataclass(frozen=True, repr=False)
class World:
    """A small web and the posts that link to it.

    `pages` are by host and request target (path and query); `lines` are those of the dump. `ordinary` are the URLs of the pages with
    nothing special that reach the karma rule. `benchmark` are records with `text`; `quotes` has the page that an example quotes, by index.
    """

    pages: dict[tuple[str, str], Response]
    lines: list[bytes]
    cases: list[Case]
    ordinary: list[str]
    benchmark: list[dict[str, str]]
    quotes: dict[int, str]

    @property
    def hosts(self) -> list[str]:
        return sorted({host for host, _ in self.pages})


@dataclass
class Builder:
    """Collects the world. `spare` are articles that are on no page yet: `take` hands them out, each once."""

    expected: dict[str, tuple[str, str]]
    spare: list[Article]
    pages: dict[tuple[str, str], Response] = field(default_factory=dict)
    posts: list[Post] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)

    def take(self) -> Article:
        return self.spare.pop(0)

    def answer(self, url: str, response: Response) -> str:
        """Put an answer at a URL, which is returned."""
        parts = urlsplit(url)
        key = (parts.netloc, parts.path + (f"?{parts.query}" if parts.query else ""))
        if key in self.pages:
            raise ValueError(f"two answers for {url}")
        self.pages[key] = response
        return url

    def page(
        self,
        site: Site,
        path: str,
        title: str,
        blocks: Iterable[Block],
        *,
        language: str = "en",
        related: tuple[tuple[str, str], ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
    ) -> str:
        """Render a text on a site; returns the URL."""
        page = Page(site, path, title, tuple(blocks), date_of(site.host, path), related or self.related(), language)
        kind = "text/plain; charset=utf-8" if site.look == "plain" else HTML
        response = Response(render(page).encode(), headers=(("Content-Type", kind), *headers))
        return self.answer(page.url, response)

    def mirror(self, url: str, host: str) -> str:
        """Show the bytes of a page on another host; returns the URL there."""
        parts = urlsplit(url)
        return self.answer(f"http://{host}{parts.path}", self.pages[parts.netloc, parts.path])

    def article(self, site: Site, path: str, article: Article) -> str:
        return self.page(site, path, article.title, article.blocks)

    def related(self) -> tuple[tuple[str, str], ...]:
        """Links to other pages of the site, which are dead, as on many a site."""
        return tuple((article.title, f"/{article.name}.html") for article in self.spare[-5:])

    def post(self, url: str, score: int | None = None, created: str = "", **more: Any) -> None:
        """Submit a URL: by default with a score above the karma rule, some time from 2013 on."""
        nth = sum(1 for post in self.posts if post.url == url)
        self.posts.append(Post(url, 3 + chance(400, url, nth) if score is None else score, created or date_of(url, nth), **more))

    def case(self, name: str, url: str, note: str, *, text: str = "", posts: int = 0, copy_of: str = "") -> None:
        stage, outcome = self.expected[name]
        self.cases.append(Case(name, url, stage, outcome, note, text, posts, copy_of))

    def planted(self, name: str, url: str, note: str, *, text: str = "", copy_of: str = "") -> str:
        """A case with one post of its own."""
        self.post(url)
        self.case(name, url, note, text=text, copy_of=copy_of)
        return url


def date_of(*key: object) -> str:
    """A day from 2013 to November 2017 that follows from the key, as YYYY-MM-DD."""
    year = 2013 + chance(5, *key, "year")
    return f"{year}-{1 + chance(11, *key, 'month'):02}-{1 + chance(28, *key, 'day'):02}"


def sentence(article: Article) -> str:
    """A sentence from the middle of an article, to look for."""
    found = article.sentences()
    return found[len(found) // 2]


def edited(blocks: Iterable[Block], every: int, first: int = 0) -> list[Block]:
    """The blocks with a word in `every` of the running text left out, from word number `first` on."""
    result, count = [], -first
    for block in blocks:
        if block.kind != "paragraph":
            result.append(block)
            continue
        words = []
        for word in block.text.split():
            count += 1
            if count % every or count <= 0:
                words.append(word)
        result.append(Block(block.kind, " ".join(words)))
    return result
