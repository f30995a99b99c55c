"""A command for each stage, with an option for each key of its section."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from webtext.cli.file_builds import TAKES_FILES, config_of_files, described_fields, is_configuration, split_beam_options
from webtext.core.config import Benchmark, Config, DedupSection, TokenizerSection
from webtext.core.config_file import load_config, parse_setting
from webtext.core.errors import UsageError

ABOUT = {
    "links": "Read Reddit submissions into a table of URLs with all their posts.",
    "fetch": "Download the links politely, or take their pages from archives.",
    "documents": "Read texts of one's own, of any kind, into documents.",
    "extract": "Find title and text of every page.",
    "clean": "Keep what is text enough, by rules of published corpora and one's own, in the languages wanted.",
    "dedup": "Remove exact and near copies, and part the corpus into train, val and test.",
    "decontaminate": "Remove the documents that quote benchmarks, or cut the quotations out.",
    "ngrams": "Make Bloom filters of the corpus' 8-grams.",
    "overlap": "Report how much of each benchmark stands in the corpus.",
    "tokenizer": "Learn a byte-level BPE vocabulary from the corpus.",
    "tokenize": "Write the corpus as token shards.",
    "train": "Train a GPT-2 on the token shards.",
    "evaluate": "Evaluate a GPT-2 on the tasks of the paper, each by a named protocol.",
    "report": "Write report.html on the whole build.",
}


RUNS = {"decontaminate": "dedup"}  # commands that are not named after the stage that they run

Settings = Annotated[
    list[str] | None, typer.Option("--set", help="section.key=value, overrides the configuration; repeatable", show_default=False)
]


def stage_command(
    stage: str, also: Callable[..., None] | None = None, without_out: Callable[..., None] | None = None
) -> Callable[..., None]:
    """The function of `webtext STAGE CONFIG|FILES --out DIR [--key value ...]`.

    Given a configuration it runs the stage alone; given files, with all that lies between them and the stage, where the stage takes texts.
    `also(out, *, option=...)` is called when the stage is done, `without_out(inputs, *, option=...)` instead of the stage where no --out
    is given; their options are further options of the command.
    """
    further = also or without_out
    others = dict(list(inspect.signature(further, eval_str=True).parameters.items())[1:]) if further else {}
    options = {name: (dotted, info) for name, dotted, info in _options(stage)}

    def command(**values: Any) -> None:
        inputs, out, reuse = values.pop("inputs"), values.pop("out"), values.pop("reuse")
        more, retry = {name: values.pop(name) for name in others}, values.pop("retry", None) or ()
        overrides = dict(map(parse_setting, values.pop("settings") or []))
        overrides.update({options[name][0]: value for name, value in values.items() if value is not None and value != []})
        if stage in ("train", "evaluate"):
            overrides[f"{stage}.enabled"] = True
        inputs, beam = split_beam_options(inputs)
        if out is None:
            if without_out is None or is_configuration(inputs):
                raise UsageError("give --out DIR, the directory of the build")
            without_out(inputs, **more)
            return
        from webtext.cli import console
        from webtext.cli.build import run_build, stages_for

        if is_configuration(inputs):
            config, only = load_config(Path(inputs[0]), overrides), [RUNS.get(stage, stage)]
        else:
            config = config_of_files(stage, inputs, overrides)
            only = stages_for(config, RUNS.get(stage, stage))
            if stage in TAKES_FILES and (line := described_fields(config)):
                console.out.print(line, markup=False)
        sets = {"overlap": config.overlap.benchmarks, "decontaminate": config.dedup.decontaminate}
        if not sets.get(stage, True):
            raise UsageError(f"{stage}: no test set is given; add --benchmark FILE")
        results = run_build(config, out, beam, only=only, reuse=reuse, retry=retry, on_stage_done=console.print_stage_line)
        if any(done.ran for done in results):
            console.print_summary(results)
        if also is not None:
            also(Path(out), **more)

    def parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)

    what = {
        "extract": "configuration (TOML), pages (HTML; - is standard input), or archives (WARC)",
        "train": "configuration (TOML), or a directory of token shards (webtext's, llm.c's or nanoGPT's)",
        "evaluate": "configuration (TOML), or a model: a build, or a directory in Hugging Face's or OpenAI's layout",
    }.get(stage, "configuration (TOML), or files and directories of texts" if stage in TAKES_FILES else "configuration (TOML)")
    parameters = [
        parameter("inputs", Annotated[list[str], typer.Argument(help=what, show_default=False)], inspect.Parameter.empty),
        parameter(
            "out",
            Annotated[str | None, typer.Option("--out", metavar="DIR", help="directory of the build, or a URL", show_default=False)],
            None,
        ),
        parameter("reuse", Annotated[bool, typer.Option("--reuse", help="take over a directory built from other sources")], False),
        *(
            parameter(name, Annotated[_option_type(info), typer.Option(*_flags(name), help=_help(info), show_default=False)], None)
            for name, (_, info) in options.items()
        ),
        parameter("settings", Settings, None),
        *others.values(),
    ]
    if stage == "fetch":
        text = "try failed links again: failed (all of them), timeout, or 5xx; repeatable"
        parameters.append(parameter("retry", Annotated[list[str] | None, typer.Option(help=text, show_default=False)], None))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {item.name: item.annotation for item in parameters}
    command.__doc__ = ABOUT[stage]
    command.__name__ = stage
    return command


def _options(stage: str) -> Iterator[tuple[str, str, FieldInfo]]:
    """The options of a stage's command: name, key of the configuration, and its field. Where it takes files, those that read them too."""
    if stage == "decontaminate":
        for name in ("decontaminate", "decontaminate_by", "decontaminate_words", "decontaminate_edits"):
            option = name.removeprefix("decontaminate").removeprefix("_") or "benchmarks"
            yield option, f"dedup.{name}", DedupSection.model_fields[name]
    sections = [stage, "documents"] if stage in TAKES_FILES and stage != "documents" else [stage]
    seen: set[str] = set()
    for section in sections:
        model = Config.model_fields[section].annotation if section in Config.model_fields else None
        for name, info in model.model_fields.items() if isinstance(model, type) and issubclass(model, BaseModel) else ():
            # NB: --format of `tokenize` is what it writes; what it reads is `--set documents.format=...` there.
            if name not in ("enabled", "files", "tokens", "model", *seen) and _option_type(info) is not None:
                seen.add(name)
                yield name, f"{section}.{name}", info
    if stage == "tokenize":
        yield "tokenizer", "tokenizer.path", TokenizerSection.model_fields["path"]
        yield "val_share", "dedup.val_share", DedupSection.model_fields["val_share"]


def _flags(name: str) -> tuple[str, ...]:
    """A list of benchmarks is given one by one; a task is evaluated as another program does."""
    named = {"benchmarks": ("--benchmark", "--benchmarks"), "harness": ("--as",)}
    return named.get(name, (f"--{name.replace('_', '-')}",))


def _option_type(info: FieldInfo) -> Any:
    """The type of a key on the command line, None for a key that can only be set in a file."""
    kind = info.annotation
    if get_origin(kind) in (Union, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is Literal or kind is date:
        return str | None
    if get_origin(kind) is list:
        item = get_args(kind)[0]
        return list[str] | None if item in (str, Benchmark) or get_origin(item) is Literal else None
    return kind | None if kind in (bool, int, float, str) else None


def _help(info: FieldInfo) -> str:
    choices = [value for value in get_args(info.annotation) if isinstance(value, str)]
    one_of = f" (one of {', '.join(choices)})" if choices else ""
    default = info.get_default(call_default_factory=True)
    return f"{info.description}{one_of} [default: {'none' if default in ('', [], None) else default}]"
