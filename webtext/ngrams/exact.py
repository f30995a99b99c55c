"""The n-grams of a release exactly: its files of sorted hashes, queried by binary search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from webtext.core.errors import WebtextError
from webtext.ngrams.filters import HASHES, Header, contains_by_partition, hashes_name, mapped_hashes, read_headers
from webtext.ngrams.normalise import Hashes


class Exact:
    """The sorted hashes of a release (`ngrams.keep_hashes`), mapped into memory; queried like `Filters`, without false positives
    except for two n-grams with the same hash, one pair in 2^60.

    >>> Exact.open(Path("ngrams")).contains(hashes)
    """

    false_positive_rate = 0.0

    def __init__(self, headers: list[Header], hashes: list[Hashes]) -> None:
        self.headers = headers
        self._hashes = hashes

    @classmethod
    def open(cls, directory: Path) -> Exact:
        """Open a directory. Raises WebtextError where a partition has no hashes, or they are damaged or of another release."""
        path = directory / hashes_name(0)
        if not path.exists():
            raise WebtextError(
                f"{directory}: has no {path.name}; only releases made with `ngrams.keep_hashes = true` can be queried exactly"
            )
        headers = read_headers(directory, hashes_name, HASHES)
        return cls(headers, [mapped_hashes(directory / hashes_name(partition)) for partition in range(len(headers))])

    @property
    def words(self) -> int:
        """Words of an n-gram."""
        return self.headers[0].words

    @property
    def count(self) -> int:
        """Distinct n-grams."""
        return sum(header.count for header in self.headers)

    def contains(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which n-grams the corpus has: bool [hashes]."""
        return contains_by_partition(hashes, len(self.headers), self._contains_in)

    def _contains_in(self, partition: int, hashes: Hashes) -> NDArray[np.bool_]:
        known = self._hashes[partition]
        places = np.minimum(np.searchsorted(known, hashes), max(len(known) - 1, 0))
        return np.asarray(known[places] == hashes) if len(known) else np.zeros(len(hashes), np.bool_)
