"""How much of what is held out stands in the training text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from webtext.ngrams.normalise import ngram_hashes

WORDS = 13
SAMPLE = 2000  # held-out documents that are looked up: the first of each shard


def held_out_in_train(paths: Sequence[Path]) -> dict[str, Any] | None:
    """Of up to SAMPLE held-out documents, how many have half of their distinct 13-grams in one training document.

    `paths` are the shards of a corpus. None where they have no splits or no held-out document has 13 words.
    """
    each = -(-SAMPLE // max(len(paths), 1))
    grams = [one for path in paths for one in list(_grams(path, held_out=True))[:each]][:SAMPLE]
    if not grams:
        return None
    hashes = np.concatenate(grams)
    order = np.argsort(hashes, kind="stable")
    hashes, owners = hashes[order], np.repeat(np.arange(len(grams)), [len(one) for one in grams])[order]
    sizes, found = np.array([len(one) for one in grams]), np.zeros(len(grams), np.bool_)
    for path in paths:
        for own in _grams(path, held_out=False):
            first, last = (np.searchsorted(hashes, own, side=side) for side in ("left", "right"))
            lengths = last - first
            if lengths.any():
                places = np.repeat(first - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
                found |= 2 * np.bincount(owners[places], minlength=len(grams)) >= sizes
    return {"documents": len(grams), "half_in_one": int(found.sum())}


def _grams(path: Path, *, held_out: bool) -> Iterator[np.ndarray[Any, np.dtype[np.uint64]]]:
    """The distinct 13-grams of the documents that are held out, or of those that are not."""
    file = pq.ParquetFile(path)
    if "split" not in file.schema_arrow.names:
        return
    for batch in file.iter_batches(columns=["text", "split"]):
        for text, split in zip(batch.column("text").to_pylist(), batch.column("split").to_pylist()):
            if (split != "train") == held_out and len(own := np.unique(ngram_hashes(text, WORDS)[0])):
                yield own
