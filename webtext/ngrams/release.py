"""Writes the files of a release, from the runs of a corpus or from other releases."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import IO

import numpy as np
import xxhash

from webtext.core.config import NgramsSection
from webtext.core.errors import WebtextError
from webtext.core.files import writing
from webtext.ngrams.bloom import built
from webtext.ngrams.filters import HASHES, HEADER_BYTES, Header, filter_name, hashes_name, read_header, write_filter
from webtext.ngrams.normalise import NAME, Hashes
from webtext.ngrams.runs import MERGED, Run, bound, merge


def write_partition(
    runs: Sequence[Run],
    partition: int,
    section: NgramsSection,
    build: str,
    scratch_path: Path,
    filter_file: IO[bytes],
    hashes_file: IO[bytes] | None,
) -> Header:
    """Write the filter of a partition, and its hashes to `hashes_file` if given.

    The distinct hashes are written to `scratch_path` first, as the size of the filter follows from their number; it is deleted.
    """
    digest, count = xxhash.xxh3_128(), 0
    with writing(scratch_path) as output:
        for block in merge(runs, bound(partition, section.partitions), bound(partition + 1, section.partitions)):
            data = block.astype("<u8").tobytes()
            output.file.write(data)
            digest.update(data)
            count += len(block)
    filter_, rate = built(lambda: _blocks(scratch_path, count), count, section.error_rate)
    about = (section.words, section.partitions, partition, count, NAME, digest.hexdigest(), build)
    header = Header(*about, section.error_rate, rate, filter_.num_slices, filter_.bits_per_slice)
    write_filter(filter_file, header, filter_)
    if hashes_file:
        hashes_file.write(Header(*about).pack(HASHES))
        for block in _blocks(scratch_path, count):
            hashes_file.write(block.astype("<u8").tobytes())
    scratch_path.unlink()
    return header


def _blocks(path: Path, count: int) -> Iterator[Hashes]:
    """The hashes of a file of nothing else, MERGED at a time."""
    for first in range(0, count, MERGED):
        yield np.fromfile(path, "<u8", min(MERGED, count - first), offset=8 * first)


def merge_releases(directories: Sequence[Path], out: Path, section: NgramsSection) -> list[Header]:
    """Make one release from several that have their hashes (`ngrams.keep_hashes`), the same as one of all their corpora.

    Their numbers of partitions may differ. Raises WebtextError where a release has no hashes, or n-grams of another number of words.
    """
    runs, builds = [], []
    for directory in directories:
        first = read_header(directory / filter_name(0))
        if first.words != section.words:
            raise WebtextError(f"{directory}: its n-grams have {first.words} words, not {section.words}; releases to merge must agree")
        if not (directory / hashes_name(0)).exists():
            raise WebtextError(f"{directory}: has no {hashes_name(0)}; only releases made with `ngrams.keep_hashes = true` can be merged")
        files = [directory / hashes_name(partition) for partition in range(first.partitions)]
        runs += [Run(path, HEADER_BYTES, read_header(path, HASHES).count) for path in files]
        builds.append(first.build)
    build = hashlib.sha256("\n".join(sorted(builds)).encode()).hexdigest()
    headers = []
    for partition in range(section.partitions):
        with (
            writing(out / filter_name(partition)) as filter_file,
            writing(out / hashes_name(partition)) if section.keep_hashes else nullcontext() as hashes_file,
        ):
            kept = hashes_file.file if hashes_file else None
            headers.append(write_partition(runs, partition, section, build, out / f"distinct-{partition:05d}", filter_file.file, kept))
    return headers
