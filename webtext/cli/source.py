"""`webtext source`: documents of a build by token, text or URL, on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tokenizer.inspect import readable
from webtext.cli.console import out as console
from webtext.core.errors import WebtextError
from webtext.report.source import Provenance, Source


def print_sources(build: Path, shard: str, position: int | None, find: str | None, url: str | None, limit: int, show: int) -> None:
    """Print the documents found: at most `limit` (0: all), each with `show` tokens of its text from the match on."""
    provenance = Provenance(build)
    sources: Iterator[Source]
    if position is not None:
        sources = iter([provenance.at_position(shard, position)])
    elif url is not None:
        sources = iter(provenance.of_url(url))
    else:
        sources = provenance.with_text(find or "")
    shown = 0
    for source in islice(sources, limit or None):
        _print_source(provenance, source, show)
        shown += 1
    if not shown and url is not None:
        raise WebtextError(f"{url}: no token of {build} comes from it; `webtext why {url} --out {build}` shows what became of it")
    if not shown:
        raise WebtextError(f"{find!r} is in no document of {build}")
    if next(sources, None) is not None:
        console.print("and more documents: --limit N shows N, --limit 0 all", markup=False)


def _print_source(provenance: Provenance, source: Source, show: int) -> None:
    end = source.offset + source.length - 1
    console.print(f"{source.url}\n  {source.title}", markup=False)
    console.print(f"  {source.shard}, tokens {source.offset:,} to {end:,} ({source.split}), text by {source.extractor}", markup=False)
    if (source.first, source.last) != (source.offset, end):
        found = f"tokens {source.first:,} to {source.last:,}" if source.last > source.first else f"token {source.first:,}"
        console.print(f"  asked for: {found} of {source.shard}", markup=False)
    for post in source.posts:
        console.print(f"  post {post['id']} in r/{post['subreddit']}, score {post['score']}: {post['title']}", markup=False)
    if show:
        text = provenance.decoded(source.shard, source.first, min(source.first + show - 1, end))
        for line in text.split(b"\n"):
            console.print(f"    {readable(line)}", markup=False)
