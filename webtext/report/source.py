"""From a token back to the document, its URL and its Reddit posts; and from a URL or a text to its tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tokenizer import ByteBPE
from webtext.core.errors import UsageError
from webtext.core.hashing import shard_of_url, url_id
from webtext.core.manifest import manifest_of
from webtext.core.texts import final_texts
from webtext.links.urls import BadUrl, canonical
from webtext.tokens.shards import open_shard
from webtext.tokens.vocabulary import load_vocabulary


@dataclass(frozen=True)
class Source:
    """A document in the token shards: where it lies, and where it comes from.

    `first` and `last` are the tokens asked for, counted from the first of the shard file like `offset`.
    """

    id: str
    url: str
    shard: str
    offset: int
    length: int  # with the <|endoftext|> that ends it
    split: str
    extractor: str
    title: str
    posts: list[dict[str, Any]]
    first: int
    last: int


class Provenance:
    """The documents of a finished build by token, text and URL. Raises UsageError where tokens/ is not finished."""

    def __init__(self, build: Path) -> None:
        self.build = build
        if manifest_of(build, "tokenize") is None:
            raise UsageError(f"{build}: tokens/ is not finished; run `webtext build` first")
        self._texts = sorted(final_texts(build).glob("shard-*.parquet"))

    @cached_property
    def vocabulary(self) -> ByteBPE:
        return load_vocabulary(self.build / "tokenizer")

    def at_position(self, shard: str, position: int) -> Source:
        """The document that holds a token, counted from the first token of a shard file. Raises UsageError outside of it."""
        index = self.build / "tokens" / "index" / f"{Path(shard).stem}.parquet"
        if not index.exists():
            known = ", ".join(sorted(path.name for path in (self.build / "tokens").glob("*.bin")))
            raise UsageError(f"{shard}: not a token shard of {self.build}; it has {known}")
        wanted = position or 1  # the first token of a file stands before its first document
        holds = (pc.field("offset") <= wanted) & (pc.field("offset") + pc.field("length") > wanted)
        rows = pq.read_table(index, filters=holds).to_pylist()
        if not rows:
            raise UsageError(f"{shard}: has no token {position:,}")
        return self._source(rows[0], position, position)

    def of_url(self, url: str) -> list[Source]:
        """The tokens of a page, by its URL as it was posted or in its canonical form; empty where none came into the corpus."""
        try:
            ids = {url_id(url), url_id(canonical(url))}
        except BadUrl as error:
            raise UsageError(f"{url}: not a URL ({error})") from None
        return [self._source(row, row["offset"], row["offset"] + row["length"] - 1) for row in self._rows(sorted(ids))]

    def with_text(self, text: str) -> Iterator[Source]:
        """The documents that hold a text, letter by letter, each with the tokens in which it stands there first."""
        for path in self._texts:
            found: dict[str, tuple[int, int]] = {}
            for batch in pq.ParquetFile(path).iter_batches(batch_size=1000, columns=["id", "text"]):
                for row in batch.filter(pc.match_substring(batch["text"], text)).to_pylist():
                    first = len(row["text"][: row["text"].index(text)].encode())
                    found[row["id"]] = first, first + len(text.encode())
            for row in self._rows(sorted(found)):
                yield self._source(row, *self._tokens_of(row, *found[row["id"]]))

    def decoded(self, shard: str, first: int, last: int) -> bytes:
        """The text of tokens of a shard file, as bytes, since a character may be cut."""
        return self.vocabulary.decode_bytes(open_shard(self.build / "tokens" / shard)[first : last + 1])

    def _rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The places of documents, in the order of the files."""
        for index in sorted((self.build / "tokens" / "index").glob("*.parquet")) if ids else ():
            yield from pq.read_table(index, filters=pc.field("id").isin(ids)).to_pylist()

    def _tokens_of(self, row: dict[str, Any], begin: int, end: int) -> tuple[int, int]:
        """The first and the last token of the bytes from `begin` to `end` of a document."""
        ids = open_shard(self.build / "tokens" / row["shard"])[row["offset"] : row["offset"] + row["length"] - 1]
        ends = np.cumsum([len(self.vocabulary.tokens[i]) for i in ids])
        first, last = np.searchsorted(ends, [begin, max(begin, end - 1)], side="right").tolist()
        return row["offset"] + first, row["offset"] + last

    def _source(self, row: dict[str, Any], first: int, last: int) -> Source:
        # A page is in the shard of its host, a record of one's own files in any.
        likely = self._texts[shard_of_url(row["url"], len(self._texts))]
        paths = [likely, *(path for path in self._texts if path != likely)]
        document = next(found for path in paths if (found := _one(path, row["id"], ["extractor", "title"])))
        link = _one(links, row["id"], ["posts"]) if (links := self.build / "links" / likely.name).exists() else None
        return Source(**row, **document, posts=link["posts"] if link else [], first=first, last=last)


def _one(path: Path, record_id: str, columns: list[str]) -> dict[str, Any] | None:
    rows: list[dict[str, Any]] = pq.read_table(path, columns=columns, filters=pc.field("id") == record_id).to_pylist()
    return rows[0] if rows else None
