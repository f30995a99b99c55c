"""Byte-level BPE as in GPT-2: word counting, training, encoding, file formats. Usable on its own.

>>> from tokenizer import ByteBPE, train
>>> bpe = train(["some text", "more text"], vocab_size=300)
>>> bpe.decode(bpe.encode("some more text"))
'some more text'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from tokenizer.encoder import ByteBPE
from tokenizer.errors import TokenizerError
from tokenizer.vocabulary import EOT

if TYPE_CHECKING:
    from tokenizer.bpe import train
    from tokenizer.counts_file import merge_counts, read_counts, write_counts
    from tokenizer.words import WordCounts, count_words
else:
    # Imported when first used (PEP 562): they load numba (1 s, 100 MB), which a process that only encodes does not need.
    _MODULES = {"train": "bpe", "WordCounts": "words", "count_words": "words"}
    _MODULES |= dict.fromkeys(("merge_counts", "read_counts", "write_counts"), "counts_file")

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


__all__ = ["EOT", "ByteBPE", "TokenizerError", "WordCounts", "count_words", "merge_counts", "read_counts", "train", "write_counts"]
