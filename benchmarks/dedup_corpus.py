"""The documents of benchmarks/dedup.py: passages of novels with copies planted among them, and the articles of data/neardup."""

from __future__ import annotations

import io
import json
import os
import random
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from webtext.core.hashing import shard_name, url_id
from webtext.core.records import DOCUMENT

DATA = Path(os.environ.get("WEBTEXT_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
COPIES = 0.3
RECENT = 50_000  # passages of which copies are made
LONGEST = 600  # words of these
SHARDS = 8
BOILERPLATE = "Subscribe to our newsletter. All rights reserved, no part of this page may be copied without leave of its owner. ".split()

Record = dict[str, Any]


def sentences() -> list[str]:
    """The sentences of the novels, of 40 to 400 characters."""
    found: list[str] = []
    packed = zstandard.ZstdDecompressor().stream_reader((DATA / "text" / "novels.tar.zst").open("rb")).read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            if (file := archive.extractfile(member)) is not None:
                text = " ".join(file.read().decode("utf-8", "replace").split())
                found += [sentence for sentence in re.split(r"(?<=[.!?]) ", text) if 40 <= len(sentence) <= 400]
    return found


def copy_of(words: list[str], rng: random.Random) -> list[str]:
    """A copy at a Jaccard similarity of about 0.5 to 1, in one of three ways."""
    similarity, way = rng.uniform(0.5, 1), rng.randrange(4)
    if way == 0:  # a block moved: the seams alone are new
        begin = rng.randrange(len(words) // 2)
        block = words[begin : begin + len(words) // 4]
        return words[:begin] + words[begin + len(block) :] + block
    if way == 1:  # boilerplate around it
        added = round(len(words) * (1 / similarity - 1))
        start = rng.randrange(1000)
        frame = [BOILERPLATE[(start + k) % len(BOILERPLATE)] + ("" if k % 7 else str(rng.randrange(9999))) for k in range(added)]
        return frame[: added // 2] + words + frame[added // 2 :]
    out = list(words)
    changes = round(len(words) * (1 - similarity) / (5 * (1 + similarity)))
    for place in rng.sample(range(len(words)), changes):
        out[place] = f"w{rng.randrange(10**6)}"
    return out


def texts(count: int, seed: int = 1) -> Iterator[str]:
    """Passages with copies among them, and copies of copies."""
    rng = random.Random(seed)
    pool = sentences()
    recent: list[list[str]] = []
    for _ in range(count):
        if recent and rng.random() < COPIES:
            words = copy_of(rng.choice(recent), rng)
        else:
            starts = [rng.randrange(len(pool) - 3) for _ in range(4)]
            words = " ".join(" ".join(pool[start : start + 3]) for start in starts).split()
        if len(words) < LONGEST:  # else boilerplate would gather around boilerplate
            if len(recent) < RECENT:
                recent.append(words)
            else:
                recent[rng.randrange(RECENT)] = words
        yield " ".join(words)


def documents(made: Iterable[str]) -> Iterator[Record]:
    """The texts as documents; the id of the n-th is `document_id(n)`."""
    for number, text in enumerate(made):
        url = _url(number)
        yield {"id": url_id(url), "url": url, "text": text, "created_utc": 10**9 + number // 3, "score": number % 7}


def _url(number: int) -> str:
    return f"http://host{number % 1000}.example/{number}"


def document_id(number: int) -> str:
    return url_id(_url(number))


def write_documents(build: Path, made: Iterable[Record]) -> int:
    """Write documents/ for us and peers/ for the others; the same texts in the same files. Returns their number."""
    for name in ("documents", "peers/jsonl", "peers/parquet"):
        (build / name).mkdir(parents=True)
    plain = pa.schema([("id", pa.string()), ("text", pa.string())])
    writers = [
        (
            pq.ParquetWriter(build / "documents" / f"{shard_name(shard)}.parquet", DOCUMENT, compression="zstd"),
            pq.ParquetWriter(build / "peers" / "parquet" / f"{shard:05d}.parquet", plain, compression="zstd"),
            (build / "peers" / "jsonl" / f"{shard:05d}.jsonl").open("w", encoding="utf-8"),
        )
        for shard in range(SHARDS)
    ]
    rows: list[list[Record]] = [[] for _ in range(SHARDS)]

    def flush(shard: int) -> None:
        ours, theirs, lines = writers[shard]
        ours.write_table(pa.Table.from_pylist(rows[shard], schema=DOCUMENT))
        theirs.write_table(pa.Table.from_pylist([{"id": row["id"], "text": row["text"]} for row in rows[shard]], schema=plain))
        lines.writelines(json.dumps({"id": row["id"], "text": row["text"]}) + "\n" for row in rows[shard])
        rows[shard] = []

    count = 0
    for record in made:
        count += 1
        shard = int(record["id"], 16) % SHARDS
        rows[shard].append(record)
        if len(rows[shard]) == 5000:
            flush(shard)
    for shard, writer in enumerate(writers):
        flush(shard)
        for one in writer:
            one.close()
    return count


def neardup(size: int) -> tuple[list[str], list[str]]:
    """Names and texts of the articles."""
    path = DATA / "neardup" / f"articles_{size}.train"
    data = path.read_bytes() if path.exists() else zstandard.ZstdDecompressor().decompress(Path(f"{path}.zst").read_bytes(), 2**26)
    lines = [line.split(" ", 1) for line in data.decode().splitlines() if line.strip()]
    return [line[0] for line in lines], [line[1] for line in lines]


def neardup_pairs(size: int) -> list[tuple[str, str]]:
    """The names of the articles that are copies."""
    lines = (DATA / "neardup" / f"articles_{size}.truth").read_text().splitlines()
    return [(line.split()[0], line.split()[1]) for line in lines if line.strip()]
