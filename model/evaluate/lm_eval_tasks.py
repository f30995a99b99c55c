"""Tasks that lm-evaluation-harness lacks, written as its YAML with their records, so that others can run them with any model.

In the directory they are written to: `lm_eval --include_path . --tasks webtext_ptb --model hf --model_args pretrained=…`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from model.evaluate.task import Settings
from model.evaluate.tasks.cbt import BLANK, read_questions
from webtext.core.files import write_bytes
from webtext.overlap.text_readers import read_text8, read_units, standard_part

Records = Iterator[dict[str, Any]]

_ROLLING = {
    "output_type": "loglikelihood_rolling",
    "doc_to_text": "",
    "doc_to_target": "{{text}}",
    "metric_list": [{"metric": "word_perplexity"}, {"metric": "byte_perplexity"}, {"metric": "bits_per_byte"}],
}
_CHOICE = {
    "output_type": "multiple_choice",
    "doc_to_text": "{{context}}",
    "doc_to_choice": "{{options}}",
    "doc_to_target": "{{answer}}",
    "target_delimiter": "",  # the context ends with the space before the blank
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}


def _lines(path: Path) -> Records:
    """Sentences, each with its line feed, as our tasks read them."""
    return ({"text": f"{line}\n"} for _, line in read_units(path, "line"))


def _whole(path: Path) -> Records:
    yield {"text": standard_part(path, "test")}


def _blocks(path: Path) -> Records:
    yield {"text": "".join(block for _, block in read_text8(path, "test"))}


def _questions(path: Path) -> Records:
    """The context up to the blank, and each option with the rest of the sentence, with the artefacts of the set."""
    for question in read_questions(path):
        before, _, behind = question.sentence.partition(BLANK)
        options = [f"{option}{behind}" for option in question.options]
        yield {"context": " ".join([*question.story, before]), "options": options, "answer": question.options.index(question.answer)}


WRITTEN: dict[str, tuple[dict[str, Any], Callable[[Path], Records]]] = {
    "ptb": (_ROLLING, _lines),
    "1bw": (_ROLLING, _lines),
    "enwik8": (_ROLLING, _whole),
    "text8": (_ROLLING, _blocks),
    **{f"cbt_{kind}": (_CHOICE, _questions) for kind in ("cn", "ne", "v", "p")},
}


def write_harness_task(name: str, files: list[Path], settings: Settings, directory: Path) -> list[Path]:
    """Write a task of WRITTEN into a directory, as webtext_NAME.yaml and NAME.jsonl; returns the two."""
    kind, read = WRITTEN[name]
    records, task = directory / f"{name}.jsonl", directory / f"webtext_{name}.yaml"
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for path in files for record in settings.limited(read(path)))
    write_bytes(records, "".join(lines).encode())
    definition = {
        "task": f"webtext_{name}",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": records.name}},
        "test_split": "test",
        **kind,
        "metadata": {"version": 1.0},
    }
    write_bytes(task, (json.dumps(definition, indent=2) + "\n").encode())  # JSON is YAML too
    return [records, task]
