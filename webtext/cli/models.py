"""A model with its tokenizer, for the commands that use one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from webtext.cli.build_directory import BUILD_FILE
from webtext.core.errors import UsageError, WebtextError
from webtext.tokens.vocabulary import find_vocabulary, load_vocabulary

if TYPE_CHECKING:
    from model.gpt2 import GPT2
    from tokenizer import ByteBPE


def model_home(given: Path) -> Path:
    """Where a model is: in model/ of a build, else where it is said to be. Raises UsageError where there is nothing."""
    home = given / "model" if (given / BUILD_FILE).exists() else given
    if not home.exists():
        layouts = "a checkpoint, or a directory in Hugging Face's or OpenAI's layout"
        raise UsageError(f"{given}: no such model; give a build that has one, {layouts}")
    return home


def model_files(*homes: Path) -> list[Path]:
    """The files of models and tokenizers, which a stage that reads them depends on."""
    known = "safetensors json index txt bpe".split()
    found: list[Path] = []
    for home in map(model_home, homes):
        found += sorted([*home.glob("*"), *home.glob("hf/*")]) if home.is_dir() else [home]
    return [path for path in found if path.is_file() and (path.suffix[1:] in known or ".data-" in path.name)]


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
