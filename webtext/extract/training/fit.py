"""Train the engine `blocks`: what the classifier of webtext/extract/blocks/data/model.npz is made from, and how.

    pip install -r requirements/blocks.txt
    python -m webtext.extract.training.fit --work DIR              # cross-validation by domain, then the model of all pages: an hour
    python -m webtext.extract.training.fit --work DIR --install    # and put the model into the package

Gold are the pages of WCXB's development split (word alignment of their main text with the blocks). The pages of trafilatura's evaluation
have no gold text: trafilatura's own text is their weak label, put right by the strings that must and must not be in it. Fold k holds the
domains whose CRC-32 is k modulo 5, over both sets. Two stages: the second sees what the first, trained on other domains, says of every
block of the page. DIR keeps the pages' features (pages.pickle), the scores out of fold (scores.npz) and a model for each fold
(fold-K.npz: trained without the domains of that fold), which `benchmarks/extract.py --folds DIR` asks. At the end it prints word F1 out
of fold, and the same nested: with the constants of the choice and the vote set anew for each fold, on the others (see nested.py).
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import pickle
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import orjson
import tldextract
import zstandard
from numpy.typing import NDArray
from warcio.archiveiterator import ArchiveIterator

from webtext.core.files import writing
from webtext.extract import dom
from webtext.extract.blocks import block_scanner, features
from webtext.extract.blocks.text import choose, found_in, smooth_scores
from webtext.extract.blocks.trees import Forest, write
from webtext.extract.decode import decode
from webtext.extract.engines import trafilatura_engine
from webtext.extract.training.alignment import words_in_gold
from webtext.extract.training.nested import figures

DATA = Path(os.environ.get("WEBTEXT_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")) / "web"
SETS = {
    "wcxb": ("wcxb-dev.warc.gz", "wcxb-dev-gold.jsonl.zst"),
    "strings": ("trafilatura-eval.warc.gz", "trafilatura-eval-segments.jsonl.zst"),
}
INSTALLED = Path(__file__).parent.parent / "blocks" / "data" / "model.npz"
FOLDS = 5
WEAK = 0.5  # weight of a page whose label is trafilatura's opinion
ROUNDS = (90, 70)  # trees of the two stages
PARAMETERS = {
    "objective": "cross_entropy",  # of the share of a block's words that are gold
    "learning_rate": 0.1,
    "num_leaves": 31,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.2,
    "bagging_fraction": 0.4,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "use_missing": False,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}
# Differences for the guess whether a page is an article, of which there are as many examples as pages
ARTICLE_CLF_PARAMS = {
    "learning_rate": 0.05,
    "num_leaves": 7,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "lambda_l2": 10.0,
}

_domain = tldextract.TLDExtract(suffix_list_urls=())


def fold_of(url: str) -> int:
    """The fold of a page: by its registered domain, so that no two pages of a site are in different folds."""
    return crc32((_domain(url).top_domain_under_public_suffix or _domain(url).domain).encode()) % FOLDS


def collect() -> list[dict[str, Any]]:
    """Every page with its features, labels and gold."""
    pages = []
    for name, (warc, gold) in SETS.items():
        lines = zstandard.ZstdDecompressor().stream_reader((DATA / gold).read_bytes()).read().splitlines()
        with open(DATA / warc, "rb") as file:
            for record, line in zip((r for r in ArchiveIterator(file) if r.rec_type == "response"), lines):
                url, known = record.rec_headers.get_header("WARC-Target-URI"), orjson.loads(line)
                html, _ = decode(record.content_stream().read(), record.http_headers.get_header("Content-Type"))
                tree = dom.parse(html)
                page = block_scanner.read(tree, dom.title(tree)) if tree is not None else None
                if page is None or not len(page.node):
                    continue
                first, paths = features.first_stage(page, html)
                second = trafilatura_engine.from_tree(tree).text
                vote = found_in(page, trafilatura_engine.main_text(tree, trafilatura_engine.ALONE))
                texts = [page.block(number) for number in range(len(page.node))]
                hit, n, total = words_in_gold(texts, (known["main_content"] or "") if name == "wcxb" else second)
                pages.append(
                    {"set": name, "url": url, "page": page, "X": first, "paths": paths, "texts": texts, "hit": hit, "n": n, "ng": total}
                    | {"type": known.get("page_type"), "gold": known.get("main_content") or "", "vote": vote}
                    | {"with_": known["with"], "without": known["without"]}
                )
    return pages


def labels(page: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The share of each block's words that is gold, and each block's weight: a page counts as its words, not as its size."""
    sizes = page["n"].astype(np.float64)
    share = np.clip(page["hit"] / np.maximum(sizes, 1), 0, 1)
    if page["set"] != "wcxb":
        for number, text in enumerate(page["texts"]):
            if any(" ".join(string.split()) in text for string in page["with_"]):
                share[number] = 1.0
            elif any(" ".join(string.split()) in text for string in page["without"]):
                share[number] = 0.0
    weight = sizes / (max(page["ng"], 20) + 0.2 * max(sizes.sum(), 1)) + 0.15 / len(sizes)
    return share, weight * (1.0 if page["set"] == "wcxb" else WEAK)


def fit(
    x: NDArray[np.float32], y: NDArray[np.float64], weight: NDArray[np.float64], rounds: int, more: dict[str, Any] | None = None
) -> dict[str, Any]:
    import lightgbm  # here, so that benchmarks can ask for the folds without it

    parameters = PARAMETERS | (more or {})
    model = lightgbm.train(parameters, lightgbm.Dataset(x, y, weight=weight, params=parameters), rounds)
    return dict(model.dump_model())


def train(pages: list[dict[str, Any]], work: Path) -> None:
    """Both stages, with scores out of fold; a model for each fold and one of all pages, written into `work`."""
    fold = np.concatenate([np.full(len(page["n"]), fold_of(page["url"])) for page in pages])
    y, weight = (np.concatenate(parts) for parts in zip(*map(labels, pages)))
    weight *= len(weight) / weight.sum()
    ends = np.cumsum([len(page["n"]) for page in pages])
    x = np.concatenate([page["X"] for page in pages])
    models: list[list[Forest]] = [[] for _ in range(FOLDS + 1)]
    scores = np.zeros((2, len(y)), np.float32)
    for stage, rounds in enumerate(ROUNDS):
        if stage == 1:
            first = np.split(scores[0], ends[:-1])
            x = np.concatenate([features.second_stage(page["page"], page["X"], page["paths"], p) for page, p in zip(pages, first)])
        for k in range(FOLDS + 1):
            chosen = fold != k
            forest = Forest.of(fit(x[chosen], y[chosen], weight[chosen], rounds))
            models[k].append(forest)
            if k < FOLDS:
                scores[stage, fold == k] = forest.scores(x[fold == k])
            logging.info("stage %d, %s: done", stage + 1, f"fold {k}" if k < FOLDS else "all")
    np.savez(work / "scores.npz", scores=scores, ends=ends)
    for k, forest in enumerate(article_classifiers(pages, np.split(scores[1], ends[:-1]))):
        models[k].append(forest)
    digest = hashlib.sha256(b"".join((DATA / name).read_bytes() for names in SETS.values() for name in names)).hexdigest()
    known = [(page, p) for page, p in zip(pages, np.split(scores[1], ends[:-1])) if page["set"] == "wcxb"]
    folds = [fold_of(page["url"]) for page, _ in known]
    for line in figures([page for page, _ in known], [p for _, p in known], folds, [forests[2] for forests in models]):
        logging.info(line)
    for k, forests in enumerate(models):
        write(work / (f"fold-{k}.npz" if k < FOLDS else "model.npz"), forests, digest)


def article_classifiers(pages: list[dict[str, Any]], scores: list[NDArray[np.float32]]) -> list[Forest]:
    """Whether a page is an article, from its scores out of fold: a forest for each fold, and one of all pages of the set with types."""
    known = [(page, p) for page, p in zip(pages, scores) if page["set"] == "wcxb"]
    rows = []
    for page, p in known:
        whole = smooth_scores(page["page"], p)
        rows.append(features.of_choice(page["page"], page["X"], whole, *choose(page["page"], whole)))
    x, y = np.concatenate(rows), np.array([page["type"] == "article" for page, _ in known], np.float64)
    fold = np.array([fold_of(page["url"]) for page, _ in known])
    return [Forest.of(fit(x[fold != k], y[fold != k], np.ones((fold != k).sum()), 80, ARTICLE_CLF_PARAMS)) for k in range(FOLDS + 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="directory for what is kept between runs")
    parser.add_argument("--install", action="store_true", help="put the model into the package")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for library in ("trafilatura", "htmldate", "courlan"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    options.work.mkdir(parents=True, exist_ok=True)
    kept = options.work / "pages.pickle"
    if not kept.exists():
        with writing(kept) as output:
            output.file.write(pickle.dumps(collect(), protocol=5))
    train(pickle.loads(kept.read_bytes()), options.work)
    if options.install:
        with writing(INSTALLED) as output:
            output.file.write((options.work / "model.npz").read_bytes())


if __name__ == "__main__":
    main()
