"""`webtext export`: the texts of a build, or its model, as files that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from webtext.core.errors import WebtextError


def export(
    directory: Annotated[Path, typer.Argument(help="a build, or documents/, cleaned/ or corpus/ of one; for llm.c also any model")],
    out: Annotated[Path, typer.Option("--out", help="directory for the files; must be empty")],
    to: Annotated[str, typer.Option("--to", help="jsonl.zst, parquet, datasets or txt; llm.c: the model, as OUT/model.bin")] = "jsonl.zst",
    separator: Annotated[str, typer.Option(help="line after each text (txt)")] = "<|endoftext|>",
) -> None:
    """Write the texts of a build, by split, or its model as files that other programs read."""
    from webtext.cli.build_directory import BUILD_FILE, refuse_url
    from webtext.cli.console import out as console
    from webtext.core.texts import final_texts
    from webtext.export import export as write_files

    refuse_url(directory)
    if to == "llm.c":
        try:
            from model.weights import load_model, write_llm_c
        except ImportError as error:
            raise WebtextError(f"export: {error}; install it with `pip install 'webtext[train]'`") from None
        write_llm_c(load_model(directory / "model" if (directory / BUILD_FILE).exists() else directory), out / "model.bin")
        return
    written = write_files(final_texts(directory) if (directory / BUILD_FILE).exists() else directory, to, out, separator)
    console.print(f"{len(written):,} files, {sum(file.bytes for file in written):,} bytes in {out}")
