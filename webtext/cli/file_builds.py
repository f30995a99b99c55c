"""Builds without a configuration: a command that is given files of texts makes one for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from webtext.core.config import Config
from webtext.core.config_file import parse_config
from webtext.core.errors import UsageError

TAKES_FILES = {"documents", "clean", "dedup", "ngrams", "overlap", "tokenizer", "tokenize", "decontaminate"}
# The stage dedup without removing copies, for what else it does: `decontaminate`, and splits where `tokenize` is asked for them.
KEEPING_COPIES = {"dedup.enabled": True, "dedup.copies": False, "dedup.val_share": 0.0, "dedup.test_share": 0.0}


def split_beam_options(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The inputs of a command, and the options of Beam that follow `--`, which the parser of the command line leaves out.

    >>> split_beam_options(["c.toml", "--runner", "DataflowRunner"])
    (['c.toml'], ['--runner', 'DataflowRunner'])
    """
    first = next((index for index, word in enumerate(words) if word.startswith("--")), len(words))
    return list(words[:first]), list(words[first:])


def is_configuration(inputs: Sequence[str]) -> bool:
    """Whether the inputs of a command are a configuration, and not files of texts."""
    return len(inputs) == 1 and inputs[0].endswith(".toml")


def config_of_files(stage: str, files: Sequence[str], overrides: Mapping[str, Any]) -> Config:
    """The configuration of a stage on files of texts: only this stage works on the texts, unless `overrides` say more.

    So `overlap` reports on the files as they are, and `dedup` does not clean them. Raises UsageError where the stage takes no texts.
    """
    if stage == "extract":
        return parse_config("", "command line", {"fetch.warcs": list(files), **overrides})
    if stage == "train":
        if len(files) != 1:
            raise UsageError("train: give a configuration, or one directory of token shards, as in: webtext train tokens --out DIR")
        return parse_config("", "command line", {"train.tokens": files[0], **overrides})
    if stage == "evaluate":
        if len(files) != 1:
            raise UsageError("evaluate: give a configuration, or one model, as in: webtext evaluate gpt2 --data benchmarks --out DIR")
        return parse_config("", "command line", {"evaluate.model": files[0], **overrides})
    toml = next((name for name in files if name.endswith(".toml")), None)
    if toml is not None:
        raise UsageError(f"{toml}: a configuration among files of texts; give it alone, and its texts as documents.files")
    if stage not in TAKES_FILES:
        raise UsageError(
            f"{files[0] if files else stage}: `webtext {stage}` takes a configuration, as in: webtext {stage} build.toml --out DIR"
        )
    keeping_copies = stage == "decontaminate" or (stage == "tokenize" and "dedup.val_share" in overrides)
    dedup = KEEPING_COPIES if keeping_copies else {"dedup.enabled": stage == "dedup"}
    return parse_config("", "command line", {"documents.files": list(files), "clean.enabled": stage == "clean", **dedup, **overrides})


def described_fields(config: Config) -> str:
    """Which fields of the first file are read, for the person who did not name them; empty where nothing was guessed."""
    # Imported here: only commands on files need the readers.
    from pipelines.filesystem import is_url
    from pipelines.stages import text_files
    from webtext.documents.readers import read_rows

    path = text_files(config)[0]
    if is_url(path):
        return ""
    fields, _ = read_rows(path, path, config.documents)
    found = [f"{kind} from `{name}`" for kind, name in zip(fields._fields, fields) if kind != "guessed" and name]
    return f"reading {', '.join(found)}; other fields travel as meta" if fields.guessed and found else ""
