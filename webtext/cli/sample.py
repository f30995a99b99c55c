"""`webtext sample`: a build's model writes to standard output."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from webtext.core.errors import UsageError, WebtextError


def write_samples(
    build: Path, prompt: str, tokens: int, temperature: float, top_k: int, top_p: float, seed: int, count: int, tokenizer: str = ""
) -> None:
    """One sample is shown as it grows; several are drawn together and shown one after another, each behind the prompt.

    Standard output gets the text alone, just as the model wrote it; what it runs on is said on standard error.
    """
    try:
        from model.device import machine
        from model.sample import load_model, sample_texts, stream_text
    except ImportError as error:
        raise WebtextError(f"sample: {error}; install it with `pip install 'webtext[train]'`") from None
    from webtext.tokens.vocabulary import find_vocabulary, load_vocabulary

    found = Path(tokenizer) if tokenizer else find_vocabulary(build / "tokenizer", build / "model" / "hf")
    if found is None:
        raise UsageError(f"{build}: the tokenizer of its model is not known; give it as --tokenizer PATH, or --tokenizer gpt2")
    model, bpe = load_model(build / "model"), load_vocabulary(found)
    if model.config.vocab_size != bpe.vocab_size:
        raise WebtextError(
            f"{build}: the model knows {model.config.vocab_size:,} tokens, the tokenizer {bpe.vocab_size:,}; "
            "run `webtext tokenize` and `webtext train` with this tokenizer"
        )
    with machine("auto", "fp32") as here:
        sys.stderr.write(f"GPT-2 of {model.config.parameters:,} parameters on {here}\n")
        model.to(here.device)
        if count == 1:
            pieces = stream_text(model, bpe, prompt, max_tokens=tokens, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
            for piece in itertools.chain([prompt], pieces):
                sys.stdout.write(piece)
                sys.stdout.flush()
            sys.stdout.write("\n")
            return
        texts = sample_texts(
            model, bpe, prompt, samples=count, max_tokens=tokens, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed
        )
        for number, text in enumerate(texts, start=1):
            sys.stdout.write(f"--- sample {number} ---\n{prompt}{text}\n")
