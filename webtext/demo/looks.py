"""How sites wrap a text: a template a look, with the navigation, notices and talk that such sites have."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from webtext.demo.markup import Block, inline

TEMPLATES = Path(__file__).parent / "templates"
LOOKS = ("blog", "news", "magazine", "docs", "api", "wiki", "project", "forum", "questions", "list", "tables", "plain")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")

SMALL_PRINT = {
    "cookies": (
        "We use cookies to give you the best experience on our site. By continuing to browse you agree to our use of cookies.",
        "This website uses cookies to analyse traffic and to personalise content. You can change your preferences at any time.",
        "By using this site you accept our cookie policy. Cookies help us to remember what you read last.",
    ),
    "advertisements": (
        "Keyboards with fewer keys. Try the Minimal 42 today.",
        "Rent a shed with good Wi-Fi from $9 a week.",
        "Rubber ducks for the working programmer: 20% off with code QUACK",
        "Your back deserves a better chair. Free delivery on orders over $50.",
        "Learn to juggle in thirty days or your money back.",
    ),
    "remarks": (
        "Great write-up, thanks for sharing!",
        "First!",
        "I have been looking for this all afternoon. Bookmarked.",
        "Could somebody explain the second paragraph to me like I am five?",
        "This saved my weekend. Cheers.",
        "Nice, but the font is too small on my phone.",
        "Does anyone know whether this still works on Windows?",
        "I respectfully disagree, but it was a good read anyway.",
        "The link to the examples seems to be dead.",
        "Came here from Reddit, stayed for the comments.",
        "+1, would read again.",
    ),
    "names": (
        "offbyone",
        "tabsnotspaces",
        "bobbin",
        "nullpointer77",
        "quietlurker",
        "recursive_owl",
        "bytewise",
        "late_binding",
        "moonpatch",
    ),
    "signatures": ("There are two kinds of people.", "Sent from my typewriter", "RTFM is a way of life", "My other computer is also slow"),
}


def chance(count: int, *of: object) -> int:
    """A number from 0 to `count` - 1 that follows from some values: chance that is the same on every run."""
    digest = hashlib.sha256("\0".join(map(str, of)).encode()).digest()
    return int.from_bytes(digest[:8], "big") % count


def pick(options: Sequence[str], *of: object) -> str:
    """One of the options, by chance()."""
    return options[chance(len(options), *of)]


def sample(options: Sequence[str], count: int, *of: object) -> list[str]:
    """`count` different ones of the options, by chance()."""
    return sorted(options, key=lambda option: chance(2**60, option, *of))[:count]


@dataclass(frozen=True)
class Site:
    """A host of the demo's web. `kinds` are the kinds of article that it shows: the first words of their names."""

    host: str
    look: str
    name: str
    motto: str
    kinds: tuple[str, ...] = ()


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
    def description(self) -> str:
        return next((block.text for block in self.blocks if block.kind == "paragraph"), self.title)[:150]

    @property
    def headings(self) -> list[Block]:
        return [block for block in self.blocks if block.kind == "heading"]

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
        """The blocks dealt out in order to at most `most` speakers, about as many characters each."""
        share = sum(len(block.text) for block in self.blocks) / most + 1
        dealt: list[list[Block]] = [[] for _ in range(most)]
        passed = 0
        for block in self.blocks:
            dealt[int(passed / share)].append(block)
            passed += len(block.text)
        return [turn for turn in dealt if turn]


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
    environment.globals.update(chance=chance, pick=pick, sample=sample, small_print=SMALL_PRINT)
    return environment


def render(page: Page) -> str:
    """The page as its site shows it: HTML, or plain text on a site of that kind."""
    name = "plain.txt" if page.site.look == "plain" else f"{page.site.look}.html"
    return _environment().get_template(name).render(page=page).lstrip()


def render_front(site: Site, related: Sequence[tuple[str, str]]) -> str:
    """The front page of a site, with links to all of its pages."""
    page = Page(site, "/", site.name, (), related=tuple(related))
    return _environment().get_template("front.html").render(page=page).lstrip()


def render_notice(title: str, text: str) -> str:
    """A page that says one thing, as servers do."""
    return _environment().get_template("notice.html").render(title=title, text=text).lstrip()


def style() -> str:
    return (TEMPLATES / "style.css").read_text(encoding="utf-8")
