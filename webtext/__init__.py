"""Rebuild WebText: the rules of every stage, in the order of the data.

    links      Reddit dumps, Reddit's API          -> URLs with their posts
    fetch      URLs, the web or WARC files         -> pages (WARC) and a ledger
    extract    pages                               -> documents: text, language, cleaning
    dedup      documents                           -> a corpus without near duplicates, split into train, val and test
    ngrams     the corpus                          -> Bloom filters of its 8-grams
    overlap    filters and benchmarks              -> reports
    tokens     the corpus and a tokenizer          -> token shards
    report     all manifests                       -> report.html; why and source trace a URL or a token

Beside the stages: core (tasks, manifests, files, configuration), cli (the commands), cost (what a build will take) and demo (a small web).
The Beam graphs are in `pipelines`, the byte-level BPE in `tokenizer`, GPT-2 in `model`.
"""
