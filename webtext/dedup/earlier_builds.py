"""Earlier builds whose documents are removed from this one. A separate module, as the launcher lists files without importing numba."""

from __future__ import annotations

from pathlib import Path

from webtext.core.config import DedupSection
from webtext.core.errors import WebtextError


def earlier_shards(section: DedupSection) -> list[Path]:
    """The corpus shards of the builds in `dedup.against`. Raises WebtextError for a directory without a corpus."""
    paths: list[Path] = []
    for directory in section.against:
        found = sorted(Path(directory).glob("corpus/shard-*.parquet"))
        if not found:
            raise WebtextError(f"{directory}: holds no corpus/shard-*.parquet; give the directory of a finished build (dedup.against)")
        paths += found
    return paths
