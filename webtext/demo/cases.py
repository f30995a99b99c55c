"""The planted cases: tables of data/*.toml, and what the server answers for them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from webtext.demo.articles import Article
from webtext.demo.markup import Block, parse
from webtext.demo.resources import DATA, read_toml, stable_date
from webtext.demo.site import Page, render, render_template, sites

Behavior = Literal["answer", "chunked", "broken-chunks", "hang", "drip", "close", "short", "garbage"]

HTML = "text/html; charset=utf-8"
STAGES = ("links", "fetch", "extract", "clean", "dedup")  # each has a file in data/


@dataclass(frozen=True)
class Response:
    """What the server answers: a status, the headers but for those of the connection, a body, and how it misbehaves."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", HTML),)
    behavior: Behavior = "answer"


Pages = dict[tuple[str, str], Response]  # by host and request target (path and query)


def host_and_target(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc, parts.path + (f"?{parts.query}" if parts.query else "")


@dataclass(frozen=True)
class Case:
    """Where a planted URL must end.

    `url` is canonical. `outcome` is `kept` (in corpus/) or the reason in the rejected records of `stage`. The text of a kept page
    contains `text`, apart from white space, and its link has `posts` posts. A copy is recorded as one of the URL `copy_of`.
    """

    name: str
    url: str
    stage: str
    outcome: str
    note: str
    text: str
    posts: int
    copy_of: str


@dataclass(frozen=True)
class Entry:
    """A table of data/*.toml: a case, or under `page` a page that other cases need. Without any content, nothing is served."""

    stage: str  # the file's name
    url: str = ""
    name: str = ""
    note: str = ""
    rejected: str = ""  # the reason, in the stage; "": the page is kept
    copy_of: str = ""  # the name of the case whose copy this is
    posts: list[dict[str, Any]] = field(default_factory=lambda: [{}])  # see submissions.Post; default: one, of the URL, with enough karma
    text: str = ""  # what the extracted text must contain; default: a sentence of the article
    # content: one of these
    article: int = 0  # number of an article, from 1; entries with the same number show the same text
    markdown: str = ""  # a file of data/: a title and a text
    template: str = ""  # a file of templates/, filled with `values`
    body: str | None = None  # one character a byte
    location: str = ""  # where a redirect leads
    mirror_of: str = ""  # the URL of an earlier entry, whose bytes are served
    # how an article is changed
    title: str = "{title}"
    drop_words: list[dict[str, int]] = field(default_factory=list)  # arguments of drop_words(), one after another
    insert: str = ""  # a paragraph after the third block
    append: str = ""  # a paragraph at the end
    append_third_of: int = 0  # the first third of another article, at the end
    standalone: bool = False  # without links to other pages of the site
    look: str = ""  # default: that of the site
    edit: str = ""  # of EDITS
    # how it is served
    values: dict[str, Any] = field(default_factory=dict)
    language: str = "en"
    charset: str = "utf-8"
    gzip: bool = False
    status: int = 200
    content_type: str = HTML
    headers: dict[str, str] = field(default_factory=dict)
    behavior: Behavior = "answer"


def read_entries() -> list[Entry]:
    """All entries, in the order of the stages; of a file, pages first."""
    entries = []
    for stage in STAGES:
        tables = read_toml(f"{stage}.toml")
        entries += [Entry(stage, **{"posts": [], **table}) for table in tables.get("page", [])]
        entries += [Entry(stage, **table) for table in tables["case"]]
    return entries


def respond(entry: Entry, articles: list[Article], related: tuple[tuple[str, str], ...], pages: Pages) -> Response | None:
    """What the server answers at the entry's URL; `related` are links for its page, `pages` are what is served for earlier entries."""
    if entry.mirror_of:
        return pages[host_and_target(entry.mirror_of)]
    if entry.location:
        status = 302 if entry.status == 200 else entry.status
        return Response(b"Moved.\n", status, (("Content-Type", "text/html"), ("Location", entry.location)))
    if entry.body is not None:
        body = entry.body.encode("latin-1")
    elif entry.template:
        body = render_template(entry.template, **entry.values).encode()
    elif entry.article or entry.markdown:
        body = _encoded(_html(entry, articles, related), entry.charset)
    else:
        return None
    headers = [("Content-Type", entry.content_type), *entry.headers.items()]
    if entry.gzip:
        body = gzip.compress(body, mtime=0)
        headers.append(("Content-Encoding", "gzip"))
    return Response(body, entry.status, tuple(headers), entry.behavior)


def _html(entry: Entry, articles: list[Article], related: tuple[tuple[str, str], ...]) -> str:
    host, path = host_and_target(entry.url)
    site = sites()[host]
    text = ""
    if entry.markdown:
        heading, *blocks = parse((DATA / entry.markdown).read_text(encoding="utf-8"))
        title = heading.text
        if entry.language != "en":
            related = ((title, path),)
    else:
        article = articles[entry.article - 1]
        title, text = entry.title.format(title=article.title), sentence(article)
        blocks = _changed(entry, articles)
    page = Page(site, path, title, tuple(blocks), stable_date(site.host, path), related, entry.language)
    if entry.standalone:
        page = Page(replace(site, look=entry.look or site.look), "/", title, tuple(blocks), charset=entry.charset)
    html = render(page)
    return EDITS[entry.edit](html, text) if entry.edit else html


def _changed(entry: Entry, articles: list[Article]) -> list[Block]:
    blocks = list(articles[entry.article - 1].blocks)
    for arguments in entry.drop_words:
        blocks = list(drop_words(blocks, **arguments))
    if entry.insert:
        blocks.insert(3, Block("paragraph", entry.insert))
    if entry.append:
        blocks.append(Block("paragraph", entry.append))
    if entry.append_third_of:
        other = articles[entry.append_third_of - 1].blocks
        blocks += other[: len(other) // 3]
    return blocks


EDITS: dict[str, Callable[[str, str], str]] = {  # of HTML, given a sentence of its text
    "cut": lambda html, text: html[: html.index(text) + len(text) + 300],
    "nest": lambda html, _: html.replace("</article>", "</article>" + "<div><span><b>" * 3000 + "deep down", 1),
    "noai": lambda html, _: html.replace("<title>", '<meta name="robots" content="noai">\n<title>', 1),
}


def _encoded(html: str, charset: str) -> bytes:
    # NB: the codec utf-16 follows the byte order of the machine.
    return b"\xff\xfe" + html.encode("utf-16-le") if charset == "utf-16" else html.encode(charset, "xmlcharrefreplace")


def sentence(article: Article) -> str:
    """A sentence from the middle of an article, to look for."""
    sentences = article.sentences()
    return sentences[len(sentences) // 2]


def drop_words(blocks: Iterable[Block], every: int, start: int = 0) -> Iterator[Block]:
    """The blocks without each `every`th word of their paragraphs, counted from word number `start`."""
    count = -start
    for block in blocks:
        if block.kind == "paragraph":
            numbered = list(enumerate(block.text.split(), count + 1))
            count += len(numbered)
            block = Block("paragraph", " ".join(word for number, word in numbered if number % every or number <= 0))
        yield block
