"""`webtext tokenizer inspect`: a vocabulary on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tokenizer import ByteBPE
from tokenizer.inspect import Compression, colored, compression, cut, longest_tokens, readable
from webtext.cli.console import out as console
from webtext.core.texts import final_texts
from webtext.documents.readers import read_documents
from webtext.tokens.vocabulary import load_vocabulary


def inspect(vocabulary: Path, documents: Sequence[Path], text: str | None, longest: int, limit: int) -> None:
    """Print how `text` is tokenized, if given; else the longest tokens and the compression of `documents`.

    Without documents, those of the build whose tokenizer/ it is. At most `limit` documents are read; 0 means all.
    """
    bpe = load_vocabulary(vocabulary)
    console.print(f"{bpe.vocab_size:,} tokens: 256 bytes, {len(bpe.pairs):,} merges and <|endoftext|>", markup=False)
    if text is not None:
        _print_tokens(bpe, text)
        return
    corpus = final_texts(vocabulary.parent)
    read = islice(documents_of(documents or ([corpus] if corpus.is_dir() else [])), limit or None)
    rows = compression(bpe, read)
    if rows:
        _print_compression(rows)
    if longest:
        console.print(f"\nthe {longest:,} longest tokens")
        for i, token in longest_tokens(bpe, longest):
            console.print(f"{i:>7} {len(token):>4} bytes  {readable(token)}", markup=False)


class Document(NamedTuple):
    """A text, and the language that its record or the name of its file states."""

    language: str
    text: str


def documents_of(paths: Sequence[Path]) -> Iterator[Document]:
    """The documents of files, each in the language that it has as a field or else as the name of its file (`de.txt`)."""
    for document in read_documents(paths) if paths else ():
        name = PurePosixPath(document.meta.get("member", document.file)).name
        yield Document(str(document.meta.get("language") or name.partition(".")[0]), document.text)


def _print_tokens(bpe: ByteBPE, text: str) -> None:
    """In colours where there are some, else with a bar between tokens."""
    pieces = cut(bpe, text)
    if console.is_terminal and not console.no_color:
        console.print(colored(bpe, text))
    else:
        console.print("|".join(token for _, token in pieces), markup=False)
    console.print(" ".join(str(i) for i, _ in pieces))
    size = len(text.encode("utf-8", "surrogatepass"))
    console.print(f"{len(pieces):,} tokens, {size:,} bytes" + (f", {size / len(pieces):.2f} bytes a token" if pieces else ""))


def _print_compression(rows: list[Compression]) -> None:
    """A line a language, most text first, and one for all."""
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column("language")
    for column in ("documents", "bytes", "tokens", "bytes a token", "characters a token"):
        table.add_column(column, justify="right")
    rows = sorted(rows, key=lambda row: (-row.size, row.group))
    for row in [*rows, Compression.sum("all", rows)]:
        figures = f"{row.texts:,}", f"{row.size:,}", f"{row.tokens:,}", f"{row.bytes_a_token:.2f}", f"{row.characters_a_token:.2f}"
        table.add_row(row.group, *figures)
    Console(highlight=False, width=None if console.is_terminal else 100).print(table)
