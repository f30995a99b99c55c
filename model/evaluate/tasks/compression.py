"""enwik8 and text8 (Mahoney): bits that a byte and a character of Wikipedia cost, by custom of the last 5 MB."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from model.evaluate.paper import published
from model.evaluate.perplexity import AS_IT_IS, STREAM, nats, text_protocol
from model.evaluate.results import Measure, Outcome, TaskResult
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings, Task
from webtext.core.errors import WebtextError
from webtext.overlap.readers import example_id
from webtext.overlap.text_readers import read_text8, standard_part

Parts = Iterator[tuple[str, str]]
_PAPER = {
    "bits per byte": published("enwik8", "BPB"),
    "bits per character": published("text8", "BPC"),
}


def _pages(path: Path) -> Parts:
    """The pages of the dump as they are, numbered as in the overlap reports."""
    text = standard_part(path, "test")
    if "<page>" not in text:
        raise WebtextError(f"{path}: no <page> in it; enwik8 is the first 100 MB of a dump of Wikipedia in XML")
    return ((str(number), page) for number, page in enumerate(re.split(r"(?=<page>)", text)) if page)


def _blocks(path: Path) -> Parts:
    """Blocks of 10,000 characters."""
    for name, block in read_text8(path, "test"):
        if other := re.search(r"[^a-z \n]", block):
            raise WebtextError(f"{path}: {other[0]!r} in it; text8 has nothing but the letters a to z and spaces")
        yield name, block


def _run(name: str, read: Callable[[Path], Parts], main: str, scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    parts = [(example_id(path, number, len(files)), text) for path in files for number, text in settings.limited(read(path))]
    if not parts:
        raise WebtextError(f"{files[0]}: no text in it; fetch it again")
    spent, tokens = nats(scorer, [text for _, text in parts], stream=True, stride=settings.stride)
    bits = spent / math.log(2)
    sizes = {
        "bits per byte": [len(text.encode()) for _, text in parts],
        "bits per character": [len(text) for _, text in parts],
    }
    protocol = text_protocol(scorer, files, settings.stride, text=AS_IT_IS, joining=STREAM)
    result = TaskResult(name)
    for measure, lengths in sizes.items():
        unit = measure.removeprefix("bits per ") + "s"
        paper = _PAPER[main] if measure == main else {}
        result.measures.append(Measure(measure, float(bits.sum()) / sum(lengths), sum(lengths), unit, protocol, paper))
    result.measures.append(Measure("bits per token", float(bits.sum()) / tokens, tokens, "tokens", protocol))
    result.outcomes = [Outcome(part, main, float(spent_), size) for (part, _), spent_, size in zip(parts, bits, sizes[main])]
    return result


ENWIK8 = Task("enwik8", "enwik8", ("enwik8", "enwik8.*"), partial(_run, "enwik8", _pages, "bits per byte"))
TEXT8 = Task("text8", "text8", ("text8", "text8.*"), partial(_run, "text8", _blocks, "bits per character"))
