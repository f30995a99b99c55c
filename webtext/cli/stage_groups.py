"""Commands under a stage's name: `webtext tokenizer ...` and `webtext ngrams ...`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperGroup

from webtext.cli.ngrams import about, merge, query, report
from webtext.cli.stage_options import stage_command

if TYPE_CHECKING:
    from tokenizer import ByteBPE
    from webtext.core.config import DocumentFormat

BEAM = {"allow_extra_args": True}


class StageGroup(TyperGroup):
    """A group whose `stage` command is meant when the first word is none of its commands: `webtext tokenizer c.toml --out d`."""

    def parse_args(self, context: Any, arguments: list[str]) -> list[str]:
        if arguments and not arguments[0].startswith("-") and arguments[0] not in self.commands:
            arguments = ["stage", *arguments]
        parsed: list[str] = super().parse_args(context, arguments)
        return parsed


ngrams = typer.Typer(cls=StageGroup, help="Bloom filters of the corpus' 8-grams: make them, ask them.", no_args_is_help=True)
tokenizer = typer.Typer(cls=StageGroup, help="A byte-level BPE vocabulary: learn, import, export, look at it.", no_args_is_help=True)
ngrams.command("stage", context_settings=BEAM)(stage_command("ngrams"))
for _command in (query, report, about, merge):
    ngrams.command()(_command)
tokenizer.command("stage", context_settings=BEAM)(stage_command("tokenizer"))


@tokenizer.command("train")
def train_files(
    files: Annotated[list[Path], typer.Argument(help="texts: files of any format that `documents` reads, globs, directories, builds")],
    out: Annotated[Path, typer.Option("--out", help="directory for the vocabulary")],
    vocabulary: Annotated[
        list[int] | None,
        typer.Option(help="tokens with the 256 bytes and <|endoftext|>; several: a directory each of one training", min=257),
    ] = None,
    text_field: Annotated[str, typer.Option(help="field of the text in records; empty: guessed")] = "",
    file_format: Annotated[str, typer.Option("--format", help="how to read the files, as `webtext documents` does")] = "auto",
) -> None:
    """Learn a vocabulary from texts."""
    from rich.console import Console
    from rich.progress import Progress

    from tokenizer import train
    from webtext.documents.readers import read_documents

    screen = Console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("merges", total=None)
        texts = (document.text for document in read_documents(files, text_field=text_field, format=cast("DocumentFormat", file_format)))
        sizes = vocabulary or [50_257]
        bpe = train(texts, max(sizes), progress=lambda done, wanted: bar.update(task, completed=done, total=wanted))
    for size in sizes:
        _write(bpe if size >= bpe.vocab_size else bpe.first(size), out / str(size) if len(sizes) > 1 else out)


@tokenizer.command("import")
def import_vocabulary(
    path: Annotated[Path, typer.Argument(help="a directory, tokenizer.json, or GPT-2's encoder.json beside vocab.bpe")],
    out: Annotated[Path, typer.Option("--out", help="directory for the vocabulary")],
) -> None:
    """Bring a vocabulary into the forms that webtext writes."""
    _copy(path, out)


@tokenizer.command("export")
def export_vocabulary(
    directory: Annotated[Path, typer.Argument(help="tokenizer/ of a build")],
    out: Annotated[Path, typer.Option("--out", help="directory for vocab.json, merges.txt, tokenizer.json and the .tiktoken file")],
) -> None:
    """Write a build's vocabulary for GPT-2's own code, tokenizers, transformers and tiktoken."""
    _copy(directory, out)


@tokenizer.command("inspect")
def inspect_vocabulary(
    directory: Annotated[Path, typer.Argument(help="tokenizer/ of a build, or any vocabulary that `import` takes")],
    documents: Annotated[
        list[Path] | None,
        typer.Argument(
            help="documents: any files that `documents` reads, texts in the language of their name (de.txt); none: those of the build"
        ),
    ] = None,
    text: Annotated[str | None, typer.Option(help="show how this text is cut instead", show_default=False)] = None,
    longest: Annotated[int, typer.Option(help="longest tokens to show", min=0)] = 20,
    limit: Annotated[int, typer.Option(help="documents to read at the most; 0: all", min=0)] = 10_000,
) -> None:
    """Look at a vocabulary: bytes a token by language, its longest tokens, and in colours how it cuts a text."""
    from webtext.cli.tokenizer_inspect import inspect

    inspect(directory, documents or [], text, longest, limit)


def _copy(path: Path, out: Path) -> None:
    from webtext.tokens.vocabulary import load_vocabulary

    _write(load_vocabulary(path), out)


def _write(bpe: ByteBPE, out: Path) -> None:
    from webtext.cli.console import out as console

    bpe.save(out)
    console.print(f"{bpe.vocab_size:,} tokens in {out}")
