"""The figures of a build, from its manifests and the corpus."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.compute as pc
import pyarrow.parquet as pq

from webtext.layout import DIRECTORIES
from webtext.manifest import NAME, Manifest, read_manifest

# What is known of OpenAI's WebText (the GPT-2 paper, section 2.1): 45 million links, 8 million documents, 40 GB of text.
WEBTEXT = {"links": 45_000_000, "documents": 8_000_000, "bytes": 40_000_000_000}
TOP = 20


def manifests_of(build: Path) -> dict[str, Manifest]:
    """The manifests of the finished stages but for the report itself, in the order of a build."""
    found = {stage: read_manifest(build / directory / NAME) for stage, directory in DIRECTORIES.items() if stage != "report"}
    return {stage: manifest for stage, manifest in found.items() if manifest is not None}


def reasons(manifest: Manifest) -> list[tuple[str, int]]:
    """Why records were rejected, most frequent first."""
    prefix = "rejected-"
    found = [(name[len(prefix) :], count) for name, count in manifest.counters.items() if name.startswith(prefix)]
    return sorted(found, key=lambda item: (-item[1], item[0]))


def summarise(build: Path) -> dict[str, Any]:
    """Everything that the report states and that no clock had a say in."""
    manifests = manifests_of(build)
    corpus = _corpus(build)
    links = _urls(manifests["links"]) if "links" in manifests else None
    return {
        "stages": [
            {"stage": name, **manifest.records, "reasons": reasons(manifest), "sources": manifest.sources}
            for name, manifest in manifests.items()
        ],
        "corpus": corpus,
        "fidelity": {
            "bytes_a_document": round(corpus["bytes"] / corpus["documents"], 1) if corpus["documents"] else None,
            "webtext_bytes_a_document": WEBTEXT["bytes"] / WEBTEXT["documents"],
            "links": links,
            "documents_a_link": round(corpus["documents"] / links, 4) if links else None,
            "webtext_documents_a_link": round(WEBTEXT["documents"] / WEBTEXT["links"], 4),
        },
        "tokens": _tokens(manifests.get("tokenize")),
    }


def _urls(links: Manifest) -> int:
    return sum(shard.records for shard in links.shards if "/rejected/" not in shard.path)


def _corpus(build: Path) -> dict[str, Any]:
    hosts: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    extractors: Counter[str] = Counter()
    documents, size = 0, 0
    for path in sorted((build / "corpus").glob("shard-*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(columns=["url", "text", "language", "extractor", "split"]):
            documents += batch.num_rows
            size += pc.sum(pc.binary_length(batch.column("text").cast("binary"))).as_py() or 0
            hosts.update(urlsplit(url).hostname or "" for url in batch.column("url").to_pylist())
            splits.update(batch.column("split").to_pylist())
            languages.update(batch.column("language").to_pylist())
            extractors.update(batch.column("extractor").to_pylist())
    return {
        "documents": documents,
        "bytes": size,
        "splits": _ranked(splits),
        "hosts": _ranked(hosts)[:TOP],
        "languages": _ranked(languages)[:TOP],
        "extractors": _ranked(extractors),
    }


def _ranked(counter: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def _tokens(manifest: Manifest | None) -> dict[str, Any] | None:
    if manifest is None:
        return None
    tokens, size = manifest.counters.get("tokens", 0), manifest.counters.get("text-bytes", 0)
    return {
        "tokens": tokens,
        "bytes_a_token": round(size / tokens, 4) if tokens else None,
        "documents_above_1024": manifest.counters.get("documents-above-1024-tokens", 0),
    }
