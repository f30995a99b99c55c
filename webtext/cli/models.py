"""A model with its tokenizer, for the commands that use one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from webtext.core.errors import UsageError, WebtextError
from webtext.tokens.vocabulary import find_vocabulary, load_vocabulary

if TYPE_CHECKING:
    from model.gpt2 import GPT2
    from tokenizer import ByteBPE


def tokenizer_of(named: Path, given: str, *beside: Path) -> Path:
    """The tokenizer that is given, or the first beside a model that a person named. Raises UsageError where there is none."""
    found = Path(given) if given else find_vocabulary(*beside)
    if found is None:
        raise UsageError(f"{named}: the tokenizer of its model is not known; give it as --tokenizer PATH, or --tokenizer gpt2")
    return found


def open_model(named: Path, model: Path, tokenizer: Path, remedy: str) -> tuple[GPT2, ByteBPE]:
    """Load both. Raises WebtextError with the remedy where they are of different vocabularies."""
    from model.weights import load_model

    bpe = load_vocabulary(tokenizer)
    gpt2 = load_model(model, vocab_size=bpe.vocab_size)
    if gpt2.config.vocab_size != bpe.vocab_size:
        raise WebtextError(f"{named}: the model knows {gpt2.config.vocab_size:,} tokens, the tokenizer {bpe.vocab_size:,}; {remedy}")
    return gpt2, bpe
