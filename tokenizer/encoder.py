"""A byte-level BPE vocabulary and its use, with tiktoken doing the work.

    >>> bpe = ByteBPE.from_gpt2("gpt2/")
    >>> bpe.encode("Hello world")
    [15496, 995]
    >>> bpe.decode([15496, 995])
    'Hello world'

Token ids are GPT-2's: 0 to 255 are the bytes in `BYTE_ORDER`, each merge makes the next id, `<|endoftext|>` is the last.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import regex
import tiktoken

from tokenizer.errors import TokenizerError
from tokenizer.pretokenize import to_utf8, word_spans

EOT = "<|endoftext|>"

# '!' to '~', '¡' to '¬' and '®' to 'ÿ', which are printed as themselves, then the others.
BYTE_ORDER = bytes([*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100), *range(0x21), *range(0x7F, 0xA1), 0xAD])

# The same words as GPT2_PATTERN with less backtracking; source: tiktoken_ext.openai_public.
_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"

# NB: tiktoken panics on about a million white space characters before a letter, because the look-ahead tries each of them.
_LONG_SPACE = 1 << 16
_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_SPACE_RUN: Any = regex.compile(r"\s*")


class ByteBPE:
    """A vocabulary: ``pairs`` are the two ids of each merge in order, ``missing`` says how many merges a training could not make.

    Immutable, may be pickled and shared by threads. Raises `TokenizerError` where a pair names an id that does not exist yet or a token
    that exists already.
    """

    def __init__(self, pairs: Iterable[Sequence[int]], *, missing: int = 0) -> None:
        self.missing = missing
        self.pairs = [(int(left), int(right)) for left, right in pairs]
        self.tokens: list[bytes] = [bytes([byte]) for byte in BYTE_ORDER]
        for left, right in self.pairs:
            if not (0 <= left < len(self.tokens) and 0 <= right < len(self.tokens)):
                raise TokenizerError(f"merge {len(self.tokens) - 256} joins the tokens {left} and {right}, which do not exist before it")
            self.tokens.append(self.tokens[left] + self.tokens[right])
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self.ids) < len(self.tokens):
            twice = next(token for i, token in enumerate(self.tokens) if self.ids[token] != i)
            raise TokenizerError(f"two merges make the token {twice!r}; tiktoken and vocab.json need each token once")
        if EOT.encode() in self.ids:
            raise TokenizerError(f"a merge makes {EOT}, which is the end of a document: leave it out of the text words are counted in")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByteBPE) and self.pairs == other.pairs

    def __hash__(self) -> int:
        return hash(tuple(self.pairs))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (np.array(self.pairs, dtype=np.int32).tobytes(), self.missing)

    def __repr__(self) -> str:
        return f"ByteBPE({self.vocab_size} tokens)"

    @property
    def vocab_size(self) -> int:
        """Bytes, merges and ``<|endoftext|>``."""
        return len(self.tokens) + 1

    @property
    def eot(self) -> int:
        """Id of ``<|endoftext|>``."""
        return len(self.tokens)

    @property
    def merges(self) -> list[tuple[bytes, bytes]]:
        """The two parts of each merge, in order."""
        return [(self.tokens[left], self.tokens[right]) for left, right in self.pairs]

    @cached_property
    def tiktoken(self) -> tiktoken.Encoding:
        """The vocabulary as a tiktoken encoding. Nothing is downloaded."""
        return tiktoken.Encoding("webtext", pat_str=_PATTERN, mergeable_ranks=self.ids, special_tokens={EOT: self.eot})

    def encode(self, text: str, allow_special: bool = False) -> list[int]:
        """Ids of ``text``. ``<|endoftext|>`` in it is text like any other, unless ``allow_special``. Lone surrogates become U+FFFD."""
        if allow_special and EOT in text:
            first, *others = (self.encode(part) for part in text.split(EOT))
            return [*first, *(i for part in others for i in (self.eot, *part))]
        pieces = [self.tiktoken.encode_ordinary(piece) for piece in _digestible(text)]
        return pieces[0] if len(pieces) == 1 else [i for piece in pieces for i in piece]

    def encode_to_numpy(self, text: str) -> npt.NDArray[np.uint32]:
        """Ids of ``text`` as an array, without a list between. ``<|endoftext|>`` in it is text."""
        try:
            pieces = [self.tiktoken.encode_to_numpy(piece, disallowed_special=()) for piece in _digestible(text)]
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
            # NB: tiktoken has no public call for bytes that are not text; this one takes a word at a time.
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

    def save(self, directory: str | Path, *, metadata: Mapping[str, Any] | None = None) -> None:
        """Write the vocabulary for all readers; see `tokenizer.files.save`."""
        from tokenizer import files

        files.save(self, Path(directory), metadata)

    @staticmethod
    def load(path: str | Path) -> ByteBPE:
        """Read what `save` wrote, or another byte-level BPE; see `tokenizer.files.load`."""
        from tokenizer import files

        return files.load(Path(path))

    @staticmethod
    def from_gpt2(directory: str | Path) -> ByteBPE:
        """GPT-2's own vocabulary from ``encoder.json`` and ``vocab.bpe`` in ``directory``."""
        from tokenizer import files

        return files.load_pair(Path(directory) / "encoder.json", Path(directory) / "vocab.bpe")


def _restore(pairs: bytes, missing: int) -> ByteBPE:
    return ByteBPE(np.frombuffer(pairs, dtype=np.int32).reshape(-1, 2).tolist(), missing=missing)


def _digestible(text: str) -> Iterator[str]:
    """``text`` in pieces of the same words in which no long white space stands before something else."""
    start = 0
    # Looking at each _LONG_SPACE-th character finds every run of that length.
    for probe in range(_LONG_SPACE - 1, len(text), _LONG_SPACE):
        if probe < start or text[probe] not in _SPACES:
            continue
        # The run begins behind the probe before, which would have found it.
        window = max(start, probe - _LONG_SPACE)
        begin = window + len(text[window:probe].rstrip(_SPACES))
        end = _SPACE_RUN.match(text, probe).end()
        if end == len(text):
            break
        if end - begin >= _LONG_SPACE:
            # The last one goes with what follows, the others are a word: \s+(?!\S).
            yield text[start:begin]
            yield text[begin : end - 1]
            start = end - 1
    yield text[start:]
