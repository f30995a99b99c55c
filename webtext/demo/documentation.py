"""Articles made of the documentation that ships with Python: topics of the language, docstrings and comments of its library, built-in help.

Which articles there are depends on the version of Python and on nothing else: source files are parsed, not imported, and built-in
objects are asked for documentation strings that are constants of the interpreter. Without `pydoc_data` (some distributions leave it out)
there are fewer.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from pathlib import Path
from textwrap import dedent
from types import ModuleType

from webtext.demo.markup import Block, is_prose, parse
from webtext.demo.resources import DATA

SHORTEST, LONGEST = 1_700, 12_000  # characters of an article
PROSE_SHARE = 0.45  # of an article's characters at least
SHINGLE = 5  # words
CODE_LINES = 4  # shown below a comment
SHARED = 0.4  # share of the shingles that an article may have in common with all earlier ones: no two are near copies by accident

# Modules without a source file, or with the better part of their documentation in C.
# NB: not sys, whose hooks a debugger or a test runner replaces.
COMPILED = ("builtins", "math", "cmath", "itertools", "time", "os", "socket", "select", "zlib", "array", "mmap", "unicodedata", "gc")


@dataclass(frozen=True)
class Article:
    """A text with a title. `name` is unique and fit for a URL, `subject` is what it is about in a word or two."""

    name: str
    subject: str
    title: str
    blocks: tuple[Block, ...]

    @property
    def characters(self) -> int:
        return sum(len(block.text) for block in self.blocks)

    @property
    def prose(self) -> int:
        """Characters of paragraphs and lists."""
        return sum(len(block.text) for block in self.blocks if block.kind in ("paragraph", "list"))

    @property
    def plain(self) -> str:
        """The text as paragraphs, without the title."""
        return "\n\n".join(block.text for block in self.blocks)

    def shingles(self) -> set[tuple[str, ...]]:
        """The runs of five words."""
        words = re.findall(r"\w+", self.plain.lower())
        return set(zip(*(words[start:] for start in range(SHINGLE))))

    def sentences(self) -> list[str]:
        """Plain sentences of ten to thirty words of its paragraphs, without markup: what can be looked for in an extracted text."""
        paragraphs = (block.text for block in self.blocks if block.kind == "paragraph")
        sentences = (sentence for text in paragraphs for sentence in re.split(r"(?<=[.!?])\s+", text))
        return [text for text in sentences if 10 <= len(text.split()) <= 30 and re.fullmatch(r"[A-Z][A-Za-z,;' ]+\.", text)]


@cache  # it takes some seconds, nearly all of them in parse()
def articles() -> tuple[Article, ...]:
    """All articles, by name; none is a near copy of another."""
    kept: list[Article] = []
    seen: set[tuple[str, ...]] = set()
    names: set[str] = set()
    for article in map(_without_repetitions, _candidates()):
        if article.characters < SHORTEST or article.prose < PROSE_SHARE * article.characters or article.name in names:
            continue
        shingles = article.shingles()
        if len(shingles & seen) > SHARED * len(shingles):
            continue
        seen |= shingles
        names.add(article.name)
        kept.append(article)
    return tuple(sorted(kept, key=lambda article: article.name))


def modules() -> list[str]:
    """Modules with much to say, from their docstrings or comments. One that a version of Python lacks is skipped."""
    return (DATA / "modules.txt").read_text(encoding="utf-8").split()


def _without_repetitions(article: Article) -> Article:
    """Methods of related classes have the same docstring; a text that repeats itself would not pass the cleaning rules."""
    seen: set[str] = set()
    blocks = []
    for block in article.blocks:
        if block.kind != "paragraph" or block.text not in seen:
            blocks.append(block)
        seen.add(block.text)
    return replace(article, blocks=tuple(blocks))


def _candidates() -> Iterator[Article]:
    yield from _topics()
    for name in modules():
        source = _source(name)
        if source:
            tree = ast.parse(source)
            yield from _module(name, tree)
            yield from _comments(name, source, tree)
    for name in COMPILED:
        with contextlib.suppress(ImportError):
            yield from _compiled(name, importlib.import_module(name))


# ---- topics of the language reference


def _topics() -> Iterator[Article]:
    try:
        from pydoc_data.topics import topics
    except ImportError:
        return
    for name in sorted(topics, key=lambda name: (len(topics[name]), name)):
        for number, blocks in enumerate(_portions(parse(topics[name]))):
            heading = next((block.text for block in blocks if block.kind == "heading"), name)
            slug = _slug(f"{heading} {number + 1}" if number else heading)
            yield Article(f"language-{slug}", heading.strip('"').lower(), heading.replace('"', ""), tuple(blocks))


def _portions(blocks: list[Block]) -> Iterator[list[Block]]:
    """Cut a long text at headings, and where there are none at paragraphs, into portions of at most LONGEST characters."""
    portion: list[Block] = []
    size = 0
    for block in blocks:
        new = block.kind == "heading" and size >= 4_000
        full = size + len(block.text) > LONGEST and block.kind in ("paragraph", "signature", "heading")
        if portion and (new or full):
            yield portion
            portion, size = [], 0
        portion.append(block)
        size += len(block.text)
    if portion:
        yield portion


def _articles(
    kind: str, key: str, subject: str, title: str, blocks: list[Block], *, first_title: str = "", number_first: bool = False
) -> Iterator[Article]:
    """Articles of at most about LONGEST characters; those after the first have their number in name and title."""
    for number, portion in enumerate(_portions(blocks), 1):
        slug = _slug(f"{key} {number}" if number > 1 or number_first else key)
        full_title = f"{title}, part {number}" if number > 1 else first_title or title
        yield Article(f"{kind}-{slug}", subject, full_title, tuple(portion))


# ---- modules with a source file


def _source(name: str) -> str | None:
    path = Path(sysconfig.get_path("stdlib"), *name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate.read_text(encoding="utf-8")
    return None


Documented = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _shown(name: str) -> str:
    return name.removeprefix("_py") if name.startswith("_py") else name.replace("._", ".").lstrip("_")


def _module(name: str, tree: ast.Module) -> Iterator[Article]:
    """The module's own text with its functions, and an article for each class with much to say."""
    shown = _shown(name)
    docstring = (ast.get_docstring(tree) or "").strip()
    summary, blocks = docstring.split("\n")[0].strip().rstrip("."), parse(docstring)
    for node in tree.body:
        if isinstance(node, Documented) and not _private(node.name):
            part = list(_documented(node))
            if isinstance(node, ast.ClassDef) and sum(len(block.text) for block in part) >= 4_000:
                subject = f"{shown}.{node.name}"
                yield from _articles("class", f"{name} {node.name}", subject, f"The class {node.name} of {shown}", part)
            else:
                blocks.extend(part)
    first_title = f"{shown}: {summary}" if 8 <= len(summary) <= 80 else f"The module {shown}"
    yield from _articles("module", name, shown, shown, blocks, first_title=first_title)


def _private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def _documented(node: Documented) -> Iterator[Block]:
    docstring = ast.get_docstring(node)
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        inner = [block for child in node.body if isinstance(child, Documented) and not _private(child.name) for block in _documented(child)]
        if docstring or inner:
            yield Block("heading", f"class {node.name}({bases})" if bases else f"class {node.name}")
            yield from parse(docstring or "")
            yield from inner
    elif docstring and len(docstring) >= 60:
        yield Block("signature", f"{node.name}({ast.unparse(node.args)})")
        yield from parse(docstring)


def _comments(name: str, source: str, tree: ast.Module) -> Iterator[Article]:
    """What a module's comments say, each with the first lines of the code that it is about."""
    lines = source.expandtabs().splitlines()
    for node in _documentable(tree):
        if ast.get_docstring(node, clean=False) is not None:
            for number in range(node.body[0].lineno - 1, node.body[0].end_lineno or 0):
                lines[number] = ""
    blocks: list[Block] = []
    for commented, run in groupby(lines, key=lambda line: line.lstrip().startswith("#")):
        if commented:
            text = "\n".join(line.lstrip().lstrip("#").removeprefix(" ") for line in run)
            found = [] if re.search(r"copyright|licen[sc]e|XXX|noqa|coding:", text, re.I) else parse(text)
            blocks.extend(found)
            said = any(block.kind == "paragraph" and is_prose(block.text) for block in found)
        elif blocks and said and (code := [line for line in run if line.strip()][:CODE_LINES]):
            blocks.append(Block("code", dedent("\n".join(code))))
    shown = _shown(name)
    yield from _articles("notes", name, shown, f"Notes in the source of {shown}", blocks)


def _documentable(node: ast.Module | Documented) -> Iterator[ast.Module | Documented]:
    yield node
    for child in node.body:
        if isinstance(child, Documented):
            yield from _documentable(child)


# ---- modules in C


def _compiled(name: str, module: ModuleType) -> Iterator[Article]:
    functions: list[Block] = parse(_doc(module))
    for member in sorted(vars(module)):
        value = vars(module)[member]
        if member.startswith("_") or getattr(value, "__module__", name) not in (name, None, "posix", "nt"):
            continue
        if isinstance(value, type):
            methods = [block for name in sorted(vars(value)) if not name.startswith("_") for block in _entry(name, vars(value)[name])]
            blocks = [Block("heading", f"class {member}"), *parse(_doc(value)), *methods]
            yield from _articles("type", f"{name} {member}", f"{name}.{member}", f"Methods of {member}", blocks, number_first=True)
        elif inspect.isbuiltin(value):
            functions.extend(_entry(member, value))
    yield from _articles("functions", name, name, f"Functions of {name}", functions, number_first=True)


def _doc(value: object) -> str:
    doc = getattr(value, "__doc__", None)
    return inspect.cleandoc(doc) if isinstance(doc, str) else ""


def _entry(name: str, value: object) -> Iterator[Block]:
    doc = _doc(value)
    if len(doc) >= 60:
        signature = getattr(value, "__text_signature__", None) or "(...)"
        yield Block("signature", name + re.sub(r"\$(?:self|module)(?:, )?|, /|/, ", "", signature))
        yield from parse(doc)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].strip("-")
