"""Winograd Schema Challenge (Levesque et al. 2012): whom a pronoun means. The first 273 of the 285 schemas are WSC273."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from model.evaluate.results import Choice, Measure, Outcome, TaskResult, mean_and_error
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings, Task
from webtext.core.errors import WebtextError
from webtext.documents.readers import TABLES
from webtext.overlap.readers import example_id
from webtext.overlap.sources import open_source, whole

SCHEMAS = 273
_PUBLISHED = {"1542M": 0.7070}
_POSSESSIVE = frozenset("my his her our their".split())
_LOWERED = frozenset("A An The She He It They My His Her Their".split())  # where an option begins so within a sentence


class Schema(NamedTuple):
    """A sentence before and behind its pronoun, two options, and which is right."""

    id: str
    before: str
    pronoun: str
    behind: str
    options: tuple[str, str]
    right: int
    group: str = ""

    def written(self, option: str) -> str:
        """An option as it stands in the sentence: with 's for a possessive pronoun, and a small letter within a sentence."""
        first, space, rest = option.partition(" ")
        if first in _LOWERED and self.before and self.before.rstrip()[-1] != ".":
            first = first.lower()
        return first + space + rest + ("'s" if self.pronoun.lower() in _POSSESSIVE else "")


def read_schemas(path: Path) -> Iterator[Schema]:
    """The schemas of WSCollection.xml, or of Trichelair et al. (WSC_switched_label.json, WSC_associative_label.json).

    Raises WebtextError that names the place of a broken one.
    """
    if ".json" not in path.suffixes:
        yield from _collection(path)
        return
    for number, row in TABLES["json"](str(path), open_source):
        try:
            yield from _labelled(row)
        except (KeyError, TypeError, ValueError) as error:
            raise WebtextError(f"{path}, row {number}: no Winograd schema with a label ({type(error).__name__}: {error})") from None


def _collection(path: Path) -> Iterator[Schema]:
    try:
        schemas = ElementTree.fromstring(whole(path)).findall("schema")
    except ElementTree.ParseError as error:
        raise WebtextError(f"{path}, line {error.position[0]}: not XML ({error}); the Winograd collection is WSCollection.xml") from None
    if not schemas:
        raise WebtextError(f"{path}: no <schema> in it; the Winograd collection is WSCollection.xml")
    for number, schema in enumerate(schemas):
        before, pronoun, behind = (" ".join((schema.findtext(f"text/{part}") or "").split()) for part in ("txt1", "pron", "txt2"))
        options = [" ".join((answer.text or "").split()) for answer in schema.findall("answers/answer")]
        right = (schema.findtext("correctAnswer") or "").strip().rstrip(".")
        if len(options) != 2 or right not in ("A", "B") or not pronoun:
            raise WebtextError(f"{path}, schema {number + 1}: it has no pronoun, two answers and a correct one; fetch the file again")
        space = "" if behind[:1] in ".,;:?!'" else " "
        yield Schema(str(number), f"{before} " if before else "", pronoun, space + behind, (options[0], options[1]), "AB".index(right))


def _labelled(row: Any) -> Iterator[Schema]:
    """A schema in the subset that its label says; a switchable one with its candidates in each other's place too."""
    options = (row["answer0"], row["answer1"])
    right = options.index(row["correct_answer"])
    if "is_associative" in row:
        yield _bracketed(row, "sentence", options, right, "associative" if row["is_associative"] else "not associative")
    elif row["is_switchable"]:
        yield _bracketed(row, "sentence", options, right, "switchable, as it is")
        yield _bracketed(row, "sentence_switched", options, 1 - right, "switchable, switched")


def _bracketed(row: Any, field: str, options: tuple[str, str], right: int, group: str) -> Schema:
    before, pronoun, behind = re.split(r"\[(.+?)\]", row[field], maxsplit=1)
    return Schema(str(row["index"]), before, pronoun, behind, options, right, group)


def run(scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    """Accuracy by full and by partial scoring (Trinh & Le 2018), the sum of log-probabilities of each sentence with an option put in."""
    result = TaskResult("winograd")
    schemas = [
        schema._replace(id=example_id(path, schema.id, sum(file.suffix == path.suffix for file in files)))
        for path in files
        for schema in settings.limited(islice(read_schemas(path), None if path.suffix == ".json" else SCHEMAS))
    ]
    sentences = [(schema, schema.before + schema.written(option)) for schema in schemas for option in schema.options]
    requests = {
        "full: the whole sentence": [scorer.pair("", start + schema.behind) for schema, start in sentences],
        "partial: what follows the option": [scorer.pair(start, schema.behind) for schema, start in sentences],
    }
    for scoring, pairs in requests.items():
        totals = [score.total for score in scorer.continuations(pairs)]
        chosen = [int(second > first) for first, second in zip(totals[::2], totals[1::2])]
        protocol: dict[str, Choice] = {
            "scoring": scoring,
            "options": "as lm-eval's wsc273: 's for possessives, small letters within a sentence",
            "file": ", ".join(path.name for path in files),
        }
        for group in dict.fromkeys(schema.group for schema in schemas):
            rows = [row for row, schema in enumerate(schemas) if schema.group == group]
            value, error = mean_and_error([float(chosen[row] == schemas[row].right) for row in rows])
            paper = _PUBLISHED if scoring.startswith("partial") and not group else {}
            result.measures.append(Measure("accuracy", value, len(rows), "examples", protocol, paper, group, error))
        for schema, choice in zip(schemas, chosen):
            measure = ", ".join(filter(None, ("accuracy", scoring.partition(":")[0], schema.group)))
            result.outcomes.append(Outcome(schema.id, measure, float(choice == schema.right), text=schema.options[choice]))
    if all(not schema.group for schema in schemas):
        result.notes.append(
            "The file does not say which schemas are associative or can be switched (Trichelair et al. 2018); put "
            "WSC_associative_label.json and WSC_switched_label.json beside it for these subsets."
        )
    return result


WINOGRAD = Task("winograd", "Winograd schemas (WSC273)", ("WSC*.[xj][ms]*",), run)
