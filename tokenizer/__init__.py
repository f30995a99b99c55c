"""Byte-level BPE as GPT-2 has it: counting words, training, encoding, file formats. Usable on its own.

>>> from tokenizer import ByteBPE, train
>>> bpe = train(["some text", "more text"], vocab_size=300)
>>> bpe.decode(bpe.encode("some more text"))
'some more text'
"""

from __future__ import annotations

from tokenizer.bpe import train
from tokenizer.counts_file import merge_counts, read_counts, write_counts
from tokenizer.encoder import EOT, ByteBPE
from tokenizer.errors import TokenizerError
from tokenizer.words import WordCounts, count_words

__all__ = ["EOT", "ByteBPE", "TokenizerError", "WordCounts", "count_words", "merge_counts", "read_counts", "train", "write_counts"]
