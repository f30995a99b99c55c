"""`webtext extract page.html`: the main text of single pages on standard output, without a build."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer

from webtext.core.errors import UsageError

FORMATS = ("text", "markdown", "json")


def print_pages(
    inputs: Sequence[str],
    *,
    url: Annotated[str, typer.Option(help="URL of the page (single pages only)")] = "",
    output_format: Annotated[str, typer.Option("--format", help="text, markdown or json, for single pages")] = FORMATS[0],
) -> None:
    """Print the text of HTML files, or of standard input (-). Raises UsageError for a file that cannot be read."""
    # Imported here: the model and its kernels take seconds.
    from webtext.extract.html import extract_html

    if output_format not in FORMATS:
        raise UsageError(f"--format {output_format}: choose text, markdown or json")
    if url and len(inputs) > 1:
        raise UsageError("--url: belongs to one page; give one file")
    for name in inputs:
        page = extract_html(_read(name), url or None)
        if output_format == "json":
            line = orjson.dumps(asdict(page), option=orjson.OPT_APPEND_NEWLINE)
        else:
            line = f"{page.markdown if output_format == 'markdown' else page.text}\n".encode()
        sys.stdout.buffer.write(line)


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise UsageError(
            f"{name}: cannot be read ({error.strerror}); give HTML files, - for standard input, or archives with --out DIR"
        ) from None
    if data.startswith((b"\x1f\x8b", b"WARC/")):
        raise UsageError(f"{name}: an archive, not a page; give --out DIR, and its pages become documents there")
    plain = data.replace(b"\0", b"").lstrip()  # of UTF-16 too
    if plain.startswith((b"{", b"[")) or not re.search(rb"<[A-Za-z!]", plain):
        raise UsageError(f"{name}: has no markup, so it is no page; `webtext documents` reads texts and records")
    return data
