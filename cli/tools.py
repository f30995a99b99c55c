"""Commands under a stage's name: `webtext tokenizer ...` and `webtext ngrams ...`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from cli.stage_options import stage_command
from webtext.errors import UsageError

if TYPE_CHECKING:
    from tokenizer import ByteBPE

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
tokenizer.command("stage", context_settings=BEAM)(stage_command("tokenizer"))


@ngrams.command()
def query(
    directory: Annotated[Path, typer.Argument(help="ngrams/ of a build, or a copy of it")],
    files: Annotated[list[Path] | None, typer.Argument(help="text files; none: --text")] = None,
    text: Annotated[str, typer.Option(help="text to ask about")] = "",
) -> None:
    """Tell how much of a text stands in the corpus, by its filters alone."""
    from cli.say import out as console
    from webtext.ngrams import Filters

    filters = Filters.open(directory)
    asked = [(path.name, _read(path)) for path in files or []] or [("text", text)]
    for name, content in asked:
        hashes = filters.hashes_of(content)
        found = int(filters.contains(hashes).sum())
        share = f"{100 * found / len(hashes):.2f} %" if len(hashes) else "too short to ask"
        console.print(f"{name}: {found:,} of {len(hashes):,} {filters.words}-grams found, {share}", markup=False)


@tokenizer.command("train")
def train_files(
    files: Annotated[list[Path], typer.Argument(help="text files (UTF-8)")],
    out: Annotated[Path, typer.Option("--out", help="directory for the vocabulary")],
    vocabulary: Annotated[int, typer.Option(help="tokens with the 256 bytes and <|endoftext|>", min=257)] = 50_257,
) -> None:
    """Learn a vocabulary from text files."""
    from tokenizer import train

    _write(train((_read(path) for path in files), vocabulary), out)


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


def _copy(path: Path, out: Path) -> None:
    from webtext.tokens.vocabulary import load_vocabulary

    _write(load_vocabulary(path), out)


def _write(bpe: ByteBPE, out: Path) -> None:
    from cli.say import out as console

    bpe.save(out)
    console.print(f"{bpe.vocab_size:,} tokens in {out}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}") from None
