"""Windows of a token corpus, in an order that depends on nothing but the seed.

The shards of a split are read as one sequence of N tokens. Window w holds tokens [w T, w T + T) as inputs and the tokens one
further as targets; there are ceil((N - 1) / T) windows, so that in an epoch every token but the first of all is a target exactly
once (the last window is filled up with targets that do not count). Epoch e visits the windows in a pseudo-random permutation
given by (seed, e), and training step s takes the samples [s B, (s + 1) B) of the epochs laid end to end. Ranks, accumulation and
loader threads only divide these B windows among themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.loss import IGNORED
from webtext.core.errors import WebtextError
from webtext.core.splitmix import splitmix64
from webtext.tokens.shards import open_shard, split_files

Ints = npt.NDArray[np.int64]
Arrays = tuple[npt.NDArray[Any], ...]  # what a model is called with
_ROUNDS = 6  # of the Feistel network; four make a pseudo-random permutation (Luby and Rackoff 1988), two more for a weak round function


class TokenSplit:
    """All shards of a split in a directory (`split_files`) as one sequence; memory-mapped, so only what is read is loaded.

    Raises WebtextError where there are none, a shard is broken, or the split has fewer than two tokens.
    """

    def __init__(self, directory: Path, split: str) -> None:
        self.paths = split_files(directory, split)
        self.split = split
        self._shards = [open_shard(path) for path in self.paths]
        self._ends = np.cumsum([len(shard) for shard in self._shards])
        if len(self) < 2:
            raise WebtextError(
                f"{directory}: the {split} split holds {len(self)} tokens; at least 2 are needed (for val, by dedup.val_share)"
            )

    def __len__(self) -> int:
        return int(self._ends[-1])

    def read(self, start: int, count: int) -> Ints:
        """Tokens [start, start + count), fewer at the end of the split."""
        end = min(start + count, len(self))
        pieces = []
        shard = int(np.searchsorted(self._ends, start, side="right"))
        while start < end:
            offset = start - (int(self._ends[shard]) - len(self._shards[shard]))
            piece = self._shards[shard][offset : offset + end - start]
            pieces.append(piece.astype(np.int64))
            start += len(piece)
            shard += 1
        return np.concatenate(pieces) if pieces else np.empty(0, np.int64)

    def fingerprint(self) -> str:
        """SHA-256 over each shard's name, length and up to 64 pages of 2,048 tokens spread evenly over it.

        Not over all tokens, which would read the whole corpus before each start; it detects another corpus, not a changed token.
        """
        digest = hashlib.sha256()
        for path, shard in zip(self.paths, self._shards):
            digest.update(f"{path.name}\0{len(shard)}\0".encode())
            for page in range(0, len(shard), max(2048, -(-len(shard) // 64))):
                digest.update(shard[page : page + 2048].astype("<u4").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Windows:
    """A split cut into windows of `context` tokens. Raises WebtextError for a token that the vocabulary does not have."""

    tokens: TokenSplit
    context: int
    vocab_size: int

    def __len__(self) -> int:
        return -(-(len(self.tokens) - 1) // self.context)

    def targets(self, windows: Ints) -> int:
        """The number of targets of these windows: `context` each, fewer in the last of the split."""
        last = len(self.tokens) - 1 - (len(self) - 1) * self.context
        return int(np.where(windows == len(self) - 1, last, self.context).sum())

    def load(self, windows: Ints) -> tuple[Ints, Ints]:
        """(inputs, targets), each [n, context]; where the split ends, inputs are 0 and targets -100."""
        inputs = np.zeros((len(windows), self.context), np.int64)
        targets = np.full((len(windows), self.context), IGNORED, np.int64)
        for row, window in enumerate(windows):
            read = self.tokens.read(int(window) * self.context, self.context + 1)
            if read.max() >= self.vocab_size:
                raise WebtextError(
                    f"{self.tokens.paths[0].parent}: the {self.tokens.split} split holds token {read.max()}, outside the vocabulary of "
                    f"{self.vocab_size:,}; give the size of the vocabulary that it was written with"
                )
            inputs[row, : len(read) - 1] = read[:-1]
            targets[row, : len(read) - 1] = read[1:]
        return inputs, targets


def evaluation_windows(windows: Windows, tokens: int) -> Ints:
    """The fixed windows of a validation: as many as hold about `tokens`, spread evenly over the split, or all of them for 0."""
    count = len(windows) if tokens == 0 else min(len(windows), max(1, tokens // windows.context))
    return np.arange(count, dtype=np.int64) * len(windows) // count


def windows_of_step(windows: int, batch: int, seed: int, step: int) -> Ints:
    """The `batch` windows [batch] of training step `step`, counted from 0, out of `windows`."""
    sample = np.arange(step * batch, (step + 1) * batch, dtype=np.int64)
    epoch, position = np.divmod(sample, windows)
    order = np.empty(batch, np.int64)
    for e in range(int(epoch[0]), int(epoch[-1]) + 1):
        order[epoch == e] = permute(position[epoch == e], windows, f"{seed}/{e}")
    return order


def permute(index: Ints, size: int, key: str) -> Ints:
    """Images of `index` under a pseudo-random permutation of range(size), in memory that does not grow with `size`.

    A balanced Feistel network over the next power of four, walked until it lands inside (Black and Rogaway 2002, "Ciphers with
    arbitrary finite domains"); its round keys are the SHA-256 of `key`.
    """
    half = max(1, -(-(size - 1).bit_length() // 2))
    mask = np.uint64((1 << half) - 1)
    digest = hashlib.sha256(key.encode()).digest() + hashlib.sha256(b"2" + key.encode()).digest()
    keys = np.frombuffer(digest, dtype="<u8")[:_ROUNDS].astype(np.uint64)
    values = index.astype(np.uint64)
    outside = np.ones(len(values), bool)
    while outside.any():
        left, right = values[outside] >> np.uint64(half), values[outside] & mask
        for round_key in keys:
            left, right = right, left ^ (splitmix64(right ^ round_key) & mask)
        values[outside] = left << np.uint64(half) | right
        outside = values >= size
    return values.astype(np.int64)


def prefetched(load: Callable[[Ints], Arrays], batches: Iterator[Ints], workers: int, depth: int = 2) -> Generator[Arrays, None, None]:
    """`load` of each of `batches` in their order, up to `depth` a worker ahead in `workers` threads; without any, when asked for."""
    if workers == 0:
        yield from map(load, batches)
        return
    pending: list[Future[Arrays]] = []
    with ThreadPoolExecutor(workers, thread_name_prefix="windows") as pool:
        for batch in batches:
            pending.append(pool.submit(load, batch))
            if len(pending) > workers * depth:
                yield pending.pop(0).result()
        for future in pending:
            yield future.result()
