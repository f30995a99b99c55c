"""The texts of the benchmarks, from $WEBTEXT_DATA (see README): novels, real pages with their gold, and passages with copies among them."""

from __future__ import annotations

import io
import random
import re
import tarfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from warcio.archiveiterator import ArchiveIterator

from benchmarks.harness import DATA
from webtext.core.hashing import shard_name, url_id
from webtext.core.records import DOCUMENT

WCXB = ("wcxb-dev.warc.gz", "wcxb-dev-gold.jsonl.zst")
EVALUATION = ("trafilatura-eval.warc.gz", "trafilatura-eval-segments.jsonl.zst")
COPIES = 0.3
RECENT = 50_000  # passages of which copies are made
LONGEST = 600  # words of a passage of which copies are made, so that boilerplate does not gather around boilerplate
SHARDS = 8
BOILERPLATE = "Subscribe to our newsletter. All rights reserved, no part of this page may be copied without leave of its owner. ".split()

Record = dict[str, Any]


def unpacked(path: Path) -> bytes:
    """A zstd file's content, all its frames."""
    return zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(path.read_bytes(), read_across_frames=True).read()


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name (without directory and suffix) and content of the files of a tar.zst, by name."""
    with tarfile.open(fileobj=io.BytesIO(unpacked(path))) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            if (file := archive.extractfile(member)) is not None:
                yield Path(member.name).stem, file.read()


@cache
def novels() -> dict[str, str]:
    """The text of 100 novels by name, 78 MB."""
    return {name: data.decode("utf-8", "replace") for name, data in members(DATA / "text" / "novels.tar.zst")}


def pages(name: str, gold: str, every: int = 1) -> Iterator[tuple[str, str | None, bytes, dict[str, Any]]]:
    """(url, content type, body, gold) of every n-th page of WCXB or EVALUATION."""
    lines = unpacked(DATA / "web" / gold).splitlines()
    with open(DATA / "web" / name, "rb") as file:
        responses = (record for record in ArchiveIterator(file) if record.rec_type == "response")
        for index, (record, line) in enumerate(zip(responses, lines)):
            if index % every == 0:
                url, content_type = record.rec_headers.get_header("WARC-Target-URI"), record.http_headers.get_header("Content-Type")
                yield url, content_type, record.content_stream().read(), orjson.loads(line)


def documents_of(text: str, length: int = 5000) -> Iterator[str]:
    """A novel in documents of at least `length` characters (WebText's mean is 5 kB), each ended at the end of a line."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + length) + 1 or len(text)
        yield text[start:end]
        start = end


def passages(count: int, seed: int = 1) -> Iterator[str]:
    """Texts of some 240 words, runs of three sentences from four places, 30 % of them copies of earlier ones, and copies of copies."""
    rng = random.Random(seed)
    joined = (" ".join(text.split()) for text in novels().values())
    pool = [sentence for text in joined for sentence in re.split(r"(?<=[.!?]) ", text) if 40 <= len(sentence) <= 400]
    recent: list[list[str]] = []
    for _ in range(count):
        if recent and rng.random() < COPIES:
            words = copy_of(rng.choice(recent), rng)
        else:
            starts = [rng.randrange(len(pool) - 3) for _ in range(4)]
            words = " ".join(" ".join(pool[start : start + 3]) for start in starts).split()
        if len(words) < LONGEST:
            if len(recent) < RECENT:
                recent.append(words)
            else:
                recent[rng.randrange(RECENT)] = words
        yield " ".join(words)


def copy_of(words: list[str], rng: random.Random) -> list[str]:
    """A copy at a Jaccard similarity of about 0.5 to 1: a moved block, boilerplate around it, or edited words (twice as often)."""
    similarity, way = rng.uniform(0.5, 1), rng.randrange(4)
    if way == 0:  # only the seams are new
        begin = rng.randrange(len(words) // 2)
        block = words[begin : begin + len(words) // 4]
        return words[:begin] + words[begin + len(block) :] + block
    if way == 1:
        added = round(len(words) * (1 / similarity - 1))
        start = rng.randrange(1000)
        frame = [BOILERPLATE[(start + k) % len(BOILERPLATE)] + ("" if k % 7 else str(rng.randrange(9999))) for k in range(added)]
        return frame[: added // 2] + words + frame[added // 2 :]
    out = list(words)
    changes = round(len(words) * (1 - similarity) / (5 * (1 + similarity)))  # an edited word changes five shingles
    for position in rng.sample(range(len(words)), changes):
        out[position] = f"w{rng.randrange(10**6)}"
    return out


def document_id(number: int) -> str:
    """The id of the n-th of `documents`."""
    return url_id(f"http://host{number % 1000}.example/{number}")


def documents(texts: Iterable[str]) -> Iterator[Record]:
    """The texts as records of documents/."""
    for number, text in enumerate(texts):
        url = f"http://host{number % 1000}.example/{number}"
        yield {"id": url_id(url), "url": url, "text": text, "created_utc": 10**9 + number // 3, "score": number % 7}


def write_documents(directory: Path, records: Iterable[Record], schema: pa.Schema = DOCUMENT) -> None:
    """Write the records to SHARDS Parquet files by their id."""
    directory.mkdir(parents=True)
    writers = [pq.ParquetWriter(directory / f"{shard_name(shard)}.parquet", schema, compression="zstd") for shard in range(SHARDS)]
    rows: list[list[Record]] = [[] for _ in writers]
    for record in records:
        shard = int(record["id"], 16) % SHARDS
        rows[shard].append(record)
        if len(rows[shard]) == 5000:
            writers[shard].write_table(pa.Table.from_pylist(rows[shard], schema=schema))
            rows[shard] = []
    for writer, rest in zip(writers, rows):
        writer.write_table(pa.Table.from_pylist(rest, schema=schema))
        writer.close()
