"""Where each stage of a build writes, in the order of a build. Other people's scripts rely on these names."""

from __future__ import annotations

DIRECTORIES = {
    "links": "links",
    "fetch": "pages",
    "extract": "documents",
    "documents": "documents",
    "clean": "cleaned",
    "dedup": "corpus",
    "ngrams": "ngrams",
    "overlap": "overlap",
    "tokenizer": "tokenizer",
    "tokenize": "tokens",
    "train": "model",
    "report": "report",
}
