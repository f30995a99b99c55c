"""The same records written in each format, as the libraries that write them lay them out."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

Records = Sequence[dict[str, Any]]
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}


def jsonl(records: Records) -> bytes:
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


def table(records: Records) -> pa.Table:
    return pa.Table.from_pylist(list(records))


def delimited(records: Records, delimiter: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(records[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def parquet(records: Records) -> bytes:
    held = io.BytesIO()
    pq.write_table(table(records), held, row_group_size=2)
    return held.getvalue()


def arrow(records: Records, new: Callable[..., Any]) -> bytes:
    held = io.BytesIO()
    with new(held, table(records).schema) as writer:
        writer.write_table(table(records), max_chunksize=2)
    return held.getvalue()


FORMATS: dict[str, Callable[[Records], bytes]] = {
    "a.jsonl": jsonl,
    "a.json": lambda records: json.dumps(records, indent=1).encode(),
    "a.csv": lambda records: delimited(records, ","),
    "a.tsv": lambda records: delimited(records, "\t"),
    "a.parquet": parquet,
    "a.arrow": lambda records: arrow(records, pa.ipc.new_file),
    "b.arrow": lambda records: arrow(records, pa.ipc.new_stream),
}


def save_to_disk(directory: Path, records: Records, shards: int = 2) -> None:
    """A directory as `datasets.Dataset.save_to_disk` lays it out."""
    directory.mkdir(parents=True)
    names = [f"data-{shard:05d}-of-{shards:05d}.arrow" for shard in range(shards)]
    size = -(-len(records) // shards)
    for shard, name in enumerate(names):
        (directory / name).write_bytes(arrow(records[shard * size : (shard + 1) * size], pa.ipc.new_stream))
    state = {"_data_files": [{"filename": name} for name in names], "_fingerprint": "f", "_format_type": None, "_split": "train"}
    (directory / "state.json").write_text(json.dumps(state))
    (directory / "dataset_info.json").write_text(json.dumps({"features": {"text": {"dtype": "string", "_type": "Value"}}}))
    (directory / "cache-0123456789abcdef.arrow").write_bytes(b"not part of the data set")


def tar(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return held.getvalue()


def wet(texts: dict[str, str], date: str = "2017-11-18T00:00:00Z") -> bytes:
    """A WET file as Common Crawl writes it: a warcinfo record, then one conversion record a page, each its own gzip member."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    held = io.BytesIO()
    writer = WARCWriter(held, gzip=True)
    writer.write_record(writer.create_warcinfo_record("a.warc.wet.gz", {"software": "test"}))
    for number, (url, text) in enumerate(texts.items()):
        headers = {"WARC-Date": date, "WARC-Record-ID": f"<urn:uuid:{number}>", "WARC-Identified-Content-Language": "eng"}
        record = writer.create_warc_record(
            url, "conversion", io.BytesIO(text.encode()), warc_content_type="text/plain", warc_headers_dict=headers
        )
        assert isinstance(record.rec_headers, StatusAndHeaders)
        writer.write_record(record)
    return held.getvalue()
