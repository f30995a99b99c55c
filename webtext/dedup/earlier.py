"""Builds whose corpus is left out of this one. Apart from the phases, so that who only asks which files there are loads no kernels."""

from __future__ import annotations

from pathlib import Path

from webtext.core.config import DedupSection
from webtext.core.errors import WebtextError


def earlier_shards(section: DedupSection) -> list[Path]:
    """The corpus shards of the builds named in `against`. Raises WebtextError for a directory without a corpus."""
    paths: list[Path] = []
    for directory in section.against:
        found = sorted(Path(directory).glob("corpus/shard-*.parquet"))
        if not found:
            raise WebtextError(f"{directory}: holds no corpus/shard-*.parquet; give the directory of a finished build (dedup.against)")
        paths += found
    return paths
