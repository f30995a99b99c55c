"""`webtext sample`: a build's model writes to standard output."""

from __future__ import annotations

from pathlib import Path

from cli.say import out as console
from webtext.errors import WebtextError


def write_samples(build: Path, prompt: str, tokens: int, temperature: float, top_k: int, top_p: float, seed: int, count: int) -> None:
    """One sample is shown as it grows; several are drawn together and shown one after another."""
    try:
        from model.sample import load_model, sample_texts, stream_text
    except ImportError as error:
        raise WebtextError(f"sample: {error}; install it with `pip install 'webtext[train]'`") from None
    from webtext.tokens.vocabulary import load_vocabulary

    model, bpe = load_model(build / "model"), load_vocabulary(build / "tokenizer")
    console.print(prompt, end="", markup=False)
    if count == 1:
        for piece in stream_text(model, bpe, prompt, max_tokens=tokens, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed):
            console.print(piece, end="", markup=False)
        console.print()
        return
    texts = sample_texts(model, bpe, prompt, samples=count, max_tokens=tokens, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
    for number, text in enumerate(texts, start=1):
        console.rule(f"sample {number}")
        console.print(text, markup=False)
