"""Sites and their pages: each look has a template, with the navigation, notices and comments that such sites have around a text."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from webtext.demo.articles import Article
from webtext.demo.markup import Block, inline
from webtext.demo.resources import TEMPLATES, read_toml, stable_choice, stable_date, stable_int, stable_sample

MONTHS = "January February March April May June July August September October November December".split()


@dataclass(frozen=True)
class Site:
    """A host of the demo's web. `kinds` are the kinds of article that it shows: the first words of their names.

    `path` and `titles` are patterns for its pages, those of its look in data/sites.toml.
    """

    host: str
    look: str
    name: str
    motto: str
    path: str
    titles: tuple[str, ...]
    kinds: tuple[str, ...]

    def path_of(self, article: Article) -> str:
        year, month, day = stable_date(article.name, "path").split("-")
        return self.path.format(
            year=year,
            month=month,
            day=day,
            slug=article.name.partition("-")[2],
            title=re.sub(r"[^A-Za-z0-9.]+", "_", article.title).strip("_"),
            number=10_000 + stable_int(10**6, self.host, article.name),
        )

    def title_of(self, article: Article) -> str:
        return stable_choice(self.titles, article.name).format(title=article.title, subject=article.subject)


@cache
def sites() -> dict[str, Site]:
    """The sites of data/sites.toml, by host."""
    data = read_toml("sites.toml")
    found = {}
    for site in data["site"]:
        fields: dict[str, Any] = {"titles": ["{title}"], "kinds": [], **data["looks"][site["look"]], **site}
        found[site["host"]] = Site(**{**fields, "titles": tuple(fields["titles"]), "kinds": tuple(fields["kinds"])})
    return found


@dataclass(frozen=True)
class Page:
    """A text on a site. `date` is YYYY-MM-DD; `related` are titles and paths of other pages of the site."""

    site: Site
    path: str
    title: str
    blocks: tuple[Block, ...]
    date: str = "2017-11-30"
    related: tuple[tuple[str, str], ...] = ()
    language: str = "en"
    charset: str = "utf-8"

    @property
    def url(self) -> str:
        return f"http://{self.site.host}{self.path}"

    @property
    def long_date(self) -> str:
        """The date as in November 30, 2017."""
        year, month, day = self.date.split("-")
        return f"{MONTHS[int(month) - 1]} {int(day)}, {year}"

    @property
    def message(self) -> str:
        """The blocks as plain text, wrapped at 72 columns."""
        return "\n\n".join(_wrapped(block) for block in self.blocks)

    def turns(self, most: int) -> list[list[Block]]:
        """The blocks in order, divided among at most `most` speakers, about as many characters each."""
        share = sum(len(block.text) for block in self.blocks) / most + 1
        turns: list[list[Block]] = [[] for _ in range(most)]
        passed = 0
        for block in self.blocks:
            turns[int(passed / share)].append(block)
            passed += len(block.text)
        return [turn for turn in turns if turn]


def _wrapped(block: Block) -> str:
    if block.kind == "heading":
        return f"{block.text}\n{'-' * len(block.text)}"
    if block.kind == "code":
        return textwrap.indent(block.text, "    ")
    if block.kind == "list":
        return "\n".join(textwrap.fill(line, 72, initial_indent="  - ", subsequent_indent="    ") for line in block.text.split("\n"))
    return textwrap.fill(block.text, 72)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["inline"] = lambda line: Markup(inline(line))
    environment.globals.update(stable_int=stable_int, stable_choice=stable_choice, stable_sample=stable_sample)
    environment.globals["small_print"] = read_toml("small_print.toml")
    return environment


def render_template(name: str, **values: object) -> str:
    return _environment().get_template(name).render(values).lstrip()


def render(page: Page) -> str:
    """The page as its site shows it: HTML, or plain text where the site's look is that."""
    return render_template("plain.txt" if page.site.look == "plain" else f"{page.site.look}.html", page=page)


def render_front(site: Site, related: Sequence[tuple[str, str]]) -> str:
    """The front page of a site, with links to all of its pages."""
    return render_template("front.html", page=Page(site, "/", site.name, (), related=tuple(related)))
