"""Rebuild WebText: the rules of every stage, in the order of the data.

    links      Reddit dumps, Reddit's API          -> URLs with their posts
    fetch      URLs, the web or WARC files         -> pages (WARC) and a ledger
    extract    pages                               -> documents: their main text
    documents  files of any text                   -> documents
    clean      documents                           -> documents in the languages wanted, by rules
    dedup      documents                           -> a corpus without near duplicates, split into train, val and test
    ngrams     the corpus                          -> Bloom filters of its 8-grams
    overlap    filters and benchmarks              -> reports
    tokens     the corpus and a tokenizer          -> token shards
    report     all manifests                       -> report.html; why and source trace a URL or a token

Beside the stages: core (tasks, manifests, files, configuration), cli (the commands), cost (what a build will take) and demo (a small web).
The Beam graphs are in `pipelines`, the byte-level BPE in `tokenizer`, GPT-2 in `model`.

As a library:

>>> import webtext
>>> webtext.extract("<title>Soup</title><p>Boil the water, then add the salt and the beans.</p>").title
'Soup'
"""

from __future__ import annotations

import importlib

# Imported when first used (PEP 562): the libraries behind them take seconds.
_NAMES = {
    "Build": "webtext.build",
    "Edited": "webtext.clean.own_rules",
    "Page": "webtext.extract.html",
    "UsageError": "webtext.core.errors",
    "Verdict": "webtext.clean.verdict",
    "WebtextError": "webtext.core.errors",
    "read_documents": "webtext.documents.readers",
}
_PACKAGES = ("clean", "extract")  # which can be called

__all__ = ["Build", "Edited", "Page", "UsageError", "Verdict", "WebtextError", "clean", "extract", "read_documents"]


def __getattr__(name: str) -> object:
    if name in _PACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_NAMES[name]), name)
