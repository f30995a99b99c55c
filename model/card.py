"""The card of an exported model: what it is, what it was trained on, how to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model.gpt2 import GPT2Config

if TYPE_CHECKING:
    from model.train import TrainResult

_USE = """```python
from transformers import AutoTokenizer, GPT2LMHeadModel
model, tokenizer = GPT2LMHeadModel.from_pretrained("."), AutoTokenizer.from_pretrained(".")
```"""
_NO_TOKENIZER = "No tokenizer of this GPT-2 is known: encode and decode with the one that wrote the token shards it was trained on."


def model_card(config: GPT2Config, result: TrainResult, corpus: str | None, with_tokenizer: bool) -> str:
    """README.md of an exported model, with the metadata that the Hugging Face Hub reads; `corpus` is the hash of the corpus' manifest."""
    rows = {
        "parameters": f"{config.parameters:,}",
        "layers, heads, width": f"{config.layers}, {config.heads}, {config.width}",
        "context": f"{config.context:,} tokens",
        "vocabulary": f"{config.vocab_size:,} tokens",
        "trained on": f"{result.tokens:,} tokens in {result.steps:,} steps",
        "validation loss": "not measured" if result.val_loss is None else f"{result.val_loss:.4f} nats a token",
        "corpus": f"manifest {corpus}" if corpus else "token shards of another program",
    }
    lines = [
        "---",
        "library_name: transformers",
        "pipeline_tag: text-generation",
        "tags: [gpt2, webtext]",
        "---",
        "",
        "# A GPT-2 trained with webtext",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows.items()),
        "",
        "It writes what its corpus reads like, mistakes and prejudices included, and was not tested for any use.",
        "",
        _USE if with_tokenizer else _NO_TOKENIZER,
        "",
    ]
    return "\n".join(lines)
