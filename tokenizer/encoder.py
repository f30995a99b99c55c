"""Encoding and decoding with a byte-level BPE vocabulary; gigatoken does the work, or tiktoken where it is not installed: the same ids.

>>> bpe = ByteBPE.from_gpt2("gpt2/")
>>> bpe.encode("Hello world")
[15496, 995]
>>> bpe.decode([15496, 995])
'Hello world'
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from tokenizer.vocabulary import PATTERNS, Vocabulary

# PATTERNS["gpt2"] with less backtracking; source: tiktoken_ext.openai_public.
_QUICK = {"gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"}

# gigatoken keeps every word that it has met: some 100 MB after a gigabyte of text. Then it is loaded anew, in half a second.
_REMEMBERED = 1 << 30

# tiktoken panics on about a million white-space characters before a letter, because its look-ahead tries each of them.
_LONG_WHITESPACE = 1 << 16
_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_SPACE_RUN: Any = regex.compile(r"\s*")


Ids = npt.NDArray[np.uint32]


class ByteBPE(Vocabulary):
    """A `Vocabulary` that encodes and decodes. It may be pickled and shared by threads."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (np.array(self.pairs, dtype=np.int32).tobytes(), self.missing, self.pattern, self.special)

    @cached_property
    def tiktoken(self) -> tiktoken.Encoding:
        """The vocabulary as a tiktoken encoding. Nothing is downloaded."""
        pattern = _QUICK.get(self.pattern, PATTERNS[self.pattern])
        return tiktoken.Encoding("webtext", pat_str=pattern, mergeable_ranks=self.ids, special_tokens=self.special)

    @cached_property
    def _fast(self) -> Callable[[bytes], Ids] | None:
        """gigatoken's encoder, None where it is not installed."""
        try:
            from gigatoken import gigatoken_rs
        except ImportError:
            return None
        description = json.dumps(files.tokenizer_json(self, special=False))
        encoder, seen = gigatoken_rs.load_hf_json(description), 0

        def encode(data: bytes) -> Ids:
            nonlocal encoder, seen
            seen += len(data)
            if seen > _REMEMBERED:
                encoder, seen = gigatoken_rs.load_hf_json(description), len(data)
            ids: Ids = encoder.encode(data)
            return ids

        return encode

    def encode(self, text: str, allow_special: bool = False) -> list[int]:
        """Ids of ``text``. ``<|endoftext|>`` in it is text like any other, unless ``allow_special``. Lone surrogates become U+FFFD."""
        if allow_special:
            # The longest first, as one name may begin another.
            names = "|".join(map(regex.escape, sorted(self.special, key=len, reverse=True)))
            parts = regex.split(f"({names})", text)
            return [i for part in parts for i in ([self.special[part]] if part in self.special else self.encode(part))]
        ids: list[int] = self.encode_to_numpy(text).tolist()
        return ids

    def encode_to_numpy(self, text: str | bytes) -> Ids:
        """Ids of ``text``, or of its UTF-8, as an array. ``<|endoftext|>`` in it is text. Other bytes are for `encode_bytes`."""
        data = text if isinstance(text, bytes) else to_utf8(text)
        if self._fast is not None:
            return self._fast(data)
        pieces = split_long_whitespace(data.decode()) if self.pattern == "gpt2" else [data.decode()]
        arrays = [self.tiktoken.encode_to_numpy(piece, disallowed_special=()) for piece in pieces]
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

    def encode_batch(self, texts: Iterable[str], *, threads: int | None = None) -> list[list[int]]:
        """Ids of each text, encoded by several threads: as many as there are processors, or ``threads``."""
        with ThreadPoolExecutor(max_workers=threads or os.cpu_count()) as pool:
            return list(pool.map(self.encode, texts))

    def encode_bytes(self, data: bytes) -> list[int]:
        """Ids of any bytes, so that `decode_bytes` gives them back; of valid UTF-8 those of its text."""
        try:
            return self.encode(data.decode())
        except UnicodeDecodeError:
            # The other bytes are lone surrogates here, which belong to the class of punctuation. tiktoken has no public call for a word.
            words = regex.findall(PATTERNS[self.pattern], data.decode("utf-8", "surrogateescape"))
            return [i for word in words for i in self.tiktoken._encode_single_piece(word.encode("utf-8", "surrogateescape"))]

    @cached_property
    def _spelled(self) -> dict[int, bytes]:
        return {**dict(enumerate(self.tokens)), **{i: name.encode() for name, i in self.special.items()}}

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of ``ids``. Raises `TokenizerError` for an id outside the vocabulary."""
        known = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
        try:
            return b"".join(map(self._spelled.__getitem__, known))
        except KeyError as error:
            raise TokenizerError(
                f"token {error.args[0]} does not exist: the ids of this vocabulary are 0 to {self.vocab_size - 1}"
            ) from error

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids``; bytes that are no UTF-8 become U+FFFD, as in GPT-2's own code."""
        return self.decode_bytes(ids).decode(errors="replace")

    def save(self, directory: str | Path, *, metadata: Mapping[str, Any] | None = None, context: int = 1024) -> list[Path]:
        """Write the vocabulary in every format; see `tokenizer.files.save`."""
        return files.save(self, Path(directory), metadata, context)

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> ByteBPE:
        """A vocabulary as one that encodes."""
        return cls(vocabulary.pairs, missing=vocabulary.missing, pattern=vocabulary.pattern, special=vocabulary.special)

    def first(self, vocab_size: int) -> ByteBPE:
        """The vocabulary that a training for ``vocab_size`` would have given: each merge depends on those before it alone.

        >>> train(["low lower lowest"], 260).first(258).merges
        [(b'l', b'o')]
        """
        kept = vocab_size - 256 - len(self.special)
        if not 0 <= kept <= len(self.pairs):
            raise TokenizerError(f"a vocabulary of {vocab_size} tokens is no part of one of {self.vocab_size}")
        special = {name: 256 + kept + i for i, name in enumerate(self.special)}
        return ByteBPE(self.pairs[:kept], pattern=self.pattern, special=special)

    @staticmethod
    def load(path: str | Path) -> ByteBPE:
        """Read what `save` wrote, or another byte-level BPE; see `tokenizer.files.load`."""
        return ByteBPE.of(files.load(Path(path)))

    @staticmethod
    def from_gpt2(directory: str | Path) -> ByteBPE:
        """GPT-2's own vocabulary from ``encoder.json`` and ``vocab.bpe`` in ``directory``."""
        return ByteBPE.of(files.load_pair(Path(directory) / "encoder.json", Path(directory) / "vocab.bpe"))

    @staticmethod
    def published(name: str) -> ByteBPE:
        """A vocabulary of `PUBLISHED`, which tiktoken downloads once and keeps (in TIKTOKEN_CACHE_DIR). Raises `TokenizerError` offline."""
        try:
            found = getattr(openai_public, name)()
        except (OSError, ValueError) as error:  # requests' errors are OSErrors; ValueError: other bytes arrived than were published
            raise TokenizerError(
                f"{name}: tiktoken cannot download this vocabulary ({type(error).__name__}); go online, "
                "set TIKTOKEN_CACHE_DIR, or give a directory or a file of a tokenizer"
            ) from error
        ranks = found["mergeable_ranks"]
        pairs = files.pairs_of_ranks((name, token) for token in sorted(ranks, key=ranks.__getitem__))
        return ByteBPE(pairs, pattern=PUBLISHED[name], special=found["special_tokens"])


PUBLISHED = {"gpt2": "gpt2", "cl100k_base": "cl100k", "o200k_base": "o200k"}  # vocabularies by tiktoken's names, and their patterns


def _restore(pairs: bytes, missing: int, pattern: str, special: Mapping[str, int]) -> ByteBPE:
    return ByteBPE(np.frombuffer(pairs, dtype=np.int32).reshape(-1, 2).tolist(), missing=missing, pattern=pattern, special=special)


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
