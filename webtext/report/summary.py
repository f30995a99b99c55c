"""The figures of a build, from its manifests and the corpus."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from webtext.core.directories import DIRECTORIES
from webtext.core.manifest import Manifest, manifest_of
from webtext.core.texts import final_texts
from webtext.links.report import domain_of, read_domains
from webtext.report.fidelity import compare, compare_domains
from webtext.report.held_out import held_out_in_train

TOP = 20
PERCENTILES = (10, 50, 90, 99)


def manifests_of(build: Path) -> dict[str, Manifest]:
    """The manifests of the finished stages but for the report itself, in the order of a build."""
    found = {stage: manifest_of(build, stage) for stage in DIRECTORIES if stage != "report"}
    return {stage: manifest for stage, manifest in found.items() if manifest is not None}


def reasons(manifest: Manifest) -> list[tuple[str, int]]:
    """Why records were rejected, most frequent first."""
    return _ranked(counted(manifest, "rejected-"))


def summarise(build: Path, domains: Path | None = None) -> dict[str, Any]:
    """Everything that the report states and that no clock had a say in. `domains` is OpenAI's list of WebText's domains."""
    manifests = manifests_of(build)
    corpus, hosts = _corpus(build)
    clean = manifests.get("clean")
    language_bytes = counted(clean, "bytes-")
    return {
        "stages": [
            {"stage": name, **manifest.records, "reasons": reasons(manifest), "sources": manifest.sources}
            for name, manifest in manifests.items()
        ],
        "corpus": corpus,
        "cleaned": {"bytes_by_language": _ranked(language_bytes)[:TOP], "changed_by_rule": _ranked(counted(clean, "changed-"))},
        "fidelity": compare(corpus, _urls(manifests["links"]) if "links" in manifests else None, language_bytes),
        "domains": compare_domains(_by_domain(hosts), read_domains(domains)) if domains else None,
        "tokens": _tokens(manifests.get("tokenize")),
    }


def counted(manifest: Manifest | None, prefix: str) -> Counter[str]:
    """The counters of a stage whose names begin alike, by what follows."""
    counters = manifest.counters if manifest else {}
    return Counter({name[len(prefix) :]: count for name, count in counters.items() if name.startswith(prefix)})


def _by_domain(hosts: Counter[str]) -> Counter[str]:
    domains: Counter[str] = Counter()
    for host, count in hosts.items():
        domains[domain_of(f"http://{host}/")] += count
    return domains


def _urls(links: Manifest) -> int:
    return sum(shard.records for shard in links.shards if shard.path.startswith(f"{DIRECTORIES['links']}/"))


def _corpus(build: Path) -> tuple[dict[str, Any], Counter[str]]:
    """The figures of the corpus, and its documents by host."""
    hosts: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    extractors: Counter[str] = Counter()
    lengths = [np.zeros(0, np.int32)]
    counters = {"language": languages, "extractor": extractors, "split": splits}
    for path in sorted(final_texts(build).glob("shard-*.parquet")):
        file = pq.ParquetFile(path)
        counted_here = [name for name in counters if name in file.schema_arrow.names]  # without clean or dedup some columns are not there
        for batch in file.iter_batches(columns=["url", "text", *counted_here]):
            lengths.append(pc.binary_length(batch.column("text")).to_numpy(zero_copy_only=False))
            hosts.update(urlsplit(url).hostname or "" for url in batch.column("url").to_pylist())
            for name in counted_here:
                counters[name].update(value for value in batch.column(name).to_pylist() if value is not None)
    sizes = np.concatenate(lengths)
    figures = {
        "documents": len(sizes),
        "bytes": int(sizes.sum(dtype=np.int64)),
        "percentiles": {f"p{share}": int(np.percentile(sizes, share)) for share in PERCENTILES} if len(sizes) else {},
        "splits": _ranked(splits),
        "held_out": held_out_in_train(sorted(final_texts(build).glob("shard-*.parquet"))) if len(splits) > 1 else None,
        "hosts": _ranked(hosts)[:TOP],
        "languages": _ranked(languages)[:TOP],
        "extractors": _ranked(extractors),
    }
    return figures, hosts


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
