"""`webtext sample`: a build's model writes to standard output."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from webtext.cli.models import open_model, tokenizer_of
from webtext.core.errors import WebtextError


def write_samples(
    build: Path, prompt: str, tokens: int, temperature: float, top_k: int, top_p: float, seed: int, count: int, tokenizer: str = ""
) -> None:
    """One sample is shown as it grows; several are drawn together and shown one after another, each behind the prompt.

    Standard output gets the text alone, just as the model wrote it; what it runs on is said on standard error.
    """
    try:
        from model.device import machine
        from model.sample import sample_texts, stream_text
    except ImportError as error:
        raise WebtextError(f"sample: {error}; install it with `pip install 'webtext[train]'`") from None

    found = tokenizer_of(build, tokenizer, build / "tokenizer", build / "model" / "hf")
    model, bpe = open_model(build, build / "model", found, "run `webtext tokenize` and `webtext train` with this tokenizer")
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
