"""Encoding and decoding with a byte-level BPE vocabulary; tiktoken does the work.

>>> bpe = ByteBPE.from_gpt2("gpt2/")
>>> bpe.encode("Hello world")
[15496, 995]
>>> bpe.decode([15496, 995])
'Hello world'
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import regex
import tiktoken
from tiktoken_ext import openai_public

from tokenizer import files
from tokenizer.errors import TokenizerError
from tokenizer.utf8 import to_utf8
from tokenizer.vocabulary import EOT, Vocabulary

# The same words as GPT2_PATTERN with less backtracking; source: tiktoken_ext.openai_public.
_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"

# tiktoken panics on about a million white-space characters before a letter, because its look-ahead tries each of them.
_LONG_WHITESPACE = 1 << 16
_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_SPACE_RUN: Any = regex.compile(r"\s*")


class ByteBPE(Vocabulary):
    """A `Vocabulary` that encodes and decodes. It may be pickled and shared by threads."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (np.array(self.pairs, dtype=np.int32).tobytes(), self.missing)

    @cached_property
    def tiktoken(self) -> tiktoken.Encoding:
        """The vocabulary as a tiktoken encoding. Nothing is downloaded."""
        return tiktoken.Encoding("webtext", pat_str=_PATTERN, mergeable_ranks=self.ids, special_tokens={EOT: self.eot})

    def encode(self, text: str, allow_special: bool = False) -> list[int]:
        """Ids of ``text``. ``<|endoftext|>`` in it is text like any other, unless ``allow_special``. Lone surrogates become U+FFFD."""
        if allow_special and EOT in text:
            first, *others = (self.encode(part) for part in text.split(EOT))
            return [*first, *(i for part in others for i in (self.eot, *part))]
        pieces = [self.tiktoken.encode_ordinary(piece) for piece in split_long_whitespace(text)]
        return pieces[0] if len(pieces) == 1 else [i for piece in pieces for i in piece]

    def encode_to_numpy(self, text: str) -> npt.NDArray[np.uint32]:
        """Ids of ``text`` as an array, without a list between. ``<|endoftext|>`` in it is text."""
        try:
            pieces = [self.tiktoken.encode_to_numpy(piece, disallowed_special=()) for piece in split_long_whitespace(text)]
        except UnicodeEncodeError:
            return self.encode_to_numpy(to_utf8(text).decode())
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def encode_batch(self, texts: Iterable[str], *, threads: int | None = None) -> list[list[int]]:
        """Ids of each text, encoded by several threads: as many as there are processors, or ``threads``."""
        with ThreadPoolExecutor(max_workers=threads or os.cpu_count()) as pool:
            return list(pool.map(self.encode, texts))

    def encode_bytes(self, data: bytes) -> list[int]:
        """Ids of any bytes, so that `decode_bytes` gives them back; of valid UTF-8 those of its text."""
        try:
            return self.encode(data.decode())
        except UnicodeDecodeError:
            from tokenizer.pretokenize import word_spans  # loads numba (1 s, 100 MB), which encoding text does not need

            # tiktoken has no public call for bytes that are not text; this one takes a word at a time.
            return [i for start, end in word_spans(data) for i in self.tiktoken._encode_single_piece(data[start:end])]

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of ``ids``. Raises `TokenizerError` for an id outside the vocabulary."""
        known = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
        try:
            return self.tiktoken.decode_bytes(known)
        except (KeyError, OverflowError) as error:
            wrong = next(i for i in known if not 0 <= i < self.vocab_size)
            raise TokenizerError(f"token {wrong} does not exist: the ids of this vocabulary are 0 to {self.eot}") from error

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids``; bytes that are no UTF-8 become U+FFFD, as in GPT-2's own code."""
        return self.decode_bytes(ids).decode(errors="replace")

    def save(self, directory: str | Path, *, metadata: Mapping[str, Any] | None = None, context: int = 1024) -> list[Path]:
        """Write the vocabulary in every format; see `tokenizer.files.save`."""
        return files.save(self, Path(directory), metadata, context)

    @staticmethod
    def load(path: str | Path) -> ByteBPE:
        """Read what `save` wrote, or another byte-level BPE; see `tokenizer.files.load`."""
        return ByteBPE(files.load(Path(path)).pairs)

    @staticmethod
    def from_gpt2(directory: str | Path) -> ByteBPE:
        """GPT-2's own vocabulary from ``encoder.json`` and ``vocab.bpe`` in ``directory``."""
        return ByteBPE(files.load_pair(Path(directory) / "encoder.json", Path(directory) / "vocab.bpe").pairs)

    @staticmethod
    def published_gpt2() -> ByteBPE:
        """GPT-2's own vocabulary, which tiktoken downloads once and keeps (in TIKTOKEN_CACHE_DIR). Raises `TokenizerError` offline."""
        try:
            ranks = openai_public.gpt2()["mergeable_ranks"]
        except (OSError, ValueError) as error:  # requests' errors are OSErrors; ValueError: other bytes arrived than were published
            raise TokenizerError(
                f"gpt2: tiktoken cannot download GPT-2's vocabulary ({type(error).__name__}); go online, "
                "set TIKTOKEN_CACHE_DIR, or give a directory with encoder.json and vocab.bpe"
            ) from error
        return ByteBPE(files.pairs_of_ranks(("gpt2", token) for token in sorted(ranks, key=ranks.__getitem__)))


def _restore(pairs: bytes, missing: int) -> ByteBPE:
    return ByteBPE(np.frombuffer(pairs, dtype=np.int32).reshape(-1, 2).tolist(), missing=missing)


def split_long_whitespace(text: str) -> Iterator[str]:
    r"""Yield ``text`` in pieces of the same words, none with ``_LONG_WHITESPACE`` white-space characters before something else.

    By the pattern, a run before a letter is two words: all but its last character, and that one with the letter (``\s+(?!\S)``).
    With a limit of 3, ``"x    y"`` is cut into ``"x"``, ``"   "``, ``" y"``; ``"x    "`` is not cut, as tiktoken takes a final run at once.
    """
    start = 0
    # Any run of _LONG_WHITESPACE characters covers one of these positions.
    for probe in range(_LONG_WHITESPACE - 1, len(text), _LONG_WHITESPACE):
        if probe < start or text[probe] not in _SPACES:
            continue
        # The run cannot begin before the previous probe, which would have found it.
        window = max(start, probe - _LONG_WHITESPACE)
        begin = window + len(text[window:probe].rstrip(_SPACES))
        end = _SPACE_RUN.match(text, probe).end()
        if end == len(text):
            break
        if end - begin >= _LONG_WHITESPACE:
            yield text[start:begin]
            yield text[begin : end - 1]
            start = end - 1
    yield text[start:]
