"""Writes docs/api.md from the docstrings: `python docs/make_api.py > docs/api.md`. A test keeps the two equal."""

from __future__ import annotations

import dataclasses
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import webtext
from tokenizer import ByteBPE, train
from webtext.build import Corpus
from webtext.clean.verdict import clean_text
from webtext.documents.fields import SourceDocument
from webtext.extract.html import extract_html
from webtext.report.why import Event

HEAD = """# Library

What `import webtext` gives. Made from the docstrings by `docs/make_api.py`; the examples are run by a test. What is wrong with an input
raises `webtext.WebtextError`, what is wrong with a call its subclass `webtext.UsageError`; both say what to do in one sentence.
"""
NAMES: dict[str, Any] = {
    "webtext.extract": extract_html,
    "webtext.Page": webtext.Page,
    "webtext.clean": clean_text,
    "webtext.Verdict": webtext.Verdict,
    "webtext.Edited": webtext.Edited,
    "webtext.read_documents": webtext.read_documents,
    "SourceDocument": SourceDocument,
    "webtext.Build": webtext.Build,
    "Corpus": Corpus,
    "Event": Event,
    "webtext.WebtextError": webtext.WebtextError,
    "webtext.UsageError": webtext.UsageError,
    "tokenizer.train": train,
    "tokenizer.ByteBPE": ByteBPE,
}


def pages() -> str:
    """The whole file."""
    return HEAD + "".join(f"\n## {name}\n\n{''.join(_entry(name.rpartition('.')[2], thing))}" for name, thing in NAMES.items())


def _entry(name: str, thing: Any) -> Iterator[str]:
    if not inspect.isclass(thing):
        yield _signature(name, thing) + _text(thing)
        return
    if hasattr(thing, "_fields"):
        fields = {name: getattr(kind, "__forward_arg__", kind) for name, kind in thing.__annotations__.items()}
    else:
        fields = {field.name: field.type for field in dataclasses.fields(thing)} if dataclasses.is_dataclass(thing) else {}
    if fields:
        yield "```\n" + "".join(f"{field}: {kind}\n" for field, kind in fields.items()) + "```\n\n"
    elif "__init__" in vars(thing) and name != "Corpus":
        yield _signature(name, thing.__init__)
    yield _text(thing)
    for method, function in vars(thing).items():
        function = getattr(function, "__func__", function)
        if not method.startswith("_") and inspect.isfunction(function) and function.__doc__:
            yield f"\n### {name}.{method}\n\n{_signature(method, function)}{_text(function)}"


def _signature(name: str, function: Callable[..., Any]) -> str:
    own = inspect.signature(function)
    parameters = [_parameter(each) for each in own.parameters.values() if each.name not in ("self", "cls")]
    first_named = next((place for place, each in enumerate(own.parameters.values()) if each.kind is each.KEYWORD_ONLY), None)
    if first_named is not None:
        parameters.insert(first_named - (len(own.parameters) - len(parameters)), "*")
    returned = "" if own.return_annotation in (own.empty, "None") else f" -> {own.return_annotation}"
    line = f"{name}({', '.join(parameters)}){returned}"
    if len(line) > 100:
        line = f"{name}(\n" + "".join(f"    {each},\n" for each in parameters) + f"){returned}"
    return f"```\n{line}\n```\n\n"


def _parameter(each: inspect.Parameter) -> str:
    stars = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
    default = getattr(each.default, "__name__", None) or repr(each.default)  # of a function its name, not its address
    return f"{stars}{each.name}: {each.annotation}" + ("" if each.default is each.empty else f" = {default}")


def _text(thing: Any) -> str:
    """The docstring, its examples as blocks of code."""
    paragraphs = inspect.getdoc(thing).split("\n\n")  # type: ignore[union-attr]
    blocks = [f"```python\n{textwrap.dedent(part)}\n```" if part.lstrip().startswith(">>>") else part for part in paragraphs]
    return "\n\n".join(blocks) + "\n"


if __name__ == "__main__":
    sys.stdout.write(pages())
